"""Deciding on which nodes a DaemonSet has a pod to create, delete or replace. Pure.

A daemon pod belongs to one node from the start: its affinity names the node, and the scheduler
binds it there. It tolerates what would drive other pods away. A rolling update takes away at most
`maxUnavailable` working pods at a time, and the new ones follow; or with `maxSurge` the new pods
come first, on so many nodes at a time, and an old one goes when its successor is available.

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

PATIENCE_FIRST, PATIENCE_MAX = 1.0, 900.0
"""Seconds between the ends of failed pods on one node, doubled each time (Kubernetes' numbers)."""


@dataclass(frozen=True, slots=True)
class DaemonSet:
    """What is asked for."""

    meta: views.Meta
    selector: labels.Selector
    template: JsonObject
    max_unavailable: int | str
    max_surge: int | str
    on_delete: bool
    """Update a pod only when somebody deletes it."""
    min_ready_seconds: int
    history_limit: int
    status: JsonObject

    @property
    def spec(self) -> JsonObject:
        """The pod's spec."""
        return self.template.get("spec") or {}

    @property
    def surges(self) -> bool:
        return self.max_surge not in (0, "0%") and not self.on_delete


def daemonset_of(obj: JsonObject) -> DaemonSet:
    spec = obj["spec"]
    strategy = spec.get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    limit = spec.get("revisionHistoryLimit")
    return DaemonSet(
        meta=views.meta_of(obj),
        selector=labels.from_label_selector(spec.get("selector")),
        template=spec.get("template") or {},
        max_unavailable=rolling.get("maxUnavailable") or 1,
        max_surge=rolling.get("maxSurge") or 0,
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
    ended: list[views.Pod] = field(default_factory=list)
    """Pods that have ended by themselves and go so that others can come, each in its time."""
    status: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Site:
    """A node that shall have a pod, and those that stay there: at most one old and one new."""

    node: str
    old: views.Pod | None
    new: views.Pod | None


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
    sites: list[_Site] = []
    tolerations = tolerations_of(daemons.spec)
    for node in nodes:
        here = by_node.pop(node.meta.name, [])
        wanted, may_stay = fits(daemons, node, tolerations)
        kept = _settle(daemons, here, digest, step, now, may_stay=may_stay)
        tally.count(daemons, kept[0] if kept else None, digest, now, wanted=wanted)
        if wanted and not here:
            step.create.append(node.meta.name)
        if kept:
            sites.append(_site(node.meta.name, kept, digest))
    # Pods meant for nodes that are gone before they got there.
    step.delete += [pod for left in by_node.values() for pod in left if pod.active and not pod.node]
    if daemons.surges:
        _surge(daemons, tally.desired, sites, step, now)
    elif not daemons.on_delete:
        _replace(daemons, tally, sites, step, now)
    step.create = step.create[:BURST]
    step.delete = step.delete[:BURST]
    step.status = tally.status(daemons)
    return step


def _settle(
    daemons: DaemonSet,
    here: list[views.Pod],
    digest: str,
    step: Plan,
    now: float,
    *,
    may_stay: bool,
) -> list[views.Pod]:
    """Bring one node in order; answers the pods that stay, the one that counts first."""
    step.ended += [pod for pod in here if pod.finished and not pod.meta.deleting]
    live = [pod for pod in here if pod.active]
    if not may_stay:
        step.delete += live
        return []
    # Of several pods the one that has come furthest, then the oldest, stays.
    live.sort(key=lambda pod: (not pod.ready, not pod.node, pod.meta.created, pod.meta.name))
    kept = live[:1]
    if daemons.surges and len(live) > 1:
        kept = _pair(daemons, live, digest, now)
    step.delete += [pod for pod in live if pod not in kept]
    return kept


def _pair(daemons: DaemonSet, live: list[views.Pod], digest: str, now: float) -> list[views.Pod]:
    """An old pod that works stays beside its successor until that is available."""
    old = next((pod for pod in live if not _is_new(pod, digest)), None)
    new = next((pod for pod in live if _is_new(pod, digest)), None)
    if old is None or new is None:
        return live[:1]
    return [old, new] if old.ready and not _available(daemons, new, now) else [new]


def _site(node: str, kept: Iterable[views.Pod], digest: str) -> _Site:
    old = next((pod for pod in kept if not _is_new(pod, digest)), None)
    return _Site(node, old, next((pod for pod in kept if _is_new(pod, digest)), None))


def _is_new(pod: views.Pod, digest: str) -> bool:
    return pod.meta.labels.get(history.HASH_LABEL) == digest


def _replace(
    daemons: DaemonSet, tally: "_Tally", sites: Iterable[_Site], step: Plan, now: float
) -> None:
    """Old pods that do not work go at once, working ones within the limit."""
    outdated = [site.old for site in sites if site.old is not None]
    working = [pod for pod in outdated if _available(daemons, pod, now)]
    step.delete += [pod for pod in outdated if pod not in working]
    limit = intstr.resolve(daemons.max_unavailable, tally.desired, round_up=True)
    step.delete += working[: max(limit - (tally.desired - tally.available), 0)]


def _surge(
    daemons: DaemonSet, desired: int, sites: Iterable[_Site], step: Plan, now: float
) -> None:
    """Successors beside pods that do not work at once, beside working ones within the limit."""
    alone = [site for site in sites if site.old is not None and site.new is None]
    doubled = sum(site.old is not None and site.new is not None for site in sites)
    working = [one.node for one in alone if one.old and _available(daemons, one.old, now)]
    step.create += [site.node for site in alone if site.node not in working]
    limit = intstr.resolve(daemons.max_surge, desired, round_up=True)
    step.create += working[: max(limit - doubled, 0)]


class Patience:
    """When the failed pods of nodes may be removed: what fails for ever is not made without end."""

    def __init__(self) -> None:
        self._next: dict[str, tuple[float, float]] = {}
        """By node: the moment, and the pause that led to it."""

    def wait(self, node: str, now: float) -> float:
        """Seconds until the failed pod of a node may go; 0 = now, and the next one waits longer."""
        moment, pause = self._next.get(node, (0.0, 0.0))
        if now < moment:
            return moment - now
        if now >= moment + 2 * PATIENCE_MAX:
            pause = 0.0  # it is long since, and forgotten
        pause = min(2 * pause or PATIENCE_FIRST, PATIENCE_MAX)
        self._next[node] = (now + pause, pause)
        return 0.0


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
