"""One pod on each node that fits: DaemonSets."""
