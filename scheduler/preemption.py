"""Which pods have to go so that a more important one can run. Pure.

Kubernetes' rules: only pods of lower priority are victims, and as few as needed; of the nodes where
that works the one with the fewest broken disruption budgets is taken, then the one whose most
important victim is least so, then the smallest sum of priorities, the fewest victims, the latest
start. Tasks of frameworks that take offers themselves are never victims.

Trials book victims out of the snapshot and in again; it is unchanged when `plan` returns.
Neighbours: `placement` says what is feasible, `budgets`; `service` carries a plan out.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scheduler import budgets as budgeting
from scheduler import filters
from scheduler.budgets import Budget
from scheduler.filters.resources import covers
from scheduler.placement import Placer, unavailable
from scheduler.snapshot import Amounts, Mask, Row
from scheduler.views import PodInfo

TRIALS_MAX = 100
"""Nodes tried for one pod, unless all of them break a budget (Kubernetes: at least as many)."""
TRIALS_BROKEN_MAX = 400
"""Nodes tried in search of one that breaks no budget."""
COSTLY_TRIALS_MAX = 16
"""The same where company or ports matter: such a trial asks all filters for each victim."""
NEVER = "not eligible due to preemptionPolicy=Never."
ENDING = "not eligible due to a terminating pod on the nominated node."
UNHELPFUL = "Preemption is not helpful for scheduling"
NOBODY = "No preemption victims found for incoming pod"
LEAST = 1 << 31
"""Added to each priority in a sum, so that more victims are always more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Evict these, and the pod fits on the node."""

    pod: PodInfo
    node: str
    victims: tuple[PodInfo, ...]
    violations: int
    """Victims whose budget is spent."""


def plan(pod: PodInfo, placer: Placer, budgets: Sequence[Budget] = (), seed: int = 0) -> Plan | str:
    """A plan for a pod that fits nowhere, or why there is none (as in its condition)."""
    refusal = _not_eligible(pod, placer)
    if refusal:
        return refusal
    snapshot = placer.snapshot
    curable = placer.curable(pod)
    priorities = sorted(p for p in snapshot.evictable if p < pod.priority)
    levels, lower = _levels(pod, placer, curable, priorities)
    fitting = np.flatnonzero(levels >= 0)
    failed: Counter[str] = Counter()
    best: Plan | None = None
    costly = _is_costly(pod, placer)
    # The nodes whose most important victim is least so come first; the seed shifts equals.
    order = np.roll(fitting, -seed % max(fitting.size, 1))
    order = order[np.argsort(levels[order], kind="stable")]
    for turn, row in enumerate(order[: COSTLY_TRIALS_MAX if costly else TRIALS_BROKEN_MAX]):
        if (
            best is not None
            and not best.violations
            and (turn >= TRIALS_MAX or priorities[levels[row]] > _rank(best)[1])
        ):
            break  # what comes now is no better
        found = _trial(pod, placer, int(row), budgets, costly=costly)
        if isinstance(found, Counter):
            failed += found
        elif best is None or _rank(found) < _rank(best):
            best = found
    if best is not None:
        return best
    failed += _short(pod, placer, curable & lower & (levels < 0))
    failed[UNHELPFUL] = int(np.count_nonzero(snapshot.present & ~curable))
    failed[NOBODY] = int(np.count_nonzero(curable & ~lower))
    return unavailable(len(snapshot), +failed)


def _not_eligible(pod: PodInfo, placer: Placer) -> str:
    """Why the pod may evict nobody at the moment; empty if it may."""
    if not pod.preempts:
        return NEVER
    nominated = placer.snapshot.nominations.get(pod.uid)
    row = placer.snapshot.rows.get(nominated.node) if nominated is not None else None
    if row is None:
        return ""
    place = placer.snapshot.place(row)
    ending = any(p.deleting and p.priority < pod.priority for p in place.pods.values())
    return ENDING if ending else ""


# --- the look at all nodes at once


def _levels(
    pod: PodInfo, placer: Placer, curable: Mask, priorities: Sequence[int]
) -> tuple[npt.NDArray[np.int64], Mask]:
    """Per row the rank of the priority up to which all must go, -1 if that does not help.

    And the rows on which there is anybody to evict. Resources only: the trial sees the rest.
    """
    snapshot = placer.snapshot
    wanted = snapshot.vector(pod.requests)
    free = snapshot.allocatable - snapshot.requested
    for row, amounts in placer.kept(pod).items():
        free[row] -= amounts
    levels = np.full(len(free), -1)
    lower = np.zeros(len(free), np.bool_)
    for rank, priority in enumerate(priorities):
        taken = snapshot.evictable[priority]
        free += taken
        lower |= taken.any(axis=1)
        levels[(levels < 0) & curable & lower & covers(free, wanted)] = rank
    return levels, lower


def _short(pod: PodInfo, placer: Placer, rows: Mask) -> Counter[str]:
    """What lacks on rows even without all lower pods."""
    snapshot = placer.snapshot
    free = snapshot.allocatable - snapshot.requested
    for row, amounts in placer.kept(pod).items():
        free[row] -= amounts
    for priority, taken in snapshot.evictable.items():
        if priority < pod.priority:
            free += taken
    return filters.FIT.lacking(snapshot.vector(pod.requests), free[rows], snapshot)


def _is_costly(pod: PodInfo, placer: Placer) -> bool:
    """Whether more than room decides."""
    return any(
        each.applies(pod, placer.snapshot) for each in filters.DYNAMIC if each is not filters.FIT
    )


# --- one node


def _trial(
    pod: PodInfo, placer: Placer, row: Row, budgets: Sequence[Budget], *, costly: bool
) -> Plan | Counter[str]:
    """The victims on one node; why not, if it does not help to evict all that are lower."""
    place = placer.snapshot.place(row)
    lower = sorted(
        (p for p in place.pods.values() if p.priority < pod.priority and not p.is_task),
        key=_importance,
    )
    broken = budgeting.violators(lower, budgets)
    # Those that a budget protects are the first to be spared.
    spared_first = sorted(lower, key=lambda p: p.uid not in broken)
    if costly:
        found = _spare_by_filters(pod, placer, row, spared_first)
        if isinstance(found, Counter):
            return found
        victims = found
    else:
        victims = _spare_by_room(pod, placer, row, spared_first)
    violations = sum(victim.uid in broken for victim in victims)
    return Plan(pod, place.node.name, tuple(victims), violations)


def _importance(pod: PodInfo) -> tuple[int, bool, str]:
    """Sorts the most important first: by priority, then who has run for longest."""
    return (-pod.priority, not pod.started, pod.started)


def _spare_by_room(
    pod: PodInfo, placer: Placer, row: Row, lower: Sequence[PodInfo]
) -> list[PodInfo]:
    """Who has to go where only resources matter."""
    snapshot = placer.snapshot
    free: Amounts = snapshot.allocatable[row] - snapshot.requested[row]
    free = free - placer.kept(pod).get(row, 0)
    amounts = [snapshot.vector(each.requests) for each in lower]
    free = sum(amounts, free)
    wanted = snapshot.vector(pod.requests)
    asked = wanted > 0
    victims = []
    for each, taken in zip(lower, amounts, strict=True):
        if np.all((free - taken)[asked] >= wanted[asked]):
            free = free - taken
        else:
            victims.append(each)
    return victims


def _spare_by_filters(
    pod: PodInfo, placer: Placer, row: Row, lower: Sequence[PodInfo]
) -> list[PodInfo] | Counter[str]:
    """Who has to go, all filters asked for each."""
    snapshot = placer.snapshot
    node = snapshot.place(row).node.name
    away = {each.uid: each for each in lower}
    victims = []
    for each in lower:
        snapshot.take(each.uid)
    try:
        if not placer.feasible(pod)[row]:
            alone = np.zeros_like(snapshot.present)
            alone[row] = True
            return placer.reasons(pod, alone)[0]
        for each in lower:
            snapshot.put(each, node)
            if placer.feasible(pod)[row]:
                del away[each.uid]
            else:
                snapshot.take(each.uid)
                victims.append(each)
    finally:
        for each in away.values():
            snapshot.put(each, node)
    return victims


def _rank(plan: Plan) -> tuple[int, int, int, int, "_Later"]:
    """The smallest is the best; Kubernetes' order of criteria."""
    priorities = [victim.priority for victim in plan.victims]
    highest = max(priorities, default=-LEAST)
    starts = [v.started for v in plan.victims if v.priority == highest and v.started]
    return (
        plan.violations,
        highest,
        sum(priority + LEAST for priority in priorities),
        len(priorities),
        _Later(min(starts, default="")),
    )


@dataclass(frozen=True, slots=True)
class _Later:
    """A time that sorts before earlier ones."""

    time: str

    def __lt__(self, other: "_Later") -> bool:
        return self.time > other.time
