"""The loop that gives nodes without a pod range one. Off where nodes bring their own.

Neighbours: `nodeipam.plan` keeps the ranges; the agent reads `spec.podCIDR`.
"""

from apimachinery import scheme, status
from apimachinery.client import events
from controllers import base, views
from controllers.nodeipam import plan as planning


class NodeRanges(base.Controller):
    """See the module's docstring. One worker: ranges are dealt in order."""

    name = "node-ipam-controller"
    workers = 1

    def __init__(self, context: base.Context, cluster_cidr: str, node_bits: int = 24) -> None:
        super().__init__(context)
        self._ranges = planning.Ranges(cluster_cidr, node_bits)
        self._nodes = context.informers.nodes
        self._nodes.add_handler(self._node_changed)

    def _node_changed(self, key: str, old: views.Node | None, new: views.Node | None) -> None:
        if new is None:
            self._ranges.release(key)
            return
        if new.pod_cidrs and (old is None or old.pod_cidrs != new.pod_cidrs):
            for cidr in new.pod_cidrs:
                if not self._ranges.occupy(key, cidr):
                    text = f"The pod range {cidr} of node {key} overlaps another node's"
                    self.context.recorder.warning(_about(new), "CIDROverlap", text)
        elif not new.pod_cidrs:
            self.queue.add(key)

    async def reconcile(self, key: str) -> None:
        node = self._nodes.get(key)
        if node is None or node.pod_cidrs or node.meta.deleting:
            return
        cidr = self._ranges.take(key)
        if cidr is None:
            text = f"Node {key} gets no pod range: all of the cluster's are taken"
            self.context.recorder.warning(_about(node), "CIDRNotAvailable", text)
            raise status.service_unavailable(text)
        patch = {
            "metadata": {"resourceVersion": node.meta.version},
            "spec": {"podCIDR": cidr, "podCIDRs": [cidr]},
        }
        try:
            await self.client.patch(scheme.NODES, key, patch)
        except status.ApiError:
            self._ranges.release(key)
            raise


def _about(node: views.Node) -> events.Reference:
    return events.Reference("v1", "Node", node.meta.name, "", node.meta.uid)
