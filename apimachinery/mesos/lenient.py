"""JSON bodies to messages, as forgiving as the Mesos master's own parser. Pure.

What real clients rely on: unknown fields and nulls are ignored; text stands for numbers and
booleans; a single value where several may stand is a list of one; an unknown word for an enum is
as if it were not there. A number for text, a boolean or an enum is an error, and so is a list
where one value is meant. Neighbours: `schema`; `binary` does the same for protobuf.
"""

import base64
import binascii
import math
from typing import Any

import orjson

from apimachinery.mesos import schema
from apimachinery.mesos.schema import Field, Malformed
from apimachinery.wire import JsonObject

DEPTH_MAX = 64
"""Messages within messages: a task needs about ten."""
ALIASES = {"slave_id": "agent_id", "slave_ids": "agent_ids"}
"""What the API before v1 said; one client says both."""


def loads(body: bytes, name: str) -> JsonObject:
    """A message from JSON text; Malformed in the master's words."""
    return message(parse(body), name)


def parse(body: bytes) -> JsonObject:
    """A JSON object of any kind."""
    try:
        obj = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"Failed to parse body into JSON: {error}") from error
    if not isinstance(obj, dict):
        raise Malformed("Failed to parse body into JSON: the body is no object")
    return obj


def message(obj: JsonObject, name: str) -> JsonObject:
    """A message from a JSON object: known fields with right types, required ones there."""
    missing: list[str] = []
    short = name.rpartition(".")[2]
    found = _message(obj, name, "", missing, 0)
    if missing:
        raise Malformed(
            f"Failed to convert JSON into {short} protobuf: "
            f"Missing required fields: {', '.join(missing)}"
        )
    return found


def _message(obj: Any, name: str, path: str, missing: list[str], depth: int) -> JsonObject:
    if depth > DEPTH_MAX:
        raise _wrong(path, "messages are nested too deeply")
    if not isinstance(obj, dict):
        raise _wrong(path, "Not expecting a JSON value that is no object")
    fields = schema.messages()[name].by_name
    found: JsonObject = {}
    for key, value in obj.items():
        field = fields.get(key) or fields.get(ALIASES.get(key, ""))
        if field is None or value is None or (key in ALIASES and field.name in obj):
            continue
        where = f"{path}.{key}" if path else key
        read = _field(value, field, where, missing, depth)
        if read is not None:
            found[field.name] = read
    missing += [
        f"{path}.{field.name}" if path else field.name
        for field in fields.values()
        if field.required and field.name not in found
    ]
    return found


def _field(value: Any, field: Field, path: str, missing: list[str], depth: int) -> Any:
    if field.mapping:
        if not isinstance(value, dict):
            raise _wrong(path, "Expecting a JSON object for a map")
        return {
            str(key): _one(item, field, f"{path}.{key}", missing, depth)
            for key, item in value.items()
            if item is not None
        }
    if field.repeated:
        items = value if isinstance(value, list) else [value]
        read = [
            _one(item, field, f"{path}[{i}]", missing, depth)
            for i, item in enumerate(items)
            if item is not None
        ]
        return [item for item in read if item is not None]
    if isinstance(value, list):
        raise _wrong(path, "Not expecting a JSON array")
    return _one(value, field, path, missing, depth)


def _one(value: Any, field: Field, path: str, missing: list[str], depth: int) -> Any:
    if field.type in schema.SCALARS:
        return _scalar(value, field.type, path)
    enum = schema.enums().get(field.type)
    if enum is not None:
        if not isinstance(value, str):
            raise _wrong(path, "Not expecting a JSON value that is no string for an enum")
        return value if value in enum else None
    return _message(value, field.type, path, missing, depth + 1)


def _scalar(value: Any, kind: str, path: str) -> Any:
    if kind == "string":
        if not isinstance(value, str):
            raise _wrong(path, "Not expecting a JSON value that is no string")
        return value
    if kind == "bytes":
        return _base64(value, path)
    if kind == "bool":
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return value == "true"
        raise _wrong(path, "Not expecting a JSON value that is no boolean")
    return _number(value, kind, path)


def _base64(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(path, "Not expecting a JSON value that is no string")
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _wrong(path, "the string is not base64") from error
    return value


def _number(value: Any, kind: str, path: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong(path, "Not expecting a JSON value that is no number")
    try:
        number = float(value) if isinstance(value, str) else value
        if kind == "double":
            return float(number)
        # Large integers in text must not pass through a float.
        whole = int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else None
        exact = whole if whole is not None else math.trunc(number)
    except (ValueError, OverflowError) as error:
        raise _wrong(path, f"Failed to convert {value!r} to a number") from error
    bits = int(kind[-2:])
    low, high = (0, 1 << bits) if kind[0] == "u" else (-(1 << (bits - 1)), 1 << (bits - 1))
    if not low <= exact < high:
        raise _wrong(path, f"{value!r} is out of range")
    return exact


def _wrong(path: str, what: str) -> Malformed:
    return Malformed(f"Failed to convert JSON into protobuf: {what} for field '{path}'")
