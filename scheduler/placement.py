"""Which pod goes to which node: feasibility, scores, and why not. Pure.

(pods in order, snapshot, offers in hand, seed) → assignments and failures. Feasibility reads the
whole snapshot; binding needs an offer, so a pod that fits only where nothing was offered waits.
Each assignment is booked into the snapshot before the next pod is looked at. What a shape of pods
may use and how it scores rows is kept, and only rows that changed since are computed again.
Neighbours: `filters`, `scores`, `allowance`; `preemption` for pods that fit nowhere; `service`
carries the result out.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scheduler import filters, scores
from scheduler.allowance import Allowance
from scheduler.changes import Change
from scheduler.filters.resources import covers
from scheduler.snapshot import Amounts, Mask, Row, Snapshot
from scheduler.views import NodeInfo, PodInfo

SHAPE_ROWS_MAX = 4_000_000
"""Rows kept over all shapes, at some 20 bytes: the shapes met longest ago go first."""
MENDED_PART = 8
"""When more than one row in so many changed, all are computed anew: that is as fast."""
EVERY_ROW = slice(None)
CLAIMED = ""
"""In place of an offer's id: room that was claimed when others were evicted for the pod."""
WISHED = "?"
"""In place of an offer's id: there is none yet."""
NO_NODES = "no nodes available to schedule pods"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A pod, and the offer (or CLAIMED) that permits to bind it to a node."""

    pod: PodInfo
    node: str
    offer_id: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A pod that fits nowhere, and why: the message of its condition."""

    pod: PodInfo
    message: str
    rejectors: frozenset[str]
    """Names of the filters that kept it out."""


@dataclass(slots=True)
class Result:
    """What became of each pod."""

    assignments: list[Assignment] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    waiting: list[PodInfo] = field(default_factory=list)
    """Fit somewhere, but nothing suitable was offered."""
    wishes: list[Assignment] = field(default_factory=list)
    """Where those who wait would like to be; booked until `Placer.unwish`."""


@dataclass(slots=True)
class _Shape:
    """What is kept for pods of one shape."""

    generation: int
    """Of the nodes, at which `mask` and `kept` were true."""
    version: int
    """Of the journal, at which `fits` and `room` were true."""
    wanted: Amounts
    mask: Mask
    kept: scores.Kept
    fits: Mask
    room: npt.NDArray[np.float64]


