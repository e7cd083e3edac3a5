"""Replicas of one owner apart, and constraints that would like to hold. Pure.

Kubernetes' formula: for each constraint the pods that it counts in the row's domain, weighted by
the logarithm of the number of domains, plus maxSkew - 1; the fewest score 100. A pod without constraints
has those of Kubernetes' defaults (nodes, then zones), counting the pods of its controller.
"""

import math

import numpy as np
import numpy.typing as npt

from scheduler.filters import spread as constraint
from scheduler.snapshot import ZONE, Snapshot
from scheduler.views import PodInfo

Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]

NODE_SKEW = 3
ZONE_SKEW = 5
"""maxSkew of the default constraints."""


def _weight(domains: int) -> float:
    """So that a pod more in one of few zones counts about as much as one more on one of many nodes."""
    return math.log(domains + 2)


def _fewest_first(counts: Scores) -> Scores:
    most, least = counts.max(initial=0.0), counts.min(initial=math.inf)
    return 100.0 * (most + least - counts) / most if most else np.full(len(counts), 100.0)


def of_siblings(pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Scores | None:
    """Fewer pods of the same controller: on the node, and in its zone if there are zones."""
    if not pod.owner_uid or pod.spec.get("topologySpreadConstraints"):
        return None
    here = snapshot.siblings(pod.owner_uid)
    total = here[rows] * _weight(rows.size) + (NODE_SKEW - 1)
    zones = snapshot.column(ZONE)
    if number := zones.domains(rows):
        nearby = zones.sums(here)[zones.codes[rows]]
        total += nearby * _weight(number) + (ZONE_SKEW - 1)
    return _fewest_first(total)


def by_constraints(pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Scores | None:
    """ScheduleAnyway constraints: emptier domains first; where a label lacks, last."""
    soft = constraint.constraints(pod, "ScheduleAnyway")
    if not soft:
        return None
    total = np.zeros(rows.size)
    outside = np.zeros(rows.size, np.bool_)
    for each in soft:
        counts, there = constraint.by_domain(pod, each, snapshot)
        codes = snapshot.column(each["topologyKey"]).codes[rows]
        skew = each.get("maxSkew", 1) - 1
        total += counts[codes] * _weight(int(np.count_nonzero(there))) + skew
        outside |= ~there[codes]
    scores = np.zeros(rows.size)
    if not outside.all():
        scores[~outside] = _fewest_first(total[~outside])
    return scores
