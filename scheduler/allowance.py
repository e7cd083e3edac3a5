"""The offers in hand, per row of the snapshot: where the scheduler is permitted to bind. Pure.

Offers come and go one by one, and each costs its own row. A pod never spans two offers, so per row
the larger one counts. Neighbours: `service` tells it of offers, `placement` takes from them.
"""

from dataclasses import dataclass

import numpy as np

from offers.messages import Offer
from scheduler.filters.resources import covers
from scheduler.journal import Journal
from scheduler.snapshot import Amounts, Mask, Row, Snapshot

SHAPES_MAX = 256
"""Pod shapes whose rows are remembered; as many are rarely placed between two offers."""


@dataclass(slots=True)
class _Held:
    """One offer and what is left of it."""

    offer: Offer
    left: Amounts


@dataclass(slots=True)
class _Permitted:
    version: int
    mask: Mask


class Allowance:
    """See the module's docstring."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._held: dict[str, _Held] = {}
        self._by_node: dict[str, list[str]] = {}
        self._left: Amounts = np.zeros_like(snapshot.requested)
        self._journal = Journal()
        self._permitted: dict[str, _Permitted] = {}

    def __len__(self) -> int:
        return len(self._held)

    def ids(self) -> tuple[str, ...]:
        """Of the offers in force."""
        return tuple(self._held)

    def add(self, offer: Offer) -> None:
        """A new offer."""
        amounts = self._snapshot.vector(offer.resources)
        self._held[offer.id] = _Held(offer, amounts)
        self._by_node.setdefault(offer.node, []).append(offer.id)
        self._refresh(offer.node)

    def drop(self, offer_id: str) -> None:
        """An offer that was used, given back or rescinded."""
        held = self._held.pop(offer_id, None)
        if held is None:
            return
        node = held.offer.node
        self._by_node[node].remove(offer_id)
        if not self._by_node[node]:
            del self._by_node[node]
        self._refresh(node)

    def node_changed(self, node: str, row: Row) -> None:
        """A node came to a row, or left it: rows are used again."""
        self._fit_size()
        self._left[row] = 0
        self._journal.note(row)
        self._refresh(node)

    def clear(self) -> None:
        """All have been given back."""
        for offer_id in self.ids():
            self.drop(offer_id)

    def permits(self, shape: str, wanted: Amounts) -> Mask:
        """The rows on which an offer has room for this. Not to be written to."""
        self._fit_size()
        known = self._permitted.pop(shape, None)
        rows = self._journal.since(known.version) if known is not None else None
        if known is None or rows is None or known.mask.size != len(self._left):
            known = _Permitted(0, covers(self._left, wanted))
            while len(self._permitted) >= SHAPES_MAX:
                del self._permitted[next(iter(self._permitted))]
        elif rows:
            known.mask[rows] = covers(self._left[rows], wanted)
        known.version = self._journal.version
        self._permitted[shape] = known
        return known.mask

    def take(self, node: str, wanted: Amounts) -> str:
        """Use an offer of a node that permits this; its id."""
        offer_id = next(i for i in self._by_node[node] if np.all(self._sized(i) >= wanted))
        self._held[offer_id].left = self._held[offer_id].left - wanted
        self._refresh(node)
        return offer_id

    def _sized(self, offer_id: str) -> Amounts:
        """What is left of an offer, with a place for each resource known by now."""
        held = self._held[offer_id]
        missing = len(self._snapshot.columns) - held.left.size
        if missing:
            held.left = np.concatenate([held.left, np.zeros(missing, np.int64)])
        return held.left

    def _refresh(self, node: str) -> None:
        row = self._snapshot.rows.get(node)
        if row is None:
            return  # its offer is of use once the node is known
        self._fit_size()
        mine = [self._sized(offer_id) for offer_id in self._by_node.get(node, ())]
        self._left[row] = max(mine, key=lambda a: tuple(a.tolist())) if mine else 0
        self._journal.note(row)

    def _fit_size(self) -> None:
        """Grow with the snapshot."""
        rows, columns = self._snapshot.requested.shape
        more_rows, more_columns = rows - self._left.shape[0], columns - self._left.shape[1]
        if more_rows or more_columns:
            self._left = np.pad(self._left, ((0, more_rows), (0, more_columns)))
