"""Whether a definition's schema may be used: Kubernetes' rules for structural schemas, in its words.

Every place has a type, value validations (allOf, anyOf, oneOf, not) only narrow what the structure
says, and nothing is used that cannot be pruned or would be slow. Neighbours:
`apimachinery.validation.extensions` calls this for each version of a definition.
"""

import math
from collections.abc import Iterator
from typing import Any

from apimachinery import status
from apimachinery.schema import defaulting, lists, patterns, pruning, rules, values
from apimachinery.schema.node import Node
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject

Errors = list[FieldError]

TYPES = ("array", "boolean", "integer", "number", "object", "string")

MAX_DEPTH = 100
"""Levels of a schema: real ones have 20 at most, and walking recurses."""

_UNSUPPORTED = ("$ref", "definitions", "dependencies", "patternProperties", "additionalItems", "id")
_STRUCTURE_ONLY = (
    "additionalProperties",
    "default",
    "description",
    "nullable",
    "title",
    "type",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
)
"""Keywords that shape objects and so have no place inside of a combination."""
_FLAGS = frozenset(
    {
        "nullable",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "x-kubernetes-preserve-unknown-fields",
    }
)
_COMBINED = ("allOf", "anyOf", "oneOf")


_AT_ROOT = {
    "Description": "description",
    "Type": "type",
    "Format": "format",
    "Title": "title",
    "Maximum": "maximum",
    "ExclusiveMaximum": "exclusiveMaximum",
    "Minimum": "minimum",
    "ExclusiveMinimum": "exclusiveMinimum",
    "MaxLength": "maxLength",
    "MinLength": "minLength",
    "Pattern": "pattern",
    "MaxItems": "maxItems",
    "MinItems": "minItems",
    "UniqueItems": "uniqueItems",
    "MultipleOf": "multipleOf",
    "Required": "required",
    "Items": "items",
    "Properties": "properties",
    "ExternalDocs": "externalDocs",
    "Example": "example",
    "XPreserveUnknownFields": "x-kubernetes-preserve-unknown-fields",
    "XValidations": "x-kubernetes-validations",
}
"""Keywords of a root whose status is judged apart, as Kubernetes calls them and as they are."""


def check(schema: JsonObject, path: str, *, status_apart: bool = False) -> Errors:
    """Everything that is wrong with the schema of a version, whose path is given."""
    errors: Errors = _root_keywords(schema, path) if status_apart else []
    if not schema.get("type"):
        errors.append(status.required(f"{path}.type", "must not be empty at the root"))
    elif schema["type"] != "object":
        detail = "must be object at the root"
        errors.append(status.invalid_value(f"{path}.type", schema["type"], detail))
    if schema.get("nullable"):
        errors.append(
            status.forbidden_field(f"{path}.nullable", "nullable cannot be true at the root")
        )
    errors += _metadata(
        (schema.get("properties") or {}).get("metadata"), f"{path}.properties[metadata]"
    )
    errors += _place(schema, path, depth=0)
    return errors or _defaults(schema, path, root=True)


def _root_keywords(schema: JsonObject, path: str) -> Errors:
    """What the root says must be true of the status alone as well."""
    if all(key in _AT_ROOT.values() for key, value in schema.items() if value):
        return []
    detail = (
        f"only [{' '.join(_AT_ROOT)}] fields are allowed at the root of the schema if the status "
        "subresource is enabled"
    )
    return [status.invalid_value(path, schema, detail)]


def _metadata(schema: JsonObject | None, path: str) -> Errors:
    """The root's metadata is ours: only its name may be restricted."""
    if schema is None:
        return []
    own = set(schema.get("properties") or {}) - {"name", "generateName"}
    if own or set(schema) - {"type", "properties", "description"}:
        detail = (
            "must not specify anything other than name and generateName, but metadata is "
            "implicitly specified"
        )
        return [status.forbidden_field(path, detail)]
    return []


