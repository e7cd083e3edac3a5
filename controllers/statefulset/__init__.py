"""Pods with names of their own, in order: StatefulSets."""
