"""The loop that notices silent nodes, taints nodes by their conditions, and drives pods away.

Keys are node names and `pod/NAMESPACE/NAME`. A sign of life (a renewed Lease, a new heartbeat in
the node's status) costs one dictionary entry; each node has one timer, which looks whether there
was any. Time is our own monotonic clock from when we first saw the node, so that a restart of this
process or of the API server gives every node a full grace period.

Neighbours: `nodelifecycle.plan` decides; the agents renew their Leases; `controllers.podgc` removes
pods of nodes that no longer exist.
"""

import logging
from dataclasses import dataclass, field

from apimachinery import meta, scheme, status
from apimachinery.client import events
from controllers import base, informers, views
from controllers.nodelifecycle import plan as planning

LOG = logging.getLogger(__name__)

POD = "pod/"

DISRUPTION_SECONDS = 10.0
"""How long to wait, when the trouble is general, before looking whether it still is."""


COUNT_SECONDS = 1.0
"""Nodes are counted at most so often: a look at one costs a walk over all."""


@dataclass(frozen=True, slots=True)
class Zone:
    """The nodes of one zone together; without labels all are of one."""

    state: planning.Disruption
    nodes: int


NEW_ZONE = Zone(planning.Disruption.NORMAL, 1)
"""One that has not been counted yet."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, with Kubernetes' defaults."""

    grace: float = 40.0
    """Silence before a node counts as unreachable."""
    startup_grace: float = 60.0
    """The same for a node that has never said anything."""
    pace: planning.Pace = field(default_factory=planning.Pace)


