"""Keeping the number of pods: ReplicaSets and ReplicationControllers, one loop for both."""
