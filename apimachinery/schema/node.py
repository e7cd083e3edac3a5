"""A structural schema, compiled: one `Node` for each place that it describes.

The tree is made once for each version of a definition and then only read. Neighbours: `pruning`,
`defaulting` and `values` walk objects along it, `checks` makes the functions that judge values.
Schemas come from definitions that `structural` has accepted; a stored one that it would refuse
compiles all the same, and never raises.
"""

from collections.abc import Mapping
from typing import Any

from apimachinery.schema import checks
from apimachinery.schema.checks import Check
from apimachinery.wire import JsonObject

RESOURCE_FIELDS = frozenset({"apiVersion", "kind", "metadata"})
"""What an object has whatever its schema says: the root, and embedded resources."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


class Node:
    """What is known about one place in an object."""

    __slots__ = (
        "accepts",
        "additional",
        "all_of",
        "always",
        "any_of",
        "atomic",
        "by_type",
        "default",
        "embedded",
        "fields",
        "format",
        "has_defaults",
        "has_rules",
        "items",
        "list_keys",
        "list_type",
        "not_",
        "nullable",
        "one_of",
        "plain",
        "preserve",
        "required",
        "rules",
        "type_name",
    )

    def __init__(self, schema: JsonObject) -> None:
        self.type_name = _type_name(schema)
        self.accepts = _accepts(schema)
        """The types of Python that a value may have; None for any."""
        self.nullable: bool = schema.get("nullable") is True
        self.preserve: bool = schema.get("x-kubernetes-preserve-unknown-fields") is True
        self.embedded: bool = schema.get("x-kubernetes-embedded-resource") is True
        self.default: Any = schema.get("default")
        """None where there is none (null is no default)."""
        self.fields = {name: Node(one) for name, one in (schema.get("properties") or {}).items()}
        additional = schema.get("additionalProperties")
        self.additional: Node | None = (
            _node(additional) if additional not in (None, False) else None
        )
        """Of free keys; None where none may be."""
        self.items: Node | None = _node(schema.get("items"))
        self.required: tuple[str, ...] = tuple(schema.get("required") or ())
        self.list_type: str = schema.get("x-kubernetes-list-type") or "atomic"
        self.list_keys: tuple[str, ...] = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        self.atomic: bool = schema.get("x-kubernetes-map-type") == "atomic"
        self.format: str = schema.get("format") or ""
        self.rules: tuple[JsonObject, ...] = tuple(schema.get("x-kubernetes-validations") or ())
        self.all_of = _nodes(schema.get("allOf"))
        self.any_of = _nodes(schema.get("anyOf"))
        self.one_of = _nodes(schema.get("oneOf"))
        self.not_ = _node(schema.get("not"))
        self.always: tuple[Check, ...] = checks.always(schema)
        """Judge a value of whatever type."""
        self.by_type: Mapping[type, tuple[Check, ...]] = checks.by_type(schema)
        combined = self.all_of or self.any_of or self.one_of or self.not_
        self.plain = _plain(schema) if not (self.always or self.by_type or combined) else None
        """The type of value of which nothing more is asked; None where there is more."""
        self.has_defaults: bool = self.default is not None or any(
            one.has_defaults for one in self.children()
        )
        """Whether there is anything to fill in at or below this place."""
        self.has_rules: bool = bool(self.rules) or any(one.has_rules for one in self.children())
        """Whether there are expressions at or below this place."""

    def children(self) -> "list[Node]":
        """The places directly below."""
        below = list(self.fields.values())
        return below + [one for one in (self.additional, self.items) if one is not None]

    def child(self, key: str) -> "Node | None":
        """The place under a key of an object, None where the schema does not know it."""
        return self.fields.get(key) or self.additional


def _plain(schema: JsonObject) -> type | None:
    """The one type of Python that a scalar without conditions has."""
    return {"string": str, "integer": int, "boolean": bool}.get(schema.get("type") or "")


def _node(schema: Any) -> "Node | None":
    if schema is True:  # Anything goes, null as well.
        return Node({"x-kubernetes-preserve-unknown-fields": True, "nullable": True})
    return Node(schema) if isinstance(schema, dict) else None


def _nodes(schemas: Any) -> "tuple[Node, ...]":
    return tuple(Node(one) for one in schemas or () if isinstance(one, dict))


def _type_name(schema: JsonObject) -> str:
    """How messages name what is wanted."""
    if schema.get("x-kubernetes-int-or-string"):
        return "integer,string"
    return schema.get("type") or ""


def _accepts(schema: JsonObject) -> frozenset[type] | None:
    if schema.get("x-kubernetes-int-or-string"):
        return frozenset((int, str))
    wanted = _TYPES.get(schema.get("type") or "")
    return frozenset(wanted) if wanted is not None else None
