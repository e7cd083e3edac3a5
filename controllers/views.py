"""What controllers keep of an object: a few slots, made once per change and shared by all.

`Meta` holds what ownership, selection and deletion need, for every kind. `Pod`, `Node` and `Lease`
are trimmed further, since there are many of them or they change often. Everything else is kept as
an `Object`: its JSON, parsed on use. Neighbours: `controllers.informers` makes views, plans read
them. Views are values: nobody changes one.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import orjson

from apimachinery import meta as metas
from apimachinery.compact import compact
from apimachinery.wire import JsonObject

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
"""Finalizers that the garbage collector serves."""

INDEX_FAILURES = "batch.kubernetes.io/job-index-failure-count"
"""Annotation of a pod of an indexed job with a limit per index."""


@dataclass(frozen=True, slots=True)
class Owner:
    """One owner reference."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool
    blocks: bool
    """blockOwnerDeletion: the owner's foreground deletion waits for this object."""


@dataclass(frozen=True, slots=True)
class Meta:
    """The metadata that controllers reason with. Times are epoch seconds, 0 = not set."""

    namespace: str
    name: str
    uid: str
    version: str
    generation: int
    labels: Mapping[str, str]
    owners: tuple[Owner, ...]
    finalizers: tuple[str, ...]
    created: float
    deleting: bool

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def controller(self) -> Owner | None:
        """The one owner that manages the object."""
        for owner in self.owners:
            if owner.controller:
                return owner
        return None


def meta_of(obj: JsonObject) -> Meta:
    metadata = obj["metadata"]
    return Meta(
        namespace=sys.intern(metadata.get("namespace") or ""),
        name=metadata["name"],
        uid=metadata.get("uid") or "",
        version=metadata.get("resourceVersion") or "",
        generation=metadata.get("generation") or 0,
        labels=metas.shared_labels(obj),
        owners=_owners(*map(_reference, metadata.get("ownerReferences") or ())),
        finalizers=tuple(metadata.get("finalizers") or ()),
        created=time_of(metadata.get("creationTimestamp")),
        deleting=bool(metadata.get("deletionTimestamp")),
    )


OWNERS_MAX = 8192
"""Sets of owners that are shared: replicas have the same, and their own took 400 bytes each."""

_Reference = tuple[str, str, str, str, bool, bool]


def _reference(reference: JsonObject) -> _Reference:
    return (
        reference.get("apiVersion") or "",
        reference.get("kind") or "",
        reference.get("name") or "",
        reference.get("uid") or "",
        bool(reference.get("controller")),
        bool(reference.get("blockOwnerDeletion")),
    )


@lru_cache(OWNERS_MAX)
def _owners(*references: _Reference) -> tuple[Owner, ...]:
    return tuple([Owner(*reference) for reference in references])


def time_of(text: str | None) -> float:
    """Epoch seconds of a timestamp; 0 for none or a malformed one."""
    if not text:
        return 0.0
    try:
        return metas.parse_time(text)
    except ValueError:
        return 0.0


@dataclass(frozen=True, slots=True)
class Object:
    """Any object whole, as JSON bytes."""

    meta: Meta
    data: bytes = field(repr=False)

    def load(self) -> JsonObject:
        """A copy of the object that the caller may change."""
        loaded: JsonObject = orjson.loads(self.data)
        return loaded


def object_of(obj: JsonObject) -> Object:
    return Object(meta_of(obj), compact(orjson.dumps(obj)))


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as controllers see it. Lists and mappings are parts of its JSON."""

    meta: Meta
    phase: str
    node: str
    ready: bool
    ready_since: float
    """When the Ready condition last changed."""
    restarts: int
    """The highest restart count of its containers."""
    deletion_cost: int
    addresses: tuple[str, ...]
    """Pod addresses, the primary one first."""
    hostname: str
    subdomain: str
    ports: tuple[tuple[str, str, int], ...]
    """(name, protocol, number) of named container ports."""
    host_ports: tuple[tuple[str, int], ...]
    """(protocol, number) of what it takes of its node, where the node has a port of its own."""
    tolerations: tuple[JsonObject, ...]
    target: str
    """The only node that its affinity allows by name, as daemon sets ask; else empty."""
    claims: tuple[str, ...]
    """Names of the volume claims that it mounts, those made for it alone too."""
    exits: tuple[tuple[str, int], ...]
    """(container, exit code) of a failed pod; others have none."""
    failed_conditions: tuple[tuple[str, str], ...]
    """(type, status) of the conditions of a failed pod; others have none."""
    index_failures: int
    """How often the job's index of this pod had failed before it."""

    @property
    def finished(self) -> bool:
        return self.phase in ("Succeeded", "Failed")

    @property
    def active(self) -> bool:
        """Counts as a replica: neither finished nor on its way out."""
        return not self.finished and not self.meta.deleting

    def available_at(self, min_ready_seconds: int) -> float:
        """From when on the ready pod counts as available."""
        return self.ready_since + min_ready_seconds if min_ready_seconds else 0.0


