"""Ports that several roles must agree on. Pure."""

KUBELET = 10250
"""Where a node's agent serves logs, exec and its metrics, unless its Node says otherwise."""
