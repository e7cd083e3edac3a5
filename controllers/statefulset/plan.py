"""Deciding the next step of a StatefulSet. Pure.

Pods are numbered; each number has its name, its host name and its volume claims for ever. In
order (the default) one pod is made at a time, and only when all before it are ready; the highest
goes first, one at a time, and while several are unhealthy none goes but the lowest of these. A
rolling update goes down from the highest number to the partition and takes pods away while fewer
than `maxUnavailable` (1) are unhealthy. In parallel, making and removing do not wait; updating
still does.

Neighbours: `statefulset.controller` acts, `controllers.history` keeps templates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from apimachinery import intstr, labels
from apimachinery.wire import JsonObject
from controllers import history, views

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"


@dataclass(frozen=True, slots=True)
class StatefulSet:
    """What is asked for."""

    meta: views.Meta
    replicas: int
    start: int
    """The first number."""
    selector: labels.Selector
    template: JsonObject
    service: str
    claims: tuple[JsonObject, ...]
    claims_go_with_us: bool
    """persistentVolumeClaimRetentionPolicy.whenDeleted is Delete."""
    claims_go_with_pods: bool
    """persistentVolumeClaimRetentionPolicy.whenScaled is Delete."""
    parallel: bool
    on_delete: bool
    partition: int
    """Pods with smaller numbers keep the template that they have."""
    max_unavailable: int | str
    min_ready_seconds: int
    history_limit: int
    status: JsonObject

    def name_of(self, number: int) -> str:
        return f"{self.meta.name}-{number}"

    def revision(self, digest: str) -> str:
        """The name by which status and pods refer to a template."""
        return f"{self.meta.name}-{digest}"


def statefulset_of(obj: JsonObject) -> StatefulSet:
    spec = obj["spec"]
    strategy = spec.get("updateStrategy") or {}
    replicas, limit = spec.get("replicas"), spec.get("revisionHistoryLimit")
    rolling = strategy.get("rollingUpdate") or {}
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    return StatefulSet(
        meta=views.meta_of(obj),
        replicas=1 if replicas is None else replicas,
        start=(spec.get("ordinals") or {}).get("start") or 0,
        selector=labels.from_label_selector(spec.get("selector")),
        template=spec.get("template") or {},
        service=spec.get("serviceName") or "",
        claims=tuple(spec.get("volumeClaimTemplates") or ()),
        claims_go_with_us=retention.get("whenDeleted") == "Delete",
        claims_go_with_pods=retention.get("whenScaled") == "Delete",
        parallel=spec.get("podManagementPolicy") == "Parallel",
        on_delete=strategy.get("type") == "OnDelete",
        partition=rolling.get("partition") or 0,
        max_unavailable=rolling.get("maxUnavailable") or 1,
        min_ready_seconds=spec.get("minReadySeconds") or 0,
        history_limit=10 if limit is None else limit,
        status=obj.get("status") or {},
    )


@dataclass(slots=True)
class Plan:
    """Numbers to create, each of the old or the new template; pods to delete; the status."""

    create: list[tuple[int, bool]] = field(default_factory=list)
    """(number, whether of the new template)."""
    delete: list[views.Pod] = field(default_factory=list)
    status: JsonObject = field(default_factory=dict)


def number_of(pod: views.Pod, name: str) -> int | None:
    """The pod's number in the set of that name; None for a stranger."""
    prefix, _, number = pod.meta.name.rpartition("-")
    return int(number) if prefix == name and number.isdecimal() else None


def plan(wanted: StatefulSet, pods: Sequence[views.Pod], digest: str, now: float) -> Plan:
    """`digest` is the hash of the present template."""
    step = Plan()
    update = wanted.revision(digest)
    current = wanted.status.get("currentRevision") or update
    numbered = {
        number: pod for pod in pods if (number := number_of(pod, wanted.meta.name)) is not None
    }
    slots = range(wanted.start, wanted.start + wanted.replicas)
    if not wanted.meta.deleting:
        waits = _fill(wanted, slots, numbered, step, now)
        waits = _trim(wanted, slots, numbered, step, now, waits=waits)
        if not waits and not wanted.on_delete:
            _update(wanted, slots, numbered, update, step, now)
    step.status = _status(wanted, numbered, current, update, now)
    return step


def _fill(
    wanted: StatefulSet,
    slots: range,
    numbered: dict[int, views.Pod],
    step: Plan,
    now: float,
) -> bool:
    """Make what is missing; whether later steps have to wait."""
    waits = False
    for number in slots:
        pod = numbered.get(number)
        if pod is None:
            step.create.append((number, _gets_new(wanted, number)))
        elif pod.finished and not pod.meta.deleting:
            # Its name is taken until it is gone: then it is made again.
            step.delete.append(pod)
        elif _healthy(wanted, pod, now):
            continue
        waits = True
        if not wanted.parallel:
            return True
    return waits and not wanted.parallel


def _trim(
    wanted: StatefulSet,
    slots: range,
    numbered: dict[int, views.Pod],
    step: Plan,
    now: float,
    *,
    waits: bool,
) -> bool:
    """Remove what is too much, the highest first."""
    surplus = sorted((number for number in numbered if number not in slots), reverse=True)
    if not surplus or (waits and not wanted.parallel):
        return waits
    unhealthy = [number for number in surplus if not _healthy(wanted, numbered[number], now)]
    for number in surplus:
        pod = numbered[number]
        if not wanted.parallel and number in unhealthy[:-1]:
            return True
        if not pod.meta.deleting:
            step.delete.append(pod)
        if not wanted.parallel:
            return True
    return waits


