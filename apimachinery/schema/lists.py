"""What a schema must say of arrays and maps, and of what tells the items of a list apart; pure.

Kubernetes' rules in its words. Neighbour: `structural` asks for each place of a schema.
"""

from collections.abc import Sequence

from apimachinery import status
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject

Errors = list[FieldError]


def check(schema: JsonObject, path: str) -> Errors:
    """One place of a schema."""
    errors: Errors = []
    items = schema.get("items")
    if isinstance(items, list):
        detail = "items must be a schema object and not an array"
        errors.append(status.forbidden_field(f"{path}.items", detail))
    elif schema.get("type") == "array" and items is None:
        errors.append(status.required(f"{path}.items", "must be specified"))
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys")
    map_type = schema.get("x-kubernetes-map-type")
    if kind and kind not in ("atomic", "set", "map"):
        where = f"{path}.x-kubernetes-list-type"
        errors.append(status.not_supported(where, kind, ("atomic", "set", "map")))
    if map_type and map_type not in ("atomic", "granular"):
        where = f"{path}.x-kubernetes-map-type"
        errors.append(status.not_supported(where, map_type, ("atomic", "granular")))
    if map_type:
        errors += _typed(schema, "object", "x-kubernetes-map-type", path)
    if kind:
        errors += _typed(schema, "array", "x-kubernetes-list-type", path)
    if keys and kind != "map":
        where, detail = (
            f"{path}.x-kubernetes-list-type",
            "must be map if x-kubernetes-list-map-keys is non-empty",
        )
        errors.append(
            status.invalid_value(where, kind, detail) if kind else status.required(where, detail)
        )
    if not isinstance(items, dict):
        return errors
    if kind == "set":
        errors += _set_items(items, path)
    if kind == "map":
        errors += _map_keys(items, keys or (), path)
    if kind in ("map", "set") and items.get("nullable"):
        detail = f"cannot be nullable when x-kubernetes-list-type is {kind}"
        errors.append(status.forbidden_field(f"{path}.items.nullable", detail))
    return errors


def _typed(schema: JsonObject, wanted: str, keyword: str, path: str) -> Errors:
    found, detail = schema.get("type"), f"must be {wanted} if {keyword} is specified"
    if found == wanted:
        return []
    if not found:
        return [status.required(f"{path}.type", detail)]
    return [status.invalid_value(f"{path}.type", found, detail)]


def _set_items(items: JsonObject, path: str) -> Errors:
    """What stands in a set is replaced as a whole."""
    detail = "must be atomic as item of a list with x-kubernetes-list-type=set"
    for kind, key in (("array", "x-kubernetes-list-type"), ("object", "x-kubernetes-map-type")):
        found = items.get(key) or ("atomic" if kind == "array" else None)
        if items.get("type") == kind and found != "atomic":
            # Kubernetes shows the type of list also where it asks for one of map.
            shown = items.get("x-kubernetes-list-type")
            return [status.invalid_value(f"{path}.items.{key}", shown, detail)]
    return []


def _map_keys(items: JsonObject, keys: Sequence[str], path: str) -> Errors:
    if not keys:
        detail = "must not be empty if x-kubernetes-list-type is map"
        return [status.required(f"{path}.x-kubernetes-list-map-keys", detail)]
    if items.get("type") != "object":
        detail = "must be object if parent array's x-kubernetes-list-type is map"
        return [status.invalid_value(f"{path}.items.type", items.get("type", ""), detail)]
    errors: Errors = []
    known, where = items.get("properties") or {}, f"{path}.x-kubernetes-list-map-keys"
    for index, key in enumerate(keys):
        if key not in known:
            detail = "entries must all be names of item properties"
            errors.append(status.invalid_value(where, keys, detail))
        else:
            errors += _map_key(known[key], path, key, required=key in (items.get("required") or ()))
        if key in keys[:index]:
            errors.append(status.invalid_value(where, keys, "must not contain duplicate entries"))
    return errors


def _map_key(schema: JsonObject, path: str, key: str, *, required: bool) -> Errors:
    """A member by which items of a list are told apart: a scalar, and always there."""
    where, keyword = f"{path}.items.properties[{key}]", "x-kubernetes-list-map-keys"
    errors: Errors = []
    if schema.get("type") in ("array", "object"):
        detail = "must be a scalar type if parent array's x-kubernetes-list-type is map"
        # The type that Kubernetes shows is the item's.
        errors.append(status.invalid_value(f"{where}.type", "object", detail))
    if schema.get("default") is None and not required:
        detail = (
            f"this property is in {keyword}, so it must have a default or be a required property"
        )
        errors.append(status.required(f"{where}.default", detail))
    if schema.get("nullable"):
        detail = f"this property is in {keyword}, so it cannot be nullable"
        errors.append(status.forbidden_field(f"{where}.nullable", detail))
    return errors
