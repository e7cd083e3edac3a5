"""Claims that a pod can't start without, and volumes that are of use on some nodes only. Pure."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from scheduler import changes
from scheduler.claims import Claim, Volume
from scheduler.filters import affinity
from scheduler.snapshot import Mask, Snapshot
from scheduler.views import PodInfo

CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
NOTHING = "node(s) didn't find available persistent volumes to bind"
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"


class Volumes:
    """Every claim is there; its volume can be used on the node, or one that it could get."""

    name = "VolumeBinding"
    helped_by = frozenset({changes.Change.NODE, changes.Change.VOLUME})

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del snapshot
        return bool(pod.claims)

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        if self.refusal(pod, snapshot):
            return np.zeros_like(snapshot.present)
        return _bound(pod, snapshot) & _bindable(pod, snapshot)

    def refusal(self, pod: PodInfo, snapshot: Snapshot) -> str:
        """Why the pod can run on no node at all; empty if it may."""
        for name, claim in _claims(pod, snapshot):
            if claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            if claim.deleting:
                return f'persistentvolumeclaim "{name}" is being deleted'
            if not claim.volume and not snapshot.storage.is_lazy(claim):
                return UNBOUND
        return ""

    def explain(self, pod: PodInfo, snapshot: Snapshot, rows: Mask) -> Counter[str]:
        refusal = self.refusal(pod, snapshot)
        if refusal:
            return Counter({refusal: int(np.count_nonzero(rows))})
        reachable = _bound(pod, snapshot)
        found = Counter({
            CONFLICT: int(np.count_nonzero(rows & ~reachable)),
            NOTHING: int(np.count_nonzero(rows & reachable)),
        })  # fmt: skip
        return +found


def _claims(pod: PodInfo, snapshot: Snapshot) -> Iterator[tuple[str, Claim | None]]:
    for name in pod.claims:
        yield name, snapshot.storage.claims.get(f"{pod.namespace}/{name}")


def _bound(pod: PodInfo, snapshot: Snapshot) -> Mask:
    """Where the volumes that its claims have can be used."""
    mask = snapshot.present.copy()
    for _, claim in _claims(pod, snapshot):
        volume = snapshot.storage.volumes.get(claim.volume) if claim else None
        if volume is not None:
            mask &= _reach(volume, snapshot)
    return mask


def _bindable(pod: PodInfo, snapshot: Snapshot) -> Mask:
    """Where there is a volume for each claim that has none yet, or one will be made."""
    storage = snapshot.storage
    mask = snapshot.present.copy()
    for _, claim in _claims(pod, snapshot):
        if claim is None or claim.volume or storage.is_made(claim):
            continue
        found = np.zeros_like(mask)
        for volume in storage.suiting(claim):
            found |= _reach(volume, snapshot)
        mask &= found
    return mask


def _reach(volume: Volume, snapshot: Snapshot) -> Mask:
    if volume.terms is None:
        return snapshot.present
    return affinity.any_term(volume.terms, snapshot)
