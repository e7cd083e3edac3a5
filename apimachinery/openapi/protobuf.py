"""OpenAPI v2 as protobuf: what Go clients ask `/openapi/v2` for, and can read in no other form.

kubectl falls back to it for kinds that no v3 document has; older ones explain, validate and patch
with it. Only the kinds' schemas are written, without bounds and defaults: these clients look
neither at paths nor at those. Neighbours: `documents` makes the JSON,
`apimachinery.protobuf_scalars` the wire format.
"""

import orjson

from apimachinery import protobuf_scalars as scalars
from apimachinery.wire import JsonObject

_SWAGGER, _INFO, _PATHS, _DEFINITIONS = 1, 2, 8, 9
"""Fields of a Document message."""
_TEXTS = {"$ref": 1, "format": 2, "title": 3, "description": 4, "pattern": 13}
"""Plain strings of a Schema message."""
_REQUIRED, _ADDITIONAL, _TYPE, _ITEMS, _ALL_OF, _PROPERTIES, _EXTENSION = 19, 21, 22, 23, 24, 25, 31


def encode(document: JsonObject) -> bytes:
    """The definitions of an OpenAPI v2 document as a Document message."""
    info = document["info"]
    return b"".join(
        (
            _text(_SWAGGER, document["swagger"]),
            scalars.field(_INFO, _text(1, info["title"]) + _text(2, info["version"])),
            scalars.field(_PATHS, b""),
            scalars.field(_DEFINITIONS, _schemas(document["definitions"])),
        )
    )


def _text(number: int, value: str) -> bytes:
    return scalars.field(number, value.encode())


def _schemas(named: dict[str, JsonObject]) -> bytes:
    return b"".join(
        scalars.field(1, _text(1, name) + scalars.field(2, _schema(schema)))
        for name, schema in named.items()
    )


def _schema(schema: JsonObject) -> bytes:
    parts = [_text(number, schema[key]) for key, number in _TEXTS.items() if schema.get(key)]
    parts += [_text(_REQUIRED, name) for name in schema.get("required", ())]
    for key, number in (("additionalProperties", _ADDITIONAL), ("items", _ITEMS)):
        if isinstance(inner := schema.get(key), dict):
            parts.append(scalars.field(number, scalars.field(1, _schema(inner))))
    if kind := schema.get("type"):
        parts.append(scalars.field(_TYPE, _text(1, kind)))
    parts += [scalars.field(_ALL_OF, _schema(one)) for one in schema.get("allOf", ())]
    if properties := schema.get("properties"):
        parts.append(scalars.field(_PROPERTIES, _schemas(properties)))
    parts += [_extension(key, value) for key, value in schema.items() if key.startswith("x-")]
    return b"".join(parts)


def _extension(name: str, value: object) -> bytes:
    """A message that carries a value of any kind as YAML, which JSON is."""
    text = orjson.dumps(value).decode()
    return scalars.field(_EXTENSION, _text(1, name) + scalars.field(2, _text(2, text)))