def _place(schema: JsonObject, path: str, *, depth: int) -> Errors:
    """One place of the structure, and all below."""
    if depth > MAX_DEPTH:
        return [
            status.forbidden_field(path, f"schemas may not nest deeper than {MAX_DEPTH} levels")
        ]
    errors = [*_keywords(schema, path), *_extensions(schema, path), *lists.check(schema, path)]
    errors += rules.check(schema, path)
    for combination, where in _combinations(schema, path):
        errors += _narrowing(combination, schema, where, depth=depth + 1)
    for below, where, what in _below(schema, path):
        if not below.get("type") and not _untyped(below):
            detail = f"must not be empty for specified {what}"
            errors.append(status.required(f"{where}.type", detail))
        errors += _place(below, where, depth=depth + 1)
    return errors


def _below(schema: JsonObject, path: str) -> Iterator[tuple[JsonObject, str, str]]:
    """The places directly below: schema, path, and how they are called."""
    for name, one in (schema.get("properties") or {}).items():
        yield one, f"{path}.properties[{name}]", "object fields"
    if isinstance(schema.get("additionalProperties"), dict):
        yield schema["additionalProperties"], f"{path}.additionalProperties", "object fields"
    if isinstance(schema.get("items"), dict):
        yield schema["items"], f"{path}.items", "array items"


def _untyped(schema: JsonObject) -> bool:
    return bool(
        schema.get("x-kubernetes-int-or-string")
        or schema.get("x-kubernetes-preserve-unknown-fields")
    )


def _combinations(schema: JsonObject, path: str) -> Iterator[tuple[JsonObject, str]]:
    for key in _COMBINED:
        for index, one in enumerate(schema.get(key) or ()):
            yield one, f"{path}.{key}[{index}]"
    if isinstance(schema.get("not"), dict):
        yield schema["not"], f"{path}.not"


def _keywords(schema: JsonObject, path: str) -> Errors:
    errors: Errors = [
        status.forbidden_field(f"{path}.{key}", f"{key} is not supported")
        for key in _UNSUPPORTED
        if schema.get(key)
    ]
    wanted = schema.get("type")
    if wanted == "null":
        detail = "type cannot be set to null, use nullable as an alternative"
        errors.append(status.forbidden_field(f"{path}.type", detail))
    elif wanted and wanted not in TYPES:
        errors.append(status.not_supported(f"{path}.type", wanted, TYPES))
    if schema.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(status.forbidden_field(f"{path}.uniqueItems", detail))
    additional = schema.get("additionalProperties")
    if additional is False:
        detail = "additionalProperties cannot be set to false"
        errors.append(status.forbidden_field(f"{path}.additionalProperties", detail))
    if additional and schema.get("properties"):
        detail = "additionalProperties and properties are mutual exclusive"
        errors.append(status.forbidden_field(f"{path}.additionalProperties", detail))
    return errors + _pattern(schema, path)


def _pattern(schema: JsonObject, path: str) -> Errors:
    pattern = schema.get("pattern")
    problem = patterns.problem(pattern) if pattern else ""
    if not problem:
        return []
    detail = f"must be a valid regular expression, but isn't: {problem}"
    return [status.invalid_value(f"{path}.pattern", pattern, detail)]


def _extensions(schema: JsonObject, path: str) -> Errors:
    errors: Errors = []
    preserve = "x-kubernetes-preserve-unknown-fields"
    if schema.get(preserve) is False:
        detail = "must be true or undefined"
        errors.append(status.invalid_value(f"{path}.{preserve}", False, detail))
    if schema.get(preserve) and schema.get("type") not in ("object", "", None):
        detail = "must be object if x-kubernetes-preserve-unknown-fields is true"
        errors.append(status.invalid_value(f"{path}.type", schema["type"], detail))
    if schema.get("x-kubernetes-int-or-string"):
        errors += [
            status.forbidden_field(
                f"{path}.{key}", "must be empty if x-kubernetes-int-or-string is true"
            )
            for key in ("type",)
            if schema.get(key)
        ]
    if schema.get("x-kubernetes-embedded-resource"):
        if schema.get("type") != "object":
            detail = "must be object if x-kubernetes-embedded-resource is true"
            errors.append(status.invalid_value(f"{path}.type", schema.get("type", ""), detail))
        if not schema.get("properties") and not schema.get(preserve):
            detail = (
                "must not be empty if x-kubernetes-embedded-resource is true without "
                "x-kubernetes-preserve-unknown-fields"
            )
            errors.append(status.required(f"{path}.properties", detail))
    return errors


