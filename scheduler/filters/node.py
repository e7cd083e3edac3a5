"""Cordoned nodes. Pure."""

import numpy as np

from scheduler.filters import taints
from scheduler.snapshot import Mask, Row, Snapshot
from scheduler.views import PodInfo, Taint

UNSCHEDULABLE = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
"""A cordoned node counts as tainted with this: daemons tolerate it."""


class Unschedulable:
    """`kubectl cordon`."""

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del snapshot
        return not taints.tolerates(pod.spec.get("tolerations") or (), UNSCHEDULABLE)

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        del pod
        mask = np.zeros(len(snapshot.places), np.bool_)
        for row, place in snapshot.everywhere():
            mask[row] = not place.node.unschedulable
        return mask

    def explain(self, pod: PodInfo, snapshot: Snapshot, row: Row) -> tuple[str, ...]:
        del pod, snapshot, row
        return ("node(s) were unschedulable",)
