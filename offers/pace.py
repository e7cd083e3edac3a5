"""How many nodes one allocation looks at: as many as take a few milliseconds. Pure.

Each allocation begins with a look at all frameworks, so few nodes at a time are dear; many keep
everybody else waiting. Neighbour: `master` tells how long each took.
"""

SLICE_S = 0.005
"""So long may one allocation take; then others have their turn."""
LEAST, MOST = 50, 1000
"""Nodes of one allocation."""


class Pace:
    """See the module's docstring."""

    def __init__(self) -> None:
        self.nodes = LEAST
        self.runs, self.last_s = 0, 0.0
        """How many allocations there were, and how long the last one took."""

    def took(self, nodes: int, seconds: float) -> None:
        """So many nodes took so long."""
        self.runs, self.last_s = self.runs + 1, seconds
        if seconds > SLICE_S:
            self.nodes = max(LEAST, int(nodes * SLICE_S / seconds))
        elif seconds < SLICE_S / 2:
            self.nodes = min(MOST, self.nodes * 2)
