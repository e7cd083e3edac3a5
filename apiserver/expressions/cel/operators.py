"""Operators and conversions of the language. Neighbours: `program` calls them by name."""

import datetime as dt
import math
import operator
import re
from collections.abc import Callable
from typing import Any

from apimachinery import meta
from apiserver.expressions.cel.values import (
    INT_MAX,
    INT_MIN,
    UINT_MAX,
    EvalError,
    Opaque,
    UInt,
    equal,
    plain,
    type_name,
)

_UNITS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0,
}  # fmt: skip
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_DURATION = re.compile(rf"[-+]?(?:0|(?:{_PART.pattern})+)")


def no_overload(*values: Any) -> EvalError:
    return EvalError(f"no such overload: ({', '.join(map(type_name, values))})")


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other)


def _bounded(value: int, like: Any) -> int:
    if isinstance(like, UInt):
        if not 0 <= value <= UINT_MAX:
            raise EvalError("unsigned integer overflow")
        return UInt(value)
    if not INT_MIN <= value <= INT_MAX:
        raise EvalError("integer overflow")
    return value


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def add(one: Any, other: Any) -> Any:
    if _whole(one) and _same(one, other):
        return _bounded(int(one) + int(other), one)
    if isinstance(one, (str, bytes, list, float, dt.timedelta)) and _same(one, other):
        return one + other
    if isinstance(one, dt.datetime) and isinstance(other, dt.timedelta):
        return _moment(lambda: one + other)
    if isinstance(one, dt.timedelta) and isinstance(other, dt.datetime):
        return _moment(lambda: other + one)
    raise no_overload(one, other)


def sub(one: Any, other: Any) -> Any:
    if _whole(one) and _same(one, other):
        return _bounded(int(one) - int(other), one)
    if isinstance(one, (float, dt.timedelta, dt.datetime)) and _same(one, other):
        return one - other
    if isinstance(one, dt.datetime) and isinstance(other, dt.timedelta):
        return _moment(lambda: one - other)
    raise no_overload(one, other)


def _moment(make: Callable[[], dt.datetime]) -> dt.datetime:
    try:
        return make()
    except OverflowError:
        raise EvalError("timestamp overflow") from None


def mul(one: Any, other: Any) -> Any:
    if _whole(one) and _same(one, other):
        return _bounded(int(one) * int(other), one)
    if isinstance(one, float) and isinstance(other, float):
        return one * other
    raise no_overload(one, other)


def div(one: Any, other: Any) -> Any:
    if _whole(one) and _same(one, other):
        if other == 0:
            raise EvalError("division by zero")
        found = abs(int(one)) // abs(int(other))
        return _bounded(found if (one < 0) == (other < 0) else -found, one)
    if isinstance(one, float) and isinstance(other, float):
        if other == 0:
            return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one * other)
        return one / other
    raise no_overload(one, other)


def mod(one: Any, other: Any) -> Any:
    if _whole(one) and _same(one, other):
        if other == 0:
            raise EvalError("modulus by zero")
        found = abs(int(one)) % abs(int(other))
        return _bounded(-found if one < 0 else found, one)
    raise no_overload(one, other)


def negate(value: Any) -> Any:
    if type(value) is int:
        return _bounded(-value, value)
    if isinstance(value, (float, dt.timedelta)):
        return -value
    raise no_overload(value)


def invert(value: Any) -> bool:
    if type(value) is not bool:
        raise no_overload(value)
    return not value


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    numbers = (int, float)
    others = (str, bytes, dt.datetime, dt.timedelta)

    def holds(one: Any, other: Any) -> bool:
        if isinstance(one, bool) and isinstance(other, bool):
            return compare(one, other)
        if isinstance(one, bool) or isinstance(other, bool):
            raise no_overload(one, other)
        if isinstance(one, numbers) and isinstance(other, numbers):
            return compare(one, other)
        if isinstance(one, others) and _same(one, other):
            return compare(one, other)
        raise no_overload(one, other)

    return holds


