"""Watching over nodes: silence, taints, and moving pods away."""
