"""The printer of a custom resource, from the columns that its definition names.

Neighbours: `jsonpath` finds the values, `apimachinery.tables.base` is what is made here. Name comes
first, whatever the definition says; without columns there is the age.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

from apimachinery.schema import jsonpath
from apimachinery.tables import base
from apimachinery.tables.base import Column, Printer
from apimachinery.wire import JsonObject

AGE: JsonObject = {
    "name": "Age",
    "type": "date",
    "jsonPath": ".metadata.creationTimestamp",
    "description": "When it was created.",
}

Cell = Callable[[JsonObject], Any]


def printer_of(definitions: Iterable[JsonObject]) -> Printer:
    """The printer of a version's `additionalPrinterColumns`."""
    given = list(definitions) or [AGE]
    columns = [base.NAME]
    cells: list[Cell] = [base.name_of]
    for one in given:
        columns.append(
            Column(
                one.get("name", ""),
                one.get("type") or "string",
                one.get("format") or "",
                one.get("priority") or 0,
                one.get("description") or "",
            )
        )
        cells.append(_cell(one.get("jsonPath", ""), one.get("type") or "string"))

    def row(obj: JsonObject) -> list[Any]:
        return [cell(obj) for cell in cells]

    return Printer(tuple(columns), row)


def _cell(text: str, kind: str) -> Cell:
    try:
        path = jsonpath.parse(text)
    except jsonpath.JsonPathError:
        return _nothing
    shown: Callable[[Any], Any] = _SHOWN.get(kind, _string)

    def cell(obj: JsonObject) -> Any:
        value = path.first(obj)
        return None if value is None else shown(value)

    return cell


def _nothing(obj: JsonObject) -> None:
    """A path that is none shows nothing."""
    del obj


def _string(value: Any) -> str:
    return jsonpath.text_of(value)


def _date(value: Any) -> Any:
    return base.since(value) if isinstance(value, str) else "<invalid>"


def _integer(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value)


def _number(value: Any) -> Any:
    return None if isinstance(value, bool) or not isinstance(value, int | float) else value


def _boolean(value: Any) -> Any:
    return value if isinstance(value, bool) else None


_SHOWN: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "date": _date,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
}
