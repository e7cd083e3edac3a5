"""What a framework does not want to be offered again for a while. Pure: time comes in.

A declined offer stands for "not this much of this node": the same or less is held back until the
time is over, more is offered at once. Neighbours: `allocator` asks, `master` adds and clears.
"""

from dataclasses import dataclass, field

from offers import resources
from offers.resources import Vector

PER_FRAMEWORK_MAX = 100_000
"""Filters of one framework: two for each of 50,000 nodes; the oldest go first."""
REFUSE_SECONDS_MAX = 365 * 86400.0
"""A year, Mesos' own bound."""


@dataclass(slots=True)
class Filters:
    """All decline filters, per framework, per node."""

    _held: dict[str, dict[str, tuple[float, Vector]]] = field(default_factory=dict)
    """framework → node → (until, how much was declined)"""

    def decline(self, framework: str, node: str, amount: Vector, until: float) -> None:
        """Hold back as much or less of a node until a moment."""
        held = self._held.setdefault(framework, {})
        held.pop(node, None)
        held[node] = (until, amount)
        while len(held) > PER_FRAMEWORK_MAX:
            held.pop(next(iter(held)))

    def allows(self, framework: str, node: str, amount: Vector, now: float) -> bool:
        """Whether this much may be offered now; filters that are over are dropped."""
        held = self._held.get(framework)
        if not held or node not in held:
            return True
        until, declined = held[node]
        if now >= until:
            del held[node]
            return True
        return not resources.fits(amount, declined)

    def clear(self, framework: str) -> None:
        """The framework revived or left."""
        self._held.pop(framework, None)

    def next_end(self, framework: str) -> float | None:
        """When the first of a framework's filters is over."""
        held = self._held.get(framework)
        return min((until for until, _ in held.values()), default=None) if held else None
