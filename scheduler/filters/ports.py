"""Host ports that are taken. Pure."""

import numpy as np

from scheduler.snapshot import Mask, Row, Snapshot
from scheduler.views import PodInfo


class HostPorts:
    """Two pods can't take the same port of one node."""

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del snapshot
        return bool(pod.host_ports)

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        mask = np.zeros(len(snapshot.places), np.bool_)
        for row in snapshot.rows.values():
            taken = list(snapshot.taken_ports(row))
            mask[row] = not any(mine.clashes(other) for mine in pod.host_ports for other in taken)
        return mask

    def explain(self, pod: PodInfo, snapshot: Snapshot, row: Row) -> tuple[str, ...]:
        del pod, snapshot, row
        return ("node(s) didn't have free ports for the requested pod ports",)
