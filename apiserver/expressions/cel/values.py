"""Values while an expression runs: what Python lacks, and comparison as the language has it.

bool, int, float, str, bytes, None, list, dict, datetime and timedelta are themselves; here are
unsigned numbers, optionals and errors. Python holds True == 1 for true, expressions do not.
"""

import base64
import datetime as dt
import math
from typing import Any

from apimachinery import meta

INT_MAX, INT_MIN, UINT_MAX = 2**63 - 1, -(2**63), 2**64 - 1


class EvalError(Exception):
    """The expression has no value: what went wrong, in cel-go's words."""


class CostExceeded(Exception):  # noqa: N818  a fact about an expression
    """The expression costs more than it may."""


class UInt(int):
    """An unsigned number."""

    __slots__ = ()


class Opaque:
    """A value of a type with a name of its own; what it holds is `library`'s business."""

    __slots__ = ("type_name", "value")

    def __init__(self, type_name: str, value: Any) -> None:
        self.type_name = type_name
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(self.value)


class Optional:
    """A value that may not be there."""

    __slots__ = ("there", "value")

    def __init__(self, value: Any = None, *, there: bool = True) -> None:
        self.value = value
        self.there = there


NONE = Optional(there=False)


def equal(one: Any, other: Any) -> bool:
    """`==` of expressions: numbers by value whatever their type, everything else by type."""
    if type(one) is type(other) and type(one) in (str, int, bool, bytes):
        return bool(one == other)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return len(one) == len(other) and all(
            key in other and equal(value, other[key]) for key, value in one.items()
        )
    if isinstance(one, Optional) and isinstance(other, Optional):
        return one.there == other.there and (not one.there or equal(one.value, other.value))
    return bool(one == other)


_NAMES: dict[type, str] = {
    bool: "bool",
    int: "int",
    UInt: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    type(None): "null_type",
    dt.datetime: "google.protobuf.Timestamp",
    dt.timedelta: "google.protobuf.Duration",
    Optional: "optional_type",
}


def type_name(value: Any) -> str:
    """The name of a value's type."""
    if isinstance(value, Opaque):
        return value.type_name
    return _NAMES.get(type(value), "map" if isinstance(value, dict) else "dyn")


def size_of(value: Any) -> int:
    """What the cost of walking a value is counted by."""
    return len(value) if isinstance(value, (str, bytes, list, dict)) else 1


def plain(value: Any) -> Any:
    """A value as JSON has it; raises EvalError for what it has not."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise EvalError("a number that is none has no JSON")
        return value
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dt.datetime):
        return meta.format_time(value.timestamp())
    if isinstance(value, dt.timedelta):
        return f"{value.total_seconds():g}s"
    raise EvalError(f"unsupported conversion from {type_name(value)} to JSON")
