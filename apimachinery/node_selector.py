"""Whether a pod may be on a node by its nodeSelector and required node affinity. Pure.

Terms are alternatives, the expressions of one term hold together, and an empty term matches
nothing. Neighbours: the pod scheduler asks for all nodes at once and reads the parts; daemon sets
and the node's own admission ask for one node.
"""

from collections.abc import Mapping, Sequence

from apimachinery import labels, meta
from apimachinery.labels import Requirement
from apimachinery.wire import JsonObject

NAME = "metadata.name"
"""The one field that matchFields knows."""

_PATH = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
_OPERATORS = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "!",
    "Gt": "gt",
    "Lt": "lt",
}


def matches(spec: JsonObject, name: str, found: Mapping[str, str]) -> bool:
    """Whether a node of this name and with these labels suits a pod of this spec."""
    wanted = spec.get("nodeSelector") or {}
    if any(found.get(key) != value for key, value in wanted.items()):
        return False
    terms = required_terms(spec)
    return terms is None or any_term(terms, name, found)


def any_term(terms: Sequence[JsonObject], name: str, found: Mapping[str, str]) -> bool:
    """Whether one of the alternatives holds for a node: also volumes say so where they are."""
    return any(_term_matches(term, name, found) for term in terms)


def required_terms(spec: JsonObject) -> Sequence[JsonObject] | None:
    """The alternatives of the required affinity; None where nothing is required."""
    required = meta.dig(spec, *_PATH)
    return None if required is None else tuple(required.get("nodeSelectorTerms") or ())


def label_requirement(expression: JsonObject) -> Requirement | None:
    """One of matchExpressions; None if it can't be read: it matches nothing."""
    operator = _OPERATORS.get(expression.get("operator") or "")
    if operator is None:
        return None
    try:
        return labels.requirement(expression["key"], operator, expression.get("values") or ())
    except labels.SelectorError:
        return None


def name_requirement(expression: JsonObject) -> Requirement | None:
    """One of matchFields: In and NotIn on the name, which may be longer than a label's value."""
    operator = _OPERATORS.get(expression.get("operator") or "")
    if expression.get("key") != NAME or operator not in ("in", "notin"):
        return None
    return Requirement(NAME, operator, tuple(sorted(expression.get("values") or ())))


def _term_matches(term: JsonObject, name: str, found: Mapping[str, str]) -> bool:
    expressions = [label_requirement(one) for one in term.get("matchExpressions") or ()]
    fields = [name_requirement(one) for one in term.get("matchFields") or ()]
    if not expressions and not fields:
        return False
    return all(one is not None and one.matches(found) for one in expressions) and all(
        one is not None and one.matches({NAME: name}) for one in fields
    )
