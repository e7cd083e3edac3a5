"""What roles may still have by quota, for a framework that charges roles below its own. Pure.

Offers are made to `kubernetes`; what is launched on them is charged to namespaces, which may have
limits, and guarantees that others must leave them. So the pods' scheduler asks before it places a
pod. A budget is as of one moment, and remembers what was taken of it since. Neighbours: `roles`
(quota and consumption), `master` makes budgets, `session` hands them out.
"""

from collections.abc import Callable, Mapping
from functools import cached_property

from offers import parts, resources, roles
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
        self._tree, self._ask = tree, held
        self._limits: dict[str, Vector] = {}
        """Role → what is left below its limit."""
        self._owed: dict[str, Vector] = {}
        """Role → what of its guarantee is left."""
        self._surplus = self._beyond_guarantees(spare) if tree.required else {}
        """What is left of that of which others have guarantees; of the rest there is no telling."""
        self._begin = dict(self._surplus)

    @cached_property
    def _held(self) -> Mapping[str, Vector]:
        return self._ask()

    def _beyond_guarantees(self, spare: Vector) -> dict[str, int]:
        free = spare
        for amount in self._held.values():
            free = resources.add(free, parts.plain(amount))
        required = self._tree.required
        return {name: max(0, free.get(name, 0) - most) for name, most in required.items()}

    def take(self, path: str, amount: Vector) -> bool:
        """Whether a role may have this much more; if so, it is taken."""
        lineage = self._lineage(path)
        if self._over(lineage, amount, self._limits) is not None:
            return False
        rest = dict(self._surplus)
        owed = self._draw(lineage, amount, rest, self._owed)
        if owed is None:
            return False
        for role in lineage:
            if role.limit:
                left = self._limits.get(role.path)
                left = self._left(role) if left is None else left
                self._limits[role.path] = resources.subtract(left, amount)
        self._surplus = rest
        self._owed |= owed
        return True

    def refusal(self, path: str, amount: Vector) -> str:
        """Why a role may not have so much even if nothing else had been taken; else empty."""
        lineage = self._lineage(path)
        over = self._over(lineage, amount, {})
        if over is not None:
            role, name = over
            most = resources.quantities({name: role.limit[name]}).get(name, "0")
            return f"role {role.path} may have no more than {name}={most}"
        if self._draw(lineage, amount, dict(self._begin), {}) is None:
            return f"role {path}: what is left is kept for the guarantees of other roles"
        return ""

    def _lineage(self, path: str) -> list[Role]:
        """The role, if it is known, and those above it."""
        found = [self._tree.root]
        for part in path.split("/"):
            if part not in found[-1].children:
                break
            found.append(found[-1].children[part])
        return found[1:]

    def _left(self, role: Role) -> dict[str, int]:
        """What is left below a limit. What is on offer is consumed, but it is for this."""
        left = resources.subtract(role.limit, role.consumed)
        for path, amount in self._held.items():
            if roles.within(path, role.path):
                left = resources.add(left, amount)
        return left

    def _over(
        self, lineage: list[Role], amount: Vector, known: Mapping[str, Vector]
    ) -> tuple[Role, str] | None:
        """The role, and the resource, of which it would have more than its limit."""
        for role in lineage:
            if not role.limit:
                continue
            left = known.get(role.path)
            left = self._left(role) if left is None else left
            for name in role.limit:
                if amount.get(name, 0) > max(0, left.get(name, 0)):
                    return role, name
        return None

    def _draw(
        self, lineage: list[Role], amount: Vector, rest: dict[str, int], known: Mapping[str, Vector]
    ) -> dict[str, Vector] | None:
        """Take from what is owed to the role first, then from `rest`; None if that is too little.

        Gives what is then owed.
        """
        owed: dict[str, Vector] = {}
        for name, left in rest.items():
            wanted = amount.get(name, 0)
            for role in lineage:
                mine = owed.get(role.path, known.get(role.path))
                mine = self._tree.owed.get(role.path, {}) if mine is None else mine
                part = min(wanted, mine.get(name, 0))
                if part > 0:
                    owed[role.path] = resources.subtract(mine, {name: part})
                    wanted -= part
            if wanted > left:
                return None
            rest[name] = left - wanted
        return owed
