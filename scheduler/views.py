"""What the scheduler keeps of Nodes and Pods: parsed once on arrival. Pure.

The same views serve the offer master in the same process (it reads fewer fields). A pod that is
bound keeps what other pods' placement depends on; a pending one keeps its spec as well.
Neighbours: `snapshot` holds them, `filters`, `scores` and `preemption` read them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from apimachinery import meta, requests
from apimachinery.labels import Selector
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

    @property
    def accepts_pods(self) -> bool:
        """Whether the offer master may offer it: not cordoned; readiness is a matter of taints."""
        return not self.unschedulable


@dataclass(frozen=True, slots=True)
class Budget:
    """One PodDisruptionBudget: which pods it protects, and how many may still go."""

    namespace: str
    selector: Selector | None
    allowed: int
    gone: frozenset[str]
    """Names of pods whose eviction is counted already."""

    def protects(self, pod: "PodInfo") -> bool:
        return (
            pod.namespace == self.namespace
            and pod.name not in self.gone
            and self.selector is not None
            and self.selector.matches(pod.labels)
        )


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
    started: str = ""
    """status.startTime."""
    grace: int = 0
    """Seconds that it may take to end."""

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
            and self.owner_uid == other.owner_uid
        )


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
    )


def _address(node_status: JsonObject) -> str:
    for address in node_status.get("addresses") or ():
        if address.get("type") == "InternalIP":
            return str(address.get("address") or "")
    return ""


def pod_info(obj: JsonObject) -> PodInfo:
    """Keep of a Pod what placement reads."""
    metadata, spec = obj["metadata"], obj["spec"]
    pod_status = obj.get("status") or {}
    owner = meta.owner_controller(obj)
    bound = bool(spec.get("nodeName"))
    labels = metadata.get("labels") or {}
    affinity = ((spec.get("affinity") or {}).get("podAntiAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    scheduled = meta.get_condition(pod_status.get("conditions"), "PodScheduled") or {}
    needs, ports = requests.of_pod(spec), requests.host_ports(spec)
    return PodInfo(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        labels=labels,
        owner_uid=owner["uid"] if owner else "",
        node_name=spec.get("nodeName") or "",
        nominated_node=pod_status.get("nominatedNodeName") or "",
        scheduler_name=spec.get("schedulerName") or "default-scheduler",
        priority=spec.get("priority") or 0,
        created=metadata.get("creationTimestamp") or "",
        requests=needs,
        host_ports=ports,
        anti_affinity=tuple(
            terms.read(term, metadata["namespace"], labels) for term in affinity or ()
        ),
        ended=pod_status.get("phase") in ("Succeeded", "Failed"),
        deleting="deletionTimestamp" in metadata,
        gated=bool(spec.get("schedulingGates")),
        condition=(scheduled.get("reason") or "", scheduled.get("message") or ""),
        shape="" if bound else _shape(metadata["namespace"], labels, spec, needs, ports),
        spec={} if bound else {k: v for k, v in spec.items() if k not in BULKY_FIELDS},
        started=pod_status.get("startTime") or "",
        grace=spec.get("terminationGracePeriodSeconds") or 0,
    )


def budget(obj: JsonObject) -> Budget:
    """Keep of a PodDisruptionBudget what preemption reads."""
    budget_status = obj.get("status") or {}
    return Budget(
        namespace=obj["metadata"]["namespace"],
        selector=terms.selector(obj["spec"].get("selector")),
        allowed=budget_status.get("disruptionsAllowed") or 0,
        gone=frozenset(budget_status.get("disruptedPods") or ()),
    )


PLACING_FIELDS = (
    "nodeSelector",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "nodeName",
    "hostNetwork",
)


BULKY_FIELDS = frozenset({"containers", "initContainers"})
"""What placement needs of these is in `requests` and `host_ports`: most of a pod's size otherwise."""


def _shape(
    namespace: str,
    labels: Mapping[str, str],
    spec: JsonObject,
    needs: Mapping[str, int],
    ports: Iterable[HostPort],
) -> str:
    """Everything in a pod that placement depends on, as text."""
    parts: list[Any] = [
        namespace,
        labels,
        needs,
        [spec.get(f) for f in PLACING_FIELDS],
    ]
    parts.append([[p.ip, p.protocol, p.port] for p in ports])
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS).decode()
