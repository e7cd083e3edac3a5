"""JSON merge patch, RFC 7386: objects merge, null deletes, everything else replaces."""

from typing import Any

from apimachinery import status
from apimachinery.patch import depth
from apimachinery.wire import JsonObject


def patch(obj: JsonObject, change: Any) -> JsonObject:
    """The object after the patch; ApiError 400 if the patch is no JSON object."""
    if not isinstance(change, dict):
        what = (
            "array" if isinstance(change, list) else "string" if isinstance(change, str) else None
        )
        raise status.bad_request(
            f"error decoding patch: json: cannot unmarshal {what or 'number'} into Go value of type "
            "map[string]interface {}"
        )
    depth.check(change)
    return _merge(obj, change)


def without_nulls(value: Any) -> Any:
    """The value as if it had been merged into nothing: objects lose their null members."""
    return _merge({}, value) if isinstance(value, dict) else value


def _merge(target: Any, change: JsonObject) -> JsonObject:
    out = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict):
            out[key] = _merge(out.get(key), value)
        else:
            out[key] = value
    return out
