"""How each part of an object merges under server-side apply: a tree of rules, made from models.

A rule answers, for one place in an object: is it a leaf that changes hands as a whole, or does it
have parts with owners of their own, and which? Neighbours: `apimachinery.types.base` has the
facts, `apimachinery.patch.structured` walks objects along rules. Rules of custom resources are made
from their schemas (`apimachinery.schema.merging`); without one there is `UNKNOWN`.
"""

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

from apimachinery.types.base import FACTS_CACHE, FieldFacts, Model, facts


class Shape(Enum):
    """The shapes that ownership distinguishes."""

    LEAF = "leaf"
    """Scalars, atomic lists and maps: one owner for all of it."""
    STRUCT = "struct"
    """A message: each field is owned by itself."""
    MAP = "map"
    """Free keys, each owned by itself."""
    KEYED = "keyed"
    """A list of messages told apart by the values of some fields."""
    SET = "set"
    """A list of scalars, each once."""
    UNKNOWN = "unknown"
    """No schema: objects are maps, everything else is a leaf."""


ATOMIC_MODELS = frozenset(
    {
        "AggregationRule",
        "ConfigMapKeySelector",
        "CrossVersionObjectReference",
        "FileKeySelector",
        "LabelSelector",
        "LocalObjectReference",
        "NodeSelector",
        "NodeSelectorTerm",
        "ObjectFieldSelector",
        "ObjectReference",
        "OwnerReference",
        "ResourceFieldSelector",
        "RoleRef",
        "ScopeSelector",
        "ScopedResourceSelectorRequirement",
        "SecretKeySelector",
        "SecretReference",
        "Subject",
        "TopologySelectorTerm",
        "TypedLocalObjectReference",
    }
)
"""Messages that Kubernetes treats as one value, wherever they appear: references, selectors."""


class Rule:
    """One place. Fields of messages are resolved when first asked for: models may be recursive."""

    __slots__ = ("_fields", "_members", "_model", "item", "keys", "shape")

    def __init__(
        self,
        shape: Shape,
        *,
        item: "Rule | None" = None,
        keys: tuple[tuple[str, Any], ...] = (),
        model: type[Model] | None = None,
        fields: "Mapping[str, Rule] | None" = None,
    ) -> None:
        self.shape = shape
        self.item = item
        self.keys = keys
        """Of KEYED: the key fields, each with its default or None."""
        self._model = model
        self._fields = fields
        self._members: Mapping[str, tuple[str, Rule]] | None = None

    @property
    def fields(self) -> "Mapping[str, Rule]":
        """Of STRUCT: the rules of its fields by JSON name."""
        if self._fields is None:
            found = facts(self._model) if self._model is not None else {}
            self._fields = {name: _of_field(field) for name, field in found.items()}
        return self._fields

    @property
    def members(self) -> "Mapping[str, tuple[str, Rule]]":
        """Of STRUCT: its fields with their names in field sets; empty for the others."""
        if self._members is None:
            found = self.fields if self.shape is Shape.STRUCT else {}
            self._members = {name: (f"f:{name}", rule) for name, rule in found.items()}
        return self._members

    def child(self, key: str) -> "Rule":
        """The rule of a member of a STRUCT, MAP or UNKNOWN object."""
        if self.shape is Shape.STRUCT:
            return self.fields.get(key, UNKNOWN)
        return self.item if self.item is not None else UNKNOWN

    def names(self, key: str) -> bool:
        """Whether `key` is a field by schema, not a free key of a map."""
        return self.shape is Shape.STRUCT and key in self.fields


LEAF = Rule(Shape.LEAF)
SET = Rule(Shape.SET)
UNKNOWN = Rule(Shape.UNKNOWN)


@lru_cache(maxsize=FACTS_CACHE)
def of_model(model: type[Model] | None) -> Rule:
    """The rule of a whole message."""
    if model is None:
        return UNKNOWN
    if model.__name__ in ATOMIC_MODELS:
        return LEAF
    return Rule(Shape.STRUCT, model=model)


def _of_field(field: FieldFacts) -> Rule:
    model = field.type if isinstance(field.type, type) else None
    if field.map_type == "atomic":
        return LEAF
    if field.shape == "map":
        return Rule(Shape.MAP, item=of_model(model) if model else LEAF)
    if field.shape == "one":
        return of_model(model) if model else LEAF
    if field.list_type == "set":
        return SET
    if field.list_type == "map" and model is not None:
        found = facts(model)
        keys = tuple((key, found[key].default) for key in field.list_keys)
        return Rule(Shape.KEYED, item=of_model(model), keys=tuple(sorted(keys)))
    return LEAF
