"""Offer constraints: which nodes a framework wants to hear of at all. Pure.

Groups of conditions on a node's attributes, name, region or zone: one group must hold whole. A node
that fails is no offer that its framework would have to decline. Neighbours: `allocator` asks;
`offers.http` gets them with a subscription. Errors: `BadConstraint`, whose text the framework hears.

Patterns are RE2's, as in Mesos: whatever a framework writes, a match takes linear time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apimachinery.schema import patterns
from apimachinery.wire import JsonObject

REGION = "topology.kubernetes.io/region"
ZONE = "topology.kubernetes.io/zone"
PATTERN_BYTES_MAX = 4096
"""Mesos' bound."""
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
    matches: Callable[[str], bool] | None = None
    """Whether a whole text is what the pattern says."""
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
        matches = found is not None and self.matches is not None and self.matches(found)
        return matches == (self.predicate == "text_matches")

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
    matches = _compiled(str(said.get("regex", ""))) if matching else None
    value = str(said.get("value", ""))
    return Condition(str(name or pseudo), kinds[0], value, matches, pseudo=bool(pseudo))


def _compiled(text: str) -> Callable[[str], bool]:
    if len(text.encode()) > PATTERN_BYTES_MAX:
        raise BadConstraint(f"a regex is longer than {PATTERN_BYTES_MAX} bytes")
    if problem := patterns.problem(text):
        raise BadConstraint(f"regex {text!r}: {problem}")
    return patterns.matcher(rf"\A(?:{text})\z")
