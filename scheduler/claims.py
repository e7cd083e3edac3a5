"""Persistent volume claims, volumes and storage classes as placement reads them. Pure.

Whether a claim has its volume, on which nodes that can be used, and which volumes it could be bound
to. Binding is done elsewhere, for lazy classes once the pod has its node. Neighbours: `snapshot`
holds them, `filters.volumes` asks; `controllers.volumes` binds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from apimachinery import meta
from apimachinery.labels import Selector
from apimachinery.quantity import Quantity
from apimachinery.wire import JsonObject
from scheduler import terms

LAZY = "WaitForFirstConsumer"
"""A storage class with this binds its claims only once a pod that uses them has a node."""
NO_PROVISIONER = "kubernetes.io/no-provisioner"
"""Volumes of such a class are made by people."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One PersistentVolumeClaim."""

    key: str
    """namespace/name"""
    volume: str = ""
    """The volume that it is bound to; empty without one."""
    storage_class: str = ""
    deleting: bool = False
    size: int = 0
    """Bytes."""
    modes: frozenset[str] = frozenset()
    volume_mode: str = "Filesystem"
    selector: Selector | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """One PersistentVolume."""

    terms: tuple[JsonObject, ...] | None = None
    """Where it can be used; None: everywhere."""
    storage_class: str = ""
    claim: str = ""
    """namespace/name of the claim that it is kept for."""
    size: int = 0
    modes: frozenset[str] = frozenset()
    volume_mode: str = "Filesystem"
    labels: Mapping[str, str] = field(default_factory=dict)
    gone: bool = False
    """Released, failed or being deleted."""

    def suits(self, claim: Claim) -> bool:
        """Whether the claim could be bound to it."""
        if self.claim:
            return self.claim == claim.key
        return (
            not self.gone
            and self.storage_class == claim.storage_class
            and self.volume_mode == claim.volume_mode
            and self.size >= claim.size
            and claim.modes <= self.modes
            and (claim.selector is None or claim.selector.matches(self.labels))
        )


@dataclass(frozen=True, slots=True)
class Class:
    """One StorageClass."""

    lazy: bool
    makes: bool
    """Whether volumes are made for claims that find none."""


def read_claim(obj: JsonObject) -> Claim:
    spec, found = obj.get("spec") or {}, obj["metadata"]
    return Claim(
        key=f"{found.get('namespace')}/{found['name']}",
        volume=spec.get("volumeName") or "",
        storage_class=spec.get("storageClassName") or "",
        deleting="deletionTimestamp" in found,
        size=_bytes((spec.get("resources") or {}).get("requests")),
        modes=frozenset(spec.get("accessModes") or ()),
        volume_mode=spec.get("volumeMode") or "Filesystem",
        selector=terms.selector(spec.get("selector")),
    )


def read_volume(obj: JsonObject) -> Volume:
    spec = obj.get("spec") or {}
    required = (spec.get("nodeAffinity") or {}).get("required")
    claim = spec.get("claimRef") or {}
    phase = (obj.get("status") or {}).get("phase") or ""
    return Volume(
        terms=tuple(required.get("nodeSelectorTerms") or ()) if required else None,
        storage_class=spec.get("storageClassName") or "",
        claim=f"{claim.get('namespace')}/{claim['name']}" if claim.get("name") else "",
        size=_bytes(spec.get("capacity")),
        modes=frozenset(spec.get("accessModes") or ()),
        volume_mode=spec.get("volumeMode") or "Filesystem",
        labels=meta.labels(obj),
        gone=phase in ("Released", "Failed") or "deletionTimestamp" in obj["metadata"],
    )


def read_class(obj: JsonObject) -> Class:
    lazy = obj.get("volumeBindingMode") == LAZY
    return Class(lazy, obj.get("provisioner") != NO_PROVISIONER)


def _bytes(amounts: JsonObject | None) -> int:
    return Quantity.parse((amounts or {}).get("storage") or "0").value()


class Claims:
    """All that pods may ask for, by name."""

    def __init__(self) -> None:
        self.claims: dict[str, Claim] = {}
        """By namespace/name."""
        self.volumes: dict[str, Volume] = {}
        self.classes: dict[str, Class] = {}

    def is_lazy(self, claim: Claim) -> bool:
        """Whether the claim waits for a pod."""
        found = self.classes.get(claim.storage_class)
        return found is not None and found.lazy

    def is_made(self, claim: Claim) -> bool:
        """Whether a volume will be made for the claim, wherever its pod goes."""
        found = self.classes.get(claim.storage_class)
        return found is not None and found.makes

    def suiting(self, claim: Claim) -> Iterator[Volume]:
        """The volumes that the claim could be bound to."""
        return (volume for volume in self.volumes.values() if volume.suits(claim))