def pod_of(obj: JsonObject) -> Pod:
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    ready = metas.get_condition(state.get("conditions"), "Ready") or {}
    annotations = obj["metadata"].get("annotations") or {}
    return Pod(
        meta=meta_of(obj),
        phase=sys.intern(state.get("phase") or "Pending"),
        node=sys.intern(spec.get("nodeName") or ""),
        ready=ready.get("status") == "True",
        ready_since=time_of(ready.get("lastTransitionTime")),
        restarts=max(
            (one.get("restartCount") or 0 for one in state.get("containerStatuses") or ()),
            default=0,
        ),
        deletion_cost=_integer(annotations.get("controller.kubernetes.io/pod-deletion-cost")),
        addresses=_addresses(state),
        hostname=spec.get("hostname") or "",
        subdomain=spec.get("subdomain") or "",
        ports=_named_ports(spec),
        host_ports=_host_ports(spec),
        tolerations=_shared_tolerations(spec.get("tolerations") or ()),
        target=_target(spec),
        claims=tuple(claims_of(obj)),
        exits=tuple(_exits(state)) if state.get("phase") == "Failed" else (),
        failed_conditions=tuple(
            (one.get("type") or "", one.get("status") or "")
            for one in (state.get("conditions") or () if state.get("phase") == "Failed" else ())
        ),
        index_failures=_integer(annotations.get(INDEX_FAILURES)),
    )


def _exits(state: JsonObject) -> Iterator[tuple[str, int]]:
    for kind in ("initContainerStatuses", "containerStatuses"):
        for one in state.get(kind) or ():
            ended = (one.get("state") or {}).get("terminated")
            if ended is not None:
                yield one.get("name") or "", int(ended.get("exitCode") or 0)


def claims_of(pod: JsonObject) -> Iterator[str]:
    """Names of the claims that a pod mounts, those made for it (ephemeral) too."""
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        if claim := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
            yield claim
        elif volume.get("ephemeral") is not None:
            yield f"{pod['metadata']['name']}-{volume['name']}"


_TOLERATIONS: dict[bytes, tuple[JsonObject, ...]] = {}
TOLERATIONS_MAX = 1024
"""Sets of tolerations that are shared; beyond it sharing starts over."""


def _shared_tolerations(found: Sequence[JsonObject]) -> tuple[JsonObject, ...]:
    """Nearly all pods tolerate the same, and their own copies of it took 700 bytes each."""
    if not found:
        return ()
    text = orjson.dumps(found)
    shared = _TOLERATIONS.get(text)
    if shared is None:
        if len(_TOLERATIONS) >= TOLERATIONS_MAX:
            _TOLERATIONS.clear()
        shared = _TOLERATIONS[compact(text)] = tuple(found)
    return shared


def _target(spec: JsonObject) -> str:
    if not spec.get("affinity"):
        return ""
    path = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = (metas.dig(spec, *path) or {}).get("nodeSelectorTerms") or ()
    for term in terms:
        for field_ in term.get("matchFields") or ():
            if field_.get("key") == "metadata.name" and len(field_.get("values") or ()) == 1:
                return str(field_["values"][0])
    return ""


def _addresses(state: JsonObject) -> tuple[str, ...]:
    several = tuple(one["ip"] for one in state.get("podIPs") or () if one.get("ip"))
    single = state.get("podIP")
    return several or ((single,) if single else ())


def _named_ports(spec: JsonObject) -> tuple[tuple[str, str, int], ...]:
    return tuple(
        (port["name"], port.get("protocol") or "TCP", port["containerPort"])
        for port in _container_ports(spec)
        if port.get("name")
    )


def _host_ports(spec: JsonObject) -> tuple[tuple[str, int], ...]:
    return tuple(
        (port.get("protocol") or "TCP", port["hostPort"])
        for port in _container_ports(spec)
        if port.get("hostPort")
    )


def _container_ports(spec: JsonObject) -> Iterator[JsonObject]:
    """Of the containers that live as long as the pod."""
    restartable = [
        one for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"
    ]
    for container in [*(spec.get("containers") or ()), *restartable]:
        yield from container.get("ports") or ()


def _integer(text: str | None) -> int:
    try:
        return int(text) if text else 0
    except ValueError:
        return 0


@dataclass(frozen=True, slots=True)
class Node:
    """A node as controllers see it."""

    meta: Meta
    conditions: tuple[JsonObject, ...]
    taints: tuple[JsonObject, ...]
    unschedulable: bool
    pod_cidrs: tuple[str, ...]
    addresses: tuple[str, ...]

    @property
    def ready(self) -> str:
        """True, False or Unknown; empty when the node never said."""
        found = metas.get_condition(self.conditions, "Ready")
        return str(found.get("status") or "") if found else ""

    @property
    def zone(self) -> str:
        return self.meta.labels.get("topology.kubernetes.io/zone", "")


def node_of(obj: JsonObject) -> Node:
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    single = spec.get("podCIDR")
    return Node(
        meta=meta_of(obj),
        conditions=tuple(state.get("conditions") or ()),
        taints=tuple(spec.get("taints") or ()),
        unschedulable=bool(spec.get("unschedulable")),
        pod_cidrs=tuple(spec.get("podCIDRs") or ((single,) if single else ())),
        addresses=tuple(one["address"] for one in state.get("addresses") or ()),
    )


@dataclass(frozen=True, slots=True)
class Lease:
    """A Lease: who holds it, and a stamp that changes with each renewal."""

    meta: Meta
    holder: str
    renewed: str


def lease_of(obj: JsonObject) -> Lease:
    spec = obj.get("spec") or {}
    return Lease(meta_of(obj), spec.get("holderIdentity") or "", spec.get("renewTime") or "")
