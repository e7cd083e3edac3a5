"""Which expressions (x-kubernetes-validations) a write must satisfy, and about which values; pure.

`jobs` walks an object along its schema and lists what is to be evaluated; who evaluates is the API
server's business (`apiserver.expressions`). Values are made as expressions see them: only fields
that the schema knows, names that are no identifiers escaped, times and durations as such. A rule
about a place that has not changed is not asked again, unless it compares with the old state.
"""

import base64
import binascii
import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from apimachinery import meta, status
from apimachinery.schema import sizes
from apimachinery.schema.node import Node
from apimachinery.schema.paths import ROOT, Path, dotted
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject

MAX_JOBS = 10_000
"""Expressions evaluated for one write: a rule on each item of a long list, and room."""

OLD = re.compile(r"\boldSelf\b")

_IDENTIFIER = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
RESERVED = frozenset({
    "as", "break", "const", "continue", "else", "for", "function", "if", "import",
    "let", "loop", "package", "namespace", "return", "var", "void", "while",
})  # fmt: skip
"""Words that CEL keeps for itself: no name of a variable (cel-spec, Syntax)."""
_RESERVED = RESERVED | {"true", "false", "null", "in"}
"""With those that mean something: fields of these names are spelled with underscores."""
_ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))

_REASONS = frozenset(
    {"FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate", "FieldValueInvalid"}
)


class _Absent:
    """No old value."""


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Maybe:
    """An old value where a rule is also asked when there is none (`optionalOldSelf`)."""

    value: Any
    there: bool


@dataclass(frozen=True, slots=True)
class Job:
    """One expression about one place."""

    rule: JsonObject
    path: Path
    type_name: str
    variables: dict[str, Any]

    @property
    def expression(self) -> str:
        return str(self.rule.get("rule") or "")

    def error(self, said: str, *, failed: str = "") -> FieldError:
        """What the writer is told: `said` by the rule, or why it could not be evaluated."""
        where = dotted(self.path) + (self.rule.get("fieldPath") or "")
        plain = str(self.rule.get("message") or self.expression).strip()
        text = said or self.rule.get("message") or f"failed rule: {self.expression.strip()}"
        if failed.startswith("no such overload"):
            text = (
                f"'{failed}': call arguments did not match a supported operator, function or macro "
                f"signature for rule: {plain}"
            )
        elif failed:
            text = f"{failed} evaluating rule: {plain}"
        reason = self.rule.get("reason")
        reason = reason if reason in _REASONS else "FieldValueInvalid"
        shown = status.OMIT_VALUE if reason in _WITHOUT_VALUE else self.type_name or "object"
        return FieldError(reason, where.removeprefix(".") or "<nil>", shown, text)

    def too_costly(self, failed: str) -> FieldError:
        """The rule that was cut off."""
        plain = str(self.rule.get("message") or self.expression).strip()
        text = (
            f"'{failed}': no further validation rules will be run due to call cost exceeds limit "
            f"for rule: {plain}"
        )
        where = dotted(self.path).removeprefix(".") or "<nil>"
        return FieldError("FieldValueInvalid", where, self.type_name or "object", text)


_WITHOUT_VALUE = frozenset({"FieldValueForbidden", "FieldValueRequired"})


def jobs(new: JsonObject, old: JsonObject | None, node: Node) -> list[Job]:
    """Everything that is to be evaluated for a write."""
    found: list[Job] = []
    for job in _place(new, ABSENT if old is None else old, node, ROOT, root=True):
        found.append(job)
        if len(found) == MAX_JOBS:
            break
    return found


def _place(new: Any, old: Any, node: Node, path: Path, *, root: bool = False) -> Iterator[Job]:
    if not node.has_rules or new is None:
        return
    if node.rules:
        yield from _rules(new, old, node, path, root=root)
    if type(new) is dict:
        fields = old if type(old) is dict else {}
        for key, value in new.items():
            child = node.child(key)
            if child is not None:
                yield from _place(value, fields.get(key, ABSENT), child, (path, key))
    elif type(new) is list and node.items is not None:
        known = _by_key(old, node)
        for index, value in enumerate(new):
            before = known.get(_key(value, node), ABSENT) if known else ABSENT
            yield from _place(value, before, node.items, (path, index))


def _rules(new: Any, old: Any, node: Node, path: Path, *, root: bool) -> Iterator[Job]:
    same = old is not ABSENT and old == new
    seen = seen_by_rules(new, node, root=root)
    for rule in node.rules:
        variables = {"self": seen}
        if OLD.search(rule.get("rule") or ""):
            there = old is not ABSENT and old is not None
            before = seen_by_rules(old, node, root=root) if there else None
            if rule.get("optionalOldSelf"):
                variables["oldSelf"] = Maybe(before, there)
            elif there:
                variables["oldSelf"] = before
            else:
                continue
        elif same:
            continue
        yield Job(rule, path, node.type_name, variables)


