r"""Kubernetes' protobuf bodies to JSON objects and back, driven by the models' field numbers.

A body is the four bytes `k8s\0` and a `runtime.Unknown` message that names the kind and holds the
object's own message. `apimachinery.types` carries numbers and types; no protobuf library and no
generated code is needed: the wire format is small, and every length is checked before it is used.
What `decode` returns goes through `apimachinery.decode` like any JSON body.

Neighbours: `apimachinery.protobuf_scalars` has the values that are no messages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from apimachinery import protobuf_scalars as scalars
from apimachinery import status
from apimachinery.protobuf_scalars import Malformed, Span
from apimachinery.scheme import BUILTIN, Scheme, split_api_version
from apimachinery.types.base import FieldFacts, Model, Scalar, facts
from apimachinery.wire import JsonObject

MAGIC = b"k8s\x00"

MAX_DEPTH = 100
"""Of nested messages: pods need about ten, schemas in definitions can go deeper."""


def decode(body: bytes, scheme: Scheme) -> JsonObject:
    """An object with `apiVersion` and `kind` from an envelope; ApiError 400 when malformed."""
    try:
        api_version, kind, raw = _envelope(body)
        model = _model(scheme, api_version, kind)
        obj: JsonObject = {"apiVersion": api_version, "kind": kind}
        _read(body, raw, _plan(model), obj, 0)
    except Malformed as error:
        raise status.bad_request(f"unable to decode the protobuf body: {error}") from error
    return obj


def encode(obj: JsonObject) -> bytes:
    """The envelope for an object of a built-in kind, a list of them, a Status, a Scale …"""
    api_version, kind = obj.get("apiVersion", ""), obj.get("kind", "")
    try:
        raw = _write(obj, _plan(_model(BUILTIN, api_version, kind)))
    except (Malformed, TypeError, ValueError, AttributeError) as error:
        raise status.internal_error(f"cannot encode {kind} as protobuf: {error}") from error
    names = scalars.field(1, api_version.encode()) + scalars.field(2, kind.encode())
    return MAGIC + scalars.field(1, names) + scalars.field(2, raw)


def _envelope(body: bytes) -> tuple[str, str, Span]:
    """apiVersion, kind and where the object's message lies."""
    if not body.startswith(MAGIC):
        raise Malformed("it does not start with the magic number k8s\\x00")
    names: dict[int, str] = {}
    raw = Span(0, 0)
    for number, value in scalars.fields(body, Span(len(MAGIC), len(body))):
        if not isinstance(value, Span):
            continue
        if number == 1:
            for name, text in scalars.fields(body, value):
                if isinstance(text, Span):
                    names[name] = scalars.text(body, text)
        elif number == 2:
            raw = value
        elif number == 3 and value.start != value.end:
            raise Malformed("a content encoding is not supported")
    return names.get(1, ""), names.get(2, ""), raw


def _model(scheme: Scheme, api_version: str, kind: str) -> type[Model]:
    group, version = split_api_version(api_version)
    model = scheme.model_of(group, version, kind)
    if model is None:
        raise Malformed(
            f'no kind "{kind}" is registered for version "{api_version}" with a protobuf form'
        )
    return model


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a message on the wire."""

    number: int
    name: str
    shape: str
    type: Scalar | type[Model]
    presence: bool
    alternative: str
    embedded: bool
    """A nested message whose fields JSON shows as the outer one's own."""


@dataclass(frozen=True, slots=True)
class _Plan:
    by_number: Mapping[int, _Field]
    by_name: Mapping[str, _Field]


@cache  # one entry for each model: their number is the bound
def _plan(model: type[Model]) -> _Plan:
    inherited: set[str] = set()
    found: list[_Field] = []
    for base, number in model.embedded.items():
        inherited.update(facts(base))
        found.append(_Field(number, "", "one", base, presence=False, alternative="", embedded=True))
    found += [_field(one) for one in facts(model).values() if one.name not in inherited]
    numbered = [one for one in found if one.number]
    return _Plan({one.number: one for one in numbered}, {one.name: one for one in numbered})


def _field(one: FieldFacts) -> _Field:
    return _Field(
        one.number,
        one.name,
        one.shape,
        one.type,
        presence=one.presence,
        alternative=one.alternative,
        embedded=False,
    )


# --- reading -------------------------------------------------------------------------------------


