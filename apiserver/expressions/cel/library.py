"""The functions that expressions may call beside operators: strings, lists, sets, times, optionals.

Methods get what they are called on as their first argument. Neighbours: `kubernetes` has what
only Kubernetes has, `declarations` tells the checker of all.
"""

import base64
import binascii
import datetime as dt
import functools
import math
import zoneinfo
from collections.abc import Callable
from typing import Any

from apimachinery.schema import patterns
from apiserver.expressions.cel import operators
from apiserver.expressions.cel.operators import no_overload
from apiserver.expressions.cel.values import NONE, EvalError, Optional, equal, type_name

LIST_MAX = 10_000
"""Items that `lists.range` makes; what is made is paid for after it is there."""

# --- strings -------------------------------------------------------------------------------------


def _matches(text: Any, pattern: Any) -> bool:
    return _searcher(_text(pattern)).search(_text(text)) is not None


@functools.lru_cache(maxsize=512)
def _searcher(pattern: str) -> Any:
    import re2

    if problem := patterns.problem(pattern):
        raise EvalError(f"error parsing regexp: {problem}")
    return re2.compile(pattern)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise no_overload(value)
    return value


def _method(apply: Callable[..., Any]) -> Callable[..., Any]:
    """A method of strings all of whose arguments are strings."""

    def call(*values: Any) -> Any:
        for one in values:
            if not isinstance(one, str):
                raise no_overload(*values)
        return apply(*values)

    return call


def _at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise EvalError(f"index out of range: {index}")
    return text[index : index + 1]


def _substring(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else end
    if not 0 <= start <= len(text) or not 0 <= stop <= len(text):
        raise EvalError(f"index out of range: {start if not 0 <= start <= len(text) else stop}")
    if start > stop:
        raise EvalError(f"invalid substring range. start: {start}, end: {stop}")
    return text[start:stop]


def _split(text: str, by: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if not by:
        return list(text) if limit < 0 else [*text[: limit - 1], text[limit - 1 :]]
    return text.split(by, limit - 1 if limit > 0 else -1)


def _replace(text: str, old: str, new: str, limit: int = -1) -> str:
    return text.replace(old, new, limit if limit >= 0 else -1)


def _index_of(where: Any, what: Any, *start: int) -> int:
    if isinstance(where, str):
        return where.find(_text(what), *start)
    return next((at for at, one in enumerate(where) if equal(one, what)), -1)


def _last_index_of(where: Any, what: Any, *start: int) -> int:
    if isinstance(where, str):
        return where.rfind(_text(what), 0, start[0] + len(what) if start else None)
    return next((at for at in range(len(where) - 1, -1, -1) if equal(where[at], what)), -1)


def _find(text: str, pattern: str) -> str:
    return next(iter(_find_all(text, pattern, 1)), "")


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [one.group(0) for one in _searcher(pattern).finditer(text)]
    return found if limit < 0 else found[:limit]


def _lower_ascii(text: str) -> str:
    return "".join(one.lower() if one.isascii() else one for one in text)


def _upper_ascii(text: str) -> str:
    return "".join(one.upper() if one.isascii() else one for one in text)


def _join(items: list[str], by: str = "") -> str:
    return by.join(map(_text, items))


def _format(template: str, values: list[Any]) -> str:
    """%s, %d, %f, %e, %b, %x, %X, %o and %% as in Go."""
    parts = template.split("%")
    out, rest, at = [parts[0]], list(values), 1
    while at < len(parts):
        part = parts[at]
        if not part:  # %%
            out.append("%" + (parts[at + 1] if at + 1 < len(parts) else ""))
            at += 2
            continue
        digits = len(part) - len(part.lstrip(".0123456789"))
        if not rest:
            raise EvalError("index out of range")
        spec, verb = part[:digits], part[digits : digits + 1]
        out.append(_verb(rest.pop(0), spec, verb) + part[digits + 1 :])
        at += 1
    return "".join(out)


def _verb(value: Any, spec: str, verb: str) -> str:
    if verb == "s":
        return _shown(value)
    if verb not in tuple("dfebxXo"):
        raise EvalError(
            f'could not parse formatting clause: unrecognized formatting clause "{verb}"'
        )
    if verb == "d" and (isinstance(value, bool) or not isinstance(value, int)):
        raise EvalError(
            f"decimal clause can only be used on integers, was given {type_name(value)}"
        )
    if verb in "xX" and isinstance(value, (str, bytes)):
        found = (value.encode() if isinstance(value, str) else value).hex()
        return found.upper() if verb == "X" else found
    if verb in "fe":
        return format(float(value), (spec or ".6") + verb)
    return format(int(value), verb)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{_shown(key)}: {_shown(value[key])}" for key in sorted(value)) + "}"
        )
    return "null" if value is None else operators.to_string(value)


def _quote(text: str) -> str:
    for char, escaped in (
        ("\\", "\\\\"),
        ('"', '\\"'),
        ("\n", "\\n"),
        ("\r", "\\r"),
        ("\t", "\\t"),
    ):
        text = text.replace(char, escaped)
    return f'"{text}"'


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise EvalError(f"illegal base64 data: {error}") from None


# --- lists, sets, numbers ------------------------------------------------------------------------


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise no_overload(value)
    return value


def _is_sorted(items: list[Any]) -> bool:
    less = operators.OPERATORS["_<=_"]
    return all(less(items[at], items[at + 1]) for at in range(len(items) - 1))


def _sum(items: list[Any]) -> Any:
    return functools.reduce(operators.add, items) if items else 0


def _extreme(which: str) -> Callable[[list[Any]], Any]:
    better = operators.OPERATORS["_<_" if which == "min" else "_>_"]

    def find(items: list[Any]) -> Any:
        if not items:
            raise EvalError(f"{which} called on empty list")
        return functools.reduce(lambda a, b: b if better(b, a) else a, items)

    return find


