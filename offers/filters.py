"""What a framework does not want to be offered again for a while. Pure: time comes in.

A declined offer stands for "not this much of this node": the same or less is held back until the
time is over, more is offered at once. Ten thousand nodes times hundreds of frameworks that decline
all of them are millions of refusals, so they are kept by node, and those of one size and end in one
entry: a number with a bit for each client (a framework in one of its roles). Neighbours:
`allocator` asks, `master` adds and clears.
"""

import heapq
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from offers import resources
from offers.resources import Vector

REFUSE_SECONDS_MAX = 365 * 86400.0
"""A year, Mesos' own bound."""
EXACT_S = 60.0
"""Refusals longer than this end up to a 64th of their length late, so that many end together."""
ENTRIES_MAX = 256
"""Of one node. Those that end first go first: their clients may be offered the node too early."""
DEAD_MAX = 1024
"""Bits of clients that revived or left, before all entries are cleansed of them."""


def end(now: float, seconds: float) -> float:
    """When a refusal of so many seconds ends."""
    seconds = min(seconds, REFUSE_SECONDS_MAX)
    if seconds <= EXACT_S:
        return now + seconds
    grain = 2.0 ** math.floor(math.log2(seconds / 64))
    return math.ceil((now + seconds) / grain) * grain


@dataclass(slots=True)
class _Entry:
    """Who declined so much of a node until then."""

    amount: Vector
    until: float
    clients: int


@dataclass(slots=True)
class Filters:
    """All decline filters."""

    _nodes: dict[str, list[_Entry]] = field(default_factory=dict)
    _bits: dict[tuple[str, str], int] = field(default_factory=dict)
    """(framework, role) → its bit, as a number with that bit set"""
    _ends: list[tuple[float, str]] = field(default_factory=list)
    _dead: int = 0
    """Bits that stand for nobody any more."""
    _next: int = 1

    def bit(self, framework: str, role: str) -> int:
        """A number with one bit, which stands for this client until it revives."""
        key = (framework, role)
        found = self._bits.get(key)
        if found is None:
            found = self._bits[key] = self._next
            self._next <<= 1
        return found

    def decline(self, framework: str, role: str, node: str, amount: Vector, until: float) -> None:
        """Hold back as much or less of a node until a moment."""
        bit = self.bit(framework, role)
        entries = self._nodes.setdefault(node, [])
        mine = None
        for entry in entries:
            if entry.until == until and entry.amount == amount:
                mine = entry
            elif (
                entry.clients & bit
                and entry.until <= until
                and resources.fits(entry.amount, amount)
            ):
                entry.clients ^= bit
        if mine is not None:
            mine.clients |= bit
            return
        entries[:] = [entry for entry in entries if entry.clients & ~self._dead]
        if len(entries) >= ENTRIES_MAX:
            entries.remove(min(entries, key=lambda entry: entry.until))
        entries.append(_Entry(amount, until, bit))
        heapq.heappush(self._ends, (until, node))

    def blocked(self, node: str, amount: Vector, now: float) -> int:
        """The bits of those that may not be offered this much now."""
        entries = self._nodes.get(node)
        if not entries:
            return 0
        found = 0
        for entry in entries:
            if entry.until > now and resources.fits(amount, entry.amount):
                found |= entry.clients
        return found

    def allows(self, framework: str, role: str, node: str, amount: Vector, now: float) -> bool:
        """Whether this much may be offered now."""
        return not self.blocked(node, amount, now) & self._bits.get((framework, role), 0)

    def clear(self, framework: str, roles: Collection[str] = ()) -> None:
        """The framework left or revived, for some roles only or (none given) for all."""
        for key in self._of(framework):
            if not roles or key[1] in roles:
                self._dead |= self._bits.pop(key)
        if self._dead.bit_count() > DEAD_MAX:
            self._cleanse()

    def forget_node(self, node: str) -> None:
        """The node changed its nature: what was declined is not what it is now."""
        self._nodes.pop(node, None)

    def count(self, framework: str) -> int:
        """How many refusals are in force; looks at every node, so it is for people."""
        mine = sum(self._bits[key] for key in self._of(framework))
        return sum(
            (entry.clients & mine).bit_count()
            for entries in self._nodes.values()
            for entry in entries
        )

    def active(self) -> dict[str, int]:
        """Role → how many refusals are in force for it; the same holds."""
        masks: dict[str, int] = {}
        for (_, role), bit in self._bits.items():
            masks[role] = masks.get(role, 0) | bit
        entries = [entry.clients for entries in self._nodes.values() for entry in entries]
        return {
            role: sum((clients & mask).bit_count() for clients in entries)
            for role, mask in masks.items()
        }

    def next_end(self) -> float | None:
        """When the first refusal is over."""
        return self._ends[0][0] if self._ends else None

    def ended(self, now: float) -> Iterator[str]:
        """The nodes of which a refusal is over by now; each is told once."""
        while self._ends and self._ends[0][0] <= now:
            _, node = heapq.heappop(self._ends)
            entries = [entry for entry in self._nodes.get(node, ()) if entry.until > now]
            if entries:
                self._nodes[node] = entries
            else:
                self._nodes.pop(node, None)
            yield node

    def _of(self, framework: str) -> list[tuple[str, str]]:
        return [key for key in self._bits if key[0] == framework]

    def _cleanse(self) -> None:
        """Give all clients new, low bits."""
        moves = [(old, 1 << at) for at, old in enumerate(self._bits.values())]
        for node, entries in list(self._nodes.items()):
            for entry in entries:
                entry.clients = sum(new for old, new in moves if entry.clients & old)
            self._nodes[node] = [entry for entry in entries if entry.clients]
        self._bits = {key: 1 << at for at, key in enumerate(self._bits)}
        self._dead, self._next = 0, 1 << len(self._bits)
