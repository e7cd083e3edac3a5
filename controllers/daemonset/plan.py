"""Deciding on which nodes a DaemonSet has a pod to create, delete or replace. Pure.

A daemon pod belongs to one node from the start: its affinity names the node, and the scheduler
binds it there. It tolerates what would drive other pods away. A rolling update replaces at most
`maxUnavailable` pods at a time; a surge (`maxSurge`) is not served, the old pod always goes first.

Neighbours: `daemonset.controller` acts, `controllers.history` knows the current template's hash.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from apimachinery import intstr, labels, node_selector
from apimachinery.wire import JsonObject
from controllers import history, views
from controllers.nodelifecycle import plan as lifecycle

BURST = 250
"""Pods created or deleted in one go (Kubernetes' number)."""

_KEYS = "node.kubernetes.io/"
TOLERATIONS = (
    *((_KEYS + key, "NoExecute") for key in ("not-ready", "unreachable")),
    *(
        (_KEYS + key, "NoSchedule")
        for key in ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")
    ),
)
"""Taints that no daemon pod minds."""


@dataclass(frozen=True, slots=True)
class DaemonSet:
    """What is asked for."""

    meta: views.Meta
    selector: labels.Selector
    template: JsonObject
    max_unavailable: int | str
    on_delete: bool
    """Update a pod only when somebody deletes it."""
    min_ready_seconds: int
    history_limit: int
    status: JsonObject

    @property
    def spec(self) -> JsonObject:
        """The pod's spec."""
        return self.template.get("spec") or {}


def daemonset_of(obj: JsonObject) -> DaemonSet:
    spec = obj["spec"]
    strategy = spec.get("updateStrategy") or {}
    limit = spec.get("revisionHistoryLimit")
    return DaemonSet(
        meta=views.meta_of(obj),
        selector=labels.from_label_selector(spec.get("selector")),
        template=spec.get("template") or {},
        max_unavailable=(strategy.get("rollingUpdate") or {}).get("maxUnavailable") or 1,
        on_delete=strategy.get("type") == "OnDelete",
        min_ready_seconds=spec.get("minReadySeconds") or 0,
        history_limit=10 if limit is None else limit,
        status=obj.get("status") or {},
    )


@dataclass(slots=True)
class Plan:
    """Nodes that get a pod, pods that go, and the status."""

    create: list[str] = field(default_factory=list)
    delete: list[views.Pod] = field(default_factory=list)
    failed: list[views.Pod] = field(default_factory=list)
    """Those of `delete` that have failed: worth telling."""
    status: JsonObject = field(default_factory=dict)


def plan(
    daemons: DaemonSet,
    nodes: Iterable[views.Node],
    pods: Sequence[views.Pod],
    digest: str,
    now: float,
) -> Plan:
    """`pods` are all that the set manages; `digest` is the hash of the present template."""
    step = Plan()
    tally = _Tally()
    by_node: dict[str, list[views.Pod]] = {}
    for pod in pods:
        by_node.setdefault(pod.node or pod.target, []).append(pod)
    outdated: list[tuple[bool, views.Pod]] = []
    tolerations = tolerations_of(daemons.spec)
    for node in nodes:
        here = by_node.pop(node.meta.name, [])
        wanted, may_stay = fits(daemons, node, tolerations)
        kept = _settle(node, here, step, wanted=wanted, may_stay=may_stay)
        tally.count(daemons, kept, digest, now, wanted=wanted)
        if kept is not None and kept.meta.labels.get(history.HASH_LABEL) != digest:
            outdated.append((_available(daemons, kept, now), kept))
    # Pods meant for nodes that are gone before they got there.
    step.delete += [pod for left in by_node.values() for pod in left if pod.active and not pod.node]
    if not daemons.on_delete:
        _replace(daemons, tally, outdated, step)
    step.create = step.create[:BURST]
    step.delete = step.delete[:BURST]
    step.status = tally.status(daemons)
    return step


def _settle(
    node: views.Node, here: list[views.Pod], step: Plan, *, wanted: bool, may_stay: bool
) -> views.Pod | None:
    """Bring one node in order; answers the pod that stays."""
    live = [pod for pod in here if pod.active]
    finished = [pod for pod in here if pod.finished and not pod.meta.deleting]
    step.delete += finished
    step.failed += [pod for pod in finished if pod.phase == "Failed"]
    if not may_stay:
        step.delete += live
        return None
    # Of several pods the one that has come furthest, then the oldest, stays.
    live.sort(key=lambda pod: (not pod.ready, not pod.node, pod.meta.created, pod.meta.name))
    step.delete += live[1:]
    if not live and not here and wanted:
        step.create.append(node.meta.name)
    return live[0] if live else None


def _replace(
    daemons: DaemonSet,
    tally: "_Tally",
    outdated: list[tuple[bool, views.Pod]],
    step: Plan,
) -> None:
    """Old pods that do not work go at once, working ones within the limit."""
    step.delete += [pod for available, pod in outdated if not available]
    limit = intstr.resolve(daemons.max_unavailable, tally.desired, round_up=True)
    budget = max(limit - (tally.desired - tally.available), 0)
    step.delete += [pod for available, pod in outdated if available][:budget]


class _Tally:
    """The counts of the status."""

    def __init__(self) -> None:
        self.desired = self.current = self.misplaced = 0
        self.ready = self.updated = self.available = 0

    def count(
        self,
        daemons: DaemonSet,
        pod: views.Pod | None,
        digest: str,
        now: float,
        *,
        wanted: bool,
    ) -> None:
        if not wanted:
            self.misplaced += pod is not None
            return
        self.desired += 1
        if pod is None:
            return
        self.current += 1
        self.ready += pod.ready
        self.available += _available(daemons, pod, now)
        self.updated += pod.meta.labels.get(history.HASH_LABEL) == digest

    def status(self, daemons: DaemonSet) -> JsonObject:
        out: JsonObject = {
            "currentNumberScheduled": self.current,
            "numberMisscheduled": self.misplaced,
            "desiredNumberScheduled": self.desired,
            "numberReady": self.ready,
        }
        optional = {
            "observedGeneration": daemons.meta.generation,
            "updatedNumberScheduled": self.updated,
            "numberAvailable": self.available,
            "numberUnavailable": self.desired - self.available,
        }
        out |= {name: value for name, value in optional.items() if value}
        for name in ("collisionCount", "conditions"):
            if daemons.status.get(name):
                out[name] = daemons.status[name]
        return out


def _available(daemons: DaemonSet, pod: views.Pod, now: float) -> bool:
    return pod.ready and pod.available_at(daemons.min_ready_seconds) <= now


def fits(
    daemons: DaemonSet, node: views.Node, tolerations: Sequence[JsonObject]
) -> tuple[bool, bool]:
    """(a pod should be made for the node, a pod may stay on it)."""
    spec = daemons.spec
    pinned = spec.get("nodeName")
    suits = node_selector.matches(spec, node.meta.name, node.meta.labels)
    if (pinned and pinned != node.meta.name) or not suits:
        return False, False
    effects = {
        taint.get("effect")
        for taint in node.taints
        if not any(lifecycle.tolerates(one, taint) for one in tolerations)
    }
    return not effects & {"NoSchedule", "NoExecute"}, "NoExecute" not in effects


def tolerations_of(spec: JsonObject) -> list[JsonObject]:
    """What a daemon pod tolerates: its own list and what all of them do."""
    out = list(spec.get("tolerations") or ())
    ours = [*TOLERATIONS]
    if spec.get("hostNetwork"):
        ours.append((_KEYS + "network-unavailable", "NoSchedule"))
    for key, effect in ours:
        wanted = {"key": key, "operator": "Exists", "effect": effect}
        if wanted not in out:
            out.append(wanted)
    return out


def pod_from(daemons: DaemonSet, reference: JsonObject, node: str, digest: str) -> JsonObject:
    """A new pod for one node."""
    template = daemons.template.get("metadata") or {}
    spec = dict(daemons.spec)
    spec["affinity"] = _pinned(spec.get("affinity") or {}, node)
    spec["tolerations"] = tolerations_of(spec)
    metadata: JsonObject = {
        "generateName": f"{daemons.meta.name}-",
        "namespace": daemons.meta.namespace,
        "labels": (template.get("labels") or {}) | {history.HASH_LABEL: digest},
        "ownerReferences": [reference],
    }
    for field_ in ("annotations", "finalizers"):
        if template.get(field_):
            metadata[field_] = template[field_]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _pinned(affinity: JsonObject, node: str) -> JsonObject:
    """The affinity with its node requirement replaced by the node's name: we have checked it."""
    field_ = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [field_]}]}
    above = (affinity.get("nodeAffinity") or {}) | {
        "requiredDuringSchedulingIgnoredDuringExecution": required
    }
    return affinity | {"nodeAffinity": above}
