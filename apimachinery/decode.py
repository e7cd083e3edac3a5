"""From decoded JSON to an object that fits its kind: structure only, no rules about values.

The walk runs over small tables compiled from the models once for each message, not over pydantic:
a filled pod takes about as long, nothing has to be built at start, and what comes out is the
same dict that came in, pruned. Neighbours: `apimachinery.types` says what fits,
`apimachinery.defaults` fills in what is absent, `apimachinery.validation` judges values.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from typing import Any, NoReturn

import orjson

from apimachinery import meta, quantity, status
from apimachinery.resource import Resource
from apimachinery.types.base import FieldFacts, Model, Scalar, facts
from apimachinery.wire import JsonObject

Path = tuple[Any, ...]
"""Where the walk is: () at the root, else (parent path, key) or (parent path, key, index)."""

MAX_PROBLEMS = 100
"""Unknown and duplicate fields reported of one body: more would make the answer as long as it."""

CACHED_SPELLINGS = 8192
"""Quantities and times seen lately with their canonical spelling; they repeat all the time."""

INT32 = range(-(2**31), 2**31)
INT64 = range(-(2**63), 2**63)

_UTC_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_UNKNOWN = 'unknown field "'
_DOUBLED = 'duplicate field "'
_KEY_TOKEN = re.compile(rb'"\s*:')

_JSON_NAMES = {str: "string", bool: "bool", int: "number", float: "number", dict: "object"}


class _Mismatch(Exception):  # noqa: N818 (it never leaves this module)
    """A value that its field cannot hold."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def structure(
    resource: Resource, obj: JsonObject, *, raw: bytes | None = None
) -> tuple[JsonObject, list[str]]:
    """Prune `obj` in place to what its kind knows.

    Returns the same dict without unknown fields and nulls, with quantities and times in canonical
    spelling, and the problems that strict field validation reports: `unknown field "spec.foo"`,
    and `duplicate field "spec.foo"` when the JSON bytes are given as `raw` (give them only where
    field validation is Strict or Warn). What the caller does with the problems is
    fieldValidation's business: Strict → `strict_error`, Warn → one warning each.

    Raises ApiError 400, in the words of Kubernetes, for a value of a wrong type.
    """
    obj, problems = structure_as(
        resource.load_model(), obj, resource.version, resource.kind, raw=raw
    )
    if resource.custom is not None:
        problems += (f'{_UNKNOWN}{path}"' for path in resource.custom.prune(obj))
    return obj, problems[:MAX_PROBLEMS]


def structure_as(
    model: type[Model] | None,
    obj: JsonObject,
    version: str,
    kind: str,
    *,
    raw: bytes | None = None,
) -> tuple[JsonObject, list[str]]:
    """`structure` for kinds that are no resources (options, scales, evictions).

    Without a model (custom resources) only the metadata is looked at.
    """
    problems = _duplicates(obj, raw) if raw is not None else []
    unknown: list[str] = []
    try:
        if type(obj) is not dict:
            _refuse(obj, f"{version}.{kind}", ())
        if model is None:
            _custom(obj, unknown)
        else:
            _message(obj, _plan(model), (), unknown)
    except _Mismatch as error:
        raise _bad(version, kind, error.text) from error
    except RecursionError as error:
        raise _bad(version, kind, "exceeded max depth") from error
    if model is not None and problems and unknown:
        problems = [one for one in problems if not _within(one[len(_DOUBLED) : -1], unknown)]
    doubled = bool(problems)
    problems += (f'{_UNKNOWN}{path}"' for path in unknown)
    if doubled and unknown and raw is not None:
        problems = _in_order(problems, raw)
    return obj, problems[:MAX_PROBLEMS]


def strict_error(resource: Resource, problems: Iterable[str]) -> status.ApiError:
    """The refusal of a body with such problems where field validation is Strict."""
    text = "strict decoding error: " + ", ".join(problems)
    return _bad(resource.version, resource.kind, text)


def places_of(unknown: Iterable[str]) -> list[str]:
    """Where the fields are that `structure` found unknown."""
    return [one[len(_UNKNOWN) : -1] for one in unknown]


def _bad(version: str, kind: str, text: str) -> status.ApiError:
    return status.bad_request(
        f'{kind} in version "{version}" cannot be handled as a {kind}: {text}'
    )


