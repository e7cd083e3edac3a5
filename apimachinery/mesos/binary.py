"""Protobuf bodies to messages in their JSON form and back, driven by the schema. Pure.

The wire format's primitives are Kubernetes' too (`apimachinery.protobuf_scalars`). Neighbours:
`schema` has the numbers; `lenient` reads JSON. What comes out of either is the same.
"""

import base64
from typing import Any

from apimachinery import protobuf_scalars as scalars
from apimachinery.mesos import schema
from apimachinery.mesos.lenient import DEPTH_MAX
from apimachinery.mesos.schema import Field, Malformed
from apimachinery.protobuf_scalars import Span
from apimachinery.types.base import Scalar
from apimachinery.wire import JsonObject

_KINDS = {
    "string": Scalar.STRING,
    "bytes": Scalar.BYTES,
    "bool": Scalar.BOOL,
    "double": Scalar.DOUBLE,
    "int32": Scalar.INT32,
    "int64": Scalar.INT64,
}


def loads(body: bytes, name: str) -> JsonObject:
    """A message from its bytes; Malformed if they are none."""
    missing: list[str] = []
    try:
        found = _read(body, Span(0, len(body)), name, "", missing, 0)
    except scalars.Malformed as error:
        raise Malformed(f"Failed to parse body into {name} protobuf: {error}") from error
    if missing:
        raise Malformed(
            f"Failed to parse body into {name} protobuf: "
            f"Missing required fields: {', '.join(missing)}"
        )
    return found


def dumps(obj: JsonObject, name: str) -> bytes:
    """A message in its JSON form as bytes."""
    out = bytearray()
    fields = schema.messages()[name].by_name
    for key, value in obj.items():
        field = fields[key]
        if field.mapping:
            for inner, item in value.items():
                entry = scalars.field(1, inner.encode()) + _write(2, item, field.type)
                out += scalars.field(field.number, entry)
            continue
        for item in value if field.repeated else (value,):
            out += _write(field.number, item, field.type)
    return bytes(out)


def _write(number: int, value: Any, kind: str) -> bytes:
    if (scalar := _KINDS.get(kind)) is not None:
        return scalars.write(scalar, number, value)
    if kind in ("uint32", "uint64"):
        return scalars.write(Scalar.INT64, number, value)
    if (enum := schema.enums().get(kind)) is not None:
        return scalars.write(Scalar.INT32, number, enum[value])
    return scalars.field(number, dumps(value, kind))


def _read(
    body: bytes, span: Span, name: str, path: str, missing: list[str], depth: int
) -> JsonObject:
    if depth > DEPTH_MAX:
        raise scalars.Malformed("messages are nested too deeply")
    found: JsonObject = {}
    known = schema.messages()[name]
    for number, value in scalars.fields(body, span):
        field = known.by_number.get(number)
        if field is None:
            continue
        where = f"{path}.{field.name}" if path else field.name
        if field.mapping:
            key, item = _entry(body, scalars.nested(value), field, where, missing, depth)
            found.setdefault(field.name, {})[key] = item
        elif field.repeated:
            for one in _items(body, value, field, where, missing, depth):
                found.setdefault(field.name, []).append(one)
        elif (one := _value(body, value, field.type, where, missing, depth)) is not None:
            found[field.name] = one
    missing += [
        f"{path}.{field.name}" if path else field.name
        for field in known.by_name.values()
        if field.required and field.name not in found
    ]
    return found


def _items(
    body: bytes, value: int | float | Span, field: Field, path: str, missing: list[str], depth: int
) -> list[Any]:
    """One item, or several where numbers are packed together."""
    packed = isinstance(value, Span) and field.type in ("int32", "int64", "uint32", "uint64")
    if packed:
        assert isinstance(value, Span)
        return [_number(one, field.type) for one in scalars.packed(body, value)]
    one = _value(body, value, field.type, path, missing, depth)
    return [] if one is None else [one]


def _entry(
    body: bytes, span: Span, field: Field, path: str, missing: list[str], depth: int
) -> tuple[str, Any]:
    key, item = "", None
    for number, value in scalars.fields(body, span):
        if number == 1:
            key = scalars.text(body, scalars.nested(value))
        elif number == 2:
            item = _value(body, value, field.type, path, missing, depth)
    return key, item


def _value(
    body: bytes, value: int | float | Span, kind: str, path: str, missing: list[str], depth: int
) -> Any:
    if kind == "string":
        return scalars.text(body, scalars.nested(value))
    if kind == "bytes":
        span = scalars.nested(value)
        return base64.b64encode(body[span.start : span.end]).decode()
    if kind == "double":
        if not isinstance(value, float):
            raise scalars.Malformed("wrong wire type")
        return value
    if kind in schema.SCALARS:
        return _number(value, kind)
    if (names := schema.enum_names().get(kind)) is not None:
        return names.get(int(scalars.from_number(Scalar.INT32, value)))
    return _read(body, scalars.nested(value), kind, path, missing, depth + 1)


def _number(value: int | float | Span, kind: str) -> int | bool:
    scalar = _KINDS.get(kind)
    if scalar is not None:
        return scalars.from_number(scalar, value)
    number = scalars.from_number(Scalar.INT64, value)
    return number & ((1 << int(kind[-2:])) - 1)