def _update(
    wanted: StatefulSet,
    slots: range,
    numbered: dict[int, views.Pod],
    update: str,
    step: Plan,
    now: float,
) -> None:
    """Replace pods of an old template, the highest first, while few are unhealthy."""
    limit = max(intstr.resolve(wanted.max_unavailable, wanted.replicas, round_up=False), 1)
    present = [(number, numbered.get(number)) for number in reversed(slots)]
    limit -= sum(pod is None or not _healthy(wanted, pod, now) for _, pod in present)
    for number, pod in present:
        if limit <= 0 or number < wanted.start + wanted.partition:
            return
        outdated = pod is not None and pod.meta.labels.get(history.HASH_LABEL) != update
        if pod is not None and outdated and not pod.meta.deleting:
            step.delete.append(pod)
            limit -= 1


def _gets_new(wanted: StatefulSet, number: int) -> bool:
    """Whether a pod made now is of the new template: below the partition it is not."""
    return wanted.on_delete or number >= wanted.start + wanted.partition


def _healthy(wanted: StatefulSet, pod: views.Pod, now: float) -> bool:
    """Ready for long enough, and staying."""
    return (
        pod.ready
        and not pod.meta.deleting
        and not pod.finished
        and pod.available_at(wanted.min_ready_seconds) <= now
    )


def _status(
    wanted: StatefulSet,
    numbered: dict[int, views.Pod],
    current: str,
    update: str,
    now: float,
) -> JsonObject:
    live = [pod for pod in numbered.values() if not pod.finished]
    staying = [pod for pod in live if not pod.meta.deleting]

    def of(revision: str) -> int:
        return sum(pod.meta.labels.get(history.HASH_LABEL) == revision for pod in staying)

    ready = sum(pod.ready for pod in live)
    updated = of(update)
    if updated == len(live) == ready == wanted.replicas and not wanted.partition:
        current = update
    counts = {
        "observedGeneration": wanted.meta.generation,
        "readyReplicas": ready,
        "currentReplicas": of(current),
        "updatedReplicas": updated,
    }
    out: JsonObject = {name: count for name, count in counts.items() if count}
    out |= {
        "replicas": len(live),
        "availableReplicas": sum(_healthy(wanted, pod, now) for pod in live),
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": wanted.status.get("collisionCount") or 0,
    }
    if wanted.status.get("conditions"):
        out["conditions"] = wanted.status["conditions"]
    return out


def pod_from(
    wanted: StatefulSet, reference: JsonObject, template: JsonObject, number: int, revision: str
) -> JsonObject:
    """The pod of a number."""
    head = template.get("metadata") or {}
    name = wanted.name_of(number)
    spec = dict(template.get("spec") or {})
    spec["hostname"] = name
    if wanted.service:
        spec["subdomain"] = wanted.service
    if wanted.claims:
        ours = {one["metadata"]["name"] for one in wanted.claims}
        kept = [one for one in spec.get("volumes") or () if one.get("name") not in ours]
        spec["volumes"] = kept + [
            {"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{name}"}}
            for claim in (one["metadata"]["name"] for one in wanted.claims)
        ]
    identity = {POD_NAME: name, POD_INDEX: str(number), history.HASH_LABEL: revision}
    metadata: JsonObject = {
        "name": name,
        "namespace": wanted.meta.namespace,
        "labels": (head.get("labels") or {}) | identity,
        "ownerReferences": [reference],
    }
    for field_ in ("annotations", "finalizers"):
        if head.get(field_):
            metadata[field_] = head[field_]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def is_surplus(wanted: StatefulSet, pod: views.Pod) -> bool:
    """Whether the pod's number is beyond what is wanted: it will not come back."""
    number = number_of(pod, wanted.meta.name)
    return number is not None and not 0 <= number - wanted.start < wanted.replicas


def claims_go_with(wanted: StatefulSet, pod: views.Pod | None) -> str:
    """The kind of owner with which a pod's claims go: Pod, StatefulSet, or none.

    With its pod only if that does not come back. None for `pod`: it is yet to be made.
    """
    if wanted.claims_go_with_pods and pod is not None and is_surplus(wanted, pod):
        return "Pod"
    return "StatefulSet" if wanted.claims_go_with_us else ""


def claims_of(wanted: StatefulSet, number: int) -> list[JsonObject]:
    """The volume claims of a number."""
    out = []
    for claim in wanted.claims:
        head = claim.get("metadata") or {}
        own = (wanted.template.get("metadata") or {}).get("labels") or {}
        metadata = head | {
            "name": f"{head['name']}-{wanted.name_of(number)}",
            "namespace": wanted.meta.namespace,
            "labels": (head.get("labels") or {}) | own,
        }
        body = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}
        out.append(body | {"spec": claim.get("spec") or {}})
    return out


def claim_names(wanted: StatefulSet, pod: views.Pod) -> list[str]:
    """Of the claims that a pod mounts those that are made by the set."""
    ours = {f"{one['metadata']['name']}-{pod.meta.name}" for one in wanted.claims}
    return [name for name in pod.claims if name in ours]
