"""JSON patch, RFC 6902, through the jsonpatch library, bounded and with Kubernetes' errors.

The library is loaded when the first patch arrives: few clients send them.
"""

from typing import TYPE_CHECKING, Any

import orjson

from apimachinery import status
from apimachinery.patch import depth
from apimachinery.wire import JsonObject

if TYPE_CHECKING:
    import jsonpatch

MAX_OPERATIONS = 10_000
"""As in Kubernetes."""

MAX_COPIED = 3 * 1024 * 1024
"""Bytes that all copy operations of one patch may add: a patch that copies an object into itself
doubles it with every operation."""


def patch(obj: JsonObject, operations: Any) -> JsonObject:
    """The object after all operations.

    400 if the patch is no list, 413 if it is too long, 422 if an operation is unknown or cannot be
    done, or if a test fails.
    """
    import jsonpatch
    import jsonpointer

    _check_shape(operations)
    result: Any = orjson.loads(orjson.dumps(obj))
    copied = 0
    for operation in operations:
        try:
            step = jsonpatch.JsonPatch([operation])
        except (jsonpatch.InvalidJsonPatch, jsonpointer.JsonPointerException) as error:
            raise _rejected() from error
        if operation["op"] == "copy":
            copied += _size_at(result, operation.get("from"))
            if copied > MAX_COPIED:
                raise _rejected()
        result = _do(step, result)
    if not isinstance(result, dict):
        raise _rejected()
    depth.check(result)
    return result


def _check_shape(operations: Any) -> None:
    if not isinstance(operations, list):
        raise status.bad_request(
            f"json: cannot unmarshal {_type(operations)} into Go value of type jsonpatch.Patch"
        )
    for one in operations:
        if not isinstance(one, dict):
            raise status.bad_request(
                f"json: cannot unmarshal {_type(one)} into Go value of type jsonpatch.Operation"
            )
    if len(operations) > MAX_OPERATIONS:
        raise status.ApiError(
            "Request entity too large: The allowed maximum operations in a JSON patch is "
            f"{MAX_OPERATIONS}, got {len(operations)}",
            code=413,
            reason="RequestEntityTooLarge",
        )


def _do(step: "jsonpatch.JsonPatch", document: Any) -> Any:
    import jsonpatch
    import jsonpointer

    try:
        return step.apply(document, in_place=True)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        raise _rejected() from error


def _size_at(document: Any, pointer: Any) -> int:
    import jsonpointer

    if not isinstance(pointer, str):
        return 0
    try:
        return len(orjson.dumps(jsonpointer.resolve_pointer(document, pointer)))
    except (jsonpointer.JsonPointerException, TypeError):
        return 0


def _type(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "bool", type(None): "null"}
    return names.get(type(value), "number")


def _rejected() -> status.Invalid:
    """Kubernetes does not tell which operation it was, nor why; clients know these words."""
    return status.Invalid(
        "the server rejected our request due to an error in our request", details={}
    )
