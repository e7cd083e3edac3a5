"""How many replicas a metric asks for, from what pods use now. Pure.

The rules are Kubernetes' (autoscaling/v2): pods that are not ready yet count as using nothing when
the load is high, pods that were not measured count against the change, and within a tolerance
nothing changes. Amounts are thousandths: millicores, and thousandths of a byte.
Neighbours: `autoscaling.metrics` reads, `autoscaling.behavior` bounds the answer.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

TOLERANCE = 0.1
"""Share of the target by which usage may miss it before anything changes (Kubernetes' number)."""

CPU_START_SECONDS = 300.0
"""A pod's use of CPU in its first minutes says little: measured only while it was ready."""

READINESS_DELAY_SECONDS = 30.0
"""A pod that has not become ready within this time of its start has never been ready."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Within which ratios of usage to target nothing changes."""

    down: float = TOLERANCE
    up: float = TOLERANCE

    def holds(self, ratio: float) -> bool:
        return 1 - self.down <= ratio <= 1 + self.up


USUAL = Tolerance()


class NoEstimateError(Exception):
    """Nothing can be said; `reason` is the condition's, the text says why."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Target:
    """A pod of the workload as far as estimates care. Times are epoch seconds, 0 = not yet."""

    name: str
    phase: str
    deleting: bool
    started: float
    ready: bool
    ready_changed: float
    """When the Ready condition last changed; 0 = it has none."""
    requests: Mapping[str, int | None]
    """By container, of the resource in question; None = it asks for nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one pod uses of the resource."""

    value: int
    at: float
    window: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one metric asks for, and what `status.currentMetrics` tells of it."""

    replicas: int
    average: int
    """Per pod, thousandths."""
    utilization: int | None = None
    """Percent of the requests."""


@dataclass(slots=True)
class _Groups:
    ready: int
    unready: set[str]
    missing: set[str]
    measured: dict[str, int]
    """Ready pods' values."""


def by_utilization(
    pods: Sequence[Target],
    readings: Mapping[str, Reading],
    resource: str,
    percent: int,
    current: int,
    now: float,
    tolerance: Tolerance = USUAL,
) -> Estimate:
    """Replicas at which the pods use `percent` of their requests.

    Raises:
        NoEstimateError: nothing measured, or a container that requests nothing.
    """
    groups = _group(pods, readings, resource, now)
    requests = {pod.name: _request(pod, resource) for pod in pods}

    def ratio(values: Mapping[str, int]) -> float:
        asked = sum(requests[name] for name in values)
        return sum(values.values()) * 100 / asked / percent if asked else 1.0

    fill = {name: requests[name] * max(100, percent) // 100 for name in groups.missing}
    replicas = _decide(groups, ratio, fill, current, tolerance)
    used = sum(groups.measured.values())
    asked = sum(requests[name] for name in groups.measured)
    return Estimate(replicas, used // len(groups.measured), used * 100 // asked if asked else 0)


def by_average(
    pods: Sequence[Target],
    readings: Mapping[str, Reading],
    resource: str,
    target: int,
    current: int,
    now: float,
    tolerance: Tolerance = USUAL,
) -> Estimate:
    """Replicas at which a pod uses `target` on average. Raises NoEstimateError."""
    groups = _group(pods, readings, resource, now)

    def ratio(values: Mapping[str, int]) -> float:
        return sum(values.values()) / len(values) / target if values else 1.0

    fill = dict.fromkeys(groups.missing, target)
    replicas = _decide(groups, ratio, fill, current, tolerance)
    return Estimate(replicas, sum(groups.measured.values()) // len(groups.measured))


def by_value(
    value: int, target: int, ready: int, current: int, tolerance: Tolerance = USUAL
) -> Estimate:
    """One number of an object or from outside: it is shared by all ready pods."""
    ratio = value / target
    if current == 0:
        return Estimate(_up(ratio), value)
    if tolerance.holds(ratio):
        return Estimate(current, value)
    return Estimate(_up(ratio * ready), value)


def by_share(value: int, target: int, current: int, tolerance: Tolerance = USUAL) -> Estimate:
    """One number of which each pod shall have `target`."""
    average = value // current if current else value
    if current and tolerance.holds(value / (target * current)):
        return Estimate(current, average)
    return Estimate(_up(value / target), average)


def _decide(
    groups: _Groups,
    ratio: Callable[[Mapping[str, int]], float],
    fill: Mapping[str, int],
    current: int,
    tolerance: Tolerance,
) -> int:
    """Replicas for a ratio of usage to target; `fill` is what the unmeasured count as below it."""
    first = ratio(groups.measured)
    rising = first > 1
    if not groups.missing and not (rising and groups.unready):
        return current if tolerance.holds(first) else _up(first * groups.ready)
    values = dict(groups.measured)
    if first < 1:
        values.update(fill)
    elif rising:
        values.update(dict.fromkeys((*groups.missing, *groups.unready), 0))
    second = ratio(values)
    if tolerance.holds(second) or (first < 1) != (second < 1):
        return current
    wanted = _up(second * len(values))
    # What the guesses make of it must not turn the direction round.
    against = wanted > current if second < 1 else wanted < current
    return current if against else wanted


def _up(replicas: float) -> int:
    """Rounded up; what floating point adds to a whole number is no replica."""
    return math.ceil(replicas - 1e-9)


def _group(
    pods: Sequence[Target], readings: Mapping[str, Reading], resource: str, now: float
) -> _Groups:
    groups = _Groups(0, set(), set(), {})
    for pod in pods:
        if pod.deleting or pod.phase in ("Failed", "Succeeded"):
            continue
        reading = readings.get(pod.name)
        if pod.phase == "Pending":
            groups.unready.add(pod.name)
        elif reading is None:
            groups.missing.add(pod.name)
        elif resource == "cpu" and _is_starting(pod, reading, now):
            groups.unready.add(pod.name)
        else:
            groups.ready += 1
            groups.measured[pod.name] = reading.value
    if not groups.measured:
        text = "did not receive metrics for targeted pods (pods might be unready)"
        raise NoEstimateError("FailedGetResourceMetric", text)
    return groups


def _is_starting(pod: Target, reading: Reading, now: float) -> bool:
    """Whether a pod's use of CPU is still that of its start."""
    if not pod.ready_changed or not pod.started:
        return True
    if pod.started + CPU_START_SECONDS > now:
        return not pod.ready or reading.at < pod.ready_changed + reading.window
    return not pod.ready and pod.started + READINESS_DELAY_SECONDS > pod.ready_changed


def _request(pod: Target, resource: str) -> int:
    for container, value in pod.requests.items():
        if value is None:
            text = f"missing request for {resource} in container {container} of Pod {pod.name}"
            raise NoEstimateError("FailedGetResourceMetric", text)
    return sum(value or 0 for value in pod.requests.values())
