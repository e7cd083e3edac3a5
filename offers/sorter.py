"""Whose turn it is: dominant shares and the order that they give. Pure.

A role's dominant share is the largest fraction that it holds of any resource of the cluster,
divided by its weight; the lowest comes first, level by level down the tree, and in a role the
framework with the lowest share of its own. Between equals the one that was offered less often, then
the name. `Turns` keeps the order while one after the other is given something. Neighbours: `roles`
(the tree), `allocator`.
"""

import bisect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from offers.resources import Vector
from offers.roles import Role, RoleTree, Tally

NOBODY = Tally()
"""Who never held anything."""
FAIR = 1.0
"""Frameworks of one role have no weights."""


def dominant_share(allocated: Vector, total: Vector, weight: float = 1.0) -> float:
    """The largest fraction of the total over all resources, by weight; 0 of nothing."""
    share = 0.0
    for name, value in allocated.items():
        whole = total.get(name, 0)
        if whole > 0 and value > share * whole:
            share = value / whole
    return share / weight


def share_of(tree: RoleTree, path: str, total: Vector) -> float:
    """The dominant share of one role; 0 if it is unknown."""
    role = tree.find(path)
    return dominant_share(role.allocated, total, role.weight) if role else 0.0


Key = tuple[float, int, str]
"""Share, offers so far, name: siblings never have the same."""


@dataclass(slots=True, eq=False)
class Turn:
    """A place in the order: a role with more below it, or a framework in a role."""

    name: str
    role: Role
    above: "Turn | None" = None
    framework: str = ""
    is_own: bool = False
    """Stands for the frameworks of a role that has roles below it, among which it competes."""
    mask: int = 0
    """The bits of all clients here and below."""
    key: Key = (0.0, 0, "")
    below: list[tuple[Key, "Turn"]] = field(default_factory=list)

    def reckon(self, total: Vector) -> Key:
        """Its key as of now."""
        tally: Tally = self.role
        weight = self.role.weight
        if self.framework:
            tally, weight = self.role.holders.get(self.framework, NOBODY), FAIR
        elif self.is_own:
            tally, weight = self.role.own, FAIR
        self.key = (dominant_share(tally.allocated, total, weight), tally.offers, self.name)
        return self.key


class Turns:
    """The order of all who want something."""

    def __init__(
        self, tree: RoleTree, wanting: Mapping[str, Mapping[str, int]], total: Vector
    ) -> None:
        """`wanting`: role → framework → its bit."""
        self._total = total
        self._root = Turn("", tree.root)
        inner: dict[str, Turn] = {"": self._root}
        crowded = {p[:i] for p in wanting for i in range(len(p)) if p[i] == "/"}
        for path, frameworks in wanting.items():
            tree.role(path)
            holder = self._inner(tree, path, inner)
            if path in crowded:
                holder = self._put(Turn(f"{path}/.", holder.role, holder, is_own=True))
            for framework, bit in frameworks.items():
                self._put(Turn(framework, holder.role, holder, framework)).mask = bit
        self._settle(self._root)

    def _inner(self, tree: RoleTree, path: str, inner: dict[str, Turn]) -> Turn:
        here = self._root
        for role in tree.lineage(path):
            if role.path not in inner:
                inner[role.path] = self._put(Turn(role.path, role, here))
            here = inner[role.path]
        return here

    def _put(self, turn: Turn) -> Turn:
        if turn.above is not None:
            turn.above.below.append((turn.key, turn))
        return turn

    def _settle(self, turn: Turn) -> None:
        """Masks and order, from the leaves up."""
        for _, child in turn.below:
            self._settle(child)
            turn.mask |= child.mask
        turn.below = [(child.reckon(self._total), child) for _, child in turn.below]
        turn.below.sort(key=lambda pair: pair[0])

    def walk(self, clients: int) -> Iterator[Turn]:
        """Those of these clients (bits) in order, fairest first. Ends when something moves."""
        return self._walk(self._root, clients)

    def _walk(self, turn: Turn, clients: int) -> Iterator[Turn]:
        for _, child in turn.below:
            if child.mask & clients:
                if child.framework:
                    yield child
                else:
                    yield from self._walk(child, clients)

    def moved(self, turn: Turn) -> None:
        """One was given something: it, and all that it is part of, go to their new places."""
        here = turn
        while here.above is not None:
            siblings = here.above.below
            at = bisect.bisect_left(siblings, here.key, key=lambda pair: pair[0])
            siblings.pop(at)
            key = here.reckon(self._total)
            siblings.insert(
                bisect.bisect_left(siblings, key, key=lambda pair: pair[0]), (key, here)
            )
            here = here.above


def in_order(tree: RoleTree, wanting: Iterable[str], total: Vector) -> Iterator[str]:
    """The roles that want something, fairest first."""
    turns = Turns(tree, {path: {"*": 1} for path in dict.fromkeys(wanting)}, total)
    for turn in turns.walk(1):
        yield turn.role.path
