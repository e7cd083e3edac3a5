"""Room for a pod's requests. Pure."""

from collections import Counter

import numpy as np

from scheduler import changes
from scheduler.snapshot import Amounts, Mask, Row, Snapshot
from scheduler.views import PodInfo


class Fit:
    """allocatable - requested covers every request."""

    name = "NodeResourcesFit"
    helped_by = changes.OF_ROOM

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
        free = snapshot.allocatable[rows] - snapshot.requested[rows]
        return self.lacking(snapshot.vector(pod.requests), free, snapshot)

    def lacking(self, wanted: Amounts, free: Amounts, snapshot: Snapshot) -> Counter[str]:
        """Which resources lack on how many of these rows."""
        found: Counter[str] = Counter()
        for name, column in snapshot.columns.items():
            if wanted[column] > 0:
                short = int(np.count_nonzero(free[:, column] < wanted[column]))
                found["Too many pods" if name == "pods" else f"Insufficient {name}"] = short
        return +found


def covers(amounts: Amounts, wanted: Amounts) -> Mask:
    """Which rows of `amounts` have all that is wanted; what is not wanted may be overdrawn."""
    mask = np.ones(len(amounts), np.bool_)
    for column in np.flatnonzero(wanted > 0):
        mask &= amounts[:, column] >= wanted[column]
    return mask
