"""Room for a pod's requests. Pure."""

from collections import Counter

import numpy as np

from scheduler.snapshot import Amounts, Mask, Row, Snapshot
from scheduler.views import PodInfo


class Fit:
    """allocatable - requested covers every request."""

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del pod, snapshot
        return True

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        return covers(snapshot.allocatable - snapshot.requested, snapshot.vector(pod.requests))

    def of_rows(self, wanted: Amounts, snapshot: Snapshot, rows: list[Row]) -> Mask:
        """The mask for some rows only: it depends on nothing else."""
        return covers(snapshot.allocatable[rows] - snapshot.requested[rows], wanted)

    def curable(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        return covers(snapshot.allocatable, snapshot.vector(pod.requests))

    def explain(self, pod: PodInfo, snapshot: Snapshot, rows: Mask) -> Counter[str]:
        wanted = snapshot.vector(pod.requests)
        free = snapshot.allocatable[rows] - snapshot.requested[rows]
        found: Counter[str] = Counter()
        for name, column in snapshot.columns.items():
            if wanted[column] > 0:
                lacking = int(np.count_nonzero(free[:, column] < wanted[column]))
                found["Too many pods" if name == "pods" else f"Insufficient {name}"] = lacking
        return +found


def covers(amounts: Amounts, wanted: Amounts) -> Mask:
    """Which rows of `amounts` have all that is wanted; what is not wanted may be overdrawn."""
    mask = np.ones(len(amounts), np.bool_)
    for column in np.flatnonzero(wanted > 0):
        mask &= amounts[:, column] >= wanted[column]
    return mask
