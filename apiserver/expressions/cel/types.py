"""Types of expressions: scalars, lists, maps, optionals, objects with fields.

A type that comes from a schema also knows how large its values may be (`size`, `least`): `cost`
asks. Neighbours: `checker` compares them, `schemas` makes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

UNBOUNDED = 2**63
"""A size of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Type:
    """Equal by name and parameters: the fields of an object follow from its name."""

    name: str
    params: tuple["Type", ...] = ()
    fields: Mapping[str, "Type"] | None = field(default=None, compare=False, repr=False)
    """Of objects; None elsewhere."""
    open: bool = field(default=False, compare=False)
    """An object that may have other fields than those."""
    size: int = field(default=UNBOUNDED, compare=False)
    """Items, entries, characters at most."""
    least: int = field(default=1, compare=False)
    """Bytes of the shortest value, in JSON."""

    def __str__(self) -> str:
        if not self.params:
            return _SHOWN.get(self.name, self.name)
        return f"{_SHOWN.get(self.name, self.name)}({', '.join(map(str, self.params))})"

    @property
    def is_object(self) -> bool:
        return self.fields is not None

    @property
    def is_variable(self) -> bool:
        return len(self.name) == 1


_SHOWN = {
    "timestamp": "timestamp",
    "duration": "duration",
    "null": "null",
    "optional": "optional_type",
}

DYN, BOOL, INT, UINT = Type("dyn"), Type("bool"), Type("int"), Type("uint")
DOUBLE, STRING, BYTES, NULL = Type("double"), Type("string"), Type("bytes"), Type("null")
TIMESTAMP, DURATION = Type("timestamp", size=1), Type("duration", size=1)


def list_of(item: Type, size: int = UNBOUNDED) -> Type:
    return Type("list", (item,), size=size, least=2)


def map_of(key: Type, value: Type, size: int = UNBOUNDED) -> Type:
    return Type("map", (key, value), size=size, least=2)


def optional_of(value: Type) -> Type:
    return Type("optional", (value,))


def type_of(value: Type) -> Type:
    return Type("type", (value,))


def object_of(
    name: str, fields: Mapping[str, Type], *, open_: bool = False, least: int = 2
) -> Type:
    return Type(name, (), fields, open=open_, least=least)


def parse(text: str) -> Type:
    """`map(string, list(A))` → a type."""
    found, rest = _parse(text.replace(" ", ""))
    assert not rest, f"a type: {text}"
    return found


def _parse(text: str) -> tuple[Type, str]:
    end = next((at for at, char in enumerate(text) if char in "(),"), len(text))
    name, rest = text[:end], text[end:]
    params: list[Type] = []
    if rest.startswith("("):
        rest = "," + rest[1:]
        while rest.startswith(","):
            one, rest = _parse(rest[1:])
            params.append(one)
        rest = rest[1:]
    return Type(name, tuple(params)), rest
