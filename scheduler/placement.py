"""Which pod goes to which node: feasibility, scores, and why not. Pure.

(pods in order, snapshot, offers, seed) → assignments and failures. Feasibility reads the whole
snapshot; binding needs an offer, so a pod that fits only where nothing was offered waits. Each
assignment is booked into the snapshot before the next pod is looked at. What depends on nodes
alone is computed once per pod shape and node generation. Neighbours: `filters`, `scores`,
`service` carries the result out.
"""

import collections
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from offers.messages import Offer
from scheduler import filters, scores
from scheduler.filters import Filter
from scheduler.snapshot import Amounts, Mask, Row, Snapshot
from scheduler.views import PodInfo

SHAPES_MAX = 4096
"""Cached shapes: more templates than that are rarely pending at once; the oldest go first."""


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
    """What nodes alone decide for pods of one shape."""

    generation: int
    mask: Mask
    score: npt.NDArray[np.float64]


@dataclass(slots=True)
class _Allowance:
    """Offers in hand: per row what is left of them."""

    left: Amounts
    """Per row: the larger of its offers; pods never span two."""
    offers: dict[Row, list[tuple[str, Amounts]]]


class Placer:
    """Places pods on one snapshot, which it also books them into."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._shapes: dict[str, _Shape] = {}

    def place(self, pods: Iterable[PodInfo], offers: Sequence[Offer], seed: int) -> Result:
        """Decide for each pod, in the order given."""
        result = Result()
        failed: dict[str, str] = {}
        allowance: _Allowance | None = None
        for turn, pod in enumerate(pods):
            # What one replica met meets the next: room only shrinks while pods are placed,
            # unless company is what they look for.
            if pod.shape in failed and "podAffinity" not in pod.shape:
                result.failures.append(Failure(pod, failed[pod.shape]))
                continue
            feasible = self._feasible(pod)
            if not feasible.any():
                failed[pod.shape] = self._explain(pod)
                result.failures.append(Failure(pod, failed[pod.shape]))
                continue
            if allowance is None or allowance.left.shape != self.snapshot.requested.shape:
                allowance = self._allowance(offers, result.assignments)
            row = self._best(pod, feasible & self._permitted(pod, allowance), seed + turn)
            if row is None:
                result.waiting.append(pod)
            else:
                result.assignments.append(self._assign(pod, row, allowance))
        return result

    # --- feasibility

    def _shape(self, pod: PodInfo) -> _Shape:
        known = self._shapes.get(pod.shape)
        if known is not None and known.generation == self.snapshot.generation:
            return known
        mask = self.snapshot.present.copy()
        for static in filters.STATIC:
            if static.applies(pod, self.snapshot):
                mask &= static.mask(pod, self.snapshot)
        score = scores.total(pod, self.snapshot, scores.STATIC)
        self._shapes.pop(pod.shape, None)
        while len(self._shapes) >= SHAPES_MAX:
            self._shapes.pop(next(iter(self._shapes)))
        made = self._shapes[pod.shape] = _Shape(self.snapshot.generation, mask, score)
        return made

    def _feasible(self, pod: PodInfo) -> Mask:
        # A resource that no node has yet gets its column now, before masks are made.
        self.snapshot.vector(pod.requests)
        mask = self._shape(pod).mask
        for dynamic in filters.DYNAMIC:
            if dynamic.applies(pod, self.snapshot):
                mask = mask & dynamic.mask(pod, self.snapshot)
        return mask

    def _explain(self, pod: PodInfo) -> str:
        """`0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`"""
        snapshot = self.snapshot
        if not snapshot.rows:
            return "no nodes available to schedule pods"
        reasons: collections.Counter[str] = collections.Counter()
        unexplained = snapshot.present.copy()
        each: tuple[Filter, ...] = (*filters.STATIC, *filters.DYNAMIC)
        for one in each:
            if not one.applies(pod, snapshot):
                continue
            mask = one.mask(pod, snapshot)
            for row in np.flatnonzero(unexplained & ~mask):
                reasons.update(one.explain(pod, snapshot, int(row)))
            unexplained &= mask
        counted = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
        return f"0/{len(snapshot)} nodes are available: {counted}."

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
            mine[:] = [(name, amount - used.get(name, 0)) for name, amount in mine]
            left[row] = max((amount for _, amount in mine), key=lambda a: tuple(a.tolist()))
        return _Allowance(left, by_row)

    def _permitted(self, pod: PodInfo, allowance: _Allowance) -> Mask:
        wanted = self.snapshot.vector(pod.requests)
        asked = wanted > 0
        mask: Mask = np.all(allowance.left[:, asked] >= wanted[asked], axis=1)
        return mask

    def _best(self, pod: PodInfo, candidates: Mask, turn: int) -> Row | None:
        rows = np.flatnonzero(candidates)
        if not rows.size:
            return None
        if rows.size == 1:
            return int(rows[0])
        score = self._shape(pod).score + scores.total(pod, self.snapshot, scores.DYNAMIC)
        whole = np.rint(score[rows])
        ties = rows[whole == whole.max()]
        return int(ties[turn % ties.size])

    def _assign(self, pod: PodInfo, row: Row, allowance: _Allowance) -> Assignment:
        wanted = self.snapshot.vector(pod.requests)
        place = self.snapshot.places[row]
        assert place is not None
        mine = allowance.offers[row]
        index = next(i for i, (_, left) in enumerate(mine) if np.all(left >= wanted))
        offer_id, left = mine[index]
        mine[index] = (offer_id, left - wanted)
        allowance.left[row] = max((a for _, a in mine), key=lambda a: tuple(a.tolist()))
        self.snapshot.put(pod, place.node.name)
        return Assignment(pod, place.node.name, offer_id)
