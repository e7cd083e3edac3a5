"""Persistent volume claims and volumes as placement reads them. Pure.

Whether a claim has its volume, and on which nodes that volume can be used. Binding claims to volumes
is not done here. Neighbours: `snapshot` holds them, `filters.volumes` asks.
"""

from dataclasses import dataclass

from apimachinery.wire import JsonObject

LAZY = "WaitForFirstConsumer"
"""A storage class with this binds its claims only once a pod that uses them has a node."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One PersistentVolumeClaim."""

    volume: str
    """The volume that it is bound to; empty without one."""
    storage_class: str
    deleting: bool


@dataclass(frozen=True, slots=True)
class Volume:
    """One PersistentVolume: where it can be used. No terms: everywhere."""

    terms: tuple[JsonObject, ...] | None


def read_claim(obj: JsonObject) -> Claim:
    spec = obj.get("spec") or {}
    return Claim(
        volume=spec.get("volumeName") or "",
        storage_class=spec.get("storageClassName") or "",
        deleting="deletionTimestamp" in obj["metadata"],
    )


def read_volume(obj: JsonObject) -> Volume:
    required = ((obj.get("spec") or {}).get("nodeAffinity") or {}).get("required")
    return Volume(tuple(required.get("nodeSelectorTerms") or ()) if required else None)


def is_lazy(storage_class: JsonObject) -> bool:
    """Whether claims of this class wait for a pod."""
    return storage_class.get("volumeBindingMode") == LAZY


class Claims:
    """All that pods may ask for, by name."""

    def __init__(self) -> None:
        self.claims: dict[str, Claim] = {}
        """By namespace/name."""
        self.volumes: dict[str, Volume] = {}
        self.lazy_classes: set[str] = set()
