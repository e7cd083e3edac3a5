"""What differs from kind to kind when an object is created, updated or deleted.

`Strategy` is the default and the protocol at once: `apiserver.registry.generic` calls it in a
fixed order, the modules beside it override what Kubernetes does differently for a kind, and
`apiserver.registry.kinds` says which kind has which. Strategies change dicts in place and wait
for nothing; they neither store nor authorize.
"""

# Hooks keep the signature of their base, used or not.
# ruff: noqa: ARG002

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from apimachinery import validation, wire
from apimachinery.resource import Resource
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject
from apiserver.registry.fences import Fence

FREEZE_FOR_STATUS = (
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
)
"""Metadata that a write to a custom resource's status subresource may not change."""


@dataclass(slots=True)
class Context:
    """What a write carries besides the object."""

    user: wire.UserInfo
    now: float
    """Epoch seconds, read once for the request."""
    dry_run: bool = False
    manager: str = ""
    """Field manager: given, or derived from the User-Agent."""
    subresource: str = ""
    asked_in: str = ""
    """The group and version that the request speaks of."""
    fence: Fence | None = None
    """The term within which the write has to happen."""
    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)
    """For the audit log."""


def _nothing() -> None:
    """Nothing to do."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a write has taken outside of its object (addresses, ports), until its outcome."""

    undo: Callable[[], None] = _nothing
    """The write did not happen: give back what was taken for it."""
    commit: Callable[[], None] = _nothing
    """The write happened: give back what the old state had and the new one has not."""
    unknown: Callable[[], None] = _nothing
    """Nobody knows whether it happened: keep both what was had and what was taken."""


class Strategy:
    """The rules of an ordinary kind: spec and status, generation counted on spec."""

    counts_generation: ClassVar[bool] = True
    """metadata.generation: 1 at first, one more whenever the desired state changes."""
    annotations_count: ClassVar[bool] = False
    """Whether a change of annotations counts as a change of the desired state."""
    unconditional_update: ClassVar[bool] = True
    """Whether a PUT may come without resourceVersion."""
    create_on_update: ClassVar[bool] = False
    """Whether a PUT may create."""
    keeps_status_on_create: ClassVar[bool] = False
    returns_deleted: ClassVar[bool] = False
    """Whether DELETE answers with the object instead of a Status."""
    orphans_by_default: ClassVar[bool] = False
    """Whether dependents stay when no propagation policy was asked for."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.has_status = resource.subresource("status") is not None

    # --- create ---

    def prepare_create(self, obj: JsonObject, context: Context) -> None:
        """Drop what users may not set, set what the system sets."""
        if self.has_status and not self.keeps_status_on_create:
            # Kubernetes' own kinds always show one, so that JSON patches find its place.
            if self.resource.model:
                obj["status"] = {}
            else:
                obj.pop("status", None)

    def validate_create(self, obj: JsonObject, context: Context) -> list[FieldError]:
        return validation.validate_create(self.resource, obj)

    def reserve_create(self, obj: JsonObject, context: Context) -> Reservation | None:
        """Take shared things for a valid new object (service addresses); may raise ApiError."""
        return None

    # --- update ---

    def prepare_update(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        """Restore what this path may not change: the status, mostly."""
        if self.has_status:
            restore(new, old, "status")

    def validate_update(
        self, new: JsonObject, old: JsonObject, context: Context
    ) -> list[FieldError]:
        return validation.validate_update(self.resource, new, old)

    def reserve_update(
        self, new: JsonObject, old: JsonObject, context: Context
    ) -> Reservation | None:
        return None

    def desired_changed(self, new: JsonObject, old: JsonObject, context: Context) -> bool:
        """Whether generation grows. Called before metadata is compared."""
        if any(
            new.get(key) != old.get(key)
            for key in new.keys() | old.keys()
            if key not in ("metadata", "status")
        ):
            return True
        return self.annotations_count and new["metadata"].get("annotations") != old["metadata"].get(
            "annotations"
        )

    # --- status ---

    def prepare_status(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        """Restore all but the status; metadata stays writable, as Kubernetes leaves it."""
        for key in old.keys() | new.keys():
            if key not in ("metadata", "status", "apiVersion", "kind"):
                restore(new, old, key)

    def validate_status(self, new: JsonObject, old: JsonObject) -> list[FieldError]:
        return validation.validate_status_update(self.resource, new, old)

    # --- delete ---

    def grace_period(self, obj: JsonObject, asked: int | None) -> int | None:
        """Seconds between deletion asked for and done; None where the kind knows no grace."""
        return None

    def prepare_delete(self, obj: JsonObject, context: Context) -> None:
        """Mark an object whose deletion has begun but must wait (finalizers, grace)."""

    def deletable(self, obj: JsonObject) -> bool:
        """Whether nothing but metadata finalizers holds the object."""
        return True

    def deleted(self, obj: JsonObject) -> None:
        """The object is gone from the store: free what it had taken."""


def restore(new: JsonObject, old: JsonObject, key: str) -> None:
    """Make `new[key]` what it was."""
    if key in old:
        new[key] = old[key]
    else:
        new.pop(key, None)
