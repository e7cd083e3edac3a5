"""Running pods to their end: Jobs."""
