"""What the system does to an object's metadata on its way into the store.

Pure rules on dicts, in place, the same for every kind. Neighbours: `apiserver.registry.generic`
calls them in order; time, uid and randomness come in as arguments.
"""

from typing import Any

from apimachinery import status
from apimachinery.resource import Resource
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject

_IMMUTABLE = ("name", "namespace", "uid", "creationTimestamp")
_CARRIED = ("creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")
"""What an update cannot set: taken over from the stored object."""


def ensure(obj: JsonObject) -> JsonObject:
    """The metadata of a decoded object, made where absent."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        metadata = obj["metadata"] = {}
    return metadata


def match_request(resource: Resource, obj: JsonObject, namespace: str, name: str = "") -> None:
    """Namespace (and name, when the URL has one) of the body must fit the URL; fill them in."""
    metadata = ensure(obj)
    given = metadata.get("namespace", "")
    if not resource.namespaced:
        namespace = ""
        if given == "default":
            given = ""
    if given and given != namespace:
        raise status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if namespace:
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
    if not name:
        return
    own = metadata.setdefault("name", name)
    if own != name:
        raise status.bad_request(
            f"the name of the object ({own}) does not match the name on the URL ({name})"
        )


def fill_created(metadata: JsonObject, *, uid: str, timestamp: str, generation: bool) -> None:
    """System fields of a new object."""
    for key in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"):
        metadata.pop(key, None)
    metadata["uid"] = uid
    metadata["creationTimestamp"] = timestamp
    if generation:
        metadata["generation"] = 1


def carry_over(new: JsonObject, old: JsonObject) -> None:
    """System fields of an updated object, from the stored one."""
    new.pop("selfLink", None)
    for key in _CARRIED:
        value = old.get(key)
        if value is None:
            new.pop(key, None)
        else:
            new[key] = value
    for key in ("uid", "resourceVersion", "generateName"):
        if key not in new and key in old:
            new[key] = old[key]


def validate_update(new: JsonObject, old: JsonObject) -> list[FieldError]:
    """Identity never changes; nothing new may hold an object that is being deleted."""
    errors = [
        status.invalid_value(f"metadata.{key}", new.get(key, ""), "field is immutable")
        for key in _IMMUTABLE
        if new.get(key) != old.get(key)
    ]
    if old.get("deletionTimestamp"):
        known = set(_strings(old.get("finalizers")))
        added = [one for one in _strings(new.get("finalizers")) if one not in known]
        if added:
            errors.append(
                status.forbidden_field(
                    "metadata.finalizers",
                    "no new finalizers can be added if the object is being deleted, found new "
                    f"finalizers []string{{{', '.join(status.quote(one) for one in added)}}}",
                )
            )
    return errors


def _strings(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
