"""Label selectors: parsing, matching, printing, and reading them from objects.

The text form (`app=web,tier in (a,b),!old,size>3`) comes from queries, the object form
(`matchLabels`, `matchExpressions`) from workloads. Neighbours: the watch cache compiles a
selector once and matches many label maps; controllers select pods; `fields` is the sibling for
field selectors. Errors are `SelectorError`; callers decide on the HTTP code.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from apimachinery import names

MAX_TEXT = 32 * 1024
"""Longest selector text: far beyond what fits a useful query, small enough to parse at once."""

_TOKEN = re.compile(r"\s*(?:(?P<op>==|!=|[=!(),<>])|(?P<word>[^\s=!(),<>]+))")
_COMPARISONS = {
    "=": "=",
    "==": "==",
    "!=": "!=",
    ">": "gt",
    "<": "lt",
    "in": "in",
    "notin": "notin",
}
_OBJECT_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_MAX_COMPARED = 2**63 - 1


class SelectorError(ValueError):
    """The selector cannot be understood; the message says which part."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label. Values are sorted."""

    key: str
    operator: str
    """One of `=`, `==`, `!=`, `in`, `notin`, `exists`, `!`, `gt`, `lt`."""
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "=" | "==" | "in":
                return value is not None and value in self.values
            case "!=" | "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
            case _:
                return self._compare(value)

    def _compare(self, value: str | None) -> bool:
        number = _integer(value) if value is not None else None
        if number is None:
            return False
        limit = int(self.values[0])
        return number > limit if self.operator == "gt" else number < limit

    def __str__(self) -> str:
        match self.operator:
            case "in" | "notin":
                return f"{self.key} {self.operator} ({','.join(self.values)})"
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "gt" | "lt":
                return f"{self.key}{'>' if self.operator == 'gt' else '<'}{self.values[0]}"
            case _:
                return f"{self.key}{self.operator}{self.values[0]}"


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements must hold; none at all selects everything."""

    requirements: tuple[Requirement, ...] = ()
    selects_nothing: bool = False
    _equal: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)
    _others: tuple[Requirement, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        equal = [one for one in self.requirements if _is_equality(one)]
        others = tuple(one for one in self.requirements if not _is_equality(one))
        object.__setattr__(self, "_equal", tuple((one.key, one.values[0]) for one in equal))
        object.__setattr__(self, "_others", others)

    @property
    def everything(self) -> bool:
        return not self.requirements and not self.selects_nothing

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        if self.selects_nothing:
            return False
        if labels is None:
            labels = {}
        for key, value in self._equal:
            if labels.get(key) != value:
                return False
        return all(one.matches(labels) for one in self._others) if self._others else True

    def exact_value(self, key: str) -> str | None:
        """The only value of `key` that can match, if the selector fixes one (for indexes)."""
        for name, value in self._equal:
            if name == key:
                return value
        return None

    def __str__(self) -> str:
        return ",".join([str(one) for one in self.requirements])


EVERYTHING = Selector()
NOTHING = Selector(selects_nothing=True)


def _is_equality(requirement: Requirement) -> bool:
    return requirement.operator in ("=", "==", "in") and len(requirement.values) == 1


def _integer(text: str) -> int | None:
    if re.fullmatch(r"[+-]?[0-9]{1,19}", text) and abs(int(text)) <= _MAX_COMPARED:
        return int(text)
    return None


def requirement(key: str, operator: str, values: Iterable[str] = ()) -> Requirement:
    """A checked requirement; raises SelectorError in Kubernetes' words."""
    if problems := names.qualified_name(key):
        raise SelectorError(f'key: Invalid value: "{key}": {"; ".join(problems)}')
    ordered = tuple(sorted(set(values)))
    if operator in ("in", "notin") and not ordered:
        raise SelectorError(
            "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"
        )
    if operator in ("exists", "!") and ordered:
        raise SelectorError(
            "values: Invalid value: values set must be empty for exists and does not exist"
        )
    if operator in ("gt", "lt") and (len(ordered) != 1 or _integer(ordered[0]) is None):
        raise SelectorError(
            "values[0]: Invalid value: for 'Gt', 'Lt' operators, the value must be an integer"
        )
    for index, value in enumerate(ordered):
        if problems := names.label_value(value):
            raise SelectorError(
                f'values[{index}][{key}]: Invalid value: "{value}": {"; ".join(problems)}'
            )
    return Requirement(key, operator, ordered)