def _by_key(old: Any, node: Node) -> dict[Any, Any]:
    """Old items of a map-like list by their keys; items of others cannot be told apart."""
    if type(old) is not list or node.list_type != "map":
        return {}
    return {_key(one, node): one for one in old}


def _key(item: Any, node: Node) -> Any:
    if type(item) is not dict:
        return None
    return tuple(repr(item.get(key)) for key in node.list_keys)


# --- values --------------------------------------------------------------------------------------


def seen_by_rules(value: Any, node: Node | None, *, root: bool = False) -> Any:
    """A value as expressions see it."""
    if node is None:
        return value
    if type(value) is dict:
        return _object(value, node, root=root or node.embedded)
    if type(value) is list:
        return [seen_by_rules(one, node.items) for one in value]
    if type(value) is int and node.type_name == "number":
        return float(value)
    if type(value) is float and node.type_name == "integer":
        return int(value)
    if type(value) is str and node.format in _FORMATS:
        return _formatted(value, node.format)
    return value


def _object(obj: JsonObject, node: Node, *, root: bool) -> JsonObject:
    if not node.fields and node.additional is None and node.preserve and not root:
        return obj
    if node.additional is not None:
        return {key: seen_by_rules(one, node.additional) for key, one in obj.items()}
    made = {
        escape(key): seen_by_rules(obj[key], child)
        for key, child in node.fields.items()
        if key in obj
    }
    if root:
        made |= {key: obj[key] for key in ("apiVersion", "kind") if key in obj}
        metadata = obj.get("metadata") or {}
        made["metadata"] = {
            key: metadata[key] for key in ("name", "generateName") if key in metadata
        }
    return made


def escape(name: str) -> str:
    """A property's name as an identifier: `a-b` is `a__dash__b`, `in` is `__in__`."""
    if name in _RESERVED:
        return f"__{name}__"
    if _IDENTIFIER.fullmatch(name) and "__" not in name:
        return name
    for plain, escaped in _ESCAPES:
        name = name.replace(plain, escaped) if plain != "__" else name.replace("__", escaped)
    return name


_FORMATS = frozenset({"date", "date-time", "datetime", "duration", "byte"})
_UNITS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0,
    "d": 86400.0, "w": 604800.0,
}  # fmt: skip
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w)")


def _formatted(text: str, name: str) -> Any:
    try:
        if name == "byte":
            return base64.b64decode(text, validate=True)
        if name == "date":
            return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
        if name == "duration":
            seconds = sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(text))
            return dt.timedelta(seconds=-seconds if text.startswith("-") else seconds)
        return dt.datetime.fromtimestamp(meta.parse_time(text), dt.UTC)
    except (ValueError, OverflowError, binascii.Error):
        return text


# --- in definitions ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Placed:
    """One expression of a definition, where it stands."""

    key: str
    """`rule` or `messageExpression`."""
    rule: JsonObject
    path: str
    schema: JsonObject
    """Of what it is about."""
    root: bool
    times: int
    """How often it may be evaluated for one object."""
    unrelated: str = ""
    """The list or map above whose items cannot be told apart: there is no old value below it."""

    @property
    def expression(self) -> str:
        return str(self.rule[self.key])

    @property
    def text(self) -> tuple[str, str]:
        """What makes it the same rule in another version of the definition."""
        return self.key, self.expression


def rules_of(
    schema: JsonObject,
    path: str,
    *,
    root: bool = True,
    times: int | None = 1,
    unrelated: str = "",
) -> Iterator[Placed]:
    """Every expression in a version's schema; `times` None: below a list without a bound."""
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        where = f"{path}.x-kubernetes-validations[{index}]"
        whole = root or bool(schema.get("x-kubernetes-embedded-resource"))
        for key in ("rule", "messageExpression"):
            if rule.get(key):
                often = sizes.times(schema, times)
                yield Placed(key, rule, f"{where}.{key}", schema, whole, often, unrelated)
    for name, one in (schema.get("properties") or {}).items():
        where = f"{path}.properties[{name}]"
        yield from rules_of(one, where, root=False, times=times, unrelated=unrelated)
    for key, bound in (("additionalProperties", "maxProperties"), ("items", "maxItems")):
        below = schema.get(key)
        if isinstance(below, dict):
            most = schema.get(bound)
            many = None if times is None or most is None else times * int(most)
            apart = key == "items" and schema.get("x-kubernetes-list-type") != "map"
            above = unrelated or (path if apart else "")
            yield from rules_of(below, f"{path}.{key}", root=False, times=many, unrelated=above)
