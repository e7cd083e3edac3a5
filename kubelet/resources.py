"""What a pod asks of its node, and the kernel's numbers for it. Pure.

`kubelet.admission` adds up requests, `kubelet.configs` turns limits into cgroup values, `kubelet.env`
reads them for resourceFieldRef. Neighbour: `apimachinery.quantity` for the texts.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from apimachinery.quantity import Quantity
from apimachinery.wire import JsonObject
from kubelet import desired
from kubelet.lifecycle import Role
from kubelet.runtime.config import Resources

SHARES_PER_CPU = 1024
SHARES_MIN = 2
SHARES_MAX = 262_144
"""The kernel's own bounds of cpu.shares."""
QUOTA_PERIOD_US = 100_000
QUOTA_MIN_US = 1_000
"""The kernel refuses a smaller quota."""
OOM_GUARANTEED = -997
OOM_BEST_EFFORT = 1000


@dataclass(frozen=True, slots=True)
class Amount:
    """Processor and memory, the two resources that the node's own admission guards."""

    cpu_milli: int = 0
    memory_bytes: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.cpu_milli + other.cpu_milli, self.memory_bytes + other.memory_bytes)

    def largest(self, other: "Amount") -> "Amount":
        return Amount(
            max(self.cpu_milli, other.cpu_milli), max(self.memory_bytes, other.memory_bytes)
        )


def total(amounts: Iterable[Amount]) -> Amount:
    result = Amount()
    for amount in amounts:
        result += amount
    return result


def amount(values: JsonObject | None) -> Amount:
    """A `requests` or `limits` map."""
    values = values or {}
    return Amount(milli(values.get("cpu")), whole(values.get("memory")))


def milli(text: object) -> int:
    return Quantity.parse(str(text)).milli() if text is not None else 0


def whole(text: object) -> int:
    return Quantity.parse(str(text)).value() if text is not None else 0


def requests_of(container: JsonObject) -> Amount:
    """A container's requests; a limit without a request is one."""
    resources = container.get("resources") or {}
    return amount({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def pod_requests(pod: JsonObject) -> Amount:
    """What the node must set aside: what runs together, or the largest init step before it."""
    together = Amount()
    sidecars = Amount()
    peak = Amount()
    for container, role in desired.containers(pod):
        wants = requests_of(container)
        if role is Role.SIDECAR:
            sidecars += wants
            peak = peak.largest(sidecars)
        elif role is Role.INIT:
            peak = peak.largest(sidecars + wants)
        elif role is Role.MAIN:
            together += wants
    explicit = (pod["spec"].get("resources") or {}).get("requests")
    base = (together + sidecars).largest(peak)
    if explicit:
        given = amount(explicit)
        base = Amount(
            given.cpu_milli if "cpu" in explicit else base.cpu_milli,
            given.memory_bytes if "memory" in explicit else base.memory_bytes,
        )
    return base + amount(pod["spec"].get("overhead"))


def host_ports(pod: JsonObject) -> set[tuple[str, int, str]]:
    """(protocol, port, host address) of every port that the pod takes on its node."""
    taken: set[tuple[str, int, str]] = set()
    host_network = bool(pod["spec"].get("hostNetwork"))
    for container, _ in desired.containers(pod):
        for port in container.get("ports") or ():
            number = port.get("hostPort") or (port["containerPort"] if host_network else 0)
            if number:
                taken.add((port.get("protocol") or "TCP", number, port.get("hostIP") or ""))
    return taken


def qos_class(pod: JsonObject) -> str:
    """Guaranteed, Burstable or BestEffort, as the API server has put into the status."""
    known = (pod.get("status") or {}).get("qosClass")
    if known:
        return str(known)
    any_value = False
    guaranteed = True
    for container, _ in desired.containers(pod):
        resources = container.get("resources") or {}
        limits = resources.get("limits") or {}
        asks = {**limits, **(resources.get("requests") or {})}
        any_value = any_value or bool(asks)
        for key in ("cpu", "memory"):
            if key not in limits or Quantity.parse(asks[key]) != Quantity.parse(limits[key]):
                guaranteed = False
    if not any_value:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def cpu_shares(cpu_milli: int) -> int:
    return min(max(cpu_milli * SHARES_PER_CPU // 1000, SHARES_MIN), SHARES_MAX)


def cpu_quota(limit_milli: int) -> int:
    return max(limit_milli * QUOTA_PERIOD_US // 1000, QUOTA_MIN_US) if limit_milli else 0


def oom_score_adj(pod: JsonObject, container: JsonObject, node_memory: int) -> int:
    """Whom the kernel kills first: the less of its memory a container asked for, the earlier."""
    qos = qos_class(pod)
    if qos == "Guaranteed" or pod["spec"].get("priority", 0) >= 2_000_000_000:
        return OOM_GUARANTEED
    if qos == "BestEffort" or not node_memory:
        return OOM_BEST_EFFORT
    asked = requests_of(container).memory_bytes
    return min(max(1000 - 1000 * asked // node_memory, 1000 + OOM_GUARANTEED), OOM_BEST_EFFORT - 1)


def container_resources(pod: JsonObject, container: JsonObject, node_memory: int) -> Resources:
    """The cgroup values of one container."""
    limits = amount((container.get("resources") or {}).get("limits"))
    return Resources(
        cpu_shares=cpu_shares(requests_of(container).cpu_milli),
        cpu_quota=cpu_quota(limits.cpu_milli),
        cpu_period=QUOTA_PERIOD_US if limits.cpu_milli else 0,
        memory_limit_bytes=limits.memory_bytes,
        oom_score_adj=oom_score_adj(pod, container, node_memory),
    )


def sandbox_resources(pod: JsonObject) -> Resources:
    """The pod's cgroup: shares of all requests, limits only where every container has one."""
    specs = [c for c, role in desired.containers(pod) if role in (Role.SIDECAR, Role.MAIN)]
    limits = [(c.get("resources") or {}).get("limits") or {} for c in specs]
    every = total(amount(limit) for limit in limits)
    cpu = every.cpu_milli if all("cpu" in limit for limit in limits) else 0
    memory = every.memory_bytes if all("memory" in limit for limit in limits) else 0
    for container, role in desired.containers(pod):
        if role is Role.INIT:
            init = amount((container.get("resources") or {}).get("limits"))
            # An init container may be larger than all that follow; one without a limit has none.
            cpu = max(cpu, init.cpu_milli) if cpu and init.cpu_milli else 0
            memory = max(memory, init.memory_bytes) if memory and init.memory_bytes else 0
    return Resources(
        cpu_shares=cpu_shares(pod_requests(pod).cpu_milli),
        cpu_quota=cpu_quota(cpu),
        cpu_period=QUOTA_PERIOD_US if cpu else 0,
        memory_limit_bytes=memory,
    )


def cgroup_parent(pod: JsonObject, root: str) -> str:
    """Where the pod's cgroup stands: one level per quality of service, as in Kubernetes."""
    qos = qos_class(pod)
    level = "" if qos == "Guaranteed" else f"/{qos.lower()}"
    return f"{root}{level}/pod{desired.uid(pod)}"