class _Plan:
    """A message, compiled: `plain` fields need a type comparison only, `others` a function."""

    __slots__ = ("go_name", "others", "plain")

    def __init__(self, model: type[Model]) -> None:
        self.go_name = model.__name__
        self.plain: dict[str, type] = {}
        self.others: dict[str, _Checker] = {}
        for field in facts(model).values():
            if field.shape == "one" and field.type in _PLAIN:
                self.plain[field.name] = _PLAIN[field.type]
            else:
                self.others[field.name] = _checker(field)


_Checker = Callable[[Any, Path, list[str]], Any]
"""Takes value, path and the list of unknown fields; returns the value to keep."""

_PLAIN: dict[Any, type] = {Scalar.STRING: str, Scalar.BOOL: bool}


@cache  # one entry for each model: their number is the bound
def _plan(model: type[Model]) -> _Plan:
    return _Plan(model)


def _message(obj: JsonObject, plan: _Plan, path: Path, unknown: list[str]) -> None:
    plain, others = plan.plain, plan.others
    drop: list[str] | None = None
    for key, value in obj.items():
        expected = plain.get(key)
        if expected is type(value):
            continue
        check = others.get(key)
        if value is None or (check is None and expected is None):
            drop = [key] if drop is None else [*drop, key]
            if check is None and expected is None:
                unknown.append(_dotted((path, key)))
        elif check is None:
            _refuse(value, "bool" if expected is bool else "string", (path, key), plan.go_name)
        else:
            kept = check(value, (path, key, plan.go_name), unknown)
            if kept is not value:
                obj[key] = kept
    if drop is not None:
        for key in drop:
            del obj[key]


def _custom(obj: JsonObject, unknown: list[str]) -> None:
    """A custom resource: its metadata is ours, the rest is its schema's business."""
    from apimachinery.types.meta import ObjectMeta

    metadata = obj.get("metadata")
    if metadata is None:
        obj.pop("metadata", None)
    elif type(metadata) is dict:
        _message(metadata, _plan(ObjectMeta), ((), "metadata"), unknown)
    else:
        _refuse(metadata, "v1.ObjectMeta", ((), "metadata"))


def _checker(field: FieldFacts) -> _Checker:
    """The function that checks one field's value, lists and maps included."""
    item = _item_checker(field)
    if field.shape == "list":
        return _list_checker(item, f"[]{_go_type(field.type)}", _zero(field.type))
    if field.shape == "map":
        return _map_checker(item, f"map[string]{_go_type(field.type)}", _zero(field.type))
    return item


def _item_checker(field: FieldFacts) -> _Checker:
    if isinstance(field.type, Scalar):
        return _SCALARS[field.type]
    return _message_checker(field.type, field.alternative)


def _message_checker(model: type[Model], alternative: str) -> _Checker:
    go_type = _go_type(model)

    def check(value: Any, path: Path, unknown: list[str]) -> Any:
        if type(value) is dict:
            _message(value, _plan(model), path, unknown)
        elif alternative == "bool" and type(value) is bool:
            pass
        elif alternative == "messages" and type(value) is list:
            return many(value, path, unknown)
        elif alternative == "strings" and type(value) is list:
            return _strings(value, path, unknown)
        else:
            _refuse(value, go_type, path)
        return value

    many = _list_checker(check, f"[]{go_type}", dict)
    return check


def _list_checker(item: _Checker, go_type: str, zero: Callable[[], Any]) -> _Checker:
    def check(value: Any, path: Path, unknown: list[str]) -> Any:
        if type(value) is not list:
            _refuse(value, go_type, path)
        for index, one in enumerate(value):
            if one is None:
                value[index] = zero()
                continue
            kept = item(one, (path[0], path[1], path[2], index), unknown)
            if kept is not one:
                value[index] = kept
        return value

    return check


def _map_checker(item: _Checker, go_type: str, zero: Callable[[], Any]) -> _Checker:
    def check(value: Any, path: Path, unknown: list[str]) -> Any:
        if type(value) is not dict:
            _refuse(value, go_type, path)
        for key, one in value.items():
            if one is None:
                value[key] = zero()
                continue
            kept = item(one, path if type(one) is not dict else (path, key, path[2]), unknown)
            if kept is not one:
                value[key] = kept
        return value

    return check


def _string(value: Any, path: Path, unknown: list[str]) -> Any:
    del unknown
    if type(value) is not str:
        _refuse(value, "string", path)
    return value


def _bool(value: Any, path: Path, unknown: list[str]) -> Any:
    del unknown
    if type(value) is not bool:
        _refuse(value, "bool", path)
    return value


