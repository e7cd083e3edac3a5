"""Which pods no node agent can finish any more. Pure.

Neighbour: `podgc.controller` makes sure with the server and deletes.
"""

import enum

from controllers import views

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
"""A taint by which an operator vouches that the node is off."""


class Lost(enum.Enum):
    """Why a pod has to be removed by force."""

    NODE_GONE = "PodGC: node no longer exists"
    NEVER_PLACED = "PodGC: pod was deleted before it had a node"
    OUT_OF_SERVICE = "PodGC: node is out of service"


def judge(pod: views.Pod, node: views.Node | None) -> Lost | None:
    """`node` is the pod's node, if it exists."""
    if not pod.node:
        return Lost.NEVER_PLACED if pod.meta.deleting else None
    if node is None:
        return Lost.NODE_GONE
    off = any(taint.get("key") == OUT_OF_SERVICE for taint in node.taints)
    if pod.meta.deleting and off and node.ready != "True":
        return Lost.OUT_OF_SERVICE
    return None


def excess(finished: list[views.Pod], limit: int) -> list[views.Pod]:
    """The oldest finished pods beyond the limit."""
    surplus = len(finished) - limit
    if surplus <= 0:
        return []
    return sorted(finished, key=lambda pod: (pod.meta.created, pod.meta.key))[:surplus]
