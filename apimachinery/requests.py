"""What a pod asks of its node: whole numbers per resource, and ports of the node's own. Pure.

Processor time is counted in thousandths, everything else in units; every pod takes one `pods`.
The rule is Kubernetes' (KEP-753 for sidecars): what runs together, or the largest step of the
init containers before it, whichever is more, plus the overhead. Neighbours: the offer ledger, the
pod scheduler and the node's own admission read pods through here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from apimachinery.quantity import Quantity
from apimachinery.wire import JsonObject

CPU, MEMORY, PODS = "cpu", "memory", "pods"

_EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  compared, not listened on


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port that a pod takes on its node."""

    ip: str
    """Empty: on every address."""
    protocol: str
    port: int

    def clashes(self, other: "HostPort") -> bool:
        return (
            self.port == other.port
            and self.protocol == other.protocol
            and (not self.ip or not other.ip or self.ip == other.ip)
        )


def amounts(values: Mapping[str, Any] | None) -> dict[str, int]:
    """A `requests`, `limits`, `capacity` or `allocatable` map as whole numbers."""
    return {name: amount(name, value) for name, value in (values or {}).items()}


def amount(name: str, value: Any) -> int:
    """One quantity: thousandths for cpu, units (rounded up) otherwise."""
    quantity = Quantity.parse(value)
    return quantity.milli() if name == CPU else quantity.value()


def add(into: dict[str, int], more: Mapping[str, int]) -> None:
    """Sum, in place."""
    for name, value in more.items():
        into[name] = into.get(name, 0) + value


def _raise(into: dict[str, int], other: Mapping[str, int]) -> None:
    for name, value in other.items():
        into[name] = max(into.get(name, 0), value)


def of_container(container: JsonObject) -> dict[str, int]:
    """A container's requests; a limit without a request counts as one."""
    resources = container.get("resources") or {}
    return amounts({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


Wants = Callable[[JsonObject], dict[str, int]]


def _init(
    containers: Iterable[JsonObject], wants_of: Wants
) -> tuple[dict[str, int], dict[str, int]]:
    """(the largest sum while initialising, what the sidecars keep taking)."""
    peak: dict[str, int] = {}
    sidecars: dict[str, int] = {}
    for container in containers:
        wants = wants_of(container)
        if container.get("restartPolicy") == "Always":
            add(sidecars, wants)
            _raise(peak, sidecars)
        else:
            step = dict(sidecars)
            add(step, wants)
            _raise(peak, step)
    return peak, sidecars


def of_pod(spec: JsonObject, wants_of: Wants = of_container) -> dict[str, int]:
    """All that a pod's spec asks for, `pods: 1` included."""
    total: dict[str, int] = {}
    for container in spec.get("containers") or ():
        add(total, wants_of(container))
    if spec.get("initContainers"):
        peak, sidecars = _init(spec["initContainers"], wants_of)
        add(total, sidecars)
        _raise(total, peak)
    total.update(amounts((spec.get("resources") or {}).get("requests")))
    if spec.get("overhead"):
        add(total, amounts(spec["overhead"]))
    total[PODS] = 1
    return total


def held(pod: JsonObject) -> dict[str, int]:
    """All that a pod takes of its node.

    While it is resized each container counts with the most of what is asked, set aside and in
    force; what the node refuses for ever is not counted (KEP-1287).
    """
    status = pod.get("status") or {}
    told = {
        entry["name"]: entry
        for key in ("containerStatuses", "initContainerStatuses")
        for entry in status.get(key) or ()
        if entry.get("allocatedResources")
    }
    if not told:
        return of_pod(pod["spec"])
    refused = any(
        one.get("type") == "PodResizePending" and one.get("reason") == "Infeasible"
        for one in status.get("conditions") or ()
    )

    def wants(container: JsonObject) -> dict[str, int]:
        entry = told.get(container["name"])
        asked = of_container(container)
        if entry is None:
            return asked
        most = amounts(entry["allocatedResources"])
        _raise(most, amounts((entry.get("resources") or {}).get("requests")))
        if not refused:
            _raise(most, asked)
        return most

    return of_pod(pod["spec"], wants)


def host_ports(spec: JsonObject) -> tuple[HostPort, ...]:
    """Every port that the pod takes on its node; on the node's network that is each it names.

    Init containers that end give theirs back before others start; sidecars keep them.
    """
    sidecars = (c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always")
    host_network = bool(spec.get("hostNetwork"))
    return tuple(
        HostPort(_address(port), port.get("protocol") or "TCP", number)
        for container in (*(spec.get("containers") or ()), *sidecars)
        for port in container.get("ports") or ()
        if (number := port.get("hostPort") or (port["containerPort"] if host_network else 0))
    )


def _address(port: JsonObject) -> str:
    address = port.get("hostIP") or ""
    return "" if address in _EVERY_ADDRESS else address
