"""Takes away what a schema does not know, and nulls where null may not be, in place.

Neighbours: `node` is the compiled schema; `apimachinery.decode` calls this for custom resources.
Nulls that a default replaces are `defaulting`'s business. Items of lists stay as they are.
"""

from typing import Any

from apimachinery.schema.node import RESOURCE_FIELDS, Node
from apimachinery.schema.paths import ROOT, Path, dotted
from apimachinery.types.base import facts
from apimachinery.types.meta import ObjectMeta
from apimachinery.wire import JsonObject


def prune(obj: JsonObject, node: Node, unknown: list[str]) -> None:
    """Prune an object whose root is a resource; paths of what is dropped go to `unknown`."""
    _object(obj, node, ROOT, unknown, resource=True)


def _object(obj: JsonObject, node: Node, path: Path, unknown: list[str], *, resource: bool) -> None:
    fields, additional = node.fields, node.additional
    drop: list[str] = []
    nulls: list[str] = []
    for key, value in obj.items():
        if resource and key in RESOURCE_FIELDS:
            continue
        child = fields.get(key) or additional
        if child is not None:
            kind = type(value)
            if kind is dict or kind is list:
                _value(value, child, (path, key), unknown)
            elif value is None and not child.nullable and child.default is None:
                nulls.append(key)
        elif not node.preserve:
            drop.append(key)
    for key in drop:
        unknown.append(dotted((path, key)))
        del obj[key]
    for key in nulls:
        del obj[key]


def _metadata(metadata: JsonObject, path: Path, unknown: list[str]) -> None:
    """An object inside of another has the metadata that all objects have; no schema tells them."""
    known = facts(ObjectMeta)
    for key in [key for key in metadata if key not in known]:
        unknown.append(dotted((path, key)))
        del metadata[key]


def _value(value: Any, node: Node, path: Path, unknown: list[str]) -> None:
    if type(value) is dict:
        _object(value, node, path, unknown, resource=node.embedded)
        if node.embedded and type(value.get("metadata")) is dict:
            _metadata(value["metadata"], (path, "metadata"), unknown)
    elif node.items is not None:
        for index, one in enumerate(value):
            if type(one) is dict or type(one) is list:
                _value(one, node.items, (path, index), unknown)
