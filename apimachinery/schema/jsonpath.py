"""JSON paths, as far as definitions use them: `.spec.a`, `['a']`, `[0]`, `[*]`, `[?(@.a=="b")]`.

For printer columns, scales and selectable fields. Neighbours: `columns`, `kind`. Braces around a
path are allowed; what cannot be understood raises `JsonPathError`.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import orjson

MAX_TEXT = 1024
"""Characters of a path: definitions use a few dozen."""
PATHS_KEPT = 1024
"""Compiled paths."""

_TOKEN = re.compile(
    r"""\.(?P<name>(?:[^.\[\]\\'"(){}\s]|\\.)+)"""
    r"""|\[\s*(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*\]"""
    r"""|(?:\.|)\[?(?P<star>(?<=\[)\*(?=\])|(?<=\.)\*)\]?"""
    r"""|\[(?P<index>-?\d+)\]"""
    r"""|\[\?\(\s*@(?P<left>(?:\.(?:[^.\[\]\s=!<>]|\\.)+)+)\s*(?P<op>==|!=)\s*(?P<right>[^)]+?)\s*\)\]""",
    re.VERBOSE,
)

Step = Callable[[Any], Iterator[Any]]


class JsonPathError(ValueError):
    """The text is no path that we understand."""


class JsonPath:
    """A compiled path."""

    __slots__ = ("names", "steps")

    def __init__(self, names: tuple[str, ...] | None, steps: tuple[Step, ...]) -> None:
        self.names = names
        """The field names where it consists of nothing else."""
        self.steps = steps

    def find(self, obj: Any) -> list[Any]:
        """Everything at the path, in order."""
        found = [obj]
        for step in self.steps:
            found = [inner for one in found for inner in step(one)]
        return found

    def first(self, obj: Any) -> Any:
        """The first value at the path, None where there is nothing."""
        return next(iter(self.find(obj)), None)


@lru_cache(maxsize=PATHS_KEPT)
def parse(text: str) -> JsonPath:
    """Compile a path."""
    if len(text) > MAX_TEXT:
        raise JsonPathError("too long")
    rest = text.strip()
    if rest.startswith("{") and rest.endswith("}"):
        rest = rest[1:-1].strip()
    rest = rest.removeprefix("$")
    steps: list[Step] = []
    names: list[str] | None = []
    while rest:
        found = _TOKEN.match(rest)
        if found is None or not found.end():
            raise JsonPathError(f"unrecognized text at {rest!r}")
        name = _name(found)
        if name is None:
            names = None
        elif names is not None:
            names.append(name)
        steps.append(_step(found, name))
        rest = rest[found.end() :]
    return JsonPath(tuple(names) if names is not None else None, tuple(steps))


def _name(found: "re.Match[str]") -> str | None:
    if found["name"] is not None:
        return None if found["name"] == "*" else re.sub(r"\\(.)", r"\1", found["name"])
    if found["quoted"] is not None:
        return re.sub(r"\\(.)", r"\1", found["quoted"][1:-1])
    return None


def _step(found: "re.Match[str]", name: str | None) -> Step:
    if name is not None:
        return _field(name)
    if found["index"] is not None:
        return _item(int(found["index"]))
    if found["left"] is not None:
        return _filter(found["left"], found["op"], found["right"])
    return _all


def _field(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _item(index: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= index < len(value):
            yield value[index]

    return step


def _all(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()


def _filter(left: str, operator: str, right: str) -> Step:
    inner = parse(left)
    try:
        wanted = right[1:-1] if right[:1] in "'\"" else orjson.loads(right)
    except orjson.JSONDecodeError as error:
        raise JsonPathError(f"not a value: {right}") from error

    def step(value: Any) -> Iterator[Any]:
        for one in value if isinstance(value, list) else ():
            if (inner.first(one) == wanted) is (operator == "=="):
                yield one

    return step


def text_of(value: Any) -> str:
    """A value as a column of type string shows it."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case None:
            return ""
        case _:
            return orjson.dumps(value).decode()
