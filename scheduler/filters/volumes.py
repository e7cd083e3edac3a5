"""Claims that a pod can't start without, and volumes that are of use on some nodes only. Pure."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from scheduler import changes
from scheduler.claims import Claim
from scheduler.filters import affinity
from scheduler.snapshot import Mask, Snapshot
from scheduler.views import PodInfo

CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"


class Volumes:
    """Every claim is there; what is bound can be used on the node."""

    name = "VolumeBinding"
    helped_by = frozenset({changes.Change.NODE, changes.Change.VOLUME})

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del snapshot
        return bool(pod.claims)

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        if self.refusal(pod, snapshot):
            return np.zeros_like(snapshot.present)
        mask = snapshot.present.copy()
        for _, claim in _claims(pod, snapshot):
            volume = snapshot.storage.volumes.get(claim.volume) if claim else None
            if volume is not None and volume.terms is not None:
                mask &= affinity.any_term(volume.terms, snapshot)
        return mask

    def refusal(self, pod: PodInfo, snapshot: Snapshot) -> str:
        """Why the pod can run on no node at all; empty if it may."""
        for name, claim in _claims(pod, snapshot):
            if claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            if claim.deleting:
                return f'persistentvolumeclaim "{name}" is being deleted'
            if not claim.volume and claim.storage_class not in snapshot.storage.lazy_classes:
                return UNBOUND
        return ""

    def explain(self, pod: PodInfo, snapshot: Snapshot, rows: Mask) -> Counter[str]:
        return Counter({self.refusal(pod, snapshot) or CONFLICT: int(np.count_nonzero(rows))})


def _claims(pod: PodInfo, snapshot: Snapshot) -> Iterator[tuple[str, Claim | None]]:
    for name in pod.claims:
        yield name, snapshot.storage.claims.get(f"{pod.namespace}/{name}")