class Placer:
    """Places pods on one snapshot, which it also books them into."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.allowance = Allowance(snapshot)
        self._shapes: dict[str, _Shape] = {}

    def set_node(self, node: NodeInfo) -> None:
        """A node came or changed."""
        known = node.name in self.snapshot.rows
        self.snapshot.set_node(node)
        if not known:
            self.allowance.node_changed(node.name, self.snapshot.rows[node.name])

    def remove_node(self, name: str) -> None:
        """A node is gone."""
        row = self.snapshot.rows.get(name)
        self.snapshot.remove_node(name)
        if row is not None:
            self.allowance.node_changed(name, row)

    def place(self, pods: Iterable[PodInfo], seed: int, *, wishing: bool = False) -> Result:
        """Decide for each pod, in the order given.

        Pods take the best node that is on offer. If they are `wishing`, they rather wait for the
        best one of all, and those behind them judge as if they had it already.
        """
        result = Result()
        failed: dict[tuple[str, int], Failure] = {}
        for turn, pod in enumerate(pods):
            # What one replica met meets the next: room only shrinks while pods are placed,
            # unless company is what they look for, or room is kept for one of them.
            alike = (pod.shape, pod.priority)
            own = "podAffinity" in pod.shape or pod.uid in self.snapshot.nominations
            if alike in failed and not own:
                known = failed[alike]
                result.failures.append(Failure(pod, known.message, known.rejectors))
                continue
            feasible = self.feasible(pod)
            if not feasible.any():
                failure = failed[alike] = self._failure(pod)
                result.failures.append(failure)
                continue
            assignment = self._assign(pod, feasible, seed + turn, wishing=wishing)
            if assignment is None:
                result.waiting.append(pod)
            elif assignment.offer_id == WISHED:
                result.waiting.append(pod)
                result.wishes.append(assignment)
            else:
                result.assignments.append(assignment)
        return result

    def unwish(self, wishes: Iterable[Assignment]) -> None:
        """Take out again what was only wished."""
        for wish in wishes:
            row = self.snapshot.rows.get(wish.node)
            if row is None or self.snapshot.place(row).pods.get(wish.pod.uid) is wish.pod:
                self.snapshot.take(wish.pod.uid)

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
            scores.of_nodes(pod, snapshot),
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
        kept = self.kept(pod)
        if kept:
            rows = list(kept)
            left = snapshot.requested[rows] + np.array(list(kept.values()))
            mask[rows] &= covers(snapshot.allocatable[rows] - left, shape.wanted)
        return mask

    def kept(self, pod: PodInfo) -> dict[Row, Amounts]:
        """Per row what the pod must leave to those for whom room was made there."""
        snapshot = self.snapshot
        return {
            row: snapshot.vector(amounts)
            for node, amounts in snapshot.nominations.kept(pod).items()
            if (row := snapshot.rows.get(node)) is not None
        }

    def curable(self, pod: PodInfo) -> Mask:
        """The rows on which the pod might run if fewer others did."""
        mask = self._shape(pod).mask.copy()
        for dynamic in filters.DYNAMIC:
            if dynamic.applies(pod, self.snapshot):
                mask &= dynamic.curable(pod, self.snapshot)
        return mask

    def helps(self, pod: PodInfo, rejectors: frozenset[str], change: Change, node: str) -> bool:
        """Whether a change (on a node, if one is named) may help a pod that these kept out."""
        if not rejectors:
            return change is Change.NODE  # there was no node at all
        helped = filters.helped(rejectors, change)
        row = self.snapshot.rows.get(node)
        if helped != {filters.FIT.name} or row is None:
            return bool(helped)
        wanted = self.snapshot.vector(pod.requests)
        return bool(filters.FIT.of_rows(wanted, self.snapshot, [row])[0])

    # --- why not

    def _failure(self, pod: PodInfo) -> Failure:
        """`0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`"""
        snapshot = self.snapshot
        if not snapshot.rows:
            return Failure(pod, NO_NODES, frozenset())
        refusal = filters.VOLUMES.refusal(pod, snapshot)
        if refusal:
            message = f"0/{len(snapshot)} nodes are available: {refusal}."
            return Failure(pod, message, frozenset({filters.VOLUMES.name}))
        reasons, rejectors = self.reasons(pod, snapshot.present)
        return Failure(pod, unavailable(len(snapshot), reasons), rejectors)

    def reasons(self, pod: PodInfo, rows: Mask) -> tuple[Counter[str], frozenset[str]]:
        """Why not on these rows: the first filter that excludes one speaks. And which filters."""
        snapshot = self.snapshot
        found: Counter[str] = Counter()
        rejectors = set()
        unexplained = rows.copy()
        for one in (*filters.STATIC, *filters.DYNAMIC):
            if one.applies(pod, snapshot):
                mask = one.mask(pod, snapshot)
                excluded = unexplained & ~mask
                if excluded.any():
                    found += one.explain(pod, snapshot, excluded)
                    rejectors.add(one.name)
                unexplained &= mask
        if unexplained.any():
            # What room there is has been kept for others.
            found += self._lacking(pod, unexplained)
            rejectors.add(filters.FIT.name)
        return found, frozenset(rejectors)

    def _lacking(self, pod: PodInfo, rows: Mask) -> Counter[str]:
        """What lacks where room is kept for nominated pods."""
        snapshot = self.snapshot
        found: Counter[str] = Counter()
        wanted = snapshot.vector(pod.requests)
        for row, amounts in self.kept(pod).items():
            if rows[row]:
                free = snapshot.allocatable[row] - snapshot.requested[row] - amounts
                found += filters.FIT.lacking(wanted, free[np.newaxis], snapshot)
        return found

    # --- choice

    def _assign(
        self, pod: PodInfo, feasible: Mask, turn: int, *, wishing: bool
    ) -> Assignment | None:
        """The node that room was made on, else the best one (of those that are permitted)."""
        wanted = self._shapes[pod.shape].wanted
        nominated = self.snapshot.nominations.get(pod.uid)
        row = self.snapshot.rows.get(nominated.node) if nominated is not None else None
        if row is not None and feasible[row]:
            return self._settle(pod, row, CLAIMED)
        permitted = self.allowance.permits(pod.shape, wanted)
        row = self._best(pod, feasible if wishing else feasible & permitted, permitted, turn)
        if row is None:
            return None
        if not permitted[row]:
            self.snapshot.put(pod, self._node(row))
            return Assignment(pod, self._node(row), WISHED)
        return self._settle(pod, row, self.allowance.take(self._node(row), wanted))

    def _best(self, pod: PodInfo, candidates: Mask, permitted: Mask, turn: int) -> Row | None:
        """The candidate with the best score; of equals one that is on offer."""
        rows = np.flatnonzero(candidates)
        if not rows.size:
            return None
        if rows.size == 1:
            return int(rows[0])
        shape = self._shapes[pod.shape]
        score = shape.room[rows] + scores.total(pod, self.snapshot, shape.kept, rows)
        whole = np.rint(score)
        ties = rows[whole == whole.max()]
        offered = ties[permitted[ties]]
        ties = offered if offered.size else ties
        return int(ties[turn % ties.size])

    def _settle(self, pod: PodInfo, row: Row, offer_id: str) -> Assignment:
        node = self._node(row)
        self.snapshot.put(pod, node)
        self.snapshot.nominations.drop(pod.uid)
        return Assignment(pod, node, offer_id)

    def _node(self, row: Row) -> str:
        return self.snapshot.place(row).node.name


def unavailable(nodes: int, reasons: Counter[str]) -> str:
    """The sentence of Kubernetes' FitError."""
    counted = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
    return f"0/{nodes} nodes are available: {counted}."
