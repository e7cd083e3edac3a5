"""Topology spread constraints that must hold (KEP-895). Pure."""

import numpy as np

from apimachinery import labels
from apimachinery.wire import JsonObject
from scheduler.filters import affinity, taints
from scheduler.snapshot import Mask, Place, Row, Snapshot
from scheduler.views import PodInfo

REASON = "node(s) didn't match pod topology spread constraints"


def constraints(pod: PodInfo, action: str) -> list[JsonObject]:
    """The pod's constraints whose whenUnsatisfiable is `action`."""
    return [
        c
        for c in pod.spec.get("topologySpreadConstraints") or ()
        if c.get("whenUnsatisfiable", "DoNotSchedule") == action
    ]


def counted(pod: PodInfo, constraint: JsonObject, place: Place) -> int:
    """How many pods on a node the constraint counts."""
    chosen = dict(constraint.get("labelSelector") or {})
    same = {k: pod.labels[k] for k in constraint.get("matchLabelKeys") or () if k in pod.labels}
    if same:
        chosen["matchLabels"] = {**(chosen.get("matchLabels") or {}), **same}
    selector = labels.from_label_selector(chosen)
    return sum(
        other.namespace == pod.namespace and not other.deleting and selector.matches(other.labels)
        for other in place.pods.values()
    )


def by_domain(pod: PodInfo, constraint: JsonObject, snapshot: Snapshot) -> dict[str, int]:
    """Counted pods per domain, over the nodes that the pod may use at all."""
    key = constraint["topologyKey"]
    affine = affinity.NodeAffinity()
    by_affinity = (
        affine.mask(pod, snapshot)
        if constraint.get("nodeAffinityPolicy", "Honor") == "Honor"
        and affine.applies(pod, snapshot)
        else snapshot.present
    )
    by_taints = (
        taints.Taints().mask(pod, snapshot)
        if constraint.get("nodeTaintsPolicy") == "Honor"
        else snapshot.present
    )
    counts: dict[str, int] = {}
    for row, place in snapshot.everywhere():
        domain = place.node.labels.get(key)
        if domain is not None and by_affinity[row] and by_taints[row]:
            counts[domain] = counts.get(domain, 0) + counted(pod, constraint, place)
    return counts


class TopologySpread:
    """DoNotSchedule: no domain may lead the emptiest by more than maxSkew."""

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del snapshot
        return bool(constraints(pod, "DoNotSchedule"))

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        mask = snapshot.present.copy()
        for constraint in constraints(pod, "DoNotSchedule"):
            mask &= self._one(pod, constraint, snapshot)
        return mask

    def _one(self, pod: PodInfo, constraint: JsonObject, snapshot: Snapshot) -> Mask:
        counts = by_domain(pod, constraint, snapshot)
        least = min(counts.values(), default=0)
        if len(counts) < constraint.get("minDomains", 1):
            least = 0
        selector = labels.from_label_selector(constraint.get("labelSelector") or {})
        mine = int(selector.matches(pod.labels))
        mask = np.zeros(len(snapshot.places), np.bool_)
        for row, place in snapshot.everywhere():
            domain = place.node.labels.get(constraint["topologyKey"])
            if domain is not None and domain in counts:
                mask[row] = counts[domain] + mine - least <= constraint["maxSkew"]
        return mask

    def explain(self, pod: PodInfo, snapshot: Snapshot, row: Row) -> tuple[str, ...]:
        place = snapshot.places[row]
        assert place is not None
        keys = [c["topologyKey"] for c in constraints(pod, "DoNotSchedule")]
        if any(key not in place.node.labels for key in keys):
            return (f"{REASON} (missing required label)",)
        return (REASON,)
