"""Node selectors and required node affinity. Pure."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from apimachinery import node_selector
from apimachinery.labels import Requirement
from apimachinery.wire import JsonObject
from scheduler import changes
from scheduler.snapshot import Mask, Snapshot
from scheduler.views import PodInfo


def term_mask(term: JsonObject, snapshot: Snapshot) -> Mask:
    """The rows that a nodeSelectorTerm matches: all its expressions; an empty one matches none."""
    expressions = [node_selector.label_requirement(e) for e in term.get("matchExpressions") or ()]
    fields = [node_selector.name_requirement(e) for e in term.get("matchFields") or ()]
    if not expressions and not fields:
        return np.zeros_like(snapshot.present)
    mask = snapshot.present.copy()
    for each in expressions:
        mask &= _by_label(each, snapshot)
    for each in fields:
        mask &= _by_name(each, snapshot)
    return mask


def _by_label(wanted: Requirement | None, snapshot: Snapshot) -> Mask:
    if wanted is None:
        return np.zeros_like(snapshot.present)
    column = snapshot.column(wanted.key)
    match wanted.operator:
        case "in":
            return column.rows_with(wanted.values)
        case "notin":
            return ~column.rows_with(wanted.values)
        case "exists":
            return column.codes >= 0
        case "!":
            return column.codes < 0
        case _:
            return column.rows_with(v for v in column.numbers if wanted.matches({wanted.key: v}))


def _by_name(wanted: Requirement | None, snapshot: Snapshot) -> Mask:
    """MatchFields knows one field, and In and NotIn: daemons are sent to their node so."""
    mask = np.zeros_like(snapshot.present)
    if wanted is None:
        return mask
    for name in wanted.values:
        if (row := snapshot.rows.get(name)) is not None:
            mask[row] = True
    return mask if wanted.operator == "in" else ~mask


def any_term(terms: Iterable[JsonObject], snapshot: Snapshot) -> Mask:
    """The rows that one of some nodeSelectorTerms matches."""
    mask = np.zeros_like(snapshot.present)
    for term in terms:
        mask |= term_mask(term, snapshot)
    return mask


class NodeAffinity:
    """spec.nodeSelector and requiredDuringSchedulingIgnoredDuringExecution."""

    name = "NodeAffinity"
    helped_by = changes.OF_NODES

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del snapshot
        return (
            bool(pod.spec.get("nodeSelector")) or node_selector.required_terms(pod.spec) is not None
        )

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        mask = snapshot.present.copy()
        for key, value in (pod.spec.get("nodeSelector") or {}).items():
            mask &= snapshot.column(key).rows_with([value])
        terms = node_selector.required_terms(pod.spec)
        if terms is not None:
            mask &= any_term(terms, snapshot)
        return mask

    def explain(self, pod: PodInfo, snapshot: Snapshot, rows: Mask) -> Counter[str]:
        del pod, snapshot
        reason = "node(s) didn't match Pod's node affinity/selector"
        return Counter({reason: int(np.count_nonzero(rows))})
