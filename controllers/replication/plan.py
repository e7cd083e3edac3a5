"""Deciding how many pods to create, which to delete, and what the status says. Pure.

ReplicaSet and ReplicationController differ in how they spell their selector and nowhere else, so
both are read into a `Target`. Neighbours: `replication.controller` acts. Nothing here waits,
writes or knows the time but by argument.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from apimachinery import labels, meta
from apimachinery.wire import JsonObject
from controllers import views

BURST = 500
"""Pods created or deleted in one go (Kubernetes' number); the rest follows when these are seen."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a ReplicaSet or ReplicationController asks for."""

    meta: views.Meta
    replicas: int
    min_ready_seconds: int
    selector: labels.Selector
    template: JsonObject
    status: JsonObject


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about the difference, and when to look again (0 = at the next change)."""

    create: int
    delete: tuple[views.Pod, ...]


def target_of_replicaset(obj: JsonObject) -> Target:
    spec = obj["spec"]
    return _target(obj, labels.from_label_selector(spec.get("selector")))


def target_of_controller(obj: JsonObject) -> Target:
    """A ReplicationController's selector is a plain map; empty means its template's labels."""
    spec = obj["spec"]
    template_labels = (spec.get("template") or {}).get("metadata", {}).get("labels")
    return _target(obj, labels.from_set(spec.get("selector") or template_labels))


def _target(obj: JsonObject, selector: labels.Selector) -> Target:
    spec = obj["spec"]
    replicas = spec.get("replicas")
    return Target(
        meta=views.meta_of(obj),
        replicas=1 if replicas is None else replicas,
        min_ready_seconds=spec.get("minReadySeconds") or 0,
        selector=selector,
        template=spec.get("template") or {},
        status=obj.get("status") or {},
    )


def plan(
    target: Target, pods: Sequence[views.Pod], related: Iterable[views.Pod], now: float
) -> Plan:
    """From the active pods of the target to what is to be done.

    `related` are the active pods of all targets with the same owner (the ReplicaSets of one
    Deployment): of two pods the one whose node holds more of these goes first.
    """
    missing = target.replicas - len(pods)
    if missing >= 0:
        return Plan(min(missing, BURST), ())
    surplus = min(-missing, BURST)
    if surplus == len(pods):
        return Plan(0, tuple(pods))
    return Plan(0, tuple(ranked_for_deletion(pods, related, now)[:surplus]))


def ranked_for_deletion(
    pods: Iterable[views.Pod], related: Iterable[views.Pod], now: float
) -> list[views.Pod]:
    """The cheapest to lose first, by Kubernetes' order of reasons.

    Unassigned, pending, not ready, low deletion cost, crowded on its node, lately ready, often
    restarted, young. Ages count by their magnitude only, ties are broken by uid, so that the
    choice among equals is not always the newest.
    """
    crowd: dict[str, int] = {}
    for pod in related:
        if pod.node:
            crowd[pod.node] = crowd.get(pod.node, 0) + 1
    rank = _rank(crowd, now)
    return sorted(pods, key=rank)


_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def _rank(crowd: Mapping[str, int], now: float) -> Callable[[views.Pod], tuple[object, ...]]:
    def rank(pod: views.Pod) -> tuple[object, ...]:
        return (
            bool(pod.node),
            _PHASES.get(pod.phase, 2),
            pod.ready,
            pod.deletion_cost,
            -crowd.get(pod.node, 0),
            _magnitude(now, pod.ready_since) if pod.ready else 0.0,
            -pod.restarts,
            _magnitude(now, pod.meta.created),
            pod.meta.uid,
        )

    return rank


def _magnitude(now: float, since: float) -> float:
    """The power of two of an age; what has no time yet is the youngest."""
    if not since:
        return -1.0
    return float(int(math.log2(max(now - since, 1.0))))


def pod_from(target: Target, reference: JsonObject) -> JsonObject:
    """A new pod of the target's template. Parts are shared with the template: do not change it."""
    template = target.template.get("metadata") or {}
    metadata: JsonObject = {
        "generateName": f"{target.meta.name}-",
        "namespace": target.meta.namespace,
        "ownerReferences": [reference],
    }
    for field in ("labels", "annotations", "finalizers"):
        if template.get(field):
            metadata[field] = template[field]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": target.template.get("spec") or {},
    }


@dataclass(frozen=True, slots=True)
class Failure:
    """Why replicas could not be created or deleted."""

    reason: str
    """FailedCreate or FailedDelete."""
    message: str


def status_of(
    target: Target, pods: Sequence[views.Pod], failure: Failure | None, now: float
) -> JsonObject:
    """The status as it should read now. Counts of zero are left out, as Kubernetes prints them."""
    wanted = labels.from_set((target.template.get("metadata") or {}).get("labels"))
    ready = [pod for pod in pods if pod.ready]
    counts = {
        "fullyLabeledReplicas": sum(wanted.matches(pod.meta.labels) for pod in pods),
        "readyReplicas": len(ready),
        "availableReplicas": sum(
            pod.available_at(target.min_ready_seconds) <= now for pod in ready
        ),
        "observedGeneration": target.meta.generation,
    }
    out: JsonObject = {"replicas": len(pods)}
    out |= {name: count for name, count in counts.items() if count}
    conditions = _conditions(target, failure, now)
    if conditions:
        out["conditions"] = conditions
    return out


def _conditions(target: Target, failure: Failure | None, now: float) -> list[JsonObject]:
    present = target.status.get("conditions") or []
    if failure is None:
        return meta.without_condition(present, "ReplicaFailure")
    if meta.get_condition(present, "ReplicaFailure") is not None:
        # The first failure stays until it is over: its time is when the trouble began.
        return list(present)
    condition = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": failure.reason,
        "message": failure.message,
    }
    return meta.set_condition(present, condition, now)


def next_available(target: Target, pods: Iterable[views.Pod], now: float) -> float:
    """Seconds until the next ready pod becomes available by age alone; 0 = none will."""
    due = [
        at - now
        for pod in pods
        if pod.ready and (at := pod.available_at(target.min_ready_seconds)) > now
    ]
    return min(due, default=0.0)
