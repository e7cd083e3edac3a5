"""Namespaces: a life of two phases, and a finalizer list of their own in the spec.

Deleting one marks it Terminating; the namespace controller empties it and takes its finalizer away
through the `finalize` subresource; then the object goes.
"""

# Hooks keep the signature of their base, used or not.
# ruff: noqa: ARG002

from typing import ClassVar

from apimachinery.status import FieldError
from apimachinery.validation import core as rules
from apimachinery.wire import JsonObject
from apiserver.registry.strategy import Context, Strategy, restore

FINALIZER = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"


class Namespaces(Strategy):
    """Phase and finalizers belong to the system."""

    counts_generation: ClassVar[bool] = False

    def prepare_create(self, obj: JsonObject, context: Context) -> None:
        spec = obj.setdefault("spec", {})
        finalizers = spec.setdefault("finalizers", [])
        if FINALIZER not in finalizers:
            finalizers.append(FINALIZER)
        obj["status"] = {"phase": "Active"}
        _label(obj)

    def prepare_update(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        restore(new, old, "status")
        if context.subresource == "finalize":
            new["metadata"] = {
                **old["metadata"],
                "managedFields": new["metadata"].get("managedFields", []),
            }
            if not new["metadata"]["managedFields"]:
                del new["metadata"]["managedFields"]
        else:
            restore(new, old, "spec")
            _label(new)

    def validate_update(
        self, new: JsonObject, old: JsonObject, context: Context
    ) -> list[FieldError]:
        errors = super().validate_update(new, old, context)
        if context.subresource == "finalize":
            for index, one in enumerate((new.get("spec") or {}).get("finalizers") or ()):
                errors += rules.namespace_finalizer(one, f"spec.finalizers[{index}]")
        return errors

    def deletable(self, obj: JsonObject) -> bool:
        return not (obj.get("spec") or {}).get("finalizers")

    def prepare_delete(self, obj: JsonObject, context: Context) -> None:
        obj["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}


def _label(obj: JsonObject) -> None:
    """The label by which selectors find a namespace by name."""
    metadata = obj["metadata"]
    if name := metadata.get("name"):
        metadata["labels"] = {**(metadata.get("labels") or {}), NAME_LABEL: name}