def _narrowing(
    schema: JsonObject, structure: JsonObject | None, path: str, *, depth: int
) -> Errors:
    """A schema inside of a combination: it may not shape, and must speak of what is there."""
    if depth > MAX_DEPTH:
        return [
            status.forbidden_field(path, f"schemas may not nest deeper than {MAX_DEPTH} levels")
        ]
    errors: Errors = []
    loose = structure is not None and structure.get("x-kubernetes-int-or-string")
    for key in _STRUCTURE_ONLY:
        value = schema.get(key)
        if not value or (loose and key == "type"):
            continue
        detail = (
            "must be false to be structural" if key in _FLAGS else "must be empty to be structural"
        )
        errors.append(status.forbidden_field(f"{path}.{key}", detail))
    errors += _pattern(schema, path)
    for combination, where in _combinations(schema, path):
        errors += _narrowing(combination, structure, where, depth=depth + 1)
    shaped = structure or {}
    for name, one in (schema.get("properties") or {}).items():
        where = f"{path}.properties[{name}]"
        inner = (shaped.get("properties") or {}).get(name)
        if inner is None and not isinstance(shaped.get("additionalProperties"), dict):
            missing = f"{path.rpartition('.')[0]}.properties[{name}]"
            errors.append(status.required(missing, f"because it is defined in {where}"))
        errors += _narrowing(one, inner, where, depth=depth + 1)
    if isinstance(schema.get("items"), dict):
        inner = shaped.get("items") if isinstance(shaped.get("items"), dict) else None
        where = f"{path}.items"
        if inner is None:
            missing = f"{path.rpartition('.')[0]}.items"
            errors.append(status.required(missing, f"because it is defined in {where}"))
        errors += _narrowing(schema["items"], inner, where, depth=depth + 1)
    return errors


def _defaults(schema: JsonObject, path: str, *, root: bool = False) -> Errors:
    """Defaults must be what pruning leaves, and valid."""
    errors: Errors = []
    default = schema.get("default")
    if default is not None and not root:
        errors += _default(schema, default, f"{path}.default")
    for below, where, _ in _below(schema, path):
        errors += _defaults(below, where)
    return errors


def _default(schema: JsonObject, default: Any, path: str) -> Errors:
    if isinstance(default, float) and not math.isfinite(default):
        return [status.invalid_value(path, str(default), "must be a number")]
    # The default stands alone: its own place's default must not fill it in.
    holder = Node({"type": "object", "properties": {"value": {**schema, "default": None}}})
    filled: JsonObject = {"value": _copy(default)}
    unknown: list[str] = []
    pruning.prune(filled, holder, unknown)
    if unknown:
        dropped = ", ".join(one.removeprefix("value.") for one in unknown)
        detail = f"must not have unknown fields: {dropped}"
        return [status.invalid_value(path, default, detail)]
    defaulting.fill(filled, holder)
    return [
        FieldError(error.reason, _moved(error.field, path), error.value, _alone(error.detail))
        for error in values.validate(filled, holder, None)
    ]


def _moved(field: str, path: str) -> str:
    return path + field.removeprefix("value") if field.startswith("value") else field


def _alone(detail: str) -> str:
    """The text without the name of the holder: Kubernetes names a default's own place by nothing."""
    return (
        detail.removeprefix("value.")
        if detail.startswith("value.")
        else detail.removeprefix("value")
    )


def _copy(value: Any) -> Any:
    import orjson

    return orjson.loads(orjson.dumps(value))
