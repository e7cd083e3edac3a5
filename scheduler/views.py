"""What the scheduler keeps of Nodes and Pods: parsed once on arrival. Pure.

The same views serve the offer master in the same process (it reads fewer fields). A pod that is
bound keeps what other pods' placement depends on; a pending one keeps its spec as well.
Neighbours: `snapshot` holds them, `filters`, `scores` and `preemption` read them.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from apimachinery import meta, requests
from apimachinery.mesos.marks import REVOCABLE
from apimachinery.requests import HostPort
from apimachinery.wire import JsonObject
from scheduler import terms
from scheduler.terms import Term


@dataclass(frozen=True, slots=True)
class Taint:
    """A node's taint."""

    key: str
    value: str
    effect: str


NOT_READY = Taint("node.kubernetes.io/not-ready", "", "NoSchedule")
"""What a node that is not Ready has at once, before a controller writes the taint."""


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """One Node."""

    name: str
    labels: Mapping[str, str]
    allocatable: Mapping[str, int]
    taints: tuple[Taint, ...]
    unschedulable: bool
    address: str = ""
    """Where it is reached from inside the cluster."""
    maintenance: str = field(default="", compare=False)
    """What operators of the offer side plan for it; the offer master reads it."""
    revocable: Mapping[str, int] = field(default_factory=dict, compare=False)
    """What frameworks may use beyond `allocatable` as long as nobody else wants it."""
    images: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Names of images that it has, and their sizes in bytes. They only make a node more welcome."""

    @property
    def accepts_pods(self) -> bool:
        """Whether the offer master may offer it: not cordoned; readiness is a matter of taints."""
        return not self.unschedulable


FRAMEWORKS = "offers.bireme.dev/"
"""The API group of Mesos' frameworks, who own the pods of their tasks."""
MAINTENANCE = "offers.bireme.dev/maintenance"
"""The annotation of nodes that the offer master keeps its plans in."""
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


Attractions = tuple[tuple[Term, int], ...]
REQUIRED_WEIGHT = 1
"""What required affinity of running pods counts for those who come (hardPodAffinityWeight)."""


@dataclass(frozen=True, slots=True)
class PodInfo:
    """One Pod."""

    uid: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    owner_uid: str
    """uid of its controller; empty without one."""
    node_name: str
    nominated_node: str
    scheduler_name: str
    priority: int
    created: str
    """creationTimestamp: sorts as time does."""
    requests: Mapping[str, int]
    host_ports: tuple[HostPort, ...]
    anti_affinity: tuple[Term, ...]
    """Required pod anti-affinity terms, which bind later pods too."""
    ended: bool
    """Succeeded or Failed."""
    deleting: bool
    gated: bool
    """It has scheduling gates and must wait (KEP-3521)."""
    condition: tuple[str, str]
    """(reason, message) of PodScheduled while that is false."""
    shape: str
    """Equal for pods that fit on the same nodes: replicas of one template; pending pods only."""
    spec: JsonObject
    """Empty once the pod is bound; never its containers."""
    attractions: Attractions = ()
    """Terms and weights by which it draws other pods near, or keeps them off."""
    images: tuple[str, ...] = ()
    """Of its containers, pending pods only."""
    claims: tuple[str, ...] = ()
    """Names of its persistent volume claims, pending pods only."""
    started: str = ""
    """status.startTime."""
    grace: int = 0
    """Seconds that it may take to end."""
    preempts: bool = True
    """Whether its preemptionPolicy lets it evict others."""
    is_daemon: bool = False
    """It belongs to a DaemonSet: what every node has to have passes before any fairness."""
    is_task: bool = False
    """It belongs to a framework that takes offers itself: not ours to evict."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    def alike(self, other: "PodInfo") -> bool:
        """Whether the difference is of no interest to the placement of other pods."""
        return (
            self.deleting == other.deleting
            and self.labels == other.labels
            and self.requests == other.requests
            and self.priority == other.priority
            and self.host_ports == other.host_ports
            and self.anti_affinity == other.anti_affinity
            and self.attractions == other.attractions
            and self.owner_uid == other.owner_uid
        )


def _revocable(text: str | None) -> Mapping[str, int]:
    """`{"cpu": "1500m", …}`; what makes no sense is nothing."""
    try:
        found = orjson.loads(text or "{}")
        return requests.amounts(found) if isinstance(found, dict) else {}
    except (ValueError, TypeError, AttributeError):
        return {}


def node_info(obj: JsonObject) -> NodeInfo:
    """Keep of a Node what placement reads."""
    spec, node_status = obj.get("spec") or {}, obj.get("status") or {}
    taints = [
        Taint(taint["key"], taint.get("value") or "", taint["effect"])
        for taint in spec.get("taints") or ()
    ]
    ready = meta.condition_is_true(node_status.get("conditions"), "Ready")
    if not ready and NOT_READY not in taints:
        taints.append(NOT_READY)
    return NodeInfo(
        name=obj["metadata"]["name"],
        labels=meta.labels(obj),
        allocatable=requests.amounts(node_status.get("allocatable")),
        taints=tuple(taints),
        unschedulable=bool(spec.get("unschedulable")),
        address=_address(node_status),
        maintenance=meta.annotations(obj).get(MAINTENANCE, ""),
        revocable=_revocable(meta.annotations(obj).get(REVOCABLE)),
        images={
            name: image.get("sizeBytes") or 0
            for image in node_status.get("images") or ()
            for name in image.get("names") or ()
        },
    )


def _address(node_status: JsonObject) -> str:
    for address in node_status.get("addresses") or ():
        if address.get("type") == "InternalIP":
            return str(address.get("address") or "")
    return ""


FINE = ("", "")
"""The condition of a pod about which there is nothing to say."""
BOUND: JsonObject = {}
"""What is kept of a bound pod's spec. Not to be changed."""
SHARED_MAX = 8192
"""Needs, and texts of lately, that are shared: replicas have the same, and their own took 400 bytes
each, in the offer master's ledger too."""


