"""Required affinity and anti-affinity between pods. Pure.

Both ways: the pod's own terms, and the anti-affinity terms of pods that run already.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from scheduler import changes, terms
from scheduler.snapshot import Amounts, Mask, Snapshot
from scheduler.terms import Term
from scheduler.views import REQUIRED, PodInfo


def required(pod: PodInfo, kind: str) -> list[Term]:
    """The pod's required terms of `podAffinity` or `podAntiAffinity`."""
    written = ((pod.spec.get("affinity") or {}).get(kind) or {}).get(REQUIRED) or ()
    return [terms.read(term, pod.namespace) for term in written]


def company(term: Term, snapshot: Snapshot) -> Mask:
    """The rows in whose domain a pod runs that the term means."""
    return _spread_out(term.topology_key, holders([term], snapshot) > 0, snapshot)


def holders(them: Sequence[Term], snapshot: Snapshot) -> Amounts:
    """How many pods of each row are meant by all of these terms at once."""
    known = snapshot.namespaces

    def meant(pod: PodInfo) -> bool:
        return all(term.selects(pod.namespace, pod.labels, known) for term in them)

    return snapshot.count(f"terms {[term.text for term in them]}", meant)


def _spread_out(key: str, rows: Mask, snapshot: Snapshot) -> Mask:
    """All rows of the domains that these rows are in."""
    column = snapshot.column(key)
    found = np.zeros(len(column.numbers) + 1, np.bool_)
    found[column.codes[rows]] = True
    found[-1] = False  # where rows without the label ended
    mask: Mask = found[column.codes]
    return mask


class PodAffinity:
    """podAffinity and podAntiAffinity, required terms."""

    name = "InterPodAffinity"
    helped_by = changes.ANY

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        affinity = pod.spec.get("affinity") or {}
        own = affinity.get("podAffinity") or affinity.get("podAntiAffinity")
        return bool(own or snapshot.repelling(pod))

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        return self._near(pod, snapshot) & self._apart(pod, snapshot) & self._kept(pod, snapshot)

    def curable(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        return self._near(pod, snapshot)

    def explain(self, pod: PodInfo, snapshot: Snapshot, rows: Mask) -> Counter[str]:
        found: Counter[str] = Counter()
        for mask, reason in (
            (self._near(pod, snapshot), "node(s) didn't match pod affinity rules"),
            (self._apart(pod, snapshot), "node(s) didn't match pod anti-affinity rules"),
            (np.zeros_like(rows), "node(s) didn't satisfy existing pods anti-affinity rules"),
        ):
            found[reason] = int(np.count_nonzero(rows & ~mask))
            rows = rows & mask
        return +found

    def _near(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        mask = snapshot.present.copy()
        wanted = required(pod, "podAffinity")
        if not wanted:
            return mask
        # Company is who is meant by all terms; each term says how near.
        counts = holders(wanted, snapshot)
        rows = counts > 0
        # The first of a group that wants to be together may begin anywhere.
        first = not rows.any() and all(
            term.selects(pod.namespace, pod.labels, snapshot.namespaces) for term in wanted
        )
        for term in wanted:
            if first:
                mask &= snapshot.column(term.topology_key).codes >= 0
            else:
                mask &= _spread_out(term.topology_key, rows, snapshot)
        return mask

    def _apart(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        mask = snapshot.present.copy()
        for term in required(pod, "podAntiAffinity"):
            mask &= ~company(term, snapshot)
        return mask

    def _kept(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        mask = snapshot.present.copy()
        for term in snapshot.repelling(pod):
            rows = np.zeros_like(mask)
            rows[list(snapshot.anti_affine[term])] = True
            mask &= ~_spread_out(term.topology_key, rows, snapshot)
        return mask
