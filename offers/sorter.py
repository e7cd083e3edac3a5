"""Whose turn it is: dominant shares and the order that they give. Pure.

A role's dominant share is the largest fraction that it holds of any resource of the cluster,
divided by its weight; the lowest comes first. Neighbours: `roles` (the tree), `allocator`.
"""

from collections.abc import Iterable, Iterator

from offers.resources import Vector
from offers.roles import Role, RoleTree


def dominant_share(allocated: Vector, total: Vector, weight: float = 1.0) -> float:
    """The largest fraction of the total over all resources, by weight; 0 of nothing."""
    fractions = (value / total[name] for name, value in allocated.items() if total.get(name, 0) > 0)
    return max(fractions, default=0.0) / weight


def share_of(tree: RoleTree, path: str, total: Vector) -> float:
    """The dominant share of one role; 0 if it is unknown."""
    role = tree.find(path)
    return dominant_share(role.allocated, total, role.weight) if role else 0.0


def in_order(tree: RoleTree, wanting: Iterable[str], total: Vector) -> Iterator[str]:
    """The roles that want something, fairest first: siblings by share, then by name."""
    paths = set(wanting)
    above = {
        "/".join(path.split("/")[:depth]) for path in paths for depth in range(path.count("/") + 2)
    }

    def walk(role: Role) -> Iterator[str]:
        if role.path in paths:
            yield role.path
        children = [child for child in role.children.values() if child.path in above]
        children.sort(key=lambda c: (dominant_share(c.allocated, total, c.weight), c.path))
        for child in children:
            yield from walk(child)

    for path in paths:
        tree.role(path)
    return walk(tree.root)