def _integer(bounds: range, go_type: str) -> _Checker:
    low, high = bounds.start, bounds.stop

    def check(value: Any, path: Path, unknown: list[str]) -> Any:
        del unknown
        if type(value) is not int or not low <= value < high:
            _refuse(value, go_type, path)
        return value

    return check


def _double(value: Any, path: Path, unknown: list[str]) -> Any:
    del unknown
    if type(value) is not float and type(value) is not int:
        _refuse(value, "float64", path)
    return value


def _bytes(value: Any, path: Path, unknown: list[str]) -> Any:
    del unknown
    if type(value) is not str:
        _refuse(value, "[]uint8", path)
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _Mismatch(f"illegal base64 data at input byte {_bad_base64_byte(value)}") from error
    return value


def _bad_base64_byte(text: str) -> int:
    """The offset of the first byte that is none of base64's, or the incomplete end."""
    found = re.search(r"[^A-Za-z0-9+/]", text)
    return found.start() if found else len(text) // 4 * 4


def _quantity(value: Any, path: Path, unknown: list[str]) -> Any:
    del path, unknown
    try:
        return _canonical_quantity(value)
    except (quantity.QuantityError, TypeError) as error:
        raise _Mismatch(_quantity_text(error)) from error


def _quantity_text(error: Exception) -> str:
    return str(error) if isinstance(error, quantity.QuantityError) else quantity.FORMAT_MESSAGE


@lru_cache(maxsize=CACHED_SPELLINGS, typed=True)
def _canonical_quantity(value: Any) -> str:
    if isinstance(value, bool):
        raise quantity.QuantityError(quantity.FORMAT_MESSAGE)
    return quantity.canonical(value)


def _time(value: Any, path: Path, unknown: list[str]) -> Any:
    del path, unknown
    return _canonical_time(_time_text(value))


def _micro_time(value: Any, path: Path, unknown: list[str]) -> Any:
    del path, unknown
    return _canonical_micro_time(_time_text(value))


def _time_text(value: Any) -> str:
    if type(value) is not str:
        raise _Mismatch(f"json: cannot unmarshal {_json_name(value)} into Go value of type string")
    return value


@lru_cache(maxsize=CACHED_SPELLINGS)
def _canonical_time(text: str) -> str:
    parsed = _parse_time(text, "2006-01-02T15:04:05Z07:00")
    return text if _UTC_SECONDS.fullmatch(text) else meta.format_time(parsed)


@lru_cache(maxsize=CACHED_SPELLINGS)
def _canonical_micro_time(text: str) -> str:
    return meta.format_micro_time(_parse_time(text, "2006-01-02T15:04:05.000000Z07:00"))


def _parse_time(text: str, layout: str) -> float:
    try:
        if _RFC3339.fullmatch(text) is None:
            raise ValueError(text)
        return meta.parse_time(text)
    except ValueError as error:
        shown = status.quote(text)
        raise _Mismatch(f'parsing time {shown} as "{layout}": cannot parse {shown}') from error


def _int_or_string(value: Any, path: Path, unknown: list[str]) -> Any:
    del path, unknown
    if type(value) is str or (type(value) is int and value in INT32):
        return value
    raise _Mismatch(f"json: cannot unmarshal {_number(value)} into Go value of type int32")


def _strings(value: Any, path: Path, unknown: list[str]) -> Any:
    if type(value) is not list:
        _refuse(value, "[]string", path)
    for one in value:
        _string(one, path, unknown)
    return value


def _duration(value: Any, path: Path, unknown: list[str]) -> Any:
    del path, unknown
    return _time_text(value)


def _anything(value: Any, path: Path, unknown: list[str]) -> Any:
    del path, unknown
    return value


_SCALARS: dict[Scalar, _Checker] = {
    Scalar.STRING: _string,
    Scalar.BOOL: _bool,
    Scalar.INT32: _integer(INT32, "int32"),
    Scalar.INT64: _integer(INT64, "int64"),
    Scalar.DOUBLE: _double,
    Scalar.BYTES: _bytes,
    Scalar.QUANTITY: _quantity,
    Scalar.TIME: _time,
    Scalar.MICRO_TIME: _micro_time,
    Scalar.DURATION: _duration,
    Scalar.INT_OR_STRING: _int_or_string,
    Scalar.RAW: _anything,
    Scalar.JSON: _anything,
    Scalar.STRINGS: _strings,
}


