"""Which pod goes to which node: feasibility, scores, and why not. Pure.

(pods in order, snapshot, offers, seed) → assignments and failures. Feasibility reads the whole
snapshot; binding needs an offer, so a pod that fits only where nothing was offered waits. Each
assignment is booked into the snapshot before the next pod is looked at. What a shape of pods may
use and how it scores rows is kept, and only rows that changed since are computed again.
Neighbours: `filters`, `scores`; `preemption` for pods that fit nowhere; `service` carries the
result out.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from offers.messages import Offer
from scheduler import filters, scores
from scheduler.filters.resources import covers
from scheduler.journal import Journal
from scheduler.snapshot import Amounts, Mask, Row, Snapshot
from scheduler.views import PodInfo

SHAPE_ROWS_MAX = 4_000_000
"""Rows kept over all shapes, at some 20 bytes: the shapes met longest ago go first."""
MENDED_PART = 8
"""When more than one row in so many changed, all are computed anew: that is as fast."""
EVERY_ROW = slice(None)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A pod, and the offer that permits to bind it to a node."""

    pod: PodInfo
    node: str
    offer_id: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A pod that fits nowhere, and why: the message of its condition."""

    pod: PodInfo
    message: str


@dataclass(slots=True)
class Result:
    """What became of each pod."""

    assignments: list[Assignment] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    waiting: list[PodInfo] = field(default_factory=list)
    """Fit somewhere, but nothing suitable was offered."""


@dataclass(slots=True)
class _Shape:
    """What is kept for pods of one shape."""

    generation: int
    """Of the nodes, at which `mask` and `score` were true."""
    version: int
    """Of the journal, at which `fits` and `room` were true."""
    wanted: Amounts
    mask: Mask
    score: npt.NDArray[np.float64]
    fits: Mask
    room: npt.NDArray[np.float64]


@dataclass(slots=True)
class _Allowance:
    """Offers in hand: per row what is left of them."""

    left: Amounts
    """Per row: the larger of its offers; pods never span two."""
    offers: dict[Row, list[tuple[str, Amounts]]]
    journal: Journal = field(default_factory=Journal)
    permitted: dict[str, tuple[int, Mask]] = field(default_factory=dict)
    """Per shape: the journal's version, and the rows where it is permitted."""

    def permits(self, shape: str, wanted: Amounts) -> Mask:
        """The rows on which an offer has room for this."""
        known = self.permitted.get(shape)
        if known is None:
            mask = covers(self.left, wanted)
        else:
            mask = known[1]
            rows = self.journal.since(known[0]) or []
            if rows:
                mask[rows] = covers(self.left[rows], wanted)
        self.permitted[shape] = (self.journal.version, mask)
        return mask

    def take(self, row: Row, wanted: Amounts) -> str:
        """Use an offer of a row; its id."""
        mine = self.offers[row]
        index = next(i for i, (_, left) in enumerate(mine) if np.all(left >= wanted))
        offer_id, left = mine[index]
        mine[index] = (offer_id, left - wanted)
        self.left[row] = max((a for _, a in mine), key=lambda a: tuple(a.tolist()))
        self.journal.note(row)
        return offer_id