def _read(body: bytes, span: Span, plan: _Plan, out: JsonObject, depth: int) -> None:
    """Read one message into `out`. Later values of a single field win, as in any protobuf."""
    if depth > MAX_DEPTH:
        raise Malformed("messages are nested too deeply")
    for number, value in scalars.fields(body, span):
        field = plan.by_number.get(number)
        if field is None:
            continue
        if field.embedded:
            assert not isinstance(field.type, Scalar)
            _read(body, scalars.nested(value), _plan(field.type), out, depth + 1)
        elif field.shape == "map":
            key, item = _read_entry(body, scalars.nested(value), field, depth)
            out.setdefault(field.name, {})[key] = item
        elif field.shape == "list":
            _read_item(body, value, field, out.setdefault(field.name, []), depth)
        else:
            _read_one(body, value, field, out, depth)


def _read_one(
    body: bytes, value: int | float | Span, field: _Field, out: JsonObject, depth: int
) -> None:
    got = _value(body, value, field, depth)
    if got is None or (not field.presence and got in (0, "", False)):
        # Go writes the zero of each field that cannot tell it from "not given".
        out.pop(field.name, None)
    else:
        out[field.name] = got


def _read_item(
    body: bytes, value: int | float | Span, field: _Field, items: list[Any], depth: int
) -> None:
    if isinstance(value, Span) and field.type in scalars.VARINTS:
        items += (scalars.from_number(field.type, one) for one in scalars.packed(body, value))
    else:
        got = _value(body, value, field, depth)
        items.append("" if got is None else got)


def _read_entry(body: bytes, span: Span, field: _Field, depth: int) -> tuple[str, Any]:
    """Key and value of one map entry, itself a message with the numbers 1 and 2."""
    key: str = ""
    item: Any = None
    for number, value in scalars.fields(body, span):
        if number == 1:
            key = scalars.text(body, scalars.nested(value))
        elif number == 2:
            item = _value(body, value, field, depth)
    if item is None:
        item = {} if not isinstance(field.type, Scalar) else scalars.zero(field.type)
    return key, item


def _value(body: bytes, value: int | float | Span, field: _Field, depth: int) -> Any:
    if isinstance(field.type, Scalar):
        return scalars.read(field.type, body, value)
    span = scalars.nested(value)
    if field.alternative:
        return _read_union(body, span, field.type, field.alternative, depth)
    inner: JsonObject = {}
    _read(body, span, _plan(field.type), inner, depth + 1)
    return inner


def _read_union(body: bytes, span: Span, model: type[Model], alternative: str, depth: int) -> Any:
    """A schema, or what JSON may hold instead of it.

    With "bool" the numbers are 1: allows, 2: schema; else 1: schema, 2: the items of the list.
    """
    schema: JsonObject | None = None
    allows = False
    items: list[Any] = []
    for number, value in scalars.fields(body, span):
        if alternative == "bool" and number == 1:
            allows = bool(value)
        elif alternative == "strings" and number == 2:
            items.append(scalars.text(body, scalars.nested(value)))
        elif number in (1, 2):
            inner: JsonObject = {}
            _read(body, scalars.nested(value), _plan(model), inner, depth + 1)
            if alternative == "messages" and number == 2:
                items.append(inner)
            else:
                schema = inner
    if schema is not None:
        return schema
    return allows if alternative == "bool" else items


# --- writing -------------------------------------------------------------------------------------


def _write(obj: JsonObject, plan: _Plan) -> bytes:
    parts: list[bytes] = []
    for field in plan.by_number.values():
        if field.embedded:
            assert not isinstance(field.type, Scalar)
            parts.append(scalars.field(field.number, _write(obj, _plan(field.type))))
            continue
        value = obj.get(field.name)
        if value is None:
            continue
        if field.shape == "list":
            parts += (_write_value(field, one) for one in value)
        elif field.shape == "map":
            for key, one in value.items():
                entry = scalars.field(1, key.encode()) + _write_numbered(field, 2, one)
                parts.append(scalars.field(field.number, entry))
        else:
            parts.append(_write_value(field, value))
    return b"".join(parts)


def _write_value(field: _Field, value: Any) -> bytes:
    return _write_numbered(field, field.number, value)


def _write_numbered(field: _Field, number: int, value: Any) -> bytes:
    if isinstance(field.type, Scalar):
        return scalars.write(field.type, number, value)
    if field.alternative:
        return scalars.field(number, _write_union(field.type, field.alternative, value))
    return scalars.field(number, _write(value, _plan(field.type)))


def _write_union(model: type[Model], alternative: str, value: Any) -> bytes:
    if isinstance(value, bool):
        return scalars.write(Scalar.BOOL, 1, value)
    if isinstance(value, list):
        if alternative == "strings":
            return b"".join(scalars.field(2, one.encode()) for one in value)
        return b"".join(scalars.field(2, _write(one, _plan(model))) for one in value)
    schema = _write(value, _plan(model))
    if alternative == "bool":
        return scalars.write(Scalar.BOOL, 1, True) + scalars.field(2, schema)
    return scalars.field(1, schema)
