"""What the API says of nodes and pods, written into the books as it comes.

Nodes come, change, are out of reach and go; pods are bound and end. What that leaves free is marked
for the next allocation, offers that are no longer true are taken back. Neighbours: `master`, whose
informers call this; `ledger` (the books), `hands` (offers), `agents` (which nodes are there).
"""

from collections.abc import Callable, Mapping

from offers import agents, parts, ranges, resources
from offers.filters import Filters
from offers.hands import Hands
from offers.ledger import Ledger
from offers.ranges import Ranges
from offers.resources import Vector
from offers.subscriber import Subscriber
from offers.views import NodeView, PodView

NODE_PORTS: Ranges = ((20000, 29999),)
"""Dealt out on every node. Mesos' 31000 to 32000 lie among Kubernetes' NodePorts."""
HARD_TAINTS = ("NoSchedule", "NoExecute")


class Cluster:
    """See the module's docstring."""

    def __init__(
        self,
        ledger: Ledger,
        hands: Hands,
        frameworks: Mapping[str, Subscriber],
        filters: Filters,
        *,
        role_of_namespace: Callable[[str], str],
        role_of_pod: Callable[[str], str],
        mark: Callable[..., None],
        quota_changed: Callable[[], None],
    ) -> None:
        """`mark` is told of nodes that changed, `quota_changed` is called when one left its roles."""
        self._ledger, self._hands = ledger, hands
        self._frameworks, self._filters = frameworks, filters
        self._role_of_namespace, self._role_of_pod = role_of_namespace, role_of_pod
        self._mark, self._quota_changed = mark, quota_changed
        self.amount_of_pod: Callable[[str], Vector | None] = lambda _: None
        """Knows pods that hold more than their requests tell: reserved resources, volumes."""
        self.in_pods: Vector = {}
        """What pods hold that are nobody's tasks."""
        self.on_pods: Callable[[], None] = lambda: None
        """Called when that is something else."""

    def node_changed(self, key: str, old: NodeView | None, new: NodeView | None) -> None:
        """The nodes' handler."""
        if new is None:
            self._hands.lost(self._ledger.remove_node(key))
            self._quota_changed()
            return
        tainted = any(taint.effect in HARD_TAINTS for taint in new.taints)
        if old is not None and old.revocable != new.revocable:
            self._void_revocable(key)
        present = agents.is_present(new)
        turned = self._ledger.set_node(
            key,
            resources.add(new.allocatable, parts.revocable(new.revocable)),
            new.labels,
            accepts=new.accepts_pods,
            tainted=tainted,
            present=present,
            ports=NODE_PORTS,
        )
        if old is not None and (old.labels != new.labels or old.allocatable != new.allocatable):
            self._filters.forget_node(key)
        if not new.accepts_pods or tainted:
            self._void(key, every=not new.accepts_pods)
        if turned and not present:
            # Its roles may have as much elsewhere now.
            self._quota_changed()
        self._mark(key)

    def void(self, node: str) -> None:
        """Take back all offers of a node, and make them anew as it is now."""
        self._void(node, every=True)
        self._mark(node)

    def _void(self, node: str, *, every: bool) -> None:
        """Take back a node's offers: all, or those of frameworks that avoid tainted nodes."""
        account = self._ledger.accounts.get(node)
        for offer_id in sorted(account.offer_ids) if account else ():
            holder = self._frameworks.get(self._ledger.offers[offer_id].framework_id)
            if every or (holder is not None and holder.info.avoids_taints):
                self._hands.rescind(offer_id)

    def _void_revocable(self, node: str) -> None:
        """Take back the offers of those who are offered revocable resources: it is others now.

        Their plain offers too: these hold all the pods that the node has room for.
        """
        account = self._ledger.accounts.get(node)
        for offer_id in sorted(account.offer_ids) if account else ():
            holder = self._frameworks.get(self._ledger.offers[offer_id].framework_id)
            if holder is not None and "REVOCABLE_RESOURCES" in holder.info.capabilities:
                self._hands.rescind(offer_id)

    def pod_changed(self, key: str, old: PodView | None, new: PodView | None) -> None:
        """The pods' handler."""
        held, holds = _held(old), _held(new)
        if held != holds:
            self.in_pods = resources.add(resources.subtract(self.in_pods, held), holds)
            self.on_pods()
        if new is None or new.ended:
            gone = new or old
            node = self._ledger.gone(gone.uid) if gone is not None else None
            if node is not None:
                self._mark(node)
        elif new.node_name:
            if old is not None and old.uid != new.uid:
                self._ledger.gone(old.uid)
            role = self._role_of_pod(key) or self._role_of_namespace(new.namespace)
            ports = ranges.normal((p.port, p.port) for p in new.host_ports)
            amount = self.amount_of_pod(key) or new.requests
            self._ledger.bound(new.uid, new.node_name, role, amount, ports)


def _held(pod: PodView | None) -> Vector:
    """What a pod holds, unless it runs tasks."""
    counts = pod is not None and pod.node_name and not pod.ended and not pod.is_task
    return pod.requests if counts and pod is not None else {}
