"""Who asks, and what proves it: certificates, tokens, the cluster's own authority and keys."""
