"""Taints that a pod does not tolerate. Pure."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from apimachinery.wire import JsonObject
from scheduler import changes
from scheduler.snapshot import Mask, Snapshot
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

    name = "TaintToleration"
    helped_by = changes.OF_NODES

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del pod, snapshot
        return True

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        borne = [self._untolerated(pod, taints) is None for taints in snapshot.taints]
        mask: Mask = np.array(borne, np.bool_)[snapshot.taint_codes]
        return mask

    def explain(self, pod: PodInfo, snapshot: Snapshot, rows: Mask) -> Counter[str]:
        del pod, snapshot
        # Which ones is not said: who may not see nodes shall not learn of their taints.
        return Counter({"node(s) had untolerated taint(s)": int(np.count_nonzero(rows))})

    def _untolerated(self, pod: PodInfo, taints: Iterable[Taint]) -> Taint | None:
        tolerations = pod.spec.get("tolerations") or ()
        hard = (taint for taint in taints if taint.effect in HARD)
        return next((taint for taint in hard if not tolerates(tolerations, taint)), None)
