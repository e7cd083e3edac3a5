"""Field selectors (`status.phase!=Failed,spec.nodeName=n1`): parsing, matching, printing.

Neighbours: the watch cache knows which fields a kind offers and indexes some; `labels` is the
sibling for labels. Backslashes escape commas, equals signs and themselves in values. Nothing
here knows which fields exist.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MAX_TEXT = 32 * 1024
"""Longest selector text, the same bound as for label selectors."""

_TERM = re.compile(r"(?:[^\\,]|\\.)+", re.DOTALL)
_OPERATOR = re.compile(r"!=|==|=")
_ESCAPED = re.compile(r"\\(.)?", re.DOTALL)


class FieldSelectorError(ValueError):
    """The selector cannot be understood; the message is Kubernetes'."""


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """One field compared with one value."""

    field: str
    operator: str
    """`=` or `!=`."""
    value: str

    def matches(self, get: Callable[[str], str | None]) -> bool:
        return ((get(self.field) or "") == self.value) == (self.operator == "=")

    def __str__(self) -> str:
        return f"{self.field}{self.operator}{escape(self.value)}"


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """All requirements must hold; none at all selects everything."""

    requirements: tuple[FieldRequirement, ...] = ()

    @property
    def everything(self) -> bool:
        return not self.requirements

    def matches(self, get: Callable[[str], str | None]) -> bool:
        """`get` gives a field's value by path; an absent one counts as empty."""
        return all(one.matches(get) for one in self.requirements)

    def exact_value(self, field: str) -> str | None:
        """The value that the selector fixes for `field`, if it does (for indexes)."""
        for one in self.requirements:
            if one.field == field and one.operator == "=":
                return one.value
        return None

    def __str__(self) -> str:
        return ",".join([str(one) for one in self.requirements])


EVERYTHING = FieldSelector()


def escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def from_set(values: Mapping[str, str]) -> FieldSelector:
    return FieldSelector(tuple(FieldRequirement(key, "=", values[key]) for key in sorted(values)))


def parse_field_selector(text: str) -> FieldSelector:
    """Reads the text form, or raises FieldSelectorError."""
    if len(text) > MAX_TEXT:
        raise FieldSelectorError(f"field selector is longer than {MAX_TEXT} characters")
    out: list[FieldRequirement] = []
    position = 0
    while position < len(text):
        if text[position] == ",":
            position += 1
            continue
        match = _TERM.match(text, position)
        if match is None:
            raise FieldSelectorError(f"invalid field selector: {text!r}: trailing backslash")
        out.append(_term(match.group(), text))
        position = match.end()
    return FieldSelector(tuple(out))


def _term(term: str, text: str) -> FieldRequirement:
    operator = _OPERATOR.search(term)
    if operator is None:
        raise FieldSelectorError(f"invalid selector: '{text}'; can't understand '{term}'")
    field, value = term[: operator.start()].strip(), term[operator.end() :]
    if not field:
        raise FieldSelectorError(f"invalid selector: '{text}'; can't understand '{term}'")
    return FieldRequirement(field, "!=" if operator.group() == "!=" else "=", _unescape(value))


def _unescape(value: str) -> str:
    if "=" in re.sub(r"\\.", "", value):
        raise FieldSelectorError("invalid field selector: unescaped character in value: =")
    return _ESCAPED.sub(_unescape_one, value)


def _unescape_one(match: re.Match[str]) -> str:
    char = match.group(1)
    if char is None or char not in "\\,=":
        raise FieldSelectorError(
            f"invalid field selector: invalid escape sequence: {match.group()}"
        )
    return char
