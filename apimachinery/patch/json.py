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

    400 if the patch is malformed, 413 if it is too long, 422 if an operation cannot be done or a
    test fails.
    """
    import jsonpatch
    import jsonpointer

    _check_shape(operations)
    result: Any = orjson.loads(orjson.dumps(obj))
    copied = 0
    for index, operation in enumerate(operations):
        try:
            step = jsonpatch.JsonPatch([operation])
        except (jsonpatch.InvalidJsonPatch, jsonpointer.JsonPointerException) as error:
            raise _malformed(index, error) from None
        if operation["op"] == "copy":
            copied += _size_at(result, operation.get("from"))
            if copied > MAX_COPIED:
                raise _rejected(index, operation, f"copies add up to over {MAX_COPIED} bytes")
        result = _do(step, result, index, operation)
    if not isinstance(result, dict):
        raise _rejected(len(operations) - 1, operations[-1], "the result is no JSON object")
    depth.check(result)
    return result


def _check_shape(operations: Any) -> None:
    if not isinstance(operations, list):
        raise status.bad_request("error decoding patch: a JSON patch must be a list of operations")
    if len(operations) > MAX_OPERATIONS:
        raise status.ApiError(
            "Request entity too large: The allowed maximum operations in a JSON patch is "
            f"{MAX_OPERATIONS}, got {len(operations)}",
            code=413,
            reason="RequestEntityTooLarge",
        )


def _do(step: "jsonpatch.JsonPatch", document: Any, index: int, operation: JsonObject) -> Any:
    import jsonpatch
    import jsonpointer

    try:
        return step.apply(document, in_place=True)
    except jsonpatch.InvalidJsonPatch as error:
        raise _malformed(index, error) from None
    except jsonpatch.JsonPatchTestFailed:
        raise _rejected(index, operation, "the value is another one") from None
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        raise _rejected(index, operation, str(error)) from None


def _size_at(document: Any, pointer: Any) -> int:
    import jsonpointer

    if not isinstance(pointer, str):
        return 0
    try:
        return len(orjson.dumps(jsonpointer.resolve_pointer(document, pointer)))
    except (jsonpointer.JsonPointerException, TypeError):
        return 0


def _malformed(index: int, error: Exception) -> status.BadRequest:
    return status.bad_request(f"error decoding patch: operation {index}: {error}")


def _rejected(index: int, operation: JsonObject, detail: str) -> status.Invalid:
    return status.Invalid(
        "the server rejected our request due to an error in our request: "
        f"operation {index} ({operation.get('op')} {operation.get('path')}): {detail}",
        details={},
    )
