"""The tree of an expression: what `parser` makes, and all others walk.

Macros stay nodes of their own (`Loop`, `Bind`, `Has`, `OptMap`): evaluated directly they are faster
than folds, and messages speak of what was written. `type` is filled in by `checker`.
"""

from dataclasses import dataclass, field
from typing import Any

from apiserver.expressions.cel.types import DYN, Type


@dataclass(slots=True, eq=False)
class Node:
    """A part of an expression; `at` is its offset in the source."""

    at: int
    type: Type = field(default=DYN, kw_only=True)


@dataclass(slots=True, eq=False)
class Const(Node):
    """A literal."""

    value: Any


@dataclass(slots=True, eq=False)
class Ident(Node):
    """A name."""

    name: str


@dataclass(slots=True, eq=False)
class Select(Node):
    """`operand.field`, or `operand.?field`."""

    operand: Node
    name: str
    optional: bool = False


@dataclass(slots=True, eq=False)
class Has(Node):
    """`has(operand.field)`."""

    operand: Node
    name: str


@dataclass(slots=True, eq=False)
class Index(Node):
    """`operand[key]`, or `operand[?key]`."""

    operand: Node
    key: Node
    optional: bool = False


@dataclass(slots=True, eq=False)
class Call(Node):
    """Functions, methods (then with a target) and operators, which are called `_+_` and so on."""

    name: str
    target: Node | None
    args: list[Node]


@dataclass(slots=True, eq=False)
class ListOf(Node):
    """`[a, ?b]`."""

    items: list[tuple[Node, bool]]
    """Each with whether it is optional."""


@dataclass(slots=True, eq=False)
class MapOf(Node):
    """`{a: b, ?c: d}`: key, value, whether it is optional."""

    entries: list[tuple[Node, Node, bool]]


@dataclass(slots=True, eq=False)
class Struct(Node):
    """`Name{field: value}`."""

    name: str
    fields: list[tuple[str, Node, bool]]


@dataclass(slots=True, eq=False)
class Loop(Node):
    """A comprehension: `kind` is the macro, `names` one or two variables."""

    kind: str
    range: Node
    names: tuple[str, ...]
    condition: Node | None
    """Of filters and of those that transform a part."""
    body: Node


@dataclass(slots=True, eq=False)
class Bind(Node):
    """`cel.bind(name, value, body)`."""

    name: str
    value: Node
    body: Node


@dataclass(slots=True, eq=False)
class OptMap(Node):
    """`optional.optMap(name, body)` and `optFlatMap`, whose body gives an optional itself."""

    operand: Node
    name: str
    body: Node
    flat: bool


class Problem(ValueError):  # noqa: N818  what is wrong with an expression, not with us
    """Everything that is wrong with an expression, told as cel-go tells it."""

    def __init__(self, source: str, found: list[tuple[int, str]]) -> None:
        super().__init__("\n".join(told(source, at, text) for at, text in found))


def told(source: str, at: int, text: str) -> str:
    """One error with its place below the line that it is in."""
    before = source[:at]
    row = before.count("\n")
    column = at - (before.rfind("\n") + 1)
    line = (source.split("\n") or [""])[row]
    return f"ERROR: <input>:{row + 1}:{column + 1}: {text}\n | {line}\n | {'.' * column}^"
