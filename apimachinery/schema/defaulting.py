"""Fills a schema's defaults into an object, in place.

Neighbours: `node` is the compiled schema; `apimachinery.defaults` calls this for custom resources.
"""

from typing import Any

import orjson

from apimachinery.schema.node import RESOURCE_FIELDS, Node
from apimachinery.wire import JsonObject


def fill(obj: JsonObject, node: Node) -> None:
    """Defaults of an object whose root is a resource: its metadata is left alone."""
    if node.has_defaults:
        _object(obj, node, resource=True)


def _object(obj: JsonObject, node: Node, *, resource: bool) -> None:
    for key, child in node.fields.items():
        if not child.has_defaults or (resource and key in RESOURCE_FIELDS):
            continue
        # A null where null may not be stands for the default.
        absent = obj.get(key) is None and (key not in obj or not child.nullable)
        if absent and child.default is not None:
            obj[key] = orjson.loads(orjson.dumps(child.default))
        if key in obj:
            _value(obj[key], child)
    free = node.additional
    if free is not None and free.has_defaults:
        for key, value in obj.items():
            if key in node.fields:
                continue
            if value is None and free.default is not None and not free.nullable:
                obj[key] = orjson.loads(orjson.dumps(free.default))
            _value(obj[key], free)


def _value(value: Any, node: Node) -> None:
    if type(value) is dict:
        _object(value, node, resource=node.embedded)
    elif type(value) is list and node.items is not None and node.items.has_defaults:
        item = node.items
        for index, one in enumerate(value):
            if one is None and item.default is not None and not item.nullable:
                value[index] = orjson.loads(orjson.dumps(item.default))
            _value(value[index], item)
