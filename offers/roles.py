"""The tree of roles: who belongs under whom, with weights, limits and what each uses. Pure.

A role is a path (`kubernetes/default`); what a role uses counts for all roles above it. Shares
are compared between siblings only, level by level: so namespaces share what `kubernetes` gets,
and `kubernetes` shares the cluster with the other roots. After "Dominant Resource Fairness"
(Ghodsi et al., NSDI 2011). Neighbours: `sorter` orders the tree, `ledger` charges it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from offers import resources
from offers.resources import Vector

DEFAULT_WEIGHT = 1.0
DEPTH_MAX = 16
"""Deeper paths are refused: no organisation has that many levels."""


class RoleError(ValueError):
    """A path that can't be a role; the message says why."""


@dataclass(slots=True)
class Role:
    """One node of the tree."""

    path: str
    weight: float = DEFAULT_WEIGHT
    limit: Vector = field(default_factory=dict)
    """Quota: no more than this (names that are absent are unlimited)."""
    allocated: dict[str, int] = field(default_factory=dict)
    """Used and offered, by the role and all below it."""
    children: dict[str, "Role"] = field(default_factory=dict)


def check(path: str) -> str:
    """The path if it can be a role, else RoleError (Mesos' rules for role names)."""
    parts = path.split("/")
    if not path or any(part in ("", ".", "..") or part.startswith("-") for part in parts):
        raise RoleError(f"role {path!r}: parts may not be empty, '.', '..' or begin with '-'")
    if any(c.isspace() or c in "\\*" for c in path) and path != "*":
        raise RoleError(f"role {path!r}: white space, backslash and '*' are not allowed")
    if len(parts) > DEPTH_MAX:
        raise RoleError(f"role {path!r} is {len(parts)} levels deep: {DEPTH_MAX} at most")
    return path


class RoleTree:
    """All roles that are configured or use something."""

    def __init__(self) -> None:
        self.root = Role("")
        self._guarantees: dict[str, Vector] = {}

    def guarantee(self, path: str, amount: Vector) -> None:
        """Quota that is kept for a role; none where the amount is empty."""
        if amount:
            self._guarantees[path] = amount
        else:
            self._guarantees.pop(path, None)

    def owed(self) -> dict[str, dict[str, int]]:
        """Role → what it has a guarantee for and does not hold."""
        found = {}
        for path, amount in self._guarantees.items():
            rest = resources.positive(resources.subtract(amount, self.role(path).allocated))
            rest = {name: value for name, value in rest.items() if name in amount}
            if rest:
                found[path] = rest
        return found

    def role(self, path: str) -> Role:
        """The role of a path, made if it is not there."""
        here = self.root
        for depth, part in enumerate(path.split("/"), start=1):
            if part not in here.children:
                here.children[part] = Role("/".join(path.split("/")[:depth]))
            here = here.children[part]
        return here

    def find(self, path: str) -> Role | None:
        """The role of a path, or None."""
        here = self.root
        for part in path.split("/"):
            child = here.children.get(part)
            if child is None:
                return None
            here = child
        return here

    def lineage(self, path: str) -> Iterator[Role]:
        """The root, then every role on the way down to the path."""
        here = self.root
        yield here
        for part in path.split("/"):
            here = here.children[part]
            yield here

    def charge(self, path: str, amount: Vector) -> None:
        """Count more towards a role and all above it."""
        self.role(path)
        for role in self.lineage(path):
            role.allocated = resources.add(role.allocated, amount)

    def release(self, path: str, amount: Vector) -> None:
        """Count less; what is never below zero if each release had its charge."""
        for role in self.lineage(path):
            role.allocated = resources.subtract(role.allocated, amount)

    def headroom(self, path: str, amount: Vector) -> Vector:
        """How much of `amount` the limits on the way to a role still allow."""
        self.role(path)
        allowed = dict(amount)
        for role in self.lineage(path):
            for name, limit in role.limit.items():
                if name in allowed:
                    allowed[name] = min(allowed[name], limit - role.allocated.get(name, 0))
        return resources.positive(allowed)
