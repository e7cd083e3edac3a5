"""Whether the node can take one more pod: the last guard behind the scheduler. Pure.

A pod may come with a nodeName that nobody checked, or two masters may have dealt the same room; the
node refuses what does not fit, and the pod fails with Kubernetes' reasons. Neighbour:
`kubelet.pods` asks once per pod, before anything is made for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apimachinery.wire import JsonObject
from kubelet import resources
from kubelet.options import Capacity
from kubelet.resources import Amount

PREFIX = "Pod was rejected: "


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why the pod fails on this node."""

    reason: str
    message: str


NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class Load:
    """What the node holds already."""

    pods: int = 0
    used: Amount = NOTHING
    host_ports: frozenset[tuple[str, int, str]] = field(default_factory=frozenset)


def load_of(pods: Sequence[JsonObject]) -> Load:
    """The sum over the pods that are admitted and not ended."""
    ports: set[tuple[str, int, str]] = set()
    for pod in pods:
        ports |= resources.host_ports(pod)
    used = resources.total(resources.pod_requests(pod) for pod in pods)
    return Load(len(pods), used, frozenset(ports))


def admit(
    pod: JsonObject, load: Load, capacity: Capacity, node_labels: Mapping[str, str]
) -> Rejection | None:
    """None when the pod may run here."""
    if load.pods + 1 > capacity.pods:
        text = _short("pods", 1, load.pods, capacity.pods)
        return Rejection("OutOfpods", text)
    wants = resources.pod_requests(pod)
    if wants.cpu_milli and load.used.cpu_milli + wants.cpu_milli > capacity.cpu_milli:
        text = _short("cpu", wants.cpu_milli, load.used.cpu_milli, capacity.cpu_milli)
        return Rejection("OutOfcpu", text)
    used = load.used.memory_bytes
    if wants.memory_bytes and used + wants.memory_bytes > capacity.memory_bytes:
        text = _short("memory", wants.memory_bytes, used, capacity.memory_bytes)
        return Rejection("OutOfmemory", text)
    for port in resources.host_ports(pod):
        if any(_collide(port, taken) for taken in load.host_ports):
            text = "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
            return Rejection("NodePorts", text)
    if not matches_node(pod, node_labels):
        text = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
        return Rejection("NodeAffinity", PREFIX + text)
    return None


def _short(name: str, wanted: int, used: int, capacity: int) -> str:
    return (
        f"{PREFIX}Node didn't have enough resource: {name}, "
        f"requested: {wanted}, used: {used}, capacity: {capacity}"
    )


def _collide(one: tuple[str, int, str], other: tuple[str, int, str]) -> bool:
    """Same protocol and port, and an address in common."""
    everywhere = ("", "0.0.0.0")  # noqa: S104  compared, not listened on
    same = one[:2] == other[:2]
    return same and (one[2] == other[2] or one[2] in everywhere or other[2] in everywhere)


def matches_node(pod: JsonObject, node_labels: Mapping[str, str]) -> bool:
    """NodeSelector and required node affinity."""
    spec = pod["spec"]
    selector: Mapping[str, str] = spec.get("nodeSelector") or {}
    if any(node_labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_term(term, node_labels) for term in required.get("nodeSelectorTerms") or ())


def _term(term: JsonObject, node_labels: Mapping[str, str]) -> bool:
    expressions = term.get("matchExpressions") or ()
    fields = term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    name = {"metadata.name": node_labels.get("kubernetes.io/hostname", "")}
    return all(_expression(e, node_labels) for e in expressions) and all(
        _expression(e, name) for e in fields
    )


def _expression(expression: JsonObject, values: Mapping[str, str]) -> bool:
    key, operator = str(expression["key"]), str(expression["operator"])
    given = [str(value) for value in expression.get("values") or ()]
    actual = values.get(key)
    match operator:
        case "In":
            return actual in given
        case "NotIn":
            return actual not in given
        case "Exists":
            return actual is not None
        case "DoesNotExist":
            return actual is None
        case "Gt" | "Lt":
            return _compare(operator, actual, given)
        case _:
            return False


def _compare(operator: str, actual: str | None, given: Sequence[str]) -> bool:
    try:
        left, right = int(actual or ""), int(given[0])
    except (ValueError, IndexError):
        return False
    return left > right if operator == "Gt" else left < right