def contained(item: Any, where: Any) -> bool:
    if isinstance(where, dict):
        return _hashable(item) and item in where
    if isinstance(where, list):
        return any(equal(item, one) for one in where)
    raise no_overload(item, where)


def _hashable(item: Any) -> bool:
    return isinstance(item, (str, int, float, bool))


# --- conversions ---------------------------------------------------------------------------------


def to_int(value: Any) -> int:
    if isinstance(value, str):
        if not re.fullmatch(r"[-+]?\d+", value):
            raise EvalError(f'strconv.ParseInt: parsing "{value}": invalid syntax')
        return _bounded(int(value), 0)
    if isinstance(value, dt.datetime):
        return math.floor(value.timestamp())
    if isinstance(value, dt.timedelta):
        return _bounded(value // dt.timedelta(microseconds=1) * 1000, 0)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if isinstance(value, float) and not math.isfinite(value):
            raise EvalError("integer overflow")
        return _bounded(int(value), 0)
    raise no_overload(value)


def to_uint(value: Any) -> UInt:
    if isinstance(value, str):
        if not value.isdecimal():
            raise EvalError(f'strconv.ParseUint: parsing "{value}": invalid syntax')
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise no_overload(value)
    if not 0 <= value <= UINT_MAX:
        raise EvalError("unsigned integer overflow")
    return UInt(int(value))


def to_double(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise no_overload(value)
    try:
        return float(value)
    except ValueError:
        raise EvalError(f'strconv.ParseFloat: parsing "{value}": invalid syntax') from None


def to_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}" if value != int(value) or abs(value) >= 1e21 else str(int(value))
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise EvalError("invalid UTF-8 in bytes, cannot convert to string") from None
    if isinstance(value, (dt.datetime, dt.timedelta)):
        return str(plain(value))
    if isinstance(value, Opaque):
        return str(value.value)
    raise no_overload(value)


def to_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    raise no_overload(value)


def to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value in ("true", "True", "TRUE", "t", "1"):
            return True
        if value in ("false", "False", "FALSE", "f", "0"):
            return False
        raise EvalError(f'type conversion error from "{value}" to bool')
    raise no_overload(value)


def to_duration(value: Any) -> dt.timedelta:
    if isinstance(value, dt.timedelta):
        return value
    if type(value) is int:
        return dt.timedelta(microseconds=value / 1000)
    if not isinstance(value, str):
        raise no_overload(value)
    if not _DURATION.fullmatch(value):
        raise EvalError(f'time: invalid duration "{value}"')
    seconds = sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(value))
    return dt.timedelta(seconds=-seconds if value.startswith("-") else seconds)


def to_timestamp(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    try:
        if type(value) is int:
            return dt.datetime.fromtimestamp(value, dt.UTC)
        if isinstance(value, str):
            return dt.datetime.fromtimestamp(meta.parse_time(value), dt.UTC)
    except (ValueError, OverflowError, OSError):
        raise EvalError(f'cannot parse "{value}" as a timestamp') from None
    raise no_overload(value)


def size(value: Any) -> int:
    if not isinstance(value, (str, bytes, list, dict)):
        raise no_overload(value)
    return len(value)


OPERATORS: dict[str, Callable[..., Any]] = {
    "_+_": add,
    "_-_": sub,
    "_*_": mul,
    "_/_": div,
    "_%_": mod,
    "-_": negate,
    "!_": invert,
    "_==_": equal,
    "_!=_": lambda one, other: not equal(one, other),
    "_<_": _ordered(operator.lt),
    "_<=_": _ordered(operator.le),
    "_>_": _ordered(operator.gt),
    "_>=_": _ordered(operator.ge),
    "@in": contained,
    "int": to_int,
    "uint": to_uint,
    "double": to_double,
    "string": to_string,
    "bytes": to_bytes,
    "bool": to_bool,
    "duration": to_duration,
    "timestamp": to_timestamp,
    "dyn": lambda value: value,
    "type": lambda value: Opaque("type", type_name(value)),
    "size": size,
}
