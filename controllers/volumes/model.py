"""Claims, volumes and storage classes as their loop sees them. Pure.

Neighbours: `volumes.plan` matches them, `volumes.controller` keeps them by name.
"""

from dataclasses import dataclass

from apimachinery import labels
from apimachinery.quantity import Quantity
from apimachinery.wire import JsonObject
from controllers import views

LOCAL = "local.bireme.dev"
"""Provisioner and driver of volumes on a node's own disk: the agent keeps a directory for each."""

LAZY = "WaitForFirstConsumer"

BOUND_BY_US = "pv.kubernetes.io/bound-by-controller"
COMPLETED = "pv.kubernetes.io/bind-completed"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
PROVISIONER = "volume.kubernetes.io/storage-provisioner"
"""What external provisioners look for at a claim."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One PersistentVolumeClaim."""

    meta: views.Meta
    volume: str
    """spec.volumeName; empty until it is bound."""
    storage_class: str | None
    """None: the claim names no class and takes volumes without one, as the empty name does."""
    modes: frozenset[str]
    request: str
    """How much is asked for, as it is spelled."""
    size: int
    """The same in bytes."""
    selector: labels.Selector
    volume_mode: str
    completed: bool
    """It was bound once: losing its volume is a loss of data."""
    annotations: JsonObject
    status: JsonObject

    @property
    def phase(self) -> str:
        return str(self.status.get("phase") or "Pending")


def claim_of(obj: JsonObject) -> Claim:
    spec = obj.get("spec") or {}
    annotations = obj["metadata"].get("annotations") or {}
    requests = (spec.get("resources") or {}).get("requests") or {}
    return Claim(
        meta=views.meta_of(obj),
        volume=spec.get("volumeName") or "",
        storage_class=spec.get("storageClassName"),
        modes=frozenset(spec.get("accessModes") or ()),
        request=str(requests.get("storage") or "0"),
        size=Quantity.parse(requests.get("storage") or "0").value(),
        selector=labels.from_label_selector(spec.get("selector") or {}),
        volume_mode=spec.get("volumeMode") or "Filesystem",
        completed=COMPLETED in annotations,
        annotations=annotations,
        status=obj.get("status") or {},
    )


@dataclass(frozen=True, slots=True)
class Volume:
    """One PersistentVolume."""

    meta: views.Meta
    storage_class: str
    modes: frozenset[str]
    size: int
    """Bytes."""
    volume_mode: str
    reclaim: str
    claim_key: str
    """namespace/name of the claim that it is kept for; empty = anybody's."""
    claim_uid: str
    """Empty also where somebody kept it for a claim by name alone."""
    terms: tuple[JsonObject, ...] | None
    """Nodes that can reach it; None = all."""
    provisioner: str
    handle: str
    """The directory that an agent keeps for it; empty for volumes that are not ours."""
    phase: str
    capacity: JsonObject
    access_modes: tuple[str, ...]


def volume_of(obj: JsonObject) -> Volume:
    spec = obj.get("spec") or {}
    claim = spec.get("claimRef") or {}
    required = (spec.get("nodeAffinity") or {}).get("required")
    csi = spec.get("csi") or {}
    name = claim.get("name") or ""
    return Volume(
        meta=views.meta_of(obj),
        storage_class=spec.get("storageClassName") or "",
        modes=frozenset(spec.get("accessModes") or ()),
        size=Quantity.parse((spec.get("capacity") or {}).get("storage") or "0").value(),
        volume_mode=spec.get("volumeMode") or "Filesystem",
        reclaim=spec.get("persistentVolumeReclaimPolicy") or "Retain",
        claim_key=f"{claim.get('namespace')}/{name}" if name else "",
        claim_uid=claim.get("uid") or "",
        terms=tuple(required.get("nodeSelectorTerms") or ()) if required else None,
        provisioner=(obj["metadata"].get("annotations") or {}).get(PROVISIONED_BY) or "",
        handle=str(csi.get("volumeHandle") or "") if csi.get("driver") == LOCAL else "",
        phase=(obj.get("status") or {}).get("phase") or "",
        capacity=spec.get("capacity") or {},
        access_modes=tuple(spec.get("accessModes") or ()),
    )


@dataclass(frozen=True, slots=True)
class StorageClass:
    """One StorageClass."""

    name: str
    provisioner: str
    lazy: bool
    """Bind only once a pod that uses the claim has a node."""
    reclaim: str


def class_of(obj: JsonObject) -> StorageClass:
    return StorageClass(
        name=obj["metadata"]["name"],
        provisioner=obj.get("provisioner") or "",
        lazy=obj.get("volumeBindingMode") == LAZY,
        reclaim=obj.get("reclaimPolicy") or "Delete",
    )
