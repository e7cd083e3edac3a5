"""Host ports that are taken. Pure."""

from collections import Counter

import numpy as np

from scheduler import changes
from scheduler.snapshot import Mask, Snapshot
from scheduler.views import PodInfo


class HostPorts:
    """Two pods can't take the same port of one node."""

    name = "NodePorts"
    helped_by = changes.OF_ROOM

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del snapshot
        return bool(pod.host_ports)

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        mine = pod.host_ports

        def clashes(other: PodInfo) -> bool:
            return any(port.clashes(taken) for taken in other.host_ports for port in mine)

        mask: Mask = snapshot.count(f"ports {mine}", clashes) == 0
        return mask

    def curable(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        del pod
        return snapshot.present

    def explain(self, pod: PodInfo, snapshot: Snapshot, rows: Mask) -> Counter[str]:
        del pod, snapshot
        reason = "node(s) didn't have free ports for the requested pod ports"
        return Counter({reason: int(np.count_nonzero(rows))})
