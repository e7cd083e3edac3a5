"""What a mutating policy makes of an object: by a configuration laid over it, or by JSON Patch; pure.

Neighbours: `mutating` evaluates the expressions; `apimachinery.patch` merges and patches.
"""

from typing import Any

from apimachinery import status
from apimachinery.apply_rules import UNKNOWN, Rule, Shape
from apimachinery.patch import json as json_patch
from apimachinery.patch import structured
from apimachinery.wire import JsonObject

APPLY, PATCH = "ApplyConfiguration", "JSONPatch"


class Unfit(Exception):  # noqa: N818  the failure policy decides what it means
    """What the expression gives cannot be applied."""


def expression_of(mutation: JsonObject) -> str:
    """The expression of a mutation of either type."""
    part = mutation.get("applyConfiguration") or mutation.get("jsonPatch") or {}
    return str(part.get("expression") or "")


def applied(rule: Rule, obj: JsonObject, mutation: JsonObject, value: Any) -> JsonObject:
    """The object after a mutation; raises Unfit."""
    if mutation.get("patchType") == PATCH:
        return _patched(obj, value)
    if not isinstance(value, dict):
        raise Unfit("expression evaluated to no Object")
    if found := _atomic(value, rule, ""):
        raise Unfit(
            f"error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps "
            f"or structs: {found}"
        )
    if problem := next(structured.problems_of(value, rule), ""):
        raise Unfit(f"error applying patch: {problem}")
    made: JsonObject = structured.merge(obj, value, rule)
    return made


def _atomic(value: Any, rule: Rule, path: str) -> str:
    """The first atomic list or map that a configuration holds; what it leaves out would be lost."""
    if isinstance(value, (dict, list)) and rule.shape is Shape.LEAF and value:
        return path
    if isinstance(value, dict):
        for key, one in value.items():
            if found := _atomic(one, rule.child(key), f"{path}.{key}"):
                return found
    if isinstance(value, list) and rule.shape is Shape.KEYED:
        for index, one in enumerate(value):
            if found := _atomic(one, rule.item or UNKNOWN, f"{path}[{index}]"):
                return found
    return ""


def _patched(obj: JsonObject, value: Any) -> JsonObject:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Unfit("type mismatch: JSONPatchType.expression should evaluate to array")
    operations = [_operation(one) for one in value]
    try:
        made = json_patch.patch(obj, operations)
    except status.ApiError as error:
        raise Unfit(f"JSON Patch: {error.message}") from error
    if not isinstance(made, dict):
        raise Unfit("JSON Patch: leaves no object")
    return made


def _operation(one: JsonObject) -> JsonObject:
    """Unset fields are absent; a value may be null where the operation needs one."""
    made = {key: part for key, part in one.items() if key in ("op", "path", "from", "value")}
    if made.get("op") in ("add", "replace", "test"):
        made.setdefault("value", None)
    return made
