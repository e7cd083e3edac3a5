"""What every namespace gets: a default service account and the cluster's root certificates."""