@lru_cache(SHARED_MAX)
def _needs(*amounts: tuple[str, int]) -> Mapping[str, int]:
    return dict(amounts)


@lru_cache(SHARED_MAX)
def _lately(text: str) -> str:
    """For equal texts the same object. Interning would cost more than it spares: few are equal."""
    return text


def pod_info(obj: JsonObject) -> PodInfo:
    """Keep of a Pod what placement reads."""
    metadata, spec = obj["metadata"], obj["spec"]
    pod_status = obj.get("status") or {}
    owner = meta.owner_controller(obj)
    bound = bool(spec.get("nodeName"))
    labels = meta.shared_labels(obj)
    affinity = spec.get("affinity") or {}
    apart = (affinity.get("podAntiAffinity") or {}).get(REQUIRED) or ()
    scheduled = meta.get_condition(pod_status.get("conditions"), "PodScheduled") or {}
    said = (scheduled.get("reason") or "", scheduled.get("message") or "")
    needs, ports = _needs(*requests.held(obj).items()), requests.host_ports(spec)
    claims = () if bound else tuple(_claims(metadata["name"], spec))
    return PodInfo(
        uid=metadata["uid"],
        namespace=sys.intern(metadata["namespace"]),
        name=metadata["name"],
        labels=labels,
        owner_uid=_lately(owner["uid"]) if owner else "",
        node_name=sys.intern(spec.get("nodeName") or ""),
        nominated_node=pod_status.get("nominatedNodeName") or "",
        scheduler_name=sys.intern(spec.get("schedulerName") or "default-scheduler"),
        priority=spec.get("priority") or 0,
        created=_lately(metadata.get("creationTimestamp") or ""),
        requests=needs,
        host_ports=ports,
        anti_affinity=tuple(terms.read(term, metadata["namespace"]) for term in apart),
        ended=pod_status.get("phase") in ("Succeeded", "Failed"),
        deleting="deletionTimestamp" in metadata,
        gated=bool(spec.get("schedulingGates")),
        condition=said if any(said) else FINE,
        shape="" if bound else _shape(metadata["namespace"], labels, spec, needs, ports, claims),
        attractions=_attractions(affinity, metadata["namespace"]) if affinity else (),
        images=() if bound else _images(spec),
        claims=claims,
        spec=BOUND if bound else {k: v for k, v in spec.items() if k not in BULKY_FIELDS},
        started=_lately(pod_status.get("startTime") or ""),
        grace=spec.get("terminationGracePeriodSeconds") or 0,
        preempts=spec.get("preemptionPolicy") != "Never",
        is_daemon=(owner or {}).get("kind") == "DaemonSet",
        is_task=str((owner or {}).get("apiVersion", "")).startswith(FRAMEWORKS),
    )


def _images(spec: JsonObject) -> tuple[str, ...]:
    return tuple(str(c.get("image") or "") for c in spec.get("containers") or ())


def _claims(name: str, spec: JsonObject) -> Iterable[str]:
    for volume in spec.get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            yield str(volume["persistentVolumeClaim"].get("claimName"))
        elif "ephemeral" in volume:
            yield f"{name}-{volume['name']}"


def _attractions(affinity: JsonObject, namespace: str) -> Attractions:
    """How much the pod wants company near it: weights as its own preferences have them."""
    near, apart = affinity.get("podAffinity") or {}, affinity.get("podAntiAffinity") or {}
    found = [(term, REQUIRED_WEIGHT) for term in near.get(REQUIRED) or ()]
    found += [(w["podAffinityTerm"], w["weight"]) for w in near.get(PREFERRED) or ()]
    found += [(w["podAffinityTerm"], -w["weight"]) for w in apart.get(PREFERRED) or ()]
    return tuple((terms.read(term, namespace), weight) for term, weight in found)


PLACING_FIELDS = (
    "nodeSelector",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
)

BULKY_FIELDS = frozenset({"containers", "initContainers", "volumes"})
"""What placement needs of these is in fields of their own: most of a pod's size otherwise."""


def _shape(
    namespace: str,
    labels: Mapping[str, str],
    spec: JsonObject,
    needs: Mapping[str, int],
    ports: Iterable[HostPort],
    claims: Iterable[str],
) -> str:
    """Everything in a pod that placement depends on, as text."""
    parts: list[Any] = [
        namespace,
        labels,
        needs,
        [spec.get(f) for f in PLACING_FIELDS],
    ]
    parts.append([[p.ip, p.protocol, p.port] for p in ports])
    parts += [_images(spec), claims]
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS).decode()
