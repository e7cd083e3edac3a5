"""Node selectors and required node affinity. Pure."""

from collections.abc import Iterable, Mapping

import numpy as np

from apimachinery import labels
from apimachinery.wire import JsonObject
from scheduler.snapshot import Mask, Row, Snapshot
from scheduler.views import NodeInfo, PodInfo

OPERATORS = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "!",
    "Gt": "gt",
    "Lt": "lt",
}


def matches_term(term: JsonObject, node: NodeInfo) -> bool:
    """Whether a nodeSelectorTerm matches: all its expressions; an empty one matches nothing."""
    expressions = term.get("matchExpressions") or ()
    fields = term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    return _all(expressions, node.labels) and _all(fields, {"metadata.name": node.name})


def _all(expressions: Iterable[JsonObject], values: Mapping[str, str]) -> bool:
    return all(_matches(expression, values) for expression in expressions)


def _matches(expression: JsonObject, values: Mapping[str, str]) -> bool:
    """One nodeSelectorRequirement; one that can't be read matches nothing."""
    operator = OPERATORS.get(expression["operator"], "")
    try:
        wanted = labels.requirement(expression["key"], operator, expression.get("values") or ())
    except labels.SelectorError:
        return False
    return bool(operator) and wanted.matches(values)


def _required(pod: PodInfo) -> list[JsonObject] | None:
    node_affinity = (pod.spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return list(required.get("nodeSelectorTerms") or ()) if required else None


class NodeAffinity:
    """spec.nodeSelector and requiredDuringSchedulingIgnoredDuringExecution."""

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del snapshot
        return bool(pod.spec.get("nodeSelector")) or _required(pod) is not None

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        selector = pod.spec.get("nodeSelector") or {}
        terms = _required(pod)
        mask = np.zeros(len(snapshot.places), np.bool_)
        for row, place in snapshot.everywhere():
            selected = all(place.node.labels.get(k) == v for k, v in selector.items())
            mask[row] = selected and (
                terms is None or any(matches_term(term, place.node) for term in terms)
            )
        return mask

    def explain(self, pod: PodInfo, snapshot: Snapshot, row: Row) -> tuple[str, ...]:
        del pod, snapshot, row
        return ("node(s) didn't match Pod's node affinity/selector",)
