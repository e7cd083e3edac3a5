"""What a framework does not want to be offered again for a while. Pure: time comes in.

A declined offer stands for "not this much of this node": the same or less is held back until the
time is over, more is offered at once. Neighbours: `allocator` asks, `master` adds and clears.
"""

from collections.abc import Collection
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

    _held: dict[str, dict[tuple[str, str], tuple[float, Vector]]] = field(default_factory=dict)
    """framework → (role, node) → (until, how much was declined)"""

    def decline(self, framework: str, role: str, node: str, amount: Vector, until: float) -> None:
        """Hold back as much or less of a node until a moment."""
        held = self._held.setdefault(framework, {})
        held.pop((role, node), None)
        held[role, node] = (until, amount)
        while len(held) > PER_FRAMEWORK_MAX:
            held.pop(next(iter(held)))

    def allows(self, framework: str, role: str, node: str, amount: Vector, now: float) -> bool:
        """Whether this much may be offered now; filters that are over are dropped."""
        held = self._held.get(framework)
        if not held or (role, node) not in held:
            return True
        until, declined = held[role, node]
        if now >= until:
            del held[role, node]
            return True
        return not resources.fits(amount, declined)

    def clear(self, framework: str, roles: Collection[str] = ()) -> None:
        """The framework left or revived, for some roles only or (none given) for all."""
        held = self._held.get(framework, {})
        if roles:
            for key in [key for key in held if key[0] in roles]:
                del held[key]
        else:
            self._held.pop(framework, None)

    def forget_node(self, node: str) -> None:
        """The node changed its nature: what was declined is not what it is now."""
        for held in self._held.values():
            for key in [key for key in held if key[1] == node]:
                del held[key]

    def count(self, framework: str) -> int:
        return len(self._held.get(framework, {}))

    def next_end(self, framework: str) -> float | None:
        """When the first of a framework's filters is over."""
        held = self._held.get(framework)
        return min((until for until, _ in held.values()), default=None) if held else None
