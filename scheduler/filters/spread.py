"""Topology spread constraints that must hold (KEP-895). Pure."""

from collections import Counter

import numpy as np
import orjson

from apimachinery.wire import JsonObject
from scheduler import changes, terms
from scheduler.filters import affinity, taints
from scheduler.snapshot import Amounts, Mask, Snapshot
from scheduler.views import PodInfo

REASON = "node(s) didn't match pod topology spread constraints"


def constraints(pod: PodInfo, action: str) -> list[JsonObject]:
    """The pod's constraints whose whenUnsatisfiable is `action`."""
    return [
        c
        for c in pod.spec.get("topologySpreadConstraints") or ()
        if c.get("whenUnsatisfiable", "DoNotSchedule") == action
    ]


def counted(pod: PodInfo, constraint: JsonObject, snapshot: Snapshot) -> tuple[Amounts, bool]:
    """How many pods of each row the constraint counts, and whether it will count this one."""
    selector = terms.selector(constraint.get("labelSelector"))
    namespace = pod.namespace

    def meant(other: PodInfo) -> bool:
        return (
            other.namespace == namespace
            and not other.deleting
            and selector is not None
            and selector.matches(other.labels)
        )

    written = orjson.dumps(constraint.get("labelSelector"), option=orjson.OPT_SORT_KEYS)
    counts = snapshot.count(f"spread {namespace} {written.decode()}", meant)
    return counts, meant(pod)


def eligible(pod: PodInfo, constraint: JsonObject, snapshot: Snapshot) -> Mask:
    """The rows whose domains are compared: those that the pod may use at all."""
    mask = snapshot.present.copy()
    for each in constraints(pod, constraint.get("whenUnsatisfiable", "DoNotSchedule")):
        # A node that lacks the label of one constraint counts for none of its kind.
        mask &= snapshot.column(each["topologyKey"]).codes >= 0
    affine = affinity.NodeAffinity()
    honoured = constraint.get("nodeAffinityPolicy", "Honor") == "Honor"
    if honoured and affine.applies(pod, snapshot):
        mask &= affine.mask(pod, snapshot)
    if constraint.get("nodeTaintsPolicy") == "Honor":
        mask &= taints.Taints().mask(pod, snapshot)
    return mask


def by_domain(pod: PodInfo, constraint: JsonObject, snapshot: Snapshot) -> tuple[Amounts, Mask]:
    """Counted pods per domain, and which domains there are; the last entry is for none."""
    rows = eligible(pod, constraint, snapshot)
    column = snapshot.column(constraint["topologyKey"])
    counts, _ = counted(pod, constraint, snapshot)
    return column.sums(counts * rows), column.sums(rows.astype(np.int64)) > 0


class TopologySpread:
    """DoNotSchedule: no domain may lead the emptiest by more than maxSkew."""

    name = "PodTopologySpread"
    helped_by = changes.OF_COMPANY

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        del snapshot
        return bool(constraints(pod, "DoNotSchedule"))

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        mask = snapshot.present.copy()
        for constraint in constraints(pod, "DoNotSchedule"):
            mask &= self._one(pod, constraint, snapshot)
        return mask

    def _one(self, pod: PodInfo, constraint: JsonObject, snapshot: Snapshot) -> Mask:
        counts, there = by_domain(pod, constraint, snapshot)
        least = int(counts[there].min()) if there.any() else 0
        if int(np.count_nonzero(there)) < (constraint.get("minDomains") or 1):
            least = 0
        _, mine = counted(pod, constraint, snapshot)
        allowed = there & (counts + int(mine) - least <= constraint["maxSkew"])
        mask: Mask = allowed[snapshot.column(constraint["topologyKey"]).codes]
        return mask

    def curable(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        return self._labelled(pod, snapshot)

    def _labelled(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        mask = snapshot.present.copy()
        for constraint in constraints(pod, "DoNotSchedule"):
            mask &= snapshot.column(constraint["topologyKey"]).codes >= 0
        return mask

    def explain(self, pod: PodInfo, snapshot: Snapshot, rows: Mask) -> Counter[str]:
        labelled = self._labelled(pod, snapshot)
        found = Counter({
            f"{REASON} (missing required label)": int(np.count_nonzero(rows & ~labelled)),
            REASON: int(np.count_nonzero(rows & labelled)),
        })  # fmt: skip
        return +found
