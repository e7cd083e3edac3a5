"""Emptier nodes first, and those whose resources are used evenly. Pure."""

import numpy as np
import numpy.typing as npt

from scheduler.snapshot import UNASKED, Row, Snapshot
from scheduler.views import PodInfo

Rows = list[Row] | slice


def emptiness(pod: PodInfo, snapshot: Snapshot, rows: Rows) -> npt.NDArray[np.float64]:
    """The mean free part of cpu and memory, plus how alike the used parts are. Rows by themselves.

    Of two resources the standard deviation is half the distance.
    """
    used = [_used(pod, snapshot, rows, index) for index in range(len(UNASKED))]
    free = 1.0 - (used[0] + used[1]) / 2
    even = 1.0 - np.abs(used[0] - used[1]) / 2
    score: npt.NDArray[np.float64] = 100.0 * (free + even)
    return score


def _used(pod: PodInfo, snapshot: Snapshot, rows: Rows, index: int) -> npt.NDArray[np.float64]:
    """The part of a resource in use once the pod is there; 1 where there is none."""
    name, unasked = UNASKED[index]
    wanted = pod.requests.get(name) or unasked
    allocatable = snapshot.allocatable[rows, snapshot.columns[name]]
    part = (snapshot.weighed[rows, index] + wanted) / np.maximum(allocatable, 1)
    return np.minimum(part, 1.0)
