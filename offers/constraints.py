"""Offer constraints: which nodes a framework wants to hear of at all. Pure.

Groups of conditions on a node's attributes, name, region or zone: one group must hold whole. A node
that fails is no offer that its framework would have to decline. Neighbours: `allocator` asks;
`offers.http` gets them with a subscription. Errors: `BadConstraint`, whose text the framework hears.

Patterns are run by Python's engine, which can be driven to run for years: patterns that could do
that are refused, as RE2, which Mesos uses, refuses those that are too large.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apimachinery.wire import JsonObject

REGION = "topology.kubernetes.io/region"
ZONE = "topology.kubernetes.io/zone"
PATTERN_BYTES_MAX = 4096
"""Mesos' bound."""
REPEATS_MAX = 3
"""Open repetitions in a pattern: with n of them a failing match takes length^n steps."""
GROUPS_MAX = 1000
"""Of one role; more than anybody writes."""
_PREDICATES = {
    "exists", "not_exists", "text_equals", "text_not_equals", "text_matches", "text_not_matches",
}  # fmt: skip


class BadConstraint(ValueError):  # noqa: N818  (read as "raise BadConstraint")
    """Constraints that can't be; the text says why."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One predicate on one attribute."""

    attribute: str
    """A label's name, or HOSTNAME, REGION, ZONE for `pseudo` ones."""
    predicate: str
    value: str = ""
    pattern: re.Pattern[str] | None = None
    pseudo: bool = False

    def holds(self, node: str, labels: Mapping[str, str]) -> bool:
        found = self._look_up(node, labels)
        match self.predicate:
            case "exists":
                return found is not None
            case "not_exists":
                return found is None
            case "text_equals":
                return found == self.value
            case "text_not_equals":
                return found != self.value
            case _:  # patterns
                pass
        matches = found is not None and self.pattern is not None and self.pattern.fullmatch(found)
        return bool(matches) == (self.predicate == "text_matches")

    def _look_up(self, node: str, labels: Mapping[str, str]) -> str | None:
        if not self.pseudo:
            return labels.get(self.attribute)
        if self.attribute == "HOSTNAME":
            return node
        return labels.get(REGION if self.attribute == "REGION" else ZONE)


@dataclass(frozen=True, slots=True)
class Constraint:
    """What one role of a framework wants: any of the groups, each whole."""

    groups: tuple[tuple[Condition, ...], ...]

    def allows(self, node: str, labels: Mapping[str, str]) -> bool:
        return any(all(one.holds(node, labels) for one in group) for group in self.groups)


def parse(message: JsonObject | None) -> dict[str, Constraint]:
    """Role → constraint, of an OfferConstraints message.

    Raises:
        BadConstraint: it can't be carried out.
    """
    found = {}
    for role, one in ((message or {}).get("role_constraints") or {}).items():
        groups = one.get("groups") or ()
        if not groups:
            raise BadConstraint(f"offer constraints of role '{role}' have no groups")
        if len(groups) > GROUPS_MAX:
            raise BadConstraint(f"offer constraints of role '{role}': over {GROUPS_MAX} groups")
        found[role] = Constraint(tuple(_group(role, group) for group in groups))
    return found


def _group(role: str, group: JsonObject) -> tuple[Condition, ...]:
    conditions = group.get("attribute_constraints") or ()
    if not conditions:
        raise BadConstraint(f"offer constraints of role '{role}': a group is empty")
    return tuple(_condition(one) for one in conditions)


def _condition(one: JsonObject) -> Condition:
    selector, predicate = one.get("selector") or {}, one.get("predicate") or {}
    name, pseudo = selector.get("attribute_name"), selector.get("pseudoattribute_type")
    if bool(name) == bool(pseudo) or (pseudo and pseudo not in ("HOSTNAME", "REGION", "ZONE")):
        raise BadConstraint("an attribute constraint selects one attribute or pseudoattribute")
    kinds = [kind for kind in predicate if kind in _PREDICATES]
    if len(kinds) != 1:
        raise BadConstraint("an attribute constraint has one predicate")
    said: Any = predicate[kinds[0]] or {}
    matching = kinds[0] in ("text_matches", "text_not_matches")
    pattern = _compiled(str(said.get("regex", ""))) if matching else None
    value = str(said.get("value", ""))
    return Condition(str(name or pseudo), kinds[0], value, pattern, pseudo=bool(pseudo))


def _compiled(text: str) -> re.Pattern[str]:
    if len(text.encode()) > PATTERN_BYTES_MAX:
        raise BadConstraint(f"a regex is longer than {PATTERN_BYTES_MAX} bytes")
    if problem := _danger(text):
        raise BadConstraint(f"regex {text!r}: {problem}")
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadConstraint(f"regex {text!r}: {error}") from error


def _danger(text: str) -> str:
    """Why a pattern might take too long; empty if it can't."""
    repeats, inside, escaped, bracket, closed = 0, [False], False, False, False
    for at, char in enumerate(text):
        was, closed = closed, False
        if escaped:
            escaped = False
            if char.isdigit() and not bracket:
                return "references back are not supported"
        elif char == "\\":
            escaped = True
        elif bracket:
            bracket = char != "]"
        elif char == "[":
            bracket = True
        elif char == "(":
            inside.append(False)
            if text[at + 1 : at + 2] == "?" and text[at + 2 : at + 3] != ":":
                return "looking around and other extensions are not supported"
        elif char == ")" and len(inside) > 1:
            closed = inside.pop()
            inside[-1] |= closed
        elif char in "*+{":
            repeats += 1
            inside[-1] = True
            if was:
                return "a repetition is repeated"
    return f"over {REPEATS_MAX} repetitions" if repeats > REPEATS_MAX else ""