def _sorted(items: list[Any]) -> list[Any]:
    less = operators.OPERATORS["_<_"]
    compare = functools.cmp_to_key(lambda a, b: -1 if less(a, b) else int(less(b, a)))
    return sorted(items, key=compare)


def _distinct(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for one in items:
        if not operators.contained(one, found):
            found.append(one)
    return found


def _flatten(items: list[Any], depth: int = 1) -> list[Any]:
    out: list[Any] = []
    for one in items:
        out += _flatten(one, depth - 1) if isinstance(one, list) and depth > 0 else [one]
    return out


def _slice(items: list[Any], start: int, end: int) -> list[Any]:
    if not 0 <= start <= end <= len(items):
        raise EvalError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]


def _range(count: int) -> list[int]:
    if count > LIST_MAX:
        raise EvalError(f"cannot make a list of more than {LIST_MAX} items")
    return list(range(count))


def _reverse(value: Any) -> Any:
    return value[::-1]


def _within(one: list[Any], other: list[Any]) -> bool:
    return all(operators.contained(item, _items(one)) for item in _items(other))


def _best(which: str) -> Callable[..., Any]:
    find = _extreme(which)
    return lambda *values: find(
        values[0] if len(values) == 1 and isinstance(values[0], list) else list(values)
    )


# --- times ---------------------------------------------------------------------------------------


def _in_zone(moment: dt.datetime, zone: str = "UTC") -> dt.datetime:
    sign, _, rest = zone.partition(":")
    try:
        if rest.isdecimal():
            minutes = int(rest) if not sign.startswith("-") else -int(rest)
            return moment.astimezone(dt.timezone(dt.timedelta(hours=int(sign), minutes=minutes)))
        return moment.astimezone(dt.UTC if zone == "UTC" else zoneinfo.ZoneInfo(zone))
    except (ValueError, zoneinfo.ZoneInfoNotFoundError):
        raise EvalError(f"unknown time zone {zone}") from None


def _of_time(
    of_moment: Callable[[dt.datetime], int], of_span: Callable[[float], int] | None = None
) -> Callable[..., int]:
    def read(value: Any, *zone: str) -> int:
        if isinstance(value, dt.timedelta) and of_span is not None:
            return of_span(value.total_seconds())
        if not isinstance(value, dt.datetime):
            raise no_overload(value)
        return of_moment(_in_zone(value, *zone))

    return read


# --- optionals -----------------------------------------------------------------------------------


def _optional(value: Any) -> Optional:
    if not isinstance(value, Optional):
        raise no_overload(value)
    return value


def _value(value: Any) -> Any:
    if not _optional(value).there:
        raise EvalError("optional.none() dereference")
    return value.value


def _non_zero(value: Any) -> Optional:
    empty = value is None or value is False or (value in (0, "", b"", 0.0) or value in ([], {}))
    return NONE if empty else Optional(value)


def _end(at: int) -> Callable[[Any], Optional]:
    return lambda items: Optional(items[at]) if _items(items) else NONE


LIBRARY: dict[str, Callable[..., Any]] = {
    "matches": _matches,
    "contains": _method(lambda text, part: part in text),
    "startsWith": _method(str.startswith),
    "endsWith": _method(str.endswith),
    "charAt": _at,
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "lowerAscii": _lower_ascii,
    "upperAscii": _upper_ascii,
    "replace": _replace,
    "split": _split,
    "substring": _substring,
    "trim": _method(str.strip),
    "join": _join,
    "format": _format,
    "strings.quote": _quote,
    "reverse": _reverse,
    "find": _find,
    "findAll": _find_all,
    "base64.encode": lambda value: base64.b64encode(value).decode(),
    "base64.decode": _decoded,
    "isSorted": _is_sorted,
    "sum": _sum,
    "min": _extreme("min"),
    "max": _extreme("max"),
    "sort": _sorted,
    "distinct": _distinct,
    "flatten": _flatten,
    "slice": _slice,
    "lists.range": _range,
    "first": _end(0),
    "last": _end(-1),
    "sets.contains": _within,
    "sets.equivalent": lambda one, other: _within(one, other) and _within(other, one),
    "sets.intersects": lambda one, other: any(operators.contained(item, other) for item in one),
    "math.greatest": _best("max"),
    "math.least": _best("min"),
    "math.abs": abs,
    "math.ceil": lambda value: float(math.ceil(value)),
    "math.floor": lambda value: float(math.floor(value)),
    "getFullYear": _of_time(lambda at: at.year),
    "getMonth": _of_time(lambda at: at.month - 1),
    "getDate": _of_time(lambda at: at.day),
    "getDayOfMonth": _of_time(lambda at: at.day - 1),
    "getDayOfWeek": _of_time(lambda at: at.isoweekday() % 7),
    "getDayOfYear": _of_time(lambda at: at.timetuple().tm_yday - 1),
    "getHours": _of_time(lambda at: at.hour, lambda seconds: int(seconds / 3600)),
    "getMinutes": _of_time(lambda at: at.minute, lambda seconds: int(seconds / 60)),
    "getSeconds": _of_time(lambda at: at.second, int),
    "getMilliseconds": _of_time(lambda at: at.microsecond // 1000, lambda s: int(s * 1000) % 1000),
    "optional.of": Optional,
    "optional.none": lambda: NONE,
    "optional.ofNonZeroValue": _non_zero,
    "optional.unwrap": lambda items: [_value(one) for one in items if one.there],
    "unwrapOpt": lambda items: [_value(one) for one in items if one.there],
    "hasValue": lambda value: _optional(value).there,
    "value": _value,
}
"""Name → function."""
