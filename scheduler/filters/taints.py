"""Taints that a pod does not tolerate. Pure."""

from collections.abc import Iterable

import numpy as np

from apimachinery.wire import JsonObject
from scheduler.snapshot import Mask, Row, Snapshot
from scheduler.views import PodInfo, Taint

HARD = ("NoSchedule", "NoExecute")


def tolerates(tolerations: Iterable[JsonObject], taint: Taint) -> bool:
    """Whether one of the tolerations matches the taint (Kubernetes' rules)."""
    return any(_matches(toleration, taint) for toleration in tolerations)


def _matches(toleration: JsonObject, taint: Taint) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.effect:
        return False
    if toleration.get("key") and toleration["key"] != taint.key:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == taint.value


class Taints:
    """NoSchedule and NoExecute."""

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del pod, snapshot
        return True

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        mask = np.zeros(len(snapshot.places), np.bool_)
        for row, place in snapshot.everywhere():
            mask[row] = not place.node.taints or self._untolerated(pod, place.node.taints) is None
        return mask

    def explain(self, pod: PodInfo, snapshot: Snapshot, row: Row) -> tuple[str, ...]:
        place = snapshot.places[row]
        assert place is not None
        taint = self._untolerated(pod, place.node.taints)
        assert taint is not None
        return (f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}",)

    def _untolerated(self, pod: PodInfo, taints: Iterable[Taint]) -> Taint | None:
        tolerations = pod.spec.get("tolerations") or ()
        hard = (taint for taint in taints if taint.effect in HARD)
        return next((taint for taint in hard if not tolerates(tolerations, taint)), None)
