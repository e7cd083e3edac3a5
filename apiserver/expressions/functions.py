"""The functions that Kubernetes gives to expressions beside the language's own.

Plain functions, called as `f(x)` or `x.f()`. Quantities, URLs, addresses and ranges are maps with
one marked key, so that they compare and print. Neighbours: `worker` registers `FUNCTIONS`; strings,
sets, maths and base64 come from the engine's own library. Runs in the child only.
"""

import functools
import ipaddress
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Any

from apimachinery.quantity import Quantity, QuantityError
from apimachinery.schema import formats, patterns

_QUANTITY, _URL, _IP, _CIDR = "@quantity", "@url", "@ip", "@cidr"


def _size(value: Any) -> int:
    """Code points of a string: the engine counts bytes."""
    return len(value)


# --- lists and strings ---------------------------------------------------------------------------


def _is_sorted(items: list[Any]) -> bool:
    return all(items[at] <= items[at + 1] for at in range(len(items) - 1))


def _index_of(where: Any, what: Any, *start: int) -> int:
    if isinstance(where, str):
        return where.find(what, *start)
    return where.index(what) if what in where else -1


def _last_index_of(where: Any, what: Any) -> int:
    if isinstance(where, str):
        return where.rfind(what)
    return len(where) - 1 - where[::-1].index(what) if what in where else -1


def _find(text: str, pattern: str) -> str:
    return next(iter(_find_all(text, pattern, 1)), "")


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    import re2

    if problem := patterns.problem(pattern):
        raise ValueError(problem)
    found = [one.group(0) for one in re2.finditer(pattern, text)]
    return found if limit < 0 else found[:limit]


def _format(template: str, values: list[Any]) -> str:
    """%s, %d, %f, %e, %b, %x, %X, %o and %% as in Go."""
    out, rest = [], list(values)
    parts = template.split("%")
    out.append(parts[0])
    at = 1
    while at < len(parts):
        part = parts[at]
        if not part:  # %%
            out.append("%" + (parts[at + 1] if at + 1 < len(parts) else ""))
            at += 2
            continue
        digits = len(part) - len(part.lstrip(".0123456789"))
        spec, verb = part[:digits], part[digits : digits + 1]
        out.append(_verb(rest.pop(0), spec, verb) + part[digits + 1 :])
        at += 1
    return "".join(out)


def _verb(value: Any, spec: str, verb: str) -> str:
    if verb in ("s", "d"):
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)
    return format(value, spec + verb)


# --- quantities ----------------------------------------------------------------------------------


def _quantity(text: str) -> dict[str, str]:
    return {_QUANTITY: str(Quantity.parse(text))}


def _is_quantity(text: Any) -> bool:
    try:
        Quantity.parse(text)
    except (QuantityError, TypeError):
        return False
    return True


def _read(value: Any) -> Quantity:
    return Quantity.parse(value[_QUANTITY] if isinstance(value, dict) else value)


def _add(one: Any, other: Any) -> dict[str, str]:
    return {_QUANTITY: str(_read(one) + _read(other))}


def _sub(one: Any, other: Any) -> dict[str, str]:
    return {_QUANTITY: str(_read(one) - _read(other))}


def _compare(one: Any, other: Any) -> int:
    a, b = _read(one), _read(other)
    return (a > b) - (a < b)


def _sign(value: Any) -> int:
    return _compare(value, "0")


# --- addresses -----------------------------------------------------------------------------------


def _ip(text: str) -> dict[str, str]:
    return {_IP: str(ipaddress.ip_address(text))}


def _cidr(text: str) -> dict[str, str]:
    return {_CIDR: str(ipaddress.ip_network(text, strict=False))}


def _address(value: Any) -> Any:
    return ipaddress.ip_address(value[_IP] if isinstance(value, dict) else value)


def _network(value: Any) -> Any:
    text = value[_CIDR] if isinstance(value, dict) else value
    return ipaddress.ip_network(text, strict=False)


def _contains_ip(network: Any, address: Any) -> bool:
    return _address(address) in _network(network)


def _contains_cidr(network: Any, other: Any) -> bool:
    outer, inner = _network(network), _network(other)
    return bool(outer.version == inner.version and inner.subnet_of(outer))


def _family(value: Any) -> int:
    return int(_address(value).version)


def _parses(parse: Callable[[Any], object]) -> Callable[[Any], bool]:
    def holds(value: Any) -> bool:
        try:
            parse(value)
        except (ValueError, TypeError):
            return False
        return True

    return holds


# --- URLs and names ------------------------------------------------------------------------------


def _url(text: str) -> dict[str, str]:
    if not formats.CHECKS["uri"](text):
        raise ValueError(f"not a URL: {text}")
    return {_URL: text}


def _part(take: Callable[[urllib.parse.SplitResult], Any]) -> Callable[[Any], Any]:
    return lambda value: take(urllib.parse.urlsplit(value[_URL])) or ""


def _query(value: Any) -> dict[str, list[str]]:
    return urllib.parse.parse_qs(urllib.parse.urlsplit(value[_URL]).query, keep_blank_values=True)


def _total(items: Iterable[Any]) -> Any:
    return functools.reduce(lambda a, b: a + b, items, 0)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "size_": _size,
    "isSorted": _is_sorted,
    "sum": _total,
    "min": min,
    "max": max,
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "find": _find,
    "findAll": _find_all,
    "format": _format,
    "quantity": _quantity,
    "isQuantity": _is_quantity,
    "isGreaterThan": lambda a, b: _compare(a, b) > 0,
    "isLessThan": lambda a, b: _compare(a, b) < 0,
    "compareTo": _compare,
    "add": _add,
    "sub": _sub,
    "sign": _sign,
    "asInteger": lambda value: _read(value).value(),
    "asApproximateFloat": lambda value: _read(value).milli() / 1000,
    "ip": _ip,
    "isIP": _parses(ipaddress.ip_address),
    "cidr": _cidr,
    "isCIDR": _parses(ipaddress.ip_interface),
    "containsIP": _contains_ip,
    "containsCIDR": _contains_cidr,
    "family": _family,
    "isLoopback": lambda value: _address(value).is_loopback,
    "isUnspecified": lambda value: _address(value).is_unspecified,
    "prefixLength": lambda value: _network(value).prefixlen,
    "url": _url,
    "isURL": _parses(_url),
    "getScheme": _part(lambda one: one.scheme),
    "getHost": _part(lambda one: one.netloc.rpartition("@")[2]),
    "getHostname": _part(lambda one: one.hostname),
    "getPort": _part(lambda one: str(one.port or "")),
    "getEscapedPath": _part(lambda one: one.path),
    "getQuery": _query,
}
"""Name → function; a method's first argument is what it is called on."""
