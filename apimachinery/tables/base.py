"""What printer tables are made of: columns, cells, ages.

A row function turns an object into cells once; cells that show an age hold the moment instead
(`since`, `ago`) and become text when the table is read. So a cache may keep `Cells`, or their
ready JSON, for as long as the object stays the same. Neighbours: the sibling modules define the
kinds, `apimachinery.table` assembles tables. Row functions take decoded JSON and never fail on
missing fields: an old stored object must still print.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson

from apimachinery import meta
from apimachinery.wire import JsonObject

UNKNOWN = "<unknown>"
NONE = "<none>"
UNSET = "<unset>"

MAX_LISTED = 3
"""Addresses, hosts and ports shown in one cell; the rest is counted."""

MAX_AGES = 4096
"""Ages kept as text: rows of one table share few distinct ones."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column definition."""

    name: str
    type: str = "string"
    format: str = ""
    priority: int = 0
    """0: always shown; 1: only with `-o wide`."""
    description: str = ""

    def to_json(self) -> JsonObject:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


NAME = Column("Name", format="name")
AGE = Column("Age")


def wide(name: str, type_: str = "string") -> Column:
    return Column(name, type_, priority=1)


def number(name: str) -> Column:
    return Column(name, "integer")


# --- ages ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Since:
    """A cell that shows how long ago a moment was, when it is read."""

    epoch: float
    before: str = ""
    after: str = ""


def since(timestamp: str | None) -> "Since | str":
    """The age of a Time or MicroTime."""
    if not timestamp:
        return UNKNOWN
    try:
        return Since(meta.parse_time(timestamp))
    except ValueError:
        return UNKNOWN


def age(obj: JsonObject) -> "Since | str":
    return since((obj.get("metadata") or {}).get("creationTimestamp"))


@lru_cache(MAX_AGES)
def human_duration(seconds: int) -> str:
    """A span as kubectl prints it: two units at most, coarser the longer it is."""
    if seconds < 120:
        return "<invalid>" if seconds < -1 else f"{max(seconds, 0)}s"
    minutes = seconds // 60
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    years = days // 365
    return _two(years, "y", days % 365, "d") if years < 8 else f"{years}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


# --- cells ---------------------------------------------------------------------------------------


class Cells:
    """The cells of one row, computed once; ages are filled in at each reading."""

    __slots__ = ("_pieces", "_timed", "_values", "conditions")

    def __init__(self, values: list[Any], conditions: Sequence[JsonObject] = ()) -> None:
        self.conditions = conditions
        self._values = values
        self._timed = [(index, cell) for index, cell in enumerate(values) if type(cell) is Since]
        self._pieces: list[bytes] | None = None

    def fill(self, now: float) -> list[Any]:
        """The cells as they read at `now`."""
        out = self._values.copy()
        for index, cell in self._timed:
            out[index] = f"{cell.before}{human_duration(int(now - cell.epoch))}{cell.after}"
        return out

    def json(self, now: float) -> bytes:
        """The same as a JSON array; everything but the ages is serialized only once."""
        if self._pieces is None:
            self._pieces = self._serialize()
        out = [self._pieces[0]]
        for (_, cell), piece in zip(self._timed, self._pieces[1:], strict=True):
            out.append(human_duration(int(now - cell.epoch)).encode())
            out.append(piece)
        return b"".join(out)

    def _serialize(self) -> list[bytes]:
        """The JSON text around the ages."""
        pieces: list[bytes] = []
        text, start = b"[", 0
        for index, cell in self._timed:
            static = orjson.dumps(self._values[start:index])[1:-1]
            text += static + (b"," if static else b"") + orjson.dumps(cell.before)[:-1]
            pieces.append(text)
            text, start = orjson.dumps(cell.after)[1:], index + 1
            if start < len(self._values):
                text += b","
        pieces.append(text + orjson.dumps(self._values[start:])[1:])
        return pieces


@dataclass(frozen=True, slots=True)
class Printer:
    """How a kind prints: its columns, and the function from an object to its cells."""

    columns: tuple[Column, ...]
    row: Callable[[JsonObject], list[Any]] = field(repr=False)
    conditions: Callable[[JsonObject], Sequence[JsonObject]] | None = field(
        default=None, repr=False
    )
    """What is said of a row as a whole, for kinds of which anything is."""

    def cells(self, obj: JsonObject) -> Cells:
        return Cells(self.row(obj), self.conditions(obj) if self.conditions is not None else ())


# --- texts that many kinds share -----------------------------------------------------------------


def name_of(obj: JsonObject) -> str:
    return (obj.get("metadata") or {}).get("name") or ""


def format_labels(labels: Mapping[str, str] | None) -> str:
    return ",".join([f"{key}={labels[key]}" for key in sorted(labels)]) if labels else NONE


def join(values: Iterable[str]) -> str:
    return ",".join(values) or NONE


def limited(values: Sequence[str], empty: str) -> str:
    """The first few values; the rest is counted."""
    if not values:
        return empty
    text = ",".join(islice(values, MAX_LISTED))
    more = len(values) - MAX_LISTED
    return f"{text} + {more} more..." if more > 0 else text


def containers_and_images(pod_spec: JsonObject | None) -> tuple[str, str]:
    containers = (pod_spec or {}).get("containers") or ()
    names = ",".join([one.get("name", "") for one in containers])
    images = ",".join([one.get("image", "") for one in containers])
    return names, images


def boolean(value: bool | None, empty: str = UNSET) -> str:
    if value is None:
        return empty
    return "True" if value else "False"
