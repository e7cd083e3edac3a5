"""The protobuf wire format, and the values of Kubernetes' messages that JSON spells its own way.

Varints, lengths and tags; times, quantities, int-or-strings, raw JSON. Every read is bounded by
the span that it is given. Neighbour: `apimachinery.protobuf` knows messages and models.
"""

import base64
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from apimachinery import duration
from apimachinery.types.base import Scalar

VARINTS = frozenset((Scalar.INT32, Scalar.INT64, Scalar.BOOL))

MAX_VARINT = 10
"""Bytes of the longest varint: 64 bits, seven in each byte."""

MIN_SECONDS = -62135596800
MAX_SECONDS = 253402300799
"""The years 1 to 9999, which is what RFC 3339 can spell."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Malformed(Exception):  # noqa: N818 (translated to a 400 by the only caller)
    """The bytes are no message of the kind."""


class Span(NamedTuple):
    """Where a length-delimited value lies in the body."""

    start: int
    end: int


def fields(body: bytes, span: Span) -> Iterator[tuple[int, int | float | Span]]:
    """The fields of a message in order: number, and a varint, a double or a span."""
    at, end = span
    while at < end:
        tag, at = _varint(body, at, end)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise Malformed("illegal tag 0")
        if wire == 0:
            value, at = _varint(body, at, end)
            yield number, value
        elif wire == 2:
            length, at = _varint(body, at, end)
            if length > end - at:
                raise Malformed("unexpected end")
            yield number, Span(at, at + length)
            at += length
        elif wire in (1, 5):
            width = 8 if wire == 1 else 4
            if width > end - at:
                raise Malformed("unexpected end")
            yield number, float(struct.unpack_from("<d" if wire == 1 else "<f", body, at)[0])
            at += width
        else:
            raise Malformed(f"illegal wire type {wire}")


def _varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    result = shift = 0
    for _ in range(MAX_VARINT):
        if at >= end:
            raise Malformed("unexpected end")
        byte = body[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise Malformed("integer overflow")


def packed(body: bytes, span: Span) -> Iterator[int]:
    """The varints of a packed list."""
    at, end = span
    while at < end:
        value, at = _varint(body, at, end)
        yield value


def nested(value: int | float | Span) -> Span:
    """The value as a span, which a message or string must be."""
    if not isinstance(value, Span):
        raise Malformed("wrong wire type")
    return value


def text(body: bytes, span: Span) -> str:
    try:
        return body[span.start : span.end].decode()
    except UnicodeDecodeError as error:
        raise Malformed("a string is not valid UTF-8") from error


def from_number(kind: Scalar, value: int | float | Span) -> int | bool:
    """A varint as the integer or boolean it stands for."""
    if not isinstance(value, int) or isinstance(value, Span):
        raise Malformed("wrong wire type")
    if kind is Scalar.BOOL:
        return value != 0
    bits = 32 if kind is Scalar.INT32 else 64
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def zero(kind: Scalar) -> Any:
    """What a map entry without a value holds."""
    if kind in (Scalar.INT32, Scalar.INT64):
        return 0
    return {Scalar.BOOL: False, Scalar.STRINGS: [], Scalar.QUANTITY: "0"}.get(kind, "")


def read(kind: Scalar, body: bytes, value: int | float | Span) -> Any:
    """The JSON value; None where JSON would say null (a zero time)."""
    if kind in VARINTS:
        return from_number(kind, value)
    if kind is Scalar.DOUBLE:
        if not isinstance(value, float):
            raise Malformed("wrong wire type")
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    span = nested(value)
    if kind is Scalar.STRING:
        return text(body, span)
    if kind is Scalar.BYTES:
        return base64.b64encode(body[span.start : span.end]).decode()
    return _READERS[kind](body, span)


def _numbered(body: bytes, span: Span) -> dict[int, int | float | Span]:
    return dict(fields(body, span))


def _read_quantity(body: bytes, span: Span) -> str:
    found = _numbered(body, span).get(1)
    return text(body, nested(found)) or "0" if found is not None else "0"


def _read_moment(body: bytes, span: Span) -> datetime | None:
    if span.start == span.end:
        return None
    found = _numbered(body, span)
    seconds = from_number(Scalar.INT64, found.get(1, 0))
    nanos = from_number(Scalar.INT32, found.get(2, 0))
    if not MIN_SECONDS <= seconds <= MAX_SECONDS or not 0 <= nanos < 10**9:
        raise Malformed("a time is out of range")
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)


def _read_time(body: bytes, span: Span) -> str | None:
    moment = _read_moment(body, span)
    return None if moment is None else f"{moment.replace(tzinfo=None).isoformat('T', 'seconds')}Z"


def _read_micro_time(body: bytes, span: Span) -> str | None:
    moment = _read_moment(body, span)
    if moment is None:
        return None
    return f"{moment.replace(tzinfo=None).isoformat('T', 'microseconds')}Z"


def _read_duration(body: bytes, span: Span) -> str:
    nanos = from_number(Scalar.INT64, _numbered(body, span).get(1, 0))
    seconds, rest = divmod(nanos, 10**9)
    return f"{nanos}ns" if rest else f"{seconds}s"


def _read_int_or_string(body: bytes, span: Span) -> int | str:
    found = _numbered(body, span)
    if found.get(1, 0) == 1:
        return text(body, nested(found.get(3, Span(0, 0))))
    return from_number(Scalar.INT32, found.get(2, 0))


def _read_raw(body: bytes, span: Span) -> Any:
    found = _numbered(body, span).get(1)
    if found is None:
        return None
    inner = nested(found)
    try:
        return orjson.loads(body[inner.start : inner.end])
    except orjson.JSONDecodeError as error:
        raise Malformed("embedded JSON is malformed") from error


def _read_strings(body: bytes, span: Span) -> list[str]:
    return [text(body, nested(value)) for number, value in fields(body, span) if number == 1]


_READERS = {
    Scalar.QUANTITY: _read_quantity,
    Scalar.TIME: _read_time,
    Scalar.MICRO_TIME: _read_micro_time,
    Scalar.DURATION: _read_duration,
    Scalar.INT_OR_STRING: _read_int_or_string,
    Scalar.RAW: _read_raw,
    Scalar.JSON: _read_raw,
    Scalar.STRINGS: _read_strings,
}


# --- writing -------------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    """An integer, negative ones as 64 bits of two's complement."""
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def _integer(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def write(kind: Scalar, number: int, value: Any) -> bytes:
    """One field with a value in its JSON form."""
    if kind in VARINTS:
        return _integer(number, int(value))
    if kind is Scalar.DOUBLE:
        return varint(number << 3 | 1) + struct.pack("<d", value)
    if kind is Scalar.STRING:
        return field(number, value.encode())
    if kind is Scalar.BYTES:
        return field(number, base64.b64decode(value))
    return field(number, _WRITERS[kind](value))


def _write_quantity(value: Any) -> bytes:
    return field(1, str(value).encode())


def _write_time(value: str) -> bytes:
    delta = datetime.fromisoformat(value) - _EPOCH
    nanos = delta.microseconds * 1000
    return _integer(1, delta.days * 86400 + delta.seconds) + _integer(2, nanos)


def _write_duration(value: str) -> bytes:
    return _integer(1, round(duration.seconds(value) * 1e9))


def _write_int_or_string(value: int | str) -> bytes:
    if isinstance(value, str):
        return _integer(1, 1) + _integer(2, 0) + field(3, value.encode())
    return _integer(1, 0) + _integer(2, value) + field(3, b"")


def _write_raw(value: Any) -> bytes:
    return field(1, orjson.dumps(value))


def _write_strings(value: list[str]) -> bytes:
    return b"".join(field(1, one.encode()) for one in value)


_WRITERS = {
    Scalar.QUANTITY: _write_quantity,
    Scalar.TIME: _write_time,
    Scalar.MICRO_TIME: _write_time,
    Scalar.DURATION: _write_duration,
    Scalar.INT_OR_STRING: _write_int_or_string,
    Scalar.RAW: _write_raw,
    Scalar.JSON: _write_raw,
    Scalar.STRINGS: _write_strings,
}
