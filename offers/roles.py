"""The tree of roles: who belongs under whom, with weights, quotas and what each holds. Pure.

A role is a path (`kubernetes/default`); what a role holds counts for all roles above it. Shares
are compared between siblings only, level by level: so namespaces share what `kubernetes` gets,
and `kubernetes` shares the cluster with the other roots. After "Dominant Resource Fairness"
(Ghodsi et al., NSDI 2011). Quota as in Mesos: a role consumes what is reserved for it, held or not,
and what it holds beside that. Neighbours: `sorter` orders the tree, `ledger` charges it,
`guarantees` says what must be left for whom.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from offers import guarantees, parts, resources
from offers.guarantees import Needs
from offers.resources import Vector

DEFAULT_WEIGHT = 1.0
DEPTH_MAX = 16
"""Deeper paths are refused: no organisation has that many levels."""


class RoleError(ValueError):
    """A path that can't be a role; the message says why."""


@dataclass(slots=True)
class Tally:
    """What one holds, and how often it was offered something."""

    allocated: dict[str, int] = field(default_factory=dict)
    """Used and offered."""
    offers: int = 0
    """Breaks ties: who was offered less often comes first."""


@dataclass(slots=True)
class Role(Tally):
    """One node of the tree. Its tally is that of all below it."""

    path: str = ""
    weight: float = DEFAULT_WEIGHT
    limit: Vector = field(default_factory=dict)
    """Quota: no more than this (names that are absent are unlimited)."""
    guarantee: Vector = field(default_factory=dict)
    """Quota: this much is kept for it."""
    unreserved: dict[str, int] = field(default_factory=dict)
    """What of it anybody might have had."""
    reserved: dict[str, int] = field(default_factory=dict)
    """What nodes have reserved for it and those below it."""
    own: Tally = field(default_factory=Tally)
    """Without those below it."""
    holders: dict[str, Tally] = field(default_factory=dict)
    """Framework → what it holds of the role's own."""
    children: dict[str, "Role"] = field(default_factory=dict)

    @property
    def consumed(self) -> Vector:
        """What counts against its quota."""
        return resources.add(self.reserved, self.unreserved) if self.reserved else self.unreserved

    @property
    def is_known(self) -> bool:
        """Whether something is set for it, or is its own."""
        set_ = self.limit or self.guarantee or self.weight != DEFAULT_WEIGHT
        return bool(set_ or self.allocated or self.reserved)

    @property
    def lacking(self) -> Vector:
        """What of its guarantee it does not consume."""
        return guarantees.lacking(self.guarantee, self.consumed) if self.guarantee else {}


def check(path: str) -> str:
    """The path if it can be a role, else RoleError (Mesos' rules for role names)."""
    parts_ = path.split("/")
    if not path or any(part in ("", ".", "..") or part.startswith("-") for part in parts_):
        raise RoleError(f"role {path!r}: parts may not be empty, '.', '..' or begin with '-'")
    if any(c.isspace() or c in "\\*" for c in path) and path != "*":
        raise RoleError(f"role {path!r}: white space, backslash and '*' are not allowed")
    if len(parts_) > DEPTH_MAX:
        raise RoleError(f"role {path!r} is {len(parts_)} levels deep: {DEPTH_MAX} at most")
    return path


def within(role: str, path: str) -> bool:
    """Whether a role is `path` or below it."""
    return role == path or role.startswith(f"{path}/")