class NodeLifecycle(base.Controller):
    """See the module's docstring."""

    name = "node-lifecycle-controller"

    def __init__(self, context: base.Context, timing: Timing) -> None:
        super().__init__(context)
        self._timing = timing
        self._nodes = context.informers.nodes
        self._pods = context.informers.pods
        self._alive: dict[str, float] = {}
        """Monotonic time of the last sign of life, by node."""
        self._next_eviction: dict[str, float] = {}
        """When the next node of a zone may be evicted; monotonic."""
        self._zones: dict[str, Zone] = {}
        self._general = False
        """No node gives a sign of life."""
        self._counted_at = float("-inf")
        self._leaving: dict[str, float] = {}
        """Pods that have to leave some time, and since when (epoch)."""
        self._nodes.add_handler(self._node_changed)
        context.informers.leases.add_handler(self._lease_changed)
        self._pods.add_handler(self._pod_changed)

    # --- changes to keys

    def _node_changed(self, key: str, old: views.Node | None, new: views.Node | None) -> None:
        if new is None:
            self._alive.pop(key, None)
            return
        if key not in self._alive or (old is not None and _heartbeat(old) != _heartbeat(new)):
            self._alive[key] = self.context.clock.monotonic()
        if (
            old is None
            or old.conditions != new.conditions
            or old.taints != new.taints
            or old.unschedulable != new.unschedulable
        ):
            self.queue.add(key)
        if (old.taints if old is not None else ()) != new.taints:
            for pod in self._pods.by_index("node", key):
                self._consider(pod, new)

    def _lease_changed(self, _: str, old: views.Lease | None, new: views.Lease | None) -> None:
        if new is None or new.meta.namespace != informers.NODE_LEASES:
            return
        if (old is None or old.renewed != new.renewed) and new.meta.name in self._alive:
            self._alive[new.meta.name] = self.context.clock.monotonic()

    def _pod_changed(self, key: str, old: views.Pod | None, new: views.Pod | None) -> None:
        if new is None or new.meta.deleting:
            self._leaving.pop(key, None)
            return
        if not new.node:
            return
        if old is None or old.node != new.node or old.tolerations != new.tolerations:
            node = self._nodes.get(new.node)
            if node is not None:
                self._consider(new, node)

    def _consider(self, pod: views.Pod, node: views.Node) -> None:
        due = self._due(pod, node)
        if due is not None and not pod.meta.deleting:
            self.queue.add_after(f"{POD}{pod.meta.key}", due - self.context.clock.now())

    def _due(self, pod: views.Pod, node: views.Node) -> float | None:
        """When the pod has to leave; remembers since when that is so."""
        now, key = self.context.clock.now(), pod.meta.key
        due = planning.stay_until(pod, node, self._leaving.get(key, now))
        if due is None:
            self._leaving.pop(key, None)
        else:
            self._leaving.setdefault(key, now)
        return due

    # --- keys to acts

    async def reconcile(self, key: str) -> None:
        if key.startswith(POD):
            await self._evict(key, key.removeprefix(POD))
            return
        node = self._nodes.get(key)
        if node is None or node.meta.deleting:
            return
        silence = self.context.clock.monotonic() - self._alive.get(key, 0.0)
        grace = self._timing.grace if node.ready else self._timing.startup_grace
        if silence >= grace:
            await self._silence(node)
        else:
            self.queue.add_after(key, grace - silence)
        # What was just written comes back through the mirror; taints follow then.
        await self._taint(key, node)
        if node.ready in ("False", "Unknown"):
            await self._mark_pods(node)

    async def _silence(self, node: views.Node) -> None:
        now = self.context.clock.now()
        conditions = planning.silenced(node.conditions, node.meta.created, now)
        if conditions is None:
            return
        patch = {
            "metadata": {"resourceVersion": node.meta.version},
            "status": {"conditions": conditions},
        }
        await self.client.patch(scheme.NODES, node.meta.name, patch, subresource="status")
        text = f"Node {node.meta.name} status is now: NodeNotReady"
        self.context.recorder.event(_about_node(node), "NodeNotReady", text)

    async def _taint(self, key: str, node: views.Node) -> None:
        trouble = node.ready in ("False", "Unknown")
        eviction = self._eviction(key, node) if trouble else planning.Eviction.WAIT
        taints = planning.taints(node, self.context.clock.now(), eviction)
        if taints is None:
            return
        patch = {
            "metadata": {"resourceVersion": node.meta.version},
            "spec": {"taints": taints or None},
        }
        await self.client.patch(scheme.NODES, node.meta.name, patch)

    def _eviction(self, key: str, node: views.Node) -> planning.Eviction:
        """Nodes of a zone are evicted one by one; when it is not this one's turn, it comes again."""
        self._count()
        zone = self._zones.get(node.zone, NEW_ZONE)
        interval = self._timing.pace.interval(zone.state, zone.nodes)
        now = self.context.clock.monotonic()
        if self._general or interval is None:
            self.queue.add_after(key, DISRUPTION_SECONDS)
            return planning.Eviction.STOP if self._general else planning.Eviction.WAIT
        if planning.is_evicting(node):
            return planning.Eviction.GO
        turn = self._next_eviction.get(node.zone, 0.0)
        if now < turn:
            self.queue.add_after(key, turn - now)
            return planning.Eviction.WAIT
        self._next_eviction[node.zone] = now + interval
        return planning.Eviction.GO

    def _count(self) -> None:
        """How many nodes of each zone live; counted at most once a second."""
        now = self.context.clock.monotonic()
        if now < self._counted_at + COUNT_SECONDS:
            return
        zones: dict[str, list[bool]] = {}
        for name, node in self._nodes.items():
            alive = now - self._alive.get(name, 0.0) < self._timing.grace
            zones.setdefault(node.zone, []).append(node.ready == "True" and alive)
        self._zones = {
            name: Zone(planning.disruption(sum(lives), lives.count(False)), len(lives))
            for name, lives in zones.items()
        }
        self._counted_at = now
        before = self._general
        states = {zone.state for zone in self._zones.values()}
        self._general = states == {planning.Disruption.FULL}
        if self._general and not before:
            LOG.warning("no node gives a sign of life: nobody is evicted")
            for name in self._nodes.keys():  # noqa: SIM118  an informer is no mapping
                self.queue.add(name)

    async def _mark_pods(self, node: views.Node) -> None:
        """Pods of a node that nobody vouches for are not ready: services must not use them."""
        ready = [pod for pod in self._pods.by_index("node", node.meta.name) if pod.ready]
        await base.in_parallel(ready, self._mark_pod)

    async def _mark_pod(self, pod: views.Pod) -> None:
        condition = {
            "type": "Ready",
            "status": "False",
            "lastTransitionTime": meta.format_time(self.context.clock.now()),
        }
        patch = {"metadata": {"uid": pod.meta.uid}, "status": {"conditions": [condition]}}
        try:
            await self.client.patch(
                scheme.PODS,
                pod.meta.name,
                patch,
                pod.meta.namespace,
                kind="strategic",
                subresource="status",
            )
        except (status.NotFound, status.Conflict):
            return
        self.context.recorder.warning(_about_pod(pod), "NodeNotReady", "Node is not ready")

    async def _evict(self, key: str, pod_key: str) -> None:
        pod = self._pods.get(pod_key)
        node = self._nodes.get(pod.node) if pod is not None else None
        if pod is None or node is None or pod.meta.deleting:
            return
        due = self._due(pod, node)
        if due is None:
            return
        left = due - self.context.clock.now()
        if left > 0:
            self.queue.add_after(key, left)
            return
        text = f"Marking for deletion Pod {pod.meta.key}"
        self.context.recorder.event(_about_pod(pod), "TaintManagerEviction", text)
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint",
        }
        await delete_disrupted(self.context, pod, condition)


async def delete_disrupted(
    context: base.Context,
    pod: views.Pod,
    condition: dict[str, str],
    *,
    phase: str = "",
    grace_period: int | None = None,
) -> None:
    """Note why on the pod, then delete it; no error if it is gone or another one."""
    stamp = {"lastTransitionTime": meta.format_time(context.clock.now())}
    state: dict[str, object] = {"conditions": [condition | stamp]}
    if phase:
        state["phase"] = phase
    patch = {"metadata": {"uid": pod.meta.uid}, "status": state}
    try:
        await context.client.patch(
            scheme.PODS,
            pod.meta.name,
            patch,
            pod.meta.namespace,
            kind="strategic",
            subresource="status",
        )
        await context.client.delete(
            scheme.PODS,
            pod.meta.name,
            pod.meta.namespace,
            grace_period=grace_period,
            preconditions={"uid": pod.meta.uid},
        )
    except (status.NotFound, status.Conflict):
        return


def _heartbeat(node: views.Node) -> object:
    ready = meta.get_condition(node.conditions, "Ready")
    # The controller's own writes carry the old heartbeat, so they are no sign of life.
    return ready.get("lastHeartbeatTime") if ready else None


def _about_node(node: views.Node) -> events.Reference:
    return events.Reference("v1", "Node", node.meta.name, "", node.meta.uid)


def _about_pod(pod: views.Pod) -> events.Reference:
    one = pod.meta
    return events.Reference("v1", "Pod", one.name, one.namespace, one.uid, one.version)
