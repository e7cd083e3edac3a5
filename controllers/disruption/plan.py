"""What a PodDisruptionBudget's status says. Pure.

The API server lets an eviction pass while `disruptionsAllowed` is above zero, counts it down and
notes the pod in `disruptedPods`; this is where the number comes from. Neighbour:
`disruption.controller` finds the pods and the sizes of their controllers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from apimachinery import intstr, labels, meta
from apimachinery.wire import JsonObject
from controllers import views

DELETION_SECONDS = 120.0
"""How long an evicted pod may take to be deleted before it counts as healthy again."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What is asked for: at least so many available, or at most so many not."""

    meta: views.Meta
    selector: labels.Selector
    min_available: int | str | None
    max_unavailable: int | str | None
    status: JsonObject

    @property
    def needs_scale(self) -> bool:
        """Whether the budget speaks of the controllers' size and not of the pods that exist."""
        return self.max_unavailable is not None or isinstance(self.min_available, str)


def budget_of(obj: JsonObject) -> Budget:
    spec = obj.get("spec") or {}
    return Budget(
        meta=views.meta_of(obj),
        selector=labels.from_label_selector(spec.get("selector")),
        min_available=spec.get("minAvailable"),
        max_unavailable=spec.get("maxUnavailable"),
        status=obj.get("status") or {},
    )


def desired_healthy(budget: Budget, expected: int) -> int:
    """`expected` are the pods that there should be."""
    if budget.max_unavailable is not None:
        missing = intstr.resolve(budget.max_unavailable, expected, round_up=True)
        return max(expected - missing, 0)
    if budget.min_available is not None:
        return intstr.resolve(budget.min_available, expected, round_up=True)
    return 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The status, and when to look again (0 = at the next change)."""

    status: JsonObject
    look_again: float
    kept: tuple[views.Pod, ...]
    """Pods that were evicted and that nobody has deleted since."""


def plan(budget: Budget, pods: Sequence[views.Pod], expected: int, now: float) -> Plan:
    """`pods` are those that the budget selects and that have not finished."""
    pending, kept, look_again = _still_pending(budget, pods, now)
    healthy = sum(
        pod.ready and not pod.meta.deleting and pod.meta.name not in pending for pod in pods
    )
    desired = desired_healthy(budget, expected)
    allowed = max(healthy - desired, 0) if expected > 0 else 0
    status: JsonObject = {
        "observedGeneration": budget.meta.generation,
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "conditions": _conditions(budget, now, allowed=allowed),
    }
    if pending:
        status["disruptedPods"] = pending
    return Plan(status, look_again, kept)


def failed(budget: Budget, message: str, now: float) -> JsonObject:
    """The status when the size of a controller cannot be found out: nothing may be disrupted."""
    new = _condition(budget, "False", "SyncFailed", message)
    conditions = meta.set_condition(budget.status.get("conditions"), new, now)
    counts = {
        name: budget.status.get(name, 0)
        for name in ("currentHealthy", "desiredHealthy", "expectedPods")
    }
    return budget.status | counts | {"disruptionsAllowed": 0, "conditions": conditions}


def _still_pending(
    budget: Budget, pods: Sequence[views.Pod], now: float
) -> tuple[dict[str, str], tuple[views.Pod, ...], float]:
    """Evicted pods that are still to be deleted, those overdue, and when the next one is."""
    live = {pod.meta.name: pod for pod in pods if not pod.meta.deleting}
    pending: dict[str, str] = {}
    overdue: list[views.Pod] = []
    waits: list[float] = []
    for name, stamp in (budget.status.get("disruptedPods") or {}).items():
        left = views.time_of(stamp) + DELETION_SECONDS - now
        if name in live and left > 0:
            pending[name] = stamp
            waits.append(left)
        elif name in live:
            overdue.append(live[name])
    return pending, tuple(overdue), min(waits, default=0.0)


def _conditions(budget: Budget, now: float, *, allowed: int) -> list[JsonObject]:
    enough = allowed > 0
    new = _condition(
        budget,
        "True" if enough else "False",
        "SufficientPods" if enough else "InsufficientPods",
        "",
    )
    return meta.set_condition(budget.status.get("conditions"), new, now)


def _condition(budget: Budget, value: str, reason: str, message: str) -> JsonObject:
    return {
        "type": "DisruptionAllowed",
        "status": value,
        "observedGeneration": budget.meta.generation,
        "reason": reason,
        "message": message,
    }
