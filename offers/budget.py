"""What roles may still have by quota, for a framework that charges roles below its own. Pure.

Offers are made to `kubernetes`; what is launched on them is charged to namespaces, which may have
limits, and guarantees that others must leave them. So the pods' scheduler asks before it places a
pod. A budget is as of one moment, and remembers what was taken of it since. Neighbours: `roles`
(quota and consumption), `master` makes budgets, `session` hands them out.
"""

from collections.abc import Callable, Mapping
from functools import cached_property

from offers import guarantees, parts, resources
from offers.resources import Vector
from offers.roles import Role, RoleTree


class Budget:
    """See the module's docstring."""

    def __init__(
        self, tree: RoleTree, spare: Vector, held: Callable[[], Mapping[str, Vector]]
    ) -> None:
        """`spare` is free of the whole cluster, `held` what the framework has on offer, by role.

        That is asked for when quota is met, which most clusters have none of: offers are many.
        """
        self._tree, self._spare, self._ask = tree, spare, held

    @cached_property
    def _begin(self) -> "_Supposed":
        """As if what is on offer were free: it is for those who ask here."""
        held = {path: parts.plain(amount) for path, amount in self._ask().items()}
        made = _Supposed(self._tree, self._spare)
        for path, amount in held.items():
            made.take(path, {name: -value for name, value in amount.items()})
        made.scarce = tuple(made.needs.required)
        return made

    @cached_property
    def _now(self) -> "_Supposed":
        return self._begin.copy()

    def _is_free(self, path: str) -> bool:
        """Whether no quota concerns a role."""
        return not self._tree.guaranteed and not any(
            role.limit for role in self._tree.known_lineage(path)
        )

    def take(self, path: str, amount: Vector) -> bool:
        """Whether a role may have this much more; if so, it is taken."""
        if self._is_free(path):
            return True
        if self._now.over(path, amount) is not None or self._now.is_kept(path, amount):
            return False
        self._now.take(path, amount)
        return True

    def refusal(self, path: str, amount: Vector) -> str:
        """Why a role may not have so much even if nothing else had been taken; else empty."""
        if self._is_free(path):
            return ""
        over = self._begin.over(path, amount)
        if over is not None:
            role, name = over
            most = resources.quantities({name: role.limit[name]}).get(name, "0")
            return f"role {role.path} may have no more than {name}={most}"
        if self._begin.is_kept(path, amount):
            return f"role {path}: what is left is kept for the guarantees of other roles"
        return ""


class _Supposed:
    """The tree as it would be with a little more, or less, in it."""

    def __init__(self, tree: RoleTree, free: Vector) -> None:
        self._tree, self._free = tree, free
        self._more: dict[str, Vector] = {}
        """Role → what it has beyond the tree's books."""
        self.needs = tree.needs.supposed()
        self.scarce: tuple[str, ...] = ()
        """Resources of which something was kept in the beginning; of the rest there is no telling."""

    def copy(self) -> "_Supposed":
        made = _Supposed(self._tree, self._free)
        made._more, made.needs, made.scarce = dict(self._more), self.needs.supposed(), self.scarce
        return made

    def take(self, path: str, amount: Vector) -> None:
        lineage = self._tree.known_lineage(path)
        for role in lineage:
            self._more[role.path] = resources.add(self._more.get(role.path, {}), amount)
        self._free = resources.subtract(self._free, amount)
        if self._tree.guaranteed:
            self.needs.reckon([("", {}), *((role.path, self._lacking(role)) for role in lineage)])

    def _consumed(self, role: Role) -> Vector:
        return resources.add(role.consumed, self._more.get(role.path, {}))

    def _lacking(self, role: Role) -> Vector:
        return guarantees.lacking(role.guarantee, self._consumed(role)) if role.guarantee else {}

    def over(self, path: str, amount: Vector) -> tuple[Role, str] | None:
        """The role, and the resource, of which it would have more than its limit."""
        for role in self._tree.known_lineage(path):
            if not role.limit:
                continue
            left = resources.subtract(role.limit, self._consumed(role))
            for name in role.limit:
                if amount.get(name, 0) > max(0, left.get(name, 0)):
                    return role, name
        return None

    def is_kept(self, path: str, amount: Vector) -> bool:
        """Whether some of it must be left to others."""
        own, required = self.needs.claim(path), self.needs.required
        for name in self.scarce:
            surplus = max(0, self._free.get(name, 0) - required.get(name, 0))
            if amount.get(name, 0) > own.get(name, 0) + surplus:
                return True
        return False
