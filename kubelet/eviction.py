"""Which pod a node under pressure ends, and why: signals and pods in, a verdict out. Pure.

Thresholds are Kubernetes' defaults. A pod that uses more than it asked for goes before those that
keep to it, then the less important, then by how far it is over. Neighbours: `kubelet.pressure` measures
and carries out, `kubelet.node_status` shows the conditions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from apimachinery import qos, requests
from apimachinery.quantity import Quantity
from apimachinery.wire import JsonObject
from kubelet import desired as reading

MEMORY, DISK, PIDS = "MemoryPressure", "DiskPressure", "PIDPressure"
EPHEMERAL = "ephemeral-storage"
EVICTED = "Evicted"
CRITICAL_PRIORITY = 2_000_000_000
"""Pods of the cluster itself: the node cannot do without them."""
TRANSITION_S = 300.0
"""A condition stays this long after its signal is well again: it must not flap."""
PRESSURE_TAINTS = {
    MEMORY: "node.kubernetes.io/memory-pressure",
    DISK: "node.kubernetes.io/disk-pressure",
    PIDS: "node.kubernetes.io/pid-pressure",
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """Pressure where less than this is free."""

    signal: str
    condition: str
    resource: str
    """As messages name it."""
    part: float = 0.0
    """Of the whole."""
    most: int = 0
    """Where that much is free there is no want, however large the whole; 0 is no bound."""

    def quantity(self, capacity: int) -> int:
        """In the signal's unit."""
        asked = int(capacity * self.part)
        if not self.part:
            return self.most
        return min(asked, self.most) if self.most else asked


