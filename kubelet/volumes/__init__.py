"""Volumes of pods: directories on the node, filled from the API where the pod asks for it."""
