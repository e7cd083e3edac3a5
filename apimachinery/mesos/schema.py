"""The vocabulary as objects, parsed at first use. Pure.

Neighbours: `vocabulary` is the table; `lenient` (JSON) and `binary` (protobuf) walk messages by
what this module says of their fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from apimachinery.mesos import vocabulary

SCALARS = frozenset(("string", "bytes", "bool", "double", "int32", "int64", "uint32", "uint64"))


class Malformed(ValueError):  # noqa: N818  (read as "raise Malformed")
    """The body is no message of the kind; the text says where and why."""

    status: ClassVar[int] = 400
    """How HTTP says so."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message."""

    name: str
    number: int
    type: str
    """A scalar, an enum or a message."""
    required: bool
    repeated: bool
    mapping: bool
    """A map from strings to the type."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message's fields, both ways."""

    by_name: Mapping[str, Field]
    by_number: Mapping[int, Field]


@cache
def messages() -> Mapping[str, Message]:
    """Every message by name."""
    found = {}
    for name, rest in _lines(vocabulary.MESSAGES):
        fields = [_field(text) for text in rest.split(",") if text.strip()]
        found[name] = Message({f.name: f for f in fields}, {f.number: f for f in fields})
    return found


@cache
def enums() -> Mapping[str, Mapping[str, int]]:
    """Every enum: names to numbers."""
    return {
        name: {key: int(value) for key, _, value in (pair.partition("=") for pair in rest.split())}
        for name, rest in _lines(vocabulary.ENUMS)
    }


@cache
def enum_names() -> Mapping[str, Mapping[int, str]]:
    """Every enum: numbers to names."""
    return {
        name: {number: key for key, number in values.items()} for name, values in enums().items()
    }


def _lines(text: str) -> list[tuple[str, str]]:
    pairs = (line.partition(":") for line in text.strip().splitlines())
    return [(name, rest) for name, _, rest in pairs]


def _field(text: str) -> Field:
    left, type_ = text.split()
    name, _, number = left.partition("=")
    mark = name[-1] if name[-1] in "!*%" else ""
    return Field(
        name.rstrip("!*%"),
        int(number),
        type_,
        required=mark == "!",
        repeated=mark == "*",
        mapping=mark == "%",
    )
