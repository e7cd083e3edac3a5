"""Cordoned nodes. Pure."""

from collections import Counter

import numpy as np

from scheduler import changes
from scheduler.filters import taints
from scheduler.snapshot import Mask, Snapshot
from scheduler.views import PodInfo, Taint

UNSCHEDULABLE = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
"""A cordoned node counts as tainted with this: daemons tolerate it."""


class Unschedulable:
    """`kubectl cordon`."""

    name = "NodeUnschedulable"
    helped_by = changes.OF_NODES

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del snapshot
        return not taints.tolerates(pod.spec.get("tolerations") or (), UNSCHEDULABLE)

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        del pod
        mask: Mask = ~snapshot.cordoned
        return mask

    def explain(self, pod: PodInfo, snapshot: Snapshot, rows: Mask) -> Counter[str]:
        del pod, snapshot
        return Counter({"node(s) were unschedulable": int(np.count_nonzero(rows))})
