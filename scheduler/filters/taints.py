"""Taints that a pod does not tolerate. Pure."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from apimachinery.wire import JsonObject
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

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del pod, snapshot
        return True

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        borne = [self._untolerated(pod, taints) is None for taints in snapshot.taints]
        mask: Mask = np.array(borne, np.bool_)[snapshot.taint_codes]
        return mask

    def explain(self, pod: PodInfo, snapshot: Snapshot, rows: Mask) -> Counter[str]:
        found: Counter[str] = Counter()
        for code, count in enumerate(np.bincount(snapshot.taint_codes[rows])):
            taint = self._untolerated(pod, snapshot.taints[code])
            if count and taint is not None:
                reason = f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}"
                found[reason] += int(count)
        return found

    def _untolerated(self, pod: PodInfo, taints: Iterable[Taint]) -> Taint | None:
        tolerations = pod.spec.get("tolerations") or ()
        hard = (taint for taint in taints if taint.effect in HARD)
        return next((taint for taint in hard if not tolerates(tolerations, taint)), None)
