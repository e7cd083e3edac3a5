"""Room for a pod's requests. Pure."""

import numpy as np

from scheduler.snapshot import Mask, Row, Snapshot
from scheduler.views import PodInfo


class Fit:
    """allocatable - requested covers every request."""

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del pod, snapshot
        return True

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        wanted = snapshot.vector(pod.requests)
        asked = wanted > 0
        free = snapshot.allocatable - snapshot.requested
        mask: Mask = np.all(free[:, asked] >= wanted[asked], axis=1)
        return mask

    def explain(self, pod: PodInfo, snapshot: Snapshot, row: Row) -> tuple[str, ...]:
        wanted = snapshot.vector(pod.requests)
        free = snapshot.allocatable[row] - snapshot.requested[row]
        lacking = [n for n, c in snapshot.columns.items() if wanted[c] > 0 and free[c] < wanted[c]]
        return tuple("Too many pods" if n == "pods" else f"Insufficient {n}" for n in lacking)