class RoleTree:
    """All roles that are configured or hold something."""

    def __init__(self) -> None:
        self.root = Role()
        self.needs = Needs()
        self.guaranteed: set[str] = set()
        """Roles with a guarantee."""

    @property
    def required(self) -> Vector:
        """The headroom that must be left."""
        return self.needs.required

    def guarantee(self, path: str, amount: Vector) -> None:
        """Quota that is kept for a role; none where the amount is empty."""
        self.role(path).guarantee = amount
        (self.guaranteed.add if amount else self.guaranteed.discard)(path)
        self._reckon(path)

    def role(self, path: str) -> Role:
        """The role of a path, made if it is not there."""
        here = self.root
        for depth, part in enumerate(path.split("/"), start=1):
            if part not in here.children:
                here.children[part] = Role(path="/".join(path.split("/")[:depth]))
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

    def paths(self) -> list[str]:
        """Of all roles, each before those below it."""
        found: list[str] = []
        rest = list(self.root.children.values())
        while rest:
            role = rest.pop()
            found.append(role.path)
            rest += role.children.values()
        return found

    def lineage(self, path: str) -> Iterator[Role]:
        """The root, then every role on the way down to the path."""
        here = self.root
        yield here
        for part in path.split("/"):
            here = here.children[part]
            yield here

    def known_lineage(self, path: str) -> list[Role]:
        """The role, as far as it is known, and those above it but for the root."""
        found = [self.root]
        for part in path.split("/"):
            if part not in found[-1].children:
                break
            found.append(found[-1].children[part])
        return found[1:]

    def charge(
        self, path: str, amount: Vector, framework: str = "", *, offered: bool = False
    ) -> None:
        """Count more towards a role and all above it, and towards the framework that has it."""
        role = self.role(path)
        if framework and framework not in role.holders:
            role.holders[framework] = Tally()
        whole = self._move(path, amount, 1, offers=int(offered))
        for tally in (role.own, role.holders.get(framework)):
            if tally is not None:
                tally.offers += int(offered)
                _tally(tally.allocated, whole, 1)

    def release(self, path: str, amount: Vector, framework: str = "") -> None:
        """Count less; what is never below zero if each release had its charge."""
        role = self.role(path)
        whole = self._move(path, amount, -1)
        for tally in (role.own, role.holders.get(framework)):
            if tally is not None:
                _tally(tally.allocated, whole, -1)

    def _move(self, path: str, amount: Vector, sign: int, *, offers: int = 0) -> Vector:
        whole, plain = parts.folded(amount), parts.plain(amount)
        for role in self.lineage(path):
            _tally(role.allocated, whole, sign)
            _tally(role.unreserved, plain, sign)
            role.offers += offers
        if self.guaranteed:
            self._reckon(path)
        return whole

    def reserve(self, path: str, amount: Vector, sign: int = 1) -> None:
        """A node has this much more (sign -1: less) reserved for a role."""
        self.role(path)
        for role in self.lineage(path):
            _tally(role.reserved, amount, sign)
        if self.guaranteed:
            self._reckon(path)

    def leave(self, path: str, framework: str) -> None:
        """A framework is gone: its turns are forgotten once it holds nothing."""
        role = self.find(path)
        tally = role.holders.get(framework) if role is not None else None
        if role is not None and tally is not None and not tally.allocated:
            del role.holders[framework]

    def forget(self, path: str) -> None:
        """A role of which nothing is left, and below which there is none."""
        role = self.find(path)
        above = list(self.lineage(path))[-2] if role is not None else self.root
        if role is not None and not role.children and not role.is_known:
            del above.children[path.rpartition("/")[2]]

    def _reckon(self, path: str) -> None:
        self.needs.reckon([(role.path, role.lacking) for role in self.lineage(path)])

    def required_without(self, path: str, amount: Vector) -> Vector:
        """What must be left if a role had so much less."""
        needs = self.needs.supposed()
        needs.reckon(
            [
                (
                    role.path,
                    guarantees.lacking(role.guarantee, resources.subtract(role.consumed, amount)),
                )
                for role in self.lineage(path)
            ]
        )
        return needs.required

    def is_owed(self, path: str, *, below: bool = False) -> bool:
        """Whether a role may have something that must be left for it, or for one it is part of.

        With `below`: or for one that is part of it.
        """
        return bool(self.needs.claim(path, below=below))

    def is_limited(self, path: str) -> bool:
        """Whether the role or one above it has a limit."""
        return any(role.limit for role in self.lineage(path))

    def headroom(
        self, path: str, amount: Vector, spare: Vector | None = None, *, below: bool = False
    ) -> Vector:
        """How much of `amount` a role may have: its limits, and what others have a right to.

        `spare` is what of the cluster is free; None: nothing is kept for others. With `below` it
        is asked on behalf of the roles below it too: what is kept for them is for it.
        """
        self.role(path)
        allowed = dict(amount)
        for role in self.lineage(path):
            if not role.limit:
                continue
            consumed = role.consumed
            for name, limit in role.limit.items():
                if name in allowed:
                    allowed[name] = min(allowed[name], limit - consumed.get(name, 0))
        own = self.needs.claim(path, below=below) if spare is not None else {}
        for name, kept in self.required.items() if spare is not None else ():
            if name in allowed and spare is not None:
                surplus = max(0, spare.get(name, 0) - kept)
                allowed[name] = min(allowed[name], own.get(name, 0) + surplus)
        return resources.positive(allowed)


def _tally(into: dict[str, int], amount: Vector, sign: int) -> None:
    """Count in place: a tally is nobody else's."""
    for name, value in amount.items():
        total = into.get(name, 0) + sign * value
        if total:
            into[name] = total
        else:
            into.pop(name, None)
