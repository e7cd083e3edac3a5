"""Judge whether an object may be stored: Kubernetes' rules, in Kubernetes' words; pure.

One module per group of kinds; each returns `status.FieldError` values and never raises. Objects
are structurally sound (`apimachinery.decode`) and defaulted (`apimachinery.defaults`).
"""

from apimachinery.resource import Resource
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject


def validate_create(resource: Resource, obj: JsonObject) -> list[FieldError]:
    """Everything that is wrong with a new object."""
    return []


def validate_update(resource: Resource, new: JsonObject, old: JsonObject) -> list[FieldError]:
    """Everything that is wrong with replacing `old` by `new`, immutable fields included."""
    return []


def validate_status_update(
    resource: Resource, new: JsonObject, old: JsonObject
) -> list[FieldError]:
    """Everything that is wrong with a write to the status subresource."""
    return []