# --- the text form -------------------------------------------------------------------------------


def parse_selector(text: str) -> Selector:
    """Reads the text form; requirements come out sorted by key, as Kubernetes prints them."""
    if len(text) > MAX_TEXT:
        raise SelectorError(f"label selector is longer than {MAX_TEXT} characters")
    if not text or text.isspace():
        return EVERYTHING
    parser = _Parser(_tokens(text))
    try:
        found = parser.selector()
    except SelectorError as error:
        raise SelectorError(f"unable to parse requirement: {error}") from None
    return Selector(tuple(sorted(found, key=lambda one: one.key)))


def _tokens(text: str) -> list[str]:
    out: list[str] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        assert match is not None, "every character belongs to a token"
        out.append(match.group("op") or match.group("word"))
        position = match.end()
    return out


_SYMBOLS = frozenset({"=", "==", "!=", "!", "(", ")", ",", "<", ">"})


class _Parser:
    """Recursive descent over the tokens; `""` stands for the end of the text."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._position = 0

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def selector(self) -> list[Requirement]:
        out = [self._requirement()]
        while (token := self._take()) == ",":
            out.append(self._requirement())
        if token:
            raise SelectorError(f"found '{token}', expected: ',' or 'end of string'")
        return out

    def _requirement(self) -> Requirement:
        negated = self._peek() == "!"
        if negated:
            self._take()
        key = self._take()
        if key in _SYMBOLS or not key:
            raise SelectorError(f"found '{key}', expected: identifier")
        if negated:
            return requirement(key, "!")
        if self._peek() in ("", ","):
            return requirement(key, "exists")
        token = self._take()
        operator = _COMPARISONS.get(token)
        if operator is None:
            raise SelectorError(
                f"found '{token}', expected: in, notin, =, ==, !=, gt, lt or ',' or end of string"
            )
        if operator in ("in", "notin"):
            return requirement(key, operator, self._value_list())
        return requirement(key, operator, [self._value()])

    def _value(self) -> str:
        """One value; it may be empty (`a=`)."""
        if self._peek() in ("", ","):
            return ""
        token = self._take()
        if token in _SYMBOLS:
            raise SelectorError(f"found '{token}', expected: identifier")
        return token

    def _value_list(self) -> list[str]:
        if (token := self._take()) != "(":
            raise SelectorError(f"found '{token}', expected: '('")
        out: list[str] = []
        current = ""
        while (symbol := self._take()) != ")":
            if symbol == ",":
                out.append(current)
                current = ""
            elif not symbol or symbol in _SYMBOLS or current:
                raise SelectorError(f"found '{symbol}', expected: ',' or ')'")
            else:
                current = symbol
        out.append(current)
        return out


# --- the object form -----------------------------------------------------------------------------


def from_set(labels: Mapping[str, str] | None) -> Selector:
    """Equality on each label (services, replication controllers); none selects everything."""
    if not labels:
        return EVERYTHING
    return Selector(tuple(Requirement(key, "=", (labels[key],)) for key in sorted(labels)))


def from_label_selector(obj: Mapping[str, Any] | None) -> Selector:
    """A LabelSelector object: absent selects nothing, an empty one everything."""
    if obj is None:
        return NOTHING
    found = [
        Requirement(key, "=", (value,)) for key, value in (obj.get("matchLabels") or {}).items()
    ]
    for expression in obj.get("matchExpressions") or ():
        operator = _OBJECT_OPERATORS.get(expression.get("operator", ""))
        if operator is None:
            raise SelectorError(
                f'"{expression.get("operator", "")}" is not a valid label selector operator'
            )
        found.append(
            requirement(expression.get("key", ""), operator, expression.get("values") or ())
        )
    return Selector(tuple(sorted(found, key=lambda one: one.key)))


def describe(obj: Mapping[str, Any] | None) -> str:
    """A LabelSelector object as tables print it."""
    try:
        return str(from_label_selector(obj)) or "<none>"
    except SelectorError:
        return "<error>"
