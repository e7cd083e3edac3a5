"""How fast and how far the number of replicas may follow an estimate. Pure.

Rules are those of `spec.behavior` (autoscaling/v2, KEP-853): a window in which the most careful of
the recent recommendations holds, and policies that bound what changes in a period. The history
lives in the controller's memory, as in Kubernetes: a restart forgets it.
"""

from dataclasses import dataclass, field

from apimachinery.quantity import Quantity
from apimachinery.wire import JsonObject

DOWN_WINDOW_SECONDS = 300.0
"""Without a window of its own, scaling down waits so long (Kubernetes' number)."""

PERIOD_MAX_SECONDS = 3600.0
"""The longest window or period that the API allows: older history says nothing."""

HISTORY_MAX = 512
"""Entries kept: an hour of looks at 15 s is 240, and looks at changes come on top."""


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `value` pods, or percent of the pods, in `period` seconds."""

    percent: bool
    value: int
    period: float


@dataclass(frozen=True, slots=True)
class Direction:
    """The rules for one way."""

    window: float
    select: str
    """Max, Min or Disabled."""
    policies: tuple[Policy, ...]
    tolerance: float | None = None


_PERCENT = Policy(True, 100, 15.0)
UP = Direction(0.0, "Max", (Policy(False, 4, 15.0), _PERCENT))
DOWN = Direction(DOWN_WINDOW_SECONDS, "Max", (_PERCENT,))


def direction_of(rules: JsonObject | None, default: Direction) -> Direction:
    """What the spec says, completed."""
    if not rules:
        return default
    policies = tuple(
        Policy(one["type"] == "Percent", int(one["value"]), float(one["periodSeconds"]))
        for one in rules.get("policies") or ()
    )
    window = rules.get("stabilizationWindowSeconds")
    tolerance = rules.get("tolerance")
    return Direction(
        default.window if window is None else float(window),
        rules.get("selectPolicy") or "Max",
        policies or default.policies,
        None if tolerance is None else Quantity.parse(tolerance).milli() / 1000,
    )


@dataclass(slots=True)
class History:
    """What was recommended and done lately; times are epoch seconds."""

    recommended: list[tuple[float, int]] = field(default_factory=list)
    changes: list[tuple[float, int]] = field(default_factory=list)
    """By how many pods the number was changed; down is negative."""

    def recommend(self, replicas: int, now: float) -> None:
        self.recommended = _recent([*self.recommended, (now, replicas)], now)

    def changed(self, by: int, now: float) -> None:
        self.changes = _recent([*self.changes, (now, by)], now)


def _recent(entries: list[tuple[float, int]], now: float) -> list[tuple[float, int]]:
    return [one for one in entries if now - one[0] <= PERIOD_MAX_SECONDS][-HISTORY_MAX:]


@dataclass(frozen=True, slots=True)
class Bounded:
    """How many replicas it becomes, and what held it back."""

    replicas: int
    stabilized: str = ""
    """ScaleUpStabilized or ScaleDownStabilized where recent recommendations held it."""
    limited: str = ""
    """Reason of ScalingLimited; empty = nothing limits."""


def bound(
    wanted: int,
    current: int,
    least: int,
    most: int,
    up: Direction,
    down: Direction,
    history: History,
    now: float,
) -> Bounded:
    """The next number of replicas. `history` has the present recommendation already."""
    steady = _steady(wanted, current, up, down, history, now)
    stabilized = ""
    if steady != wanted:
        stabilized = "ScaleDownStabilized" if steady > wanted else "ScaleUpStabilized"
    if steady > current:
        allowed = max(_ceiling(current, up, history, now), current)
        replicas, limited = _clip_up(steady, allowed, most)
    elif steady < current:
        allowed = min(_floor(current, down, history, now), current)
        replicas, limited = _clip_down(steady, allowed, least)
    else:
        replicas, limited = steady, ""
    return Bounded(replicas, stabilized, limited)


def _clip_up(steady: int, allowed: int, most: int) -> tuple[int, str]:
    if allowed < most:
        return (allowed, "ScaleUpLimit") if steady > allowed else (steady, "")
    return (most, "TooManyReplicas") if steady > most else (steady, "")


def _clip_down(steady: int, allowed: int, least: int) -> tuple[int, str]:
    if allowed > least:
        return (allowed, "ScaleDownLimit") if steady < allowed else (steady, "")
    return (least, "TooFewReplicas") if steady < least else (steady, "")


def _steady(
    wanted: int, current: int, up: Direction, down: Direction, history: History, now: float
) -> int:
    """Up to the least that was recommended within the one window, down to the most of the other."""
    rise = min((n for at, n in history.recommended if at > now - up.window), default=wanted)
    fall = max((n for at, n in history.recommended if at > now - down.window), default=wanted)
    steady = max(current, min(rise, wanted)) if wanted > current else current
    return min(current, max(fall, wanted)) if wanted < current else steady


def _ceiling(current: int, up: Direction, history: History, now: float) -> int:
    if up.select == "Disabled":
        return current
    found = []
    for policy in up.policies:
        before = _before(current, policy, history, now)
        share = -(-before * (100 + policy.value) // 100)
        found.append(share if policy.percent else before + policy.value)
    return min(found) if up.select == "Min" else max(found)


def _floor(current: int, down: Direction, history: History, now: float) -> int:
    if down.select == "Disabled":
        return current
    found = []
    for policy in down.policies:
        before = _before(current, policy, history, now)
        share = before * (100 - policy.value) // 100
        found.append(share if policy.percent else before - policy.value)
    return max(found) if down.select == "Min" else min(found)


def _before(current: int, policy: Policy, history: History, now: float) -> int:
    """The number at the start of a policy's period."""
    return current - sum(by for at, by in history.changes if at > now - policy.period)