def _zero(kind: Scalar | type[Model]) -> Callable[[], Any]:
    """What a null item of a list or map stands for."""
    if not isinstance(kind, Scalar):
        return dict
    if kind in (Scalar.INT32, Scalar.INT64, Scalar.INT_OR_STRING):
        return int
    if kind is Scalar.QUANTITY:
        return lambda: "0"
    return {Scalar.BOOL: bool, Scalar.STRINGS: list, Scalar.DOUBLE: float}.get(kind, str)


def _go_type(kind: Scalar | type[Model]) -> str:
    """How Kubernetes' messages name the type."""
    if isinstance(kind, Scalar):
        return _GO_TYPES.get(kind, kind.value)
    module = kind.__module__.rpartition(".")[2]
    version = module.rpartition("_v")[2] if module.startswith("autoscaling_v") else "1"
    return f"v{'1beta1' if module == 'metrics' else version}.{kind.__name__}"


_GO_TYPES = {
    Scalar.BYTES: "[]uint8",
    Scalar.QUANTITY: "resource.Quantity",
    Scalar.TIME: "v1.Time",
    Scalar.MICRO_TIME: "v1.MicroTime",
    Scalar.INT_OR_STRING: "intstr.IntOrString",
    Scalar.DOUBLE: "float64",
    Scalar.STRINGS: "[]string",
}


def _refuse(value: Any, go_type: str, path: Path, go_name: str = "") -> NoReturn:
    shown = _number(value) if go_type in ("int32", "int64") else _json_name(value)
    if not path:
        raise _Mismatch(f"json: cannot unmarshal {shown} into Go value of type {go_type}")
    owner = go_name or (path[2] if len(path) > 2 else "")
    keys = re.sub(r"\[\d+\]", "", _dotted(path))
    raise _Mismatch(
        f"json: cannot unmarshal {shown} into Go struct field {owner}.{keys} of type {go_type}"
    )


def _number(value: Any) -> str:
    """A number that does not fit is shown, other values only by their type."""
    name = _json_name(value)
    return f"number {value}" if name == "number" else name


def _json_name(value: Any) -> str:
    return _JSON_NAMES.get(type(value), "array")


def _dotted(path: Path) -> str:
    """`spec.containers[0].name` of a path."""
    parts: list[str] = []
    while path:
        index = f"[{path[3]}]" if len(path) > 3 else ""
        parts.append(f"{path[1]}{index}")
        path = path[0]
    return ".".join(reversed(parts))


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with all its keys, repeated ones too."""


def _duplicates(obj: Any, raw: bytes) -> list[str]:
    """`duplicate field "…"` for keys that the bytes hold more than once in one object.

    Most clients write JSON as we would: the same bytes come back, and in 2 µs it is known that
    there is none. Else: each key is followed by a colon, so as many such places as there are keys
    means the same, and the slow parse below is not needed. (A string with `":` costs that parse.)
    """
    if orjson.dumps(obj) == raw or len(_KEY_TOKEN.findall(raw)) <= _count_keys(obj):
        return []
    try:
        pairs = json.loads(raw, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return []  # not JSON (a YAML body): its parser refuses duplicates itself
    return [f'{_DOUBLED}{path}"' for path, again in _keys(pairs, "") if again]


def _within(path: str, unknown: list[str]) -> bool:
    """Whether a field is unknown or below one: Kubernetes' reader passes over those."""
    return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in unknown)


def _in_order(problems: list[str], raw: bytes) -> list[str]:
    """As they stand in the body, where Kubernetes' reader finds both kinds in one go."""
    rank: dict[str, int] = {}
    for path, again in _keys(json.loads(raw, object_pairs_hook=_Pairs), ""):
        rank.setdefault(f'{_DOUBLED if again else _UNKNOWN}{path}"', len(rank))
    return sorted(problems, key=lambda one: rank.get(one, len(rank)))


def _count_keys(value: Any) -> int:
    if type(value) is dict:
        return len(value) + sum(_count_keys(one) for one in value.values() if type(one) in _NESTED)
    if type(value) is list:
        return sum(_count_keys(one) for one in value if type(one) in _NESTED)
    return 0


_NESTED = frozenset((dict, list))


def _keys(value: Any, path: str) -> Iterator[tuple[str, bool]]:
    """The path of each key as it stands, and whether its object had it before."""
    if type(value) is _Pairs:
        seen: set[str] = set()
        for key, one in value:
            inner = f"{path}.{key}" if path else key
            yield inner, key in seen
            seen.add(key)
            yield from _keys(one, inner)
    elif type(value) is list:
        for index, one in enumerate(value):
            yield from _keys(one, f"{path}[{index}]")
