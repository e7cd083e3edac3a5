"""Functions that judge one value, made from the keywords of a schema, in the words of Kubernetes.

Neighbours: `node` keeps them, `values` calls them with a value of a type that they are for.
`formats` has the named formats. Structure (fields, items, combinations) is `values`' business.
"""

from collections.abc import Callable, Mapping
from typing import Any

from apimachinery import status
from apimachinery.schema import formats, patterns
from apimachinery.schema.paths import Path, dotted
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject

Found = list[tuple[Path, FieldError]]
"""What is wrong, each with its place."""
Check = Callable[[Any, Path, Found], None]

_INT_RANGES = {"int32": 2**31, "int64": 2**63}


def always(schema: JsonObject) -> tuple[Check, ...]:
    """Checks of a value of any type."""
    allowed = schema.get("enum")
    if not allowed:
        return ()
    names = [one if isinstance(one, str) else _json(one) for one in allowed]

    def among(value: Any, path: Path, found: Found) -> None:
        # True == 1 in Python, not in JSON.
        if not any(
            (value == one and type(value) is type(one)) or _same(value, one) for one in allowed
        ):
            found.append((path, status.not_supported(dotted(path), value, names)))

    return (among,)


def _same(value: Any, wanted: Any) -> bool:
    """Numbers are equal whatever their spelling."""
    numbers = (int, float)
    return type(value) in numbers and type(wanted) in numbers and bool(value == wanted)


def _json(value: Any) -> str:
    import orjson

    return orjson.dumps(value).decode()


def by_type(schema: JsonObject) -> Mapping[type, tuple[Check, ...]]:
    """Checks by the type of value that they are for."""
    strings = tuple(_strings(schema))
    numbers = tuple(_numbers(schema))
    made = {
        str: strings,
        int: numbers,
        float: numbers,
        list: tuple(_counts(schema, "Items")),
        dict: tuple(_counts(schema, "Properties")),
    }
    return {kind: checks for kind, checks in made.items() if checks}


def number_text(value: float) -> str:
    """A number as Go prints it: 1.0 is 1."""
    return str(int(value)) if value == int(value) and abs(value) < 1e21 else repr(value)


def invalid(path: Path, value: Any, text: str) -> tuple[Path, FieldError]:
    """`spec.size: Invalid value: 5: spec.size in body should be …`."""
    where = dotted(path)
    said = f"{where} in body {text}"
    return path, status.invalid_value(where, value, said)


def _strings(schema: JsonObject) -> list[Check]:
    made: list[Check] = []
    longest, shortest = schema.get("maxLength"), schema.get("minLength")
    if longest is not None:

        def not_longer(value: Any, path: Path, found: Found) -> None:
            if len(value) > longest:
                found.append((path, status.too_long(dotted(path), longest)))

        made.append(not_longer)
    if shortest:

        def not_shorter(value: Any, path: Path, found: Found) -> None:
            if len(value) < shortest:
                found.append(invalid(path, value, f"should be at least {shortest} chars long"))

        made.append(not_shorter)
    if schema.get("pattern"):
        made.append(_pattern(schema["pattern"]))
    named = formats.CHECKS.get(schema.get("format") or "")
    if named is not None:
        made.append(_format(schema["format"], named))
    return made


def _pattern(pattern: str) -> Check:
    matches = patterns.matcher(pattern)

    def fits(value: Any, path: Path, found: Found) -> None:
        if not matches(value):
            found.append(invalid(path, value, f"should match '{pattern}'"))

    return fits


def _format(name: str, holds: Callable[[str], bool]) -> Check:
    def formed(value: Any, path: Path, found: Found) -> None:
        if not holds(value):
            where = dotted(path)
            text = f"{where} in body must be of type {name}: {status.quote(value)}"
            found.append((path, status.type_invalid(where, value, text)))

    return formed


def _numbers(schema: JsonObject) -> list[Check]:
    made: list[Check] = []
    if schema.get("maximum") is not None:
        made.append(
            _bound(schema["maximum"], above=False, open_=bool(schema.get("exclusiveMaximum")))
        )
    if schema.get("minimum") is not None:
        made.append(
            _bound(schema["minimum"], above=True, open_=bool(schema.get("exclusiveMinimum")))
        )
    factor = schema.get("multipleOf")
    if factor:

        def multiple(value: Any, path: Path, found: Found) -> None:
            ratio = value / factor
            if abs(ratio - round(ratio)) > 1e-9 * max(1.0, abs(ratio)):
                found.append(invalid(path, value, f"should be a multiple of {number_text(factor)}"))

        made.append(multiple)
    limit = _INT_RANGES.get(schema.get("format") or "")
    if limit is not None:
        made.append(_range(schema["format"], limit))
    return made


def _bound(bound: float, *, above: bool, open_: bool) -> Check:
    words = "greater than" if above else "less than"
    text = f"should be {words} {'' if open_ else 'or equal to '}{number_text(bound)}"

    def within(value: Any, path: Path, found: Found) -> None:
        fits = value > bound if above else value < bound
        if not fits and (open_ or value != bound):
            found.append(invalid(path, value, text))

    return within


def _range(name: str, limit: int) -> Check:
    def holds(value: Any, path: Path, found: Found) -> None:
        if not -limit <= value < limit:
            where = dotted(path)
            text = f"Checked value must be of type integer with format {name} in {where}"
            found.append((path, status.invalid_value(where, value, text)))

    return holds


def _counts(schema: JsonObject, what: str) -> list[Check]:
    """maxItems, minItems, maxProperties, minProperties."""
    made: list[Check] = []
    most, least = schema.get(f"max{what}"), schema.get(f"min{what}")
    if most is not None:

        def not_more(value: Any, path: Path, found: Found) -> None:
            if len(value) > most:
                found.append((path, status.too_many(dotted(path), len(value), most)))

        made.append(not_more)
    if least:

        def not_fewer(value: Any, path: Path, found: Found) -> None:
            if len(value) < least:
                text = f"should have at least {least} {what.lower()}"
                found.append(invalid(path, len(value), text))

        made.append(not_fewer)
    return made
