"""What can happen in a cluster that may help a pod that fitted nowhere. Pure.

Each filter says by which kinds of change its verdict may improve (Kubernetes calls these queueing
hints); a pod is tried again only after one that helps a filter that kept it out. Neighbours:
`filters`, `queue`, `service`.
"""

from enum import StrEnum


class Change(StrEnum):
    """Kinds of change."""

    NODE = "node"
    """A node came, or its labels, taints, capacity or readiness changed."""
    POD_GONE = "pod gone"
    """A pod left a node, is leaving it, or takes less."""
    POD_CAME = "pod came"
    """A pod came to a node, or its labels changed: company."""
    NAMESPACE = "namespace"
    """A namespace's labels changed."""
    VOLUME = "volume"
    """A claim, a volume or a storage class changed."""


ANY = frozenset(Change)
OF_NODES = frozenset({Change.NODE})
OF_ROOM = frozenset({Change.NODE, Change.POD_GONE})
OF_COMPANY = frozenset({Change.NODE, Change.POD_GONE, Change.POD_CAME})