class Placer:
    """Places pods on one snapshot, which it also books them into."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._shapes: dict[str, _Shape] = {}

    def place(self, pods: Iterable[PodInfo], offers: Sequence[Offer], seed: int) -> Result:
        """Decide for each pod, in the order given."""
        result = Result()
        failed: dict[tuple[str, int], str] = {}
        allowance: _Allowance | None = None
        for turn, pod in enumerate(pods):
            # What one replica met meets the next: room only shrinks while pods are placed,
            # unless company is what they look for, or room is kept for one of them.
            alike = (pod.shape, pod.priority)
            nominated = pod.uid in self.snapshot.nominations
            if alike in failed and "podAffinity" not in pod.shape and not nominated:
                result.failures.append(Failure(pod, failed[alike]))
                continue
            feasible = self.feasible(pod)
            if not feasible.any():
                failed[alike] = self._explain(pod)
                result.failures.append(Failure(pod, failed[alike]))
                continue
            if allowance is None or allowance.left.shape != self.snapshot.requested.shape:
                allowance = self._allowance(offers, result.assignments)
            permitted = allowance.permits(pod.shape, self._shape(pod).wanted)
            row = self._chosen(pod, feasible, permitted, seed + turn)
            if row is None:
                result.waiting.append(pod)
            else:
                result.assignments.append(self._assign(pod, row, allowance))
        return result

    # --- feasibility

    def _shape(self, pod: PodInfo) -> _Shape:
        """What is kept for the pod's shape, true now."""
        snapshot = self.snapshot
        known = self._shapes.get(pod.shape)
        if known is None or known.generation != snapshot.generation:
            return self._new_shape(pod)
        rows = snapshot.journal.since(known.version)
        if rows is None or len(rows) * MENDED_PART > len(snapshot):
            known.fits = filters.FIT.mask(pod, snapshot)
            known.room = scores.emptiness(pod, snapshot, EVERY_ROW)
        elif rows:
            known.fits[rows] = filters.FIT.of_rows(known.wanted, snapshot, rows)
            known.room[rows] = scores.emptiness(pod, snapshot, rows)
        known.version = snapshot.journal.version
        return known

    def _new_shape(self, pod: PodInfo) -> _Shape:
        snapshot = self.snapshot
        # A resource that no node has yet gets its column now, before arrays are made.
        wanted = snapshot.vector(pod.requests)
        mask = snapshot.present.copy()
        for static in filters.STATIC:
            if static.applies(pod, snapshot):
                mask &= static.mask(pod, snapshot)
        made = _Shape(
            snapshot.generation,
            snapshot.journal.version,
            wanted,
            mask,
            scores.total(pod, snapshot, scores.STATIC),
            filters.FIT.mask(pod, snapshot),
            scores.emptiness(pod, snapshot, EVERY_ROW),
        )
        self._shapes.pop(pod.shape, None)
        while self._shapes and (len(self._shapes) + 1) * mask.size > SHAPE_ROWS_MAX:
            del self._shapes[next(iter(self._shapes))]
        self._shapes[pod.shape] = made
        return made

    def feasible(self, pod: PodInfo) -> Mask:
        """The rows on which the pod can run."""
        snapshot = self.snapshot
        shape = self._shape(pod)
        mask: Mask = shape.mask & shape.fits
        for dynamic in filters.DYNAMIC:
            if dynamic is not filters.FIT and dynamic.applies(pod, snapshot):
                mask &= dynamic.mask(pod, snapshot)
        if snapshot.nominations:
            self._keep_room(pod, shape.wanted, mask)
        return mask

    def _keep_room(self, pod: PodInfo, wanted: Amounts, mask: Mask) -> None:
        """Strike the rows whose room is kept for pods that are as important."""
        snapshot = self.snapshot
        kept: dict[Row, Amounts] = {}
        for other in snapshot.nominations.values():
            row = snapshot.rows.get(other.node)
            if row is None or other.pod.uid == pod.uid or other.pod.priority < pod.priority:
                continue
            kept[row] = kept.get(row, 0) + snapshot.vector(other.pod.requests)
        for row, amounts in kept.items():
            free = snapshot.allocatable[row] - snapshot.requested[row] - amounts
            if np.any((wanted > 0) & (free < wanted)):
                mask[row] = False

    def _explain(self, pod: PodInfo) -> str:
        """`0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`"""
        snapshot = self.snapshot
        if not snapshot.rows:
            return "no nodes available to schedule pods"
        reasons: Counter[str] = Counter()
        unexplained = snapshot.present.copy()
        each: tuple[filters.Filter, ...] = (*filters.STATIC, *filters.DYNAMIC)
        for one in each:
            if one.applies(pod, snapshot):
                mask = one.mask(pod, snapshot)
                rows = unexplained & ~mask
                if rows.any():
                    reasons += one.explain(pod, snapshot, rows)
                unexplained &= mask
        if unexplained.any():
            # Room that is kept for others: what they take is missing.
            reasons["Insufficient room besides nominated pods"] = int(unexplained.sum())
        return unavailable(snapshot, reasons)

    # --- choice

    def _allowance(self, offers: Sequence[Offer], taken: Sequence[Assignment]) -> _Allowance:
        """The offers by row, less what this round has taken of them already."""
        snapshot = self.snapshot
        by_row: dict[Row, list[tuple[str, Amounts]]] = {}
        used: dict[str, Amounts] = {}
        for assignment in taken:
            amount = snapshot.vector(assignment.pod.requests)
            used[assignment.offer_id] = used.get(assignment.offer_id, 0) + amount
        for offer in offers:
            row = snapshot.rows.get(offer.node)
            if row is not None:
                amount = snapshot.vector(offer.resources)
                by_row.setdefault(row, []).append((offer.id, amount))
        left = np.zeros_like(snapshot.requested)
        for row, mine in by_row.items():
            if used:
                mine[:] = [(name, amount - used.get(name, 0)) for name, amount in mine]
            left[row] = max((amount for _, amount in mine), key=lambda a: tuple(a.tolist()))
        return _Allowance(left, by_row)

    def _chosen(self, pod: PodInfo, feasible: Mask, permitted: Mask, turn: int) -> Row | None:
        """The node that room is kept on, else the best one that is permitted."""
        nominated = self.snapshot.nominations.get(pod.uid)
        if nominated is not None:
            row = self.snapshot.rows.get(nominated.node)
            if row is not None and feasible[row]:
                # The room there has cost others their place: it waits for that offer.
                return row if permitted[row] else None
        return self._best(pod, feasible & permitted, turn)

    def _best(self, pod: PodInfo, candidates: Mask, turn: int) -> Row | None:
        rows = np.flatnonzero(candidates)
        if not rows.size:
            return None
        if rows.size == 1:
            return int(rows[0])
        shape = self._shapes[pod.shape]
        score = shape.score + shape.room + scores.total(pod, self.snapshot, scores.DYNAMIC)
        whole = np.rint(score[rows])
        ties = rows[whole == whole.max()]
        return int(ties[turn % ties.size])

    def _assign(self, pod: PodInfo, row: Row, allowance: _Allowance) -> Assignment:
        place = self.snapshot.places[row]
        assert place is not None
        offer_id = allowance.take(row, self._shapes[pod.shape].wanted)
        self.snapshot.put(pod, place.node.name)
        self.snapshot.dismiss(pod.uid)
        return Assignment(pod, place.node.name, offer_id)


def unavailable(snapshot: Snapshot, reasons: Counter[str]) -> str:
    """The sentence of Kubernetes' FitError."""
    counted = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
    return f"0/{len(snapshot)} nodes are available: {counted}."
