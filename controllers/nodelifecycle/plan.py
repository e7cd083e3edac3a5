"""What a node's silence or trouble means: conditions, taints, and how long pods may stay. Pure.

A node that gives no sign of life for the grace period is Unknown in every condition. Conditions
and the unschedulable flag show as taints; NoExecute taints drive pods away, each after the time
that it tolerates. When all nodes seem gone the fault is probably ours, and nobody is driven away;
where most of a zone's are, few are. Neighbour: `nodelifecycle.controller` keeps the time and acts.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from apimachinery import meta
from apimachinery.wire import JsonObject
from controllers import views

PREFIX = "node.kubernetes.io/"
NOT_READY, UNREACHABLE = PREFIX + "not-ready", PREFIX + "unreachable"
UNSCHEDULABLE = PREFIX + "unschedulable"

WATCHED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
"""Conditions that nobody vouches for when the node is silent."""

PRESSURE = {
    "MemoryPressure": PREFIX + "memory-pressure",
    "DiskPressure": PREFIX + "disk-pressure",
    "PIDPressure": PREFIX + "pid-pressure",
    "NetworkUnavailable": PREFIX + "network-unavailable",
}

OURS = frozenset(
    {(key, "NoSchedule") for key in (NOT_READY, UNREACHABLE, UNSCHEDULABLE, *PRESSURE.values())}
    | {(key, "NoExecute") for key in (NOT_READY, UNREACHABLE)}
)
"""Taints (key, effect) that this controller sets and removes."""

LARGE_CLUSTER = 50
UNHEALTHY_SHARE = 0.55
"""From this share of silent nodes on the trouble is general (Kubernetes' numbers)."""


def silenced(
    conditions: Sequence[JsonObject], created: float, now: float
) -> list[JsonObject] | None:
    """The conditions of a silent node; None if they say so already."""
    out = list(conditions)
    stamp = meta.format_time(now)
    changed = False
    for kind in WATCHED:
        old = meta.get_condition(out, kind)
        if old is None:
            out.append(
                {
                    "type": kind,
                    "status": "Unknown",
                    "reason": "NodeStatusNeverUpdated",
                    "message": "Kubelet never posted node status.",
                    "lastHeartbeatTime": meta.format_time(created),
                    "lastTransitionTime": stamp,
                }
            )
            changed = True
        elif old.get("status") != "Unknown":
            new = old | {
                "status": "Unknown",
                "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
                "lastTransitionTime": stamp,
            }
            out[out.index(old)] = new
            changed = True
    return out if changed else None


class Eviction(enum.Enum):
    """Whether the node's pods may be driven away now."""

    GO = enum.auto()
    WAIT = enum.auto()
    """Not this node's turn: a NoExecute taint that is there stays, none is added."""
    STOP = enum.auto()
    """The trouble is general: no NoExecute taint of ours."""


def taints(node: views.Node, now: float, eviction: Eviction) -> list[JsonObject] | None:
    """The taints that the node should have; None if it has just these."""
    wanted = {
        (key, effect)
        for key, effect in _wanted_taints(node)
        if effect != "NoExecute" or eviction is not Eviction.STOP
    }
    present = {(one.get("key", ""), one.get("effect", "")): one for one in node.taints}
    out: list[JsonObject] = []
    for identity, taint in present.items():
        if identity not in OURS or identity in wanted:
            out.append(taint)
    for key, effect in sorted(wanted - present.keys()):
        if effect == "NoExecute" and eviction is not Eviction.GO:
            continue
        taint = {"key": key, "effect": effect}
        if effect == "NoExecute":
            taint["timeAdded"] = meta.format_time(now)
        out.append(taint)
    return out if out != list(node.taints) else None


def is_evicting(node: views.Node) -> bool:
    """Whether the node has a NoExecute taint of ours."""
    return any(
        one.get("effect") == "NoExecute" and one.get("key") in (NOT_READY, UNREACHABLE)
        for one in node.taints
    )


def _wanted_taints(node: views.Node) -> Iterable[tuple[str, str]]:
    match node.ready:
        case "Unknown":
            yield UNREACHABLE, "NoSchedule"
            yield UNREACHABLE, "NoExecute"
        case "False":
            yield NOT_READY, "NoSchedule"
            yield NOT_READY, "NoExecute"
        case "":
            # A node that has not reported yet takes no pods, and has none to drive away.
            yield NOT_READY, "NoSchedule"
        case _:
            pass
    for kind, key in PRESSURE.items():
        if meta.condition_is_true(node.conditions, kind):
            yield key, "NoSchedule"
    if node.unschedulable:
        yield UNSCHEDULABLE, "NoSchedule"


class Disruption(enum.Enum):
    """How many nodes are in trouble at once."""

    NORMAL = enum.auto()
    PARTIAL = enum.auto()
    FULL = enum.auto()


def disruption(ready: int, unready: int) -> Disruption:
    """From the counts of nodes."""
    if unready > 0 and ready == 0:
        return Disruption.FULL
    if unready > 2 and unready / (ready + unready) >= UNHEALTHY_SHARE:
        return Disruption.PARTIAL
    return Disruption.NORMAL


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between the evictions of two nodes of a zone; None = never."""

    normal: float | None = 10.0
    partial: float | None = 100.0

    def interval(self, state: Disruption, nodes: int) -> float | None:
        """For a zone in a state. One that is gone whole while others stand is simply lost."""
        if state is not Disruption.PARTIAL:
            return self.normal
        return self.partial if nodes > LARGE_CLUSTER else None


def stay_until(pod: views.Pod, node: views.Node, since: float) -> float | None:
    """The epoch second at which the pod has to leave its node; None = it may stay.

    What a pod tolerates for a while counts from `since`, when it was first seen to have to leave.
    Taints of ours tell their time themselves, so that a new leader does not begin anew.
    """
    dues = []
    for taint in node.taints:
        if taint.get("effect") != "NoExecute":
            continue
        toleration = next((one for one in pod.tolerations if tolerates(one, taint)), None)
        if toleration is None:
            return 0.0
        seconds = toleration.get("tolerationSeconds")
        if seconds is not None:
            ours = (taint.get("key"), "NoExecute") in OURS
            added = views.time_of(taint.get("timeAdded")) if ours else 0.0
            began = max(added, pod.meta.created) if added else since
            dues.append(began + max(seconds, 0))
    return min(dues, default=None)


def tolerates(toleration: Mapping[str, object], taint: Mapping[str, object]) -> bool:
    effect, key = toleration.get("effect") or "", toleration.get("key") or ""
    if effect and effect != taint.get("effect"):
        return False
    if key and key != taint.get("key"):
        return False
    if (toleration.get("operator") or "Equal") == "Exists":
        return True
    return bool(key) and (toleration.get("value") or "") == (taint.get("value") or "")
