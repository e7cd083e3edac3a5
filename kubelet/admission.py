"""Whether the node can take one more pod: the last guard behind the scheduler. Pure.

A pod may come with a nodeName that nobody checked, or two masters may have dealt the same room; the
node refuses what does not fit, and the pod fails with Kubernetes' reasons. Neighbour:
`kubelet.pods` asks once per pod, before anything is made for it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from apimachinery import node_selector, requests
from apimachinery.requests import HostPort
from apimachinery.wire import JsonObject
from kubelet import eviction, sysctls
from kubelet.options import Capacity

PREFIX = "Pod was rejected: "
AFFINITY = "NodeAffinity"
"""The reason of a pod that wants a node with other labels."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why the pod fails on this node."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Load:
    """What the node holds already."""

    used: Mapping[str, int] = field(default_factory=dict)
    """By resource, `pods` among them."""
    host_ports: tuple[HostPort, ...] = ()


def load_of(pods: Iterable[JsonObject]) -> Load:
    """The sum over the pods that are admitted and not ended."""
    used: dict[str, int] = {}
    ports: list[HostPort] = []
    for pod in pods:
        requests.add(used, requests.of_pod(pod["spec"]))
        ports += requests.host_ports(pod["spec"])
    return Load(used, tuple(ports))


def admit(
    pod: JsonObject,
    load: Load,
    capacity: Capacity,
    node_labels: Mapping[str, str],
    pressed: frozenset[str] = frozenset(),
) -> Rejection | None:
    """None when the pod may run here."""
    if text := eviction.refusal(pod, pressed):
        return Rejection(eviction.EVICTED, text)
    if text := sysctls.forbidden(pod):
        return Rejection("SysctlForbidden", text)
    spec = pod["spec"]
    for name, wanted, used, most in _lacking(spec, load, capacity):
        return Rejection(f"OutOf{name}", PREFIX + _short(name, wanted, used, most))
    mine = requests.host_ports(spec)
    if any(port.clashes(taken) for port in mine for taken in load.host_ports):
        text = (
            "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
        )
        return Rejection("NodePorts", PREFIX + text)
    if not node_selector.matches(spec, spec.get("nodeName") or "", node_labels):
        text = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
        return Rejection(AFFINITY, PREFIX + text)
    return None


def resize(pod: JsonObject, others: Load, capacity: Capacity) -> Rejection | None:
    """None when a running pod may have what its spec asks for now, beside the others' load."""
    for name, wanted, used, most in _lacking(pod["spec"], others, capacity):
        if wanted > most:
            text = (
                f"Node didn't have enough capacity: {name}, requested: {wanted}, capacity: {most}"
            )
            return Rejection("Infeasible", text)
        return Rejection("Deferred", _short(name, wanted, used, most))
    return None


def _lacking(
    spec: JsonObject, load: Load, capacity: Capacity
) -> Iterator[tuple[str, int, int, int]]:
    """(resource, wanted, used, most) of each that is not there; what no resize can cure first."""
    wants = requests.of_pod(spec)
    found = [
        (name, wanted, used, most)
        for name, most in _limits(capacity).items()
        if (wanted := wants.get(name, 0)) and (used := load.used.get(name, 0)) + wanted > most
    ]
    yield from sorted(found, key=lambda one: one[1] <= one[3])


def _limits(capacity: Capacity) -> dict[str, int]:
    """In the order in which a refusal names them."""
    return {
        requests.PODS: capacity.pods,
        requests.CPU: capacity.cpu_milli,
        requests.MEMORY: capacity.memory_bytes,
        "ephemeral-storage": capacity.ephemeral_bytes,
    }


def _short(name: str, wanted: int, used: int, capacity: int) -> str:
    return (
        f"Node didn't have enough resource: {name}, "
        f"requested: {wanted}, used: {used}, capacity: {capacity}"
    )