THRESHOLDS = (
    Threshold("memory.available", MEMORY, "memory", most=100 << 20),
    Threshold("nodefs.available", DISK, EPHEMERAL, part=0.10, most=10 << 30),
    Threshold("nodefs.inodesFree", DISK, "inodes", part=0.05),
    Threshold("imagefs.available", DISK, EPHEMERAL, part=0.15, most=15 << 30),
    Threshold("imagefs.inodesFree", DISK, "inodes", part=0.05),
    Threshold("pid.available", PIDS, "pids", part=0.05),
)
"""Kubernetes' defaults; it bounds no disk's share, and names no default for process ids."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What was measured."""

    available: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Want:
    """A threshold that is met."""

    threshold: Threshold
    available: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What one pod uses of the node, in bytes."""

    pod: JsonObject
    memory: Mapping[str, int] = field(default_factory=dict)
    """Working set by container."""
    files: Mapping[str, int] = field(default_factory=dict)
    """Writable layer and logs by container."""
    volumes: Mapping[str, int] = field(default_factory=dict)
    """Files of emptyDir volumes on disk, by volume."""

    def total(self, resource: str) -> int:
        if resource == requests.MEMORY:
            return sum(self.memory.values())
        return sum(self.files.values()) + sum(self.volumes.values())


@dataclass(frozen=True, slots=True)
class Verdict:
    """This pod is to end."""

    uid: str
    message: str


def wants(signals: Mapping[str, Signal], thresholds: Sequence[Threshold]) -> list[Want]:
    """The thresholds that are met, in their order."""
    return [
        Want(one, signal.available, quantity)
        for one in thresholds
        if (signal := signals.get(one.signal)) is not None
        and signal.available < (quantity := one.quantity(signal.capacity))
    ]


def lasting(seen_at: Mapping[str, float], now: float) -> frozenset[str]:
    """Conditions that hold: met a short while ago."""
    return frozenset(kind for kind, at in seen_at.items() if now - at < TRANSITION_S)


def critical(pod: JsonObject) -> bool:
    return int(pod["spec"].get("priority") or 0) >= CRITICAL_PRIORITY


def choose(want: Want, pods: Iterable[Usage]) -> Verdict | None:
    """The one pod to end for this want; None where only critical ones are left."""
    resource = want.threshold.resource
    measured = requests.MEMORY if resource == requests.MEMORY else EPHEMERAL

    def order(one: Usage) -> tuple[bool, int, int, str]:
        over = one.total(measured) - requests.of_pod(one.pod["spec"]).get(measured, 0)
        return over <= 0, int(one.pod["spec"].get("priority") or 0), -over, reading.uid(one.pod)

    candidates = sorted((one for one in pods if not critical(one.pod)), key=order)
    if not candidates:
        return None
    first = candidates[0]
    text = (
        f"The node was low on resource: {resource}. "
        f"Threshold quantity: {_shown(want.quantity)}, available: {_shown(want.available)}. "
    )
    return Verdict(reading.uid(first.pod), text + _consumption(first, measured))


def _consumption(one: Usage, resource: str) -> str:
    """Of the containers that use more than they asked for."""
    used = one.memory if resource == requests.MEMORY else one.files
    asked = {
        spec["name"]: requests.of_container(spec).get(resource, 0)
        for spec, _ in reading.containers(one.pod)
    }
    return "".join(
        f"Container {name} was using {_shown(amount)}, request is {_shown(asked.get(name, 0))}, "
        f"has larger consumption of {resource}. "
        for name, amount in used.items()
        if amount > asked.get(name, 0)
    )


def over_limits(one: Usage) -> Verdict | None:
    """A pod whose files are larger than it said they may become."""
    uid, spec = reading.uid(one.pod), one.pod["spec"]
    for volume in spec.get("volumes") or ():
        limit = (volume.get("emptyDir") or {}).get("sizeLimit")
        used = one.volumes.get(volume["name"], 0)
        if limit and Quantity.parse(limit).value() and used > Quantity.parse(limit).value():
            text = f'Usage of EmptyDir volume "{volume["name"]}" exceeds the limit "{limit}". '
            return Verdict(uid, text)
    limits = _file_limits(spec)
    total = sum(limits.values())
    if total and one.total(EPHEMERAL) > total:
        text = "Pod ephemeral local storage usage exceeds the total limit of containers "
        return Verdict(uid, f"{text}{_shown(total)}. ")
    for name, most in limits.items():
        if most and one.files.get(name, 0) > most:
            text = f"Container {name} exceeded its local ephemeral storage limit "
            return Verdict(uid, f'{text}"{_shown(most)}". ')
    return None


def is_bounded(pod: JsonObject) -> bool:
    """Whether `over_limits` can ever find anything: only such pods' files are counted."""
    spec = pod["spec"]
    sized = any(
        (volume.get("emptyDir") or {}).get("sizeLimit") for volume in spec.get("volumes") or ()
    )
    return sized or any(_file_limits(spec).values())


def _file_limits(spec: JsonObject) -> dict[str, int]:
    found = {}
    for container in spec.get("containers") or ():
        limit = ((container.get("resources") or {}).get("limits") or {}).get(EPHEMERAL)
        found[container["name"]] = Quantity.parse(limit).value() if limit else 0
    return found


def refusal(pod: JsonObject, pressed: frozenset[str]) -> str:
    """Why a node under pressure takes no such pod; empty if it does."""
    if not pressed or critical(pod):
        return ""
    held = pressed
    if MEMORY in held:
        tolerant = any(
            one.get("key") in (None, "", PRESSURE_TAINTS[MEMORY])
            for one in pod["spec"].get("tolerations") or ()
        )
        if tolerant or qos.qos_class(pod["spec"]) != qos.BEST_EFFORT:
            held = held - {MEMORY}
    held = held - {PIDS}
    return f"The node had condition: [{' '.join(sorted(held))}]. " if held else ""


def _shown(amount: int) -> str:
    """As Kubernetes writes bytes: the largest binary unit that leaves a whole number."""
    for exponent, unit in ((40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")):
        if amount and amount % (1 << exponent) == 0:
            return f"{amount >> exponent}{unit}"
    return str(amount)
