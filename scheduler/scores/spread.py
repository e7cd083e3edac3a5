"""Replicas of one owner apart, and constraints that would like to hold. Pure."""

from typing import Any

import numpy as np
import numpy.typing as npt

from scheduler.filters import spread as constraint
from scheduler.snapshot import ZONE, Snapshot
from scheduler.views import PodInfo


def _fewest_first(counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    most = counts.max(initial=0.0)
    return 100.0 * (1.0 - counts / most) if most else np.full(len(counts), 100.0)


def of_siblings(pod: PodInfo, snapshot: Snapshot) -> npt.NDArray[np.float64] | None:
    """Fewer pods of the same controller: on the node first, and in its zone if there are zones."""
    if not pod.owner_uid:
        return None
    here = snapshot.siblings(pod.owner_uid)
    scores = _fewest_first(here)
    zones = snapshot.column(ZONE)
    if zones.numbers:
        nearby = zones.sums(here)[zones.codes]
        scores = scores / 3 + _fewest_first(nearby) * 2 / 3
    return scores


def by_constraints(pod: PodInfo, snapshot: Snapshot) -> npt.NDArray[np.float64] | None:
    """ScheduleAnyway constraints: emptier domains first."""
    soft = constraint.constraints(pod, "ScheduleAnyway")
    if not soft:
        return None
    total = np.zeros(len(snapshot.places))
    for each in soft:
        counts, there = constraint.by_domain(pod, each, snapshot)
        known = np.where(there, counts, counts.max(initial=0))
        total += known[snapshot.column(each["topologyKey"]).codes]
    return _fewest_first(total)
