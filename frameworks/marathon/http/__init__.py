"""Marathon's REST API: one module for each thing that has an address."""
