"""Objects of custom resources: generation, status and deletion as their definition says.

Neighbours: `apiserver.registry.definitions` makes their rows; what their schema asks for is
checked through `apimachinery.validation`.
"""

# Hooks keep the signature of their base, used or not.
# ruff: noqa: ARG002

from typing import ClassVar

from apimachinery import status
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from apiserver.registry.strategy import Context, Strategy


class CustomObjects(Strategy):
    """With a status subresource the generation counts changes outside of it, else all."""

    unconditional_update: ClassVar[bool] = False

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource)
        self._custom = resource.custom

    def prepare_create(self, obj: JsonObject, context: Context) -> None:
        super().prepare_create(obj, context)
        if self._custom is not None and self._custom.terminating:
            raise status.MethodNotAllowed(
                "create not allowed while custom resource definition is terminating"
            )

    def prepare_status(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        """Only the status changes, and the account of who set it."""
        super().prepare_status(new, old, context)
        given = new["metadata"]
        kept = {**old["metadata"], "resourceVersion": given.get("resourceVersion", "")}
        kept.pop("managedFields", None)
        if given.get("managedFields"):
            kept["managedFields"] = given["managedFields"]
        new["metadata"] = kept

    def desired_changed(self, new: JsonObject, old: JsonObject, context: Context) -> bool:
        apart = ("metadata", "status") if self.has_status else ("metadata",)
        return any(
            new.get(key) != old.get(key) for key in new.keys() | old.keys() if key not in apart
        )
