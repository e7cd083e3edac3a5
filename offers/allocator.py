"""Level one's decision: which framework is offered which node's free resources. Pure.

For each node, in an order drawn by the seed so that no framework always meets the same nodes
first: the role with the lowest dominant share that wants something, and in it the framework with
the least; it is offered all that is free there and that the role may have. What one is offered
counts at once, so that the next node goes to the next in turn. Roles that hold less than their
guarantee come first, over all nodes; what they do not take now stays free for them.

The work is for the changed nodes and for those who may have them: who can't (because of a filter,
a capability, a size, the hoarding cap) is left out by one number with a bit for each client.
Neighbours: `ledger` (the books, only read here), `sorter`, `filters`, `constraints`; `master`
carries the grants out.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from offers import constraints, parts, ranges, resources, sorter
from offers.constraints import Constraint
from offers.filters import Filters
from offers.ledger import Account, Ledger
from offers.messages import ANY_SIZE, CAPABILITIES
from offers.ranges import Ranges
from offers.resources import Vector
from offers.sorter import Turn, Turns

GPU = "nvidia.com/gpu"
HOARD = 2.0
"""So many times its part of the cluster may a framework leave on offer to itself."""
_TRAITS = {
    parts.REVOCABLE: "REVOCABLE_RESOURCES",
    parts.SHARED: "SHARED_RESOURCES",
    parts.REFINED: "RESERVATION_REFINEMENT",
}
"""What one must be able to handle to be offered such parts."""


@dataclass(frozen=True, slots=True)
class Wanting:
    """A framework that takes offers at present."""

    framework_id: str
    roles: tuple[str, ...]
    smallest: Vector = field(default_factory=dict)
    """Less than this is of no use to it."""
    wants_ports: bool = False
    avoids_taints: bool = False
    sizes: tuple[Vector, ...] = ANY_SIZE
    """An offer must reach one of these."""
    role_sizes: Mapping[str, tuple[Vector, ...]] = field(default_factory=dict)
    """The same, for some of its roles."""
    capabilities: frozenset[str] = CAPABILITIES
    constraints: Mapping[str, Constraint] = field(default_factory=dict)
    """Role → which nodes it wants to hear of."""
    outstanding: Vector = field(default_factory=dict)
    """What it has on offer and did not answer."""
    may_hoard: bool = True
    """Whether it may leave more than its part of the cluster unanswered."""
    serves_below: bool = False
    """Whether it takes offers on behalf of the roles below its own too."""
    nodes: frozenset[str] | None = None
    """The only ones it wants for now; None: any."""

    def sizes_for(self, role: str) -> tuple[Vector, ...]:
        return self.role_sizes.get(role, self.sizes)


@dataclass(frozen=True, slots=True)
class Grant:
    """One offer to be made."""

    framework_id: str
    role: str
    node: str
    resources: Vector
    attributes: Mapping[str, str]
    ports: Ranges = ()
    beside: bool = False
    """Of the same resources as the grant before: whoever accepts first has them."""


def allocate(
    ledger: Ledger,
    frameworks: Iterable[Wanting],
    filters: Filters,
    *,
    nodes: Iterable[str],
    now: float,
    seed: int,
    region: str = "",
    rivals: int = 1,
) -> Iterator[Grant]:
    """Grants for these nodes. The caller books each grant before it asks for the next.

    `region` is the master's own: nodes of others are only for those who know of regions. `rivals` is
    how many may be offered the same resources at a time.
    """
    run = _Run(ledger, frameworks, filters, now, region)
    if not run.everyone:
        return
    names = sorted(nodes)
    for owed_only in (True, False) if ledger.roles.required else (False,):
        shuffle(names, seed + owed_only)
        for account, _ in ledger.offerable(iter(names)):
            yield from run.node(account, rivals, owed_only=owed_only)


class _Run:
    """What holds for all nodes of one run."""

    def __init__(
        self,
        ledger: Ledger,
        frameworks: Iterable[Wanting],
        filters: Filters,
        now: float,
        region: str,
    ) -> None:
        self._ledger, self._filters, self._now, self._region = ledger, filters, now, region
        self._clients: dict[str, Wanting] = {}
        self._bits: dict[str, int] = {}
        """Framework → the bits of all its roles."""
        self._outstanding: dict[str, Vector] = {}
        self._picky: list[tuple[int, Constraint]] = []
        self._decided: list[tuple[int, frozenset[str]]] = []
        """Who wants certain nodes only."""
        self.everyone = self._avoiding = self._no_gpus = self._local = self._full = 0
        wanting: dict[str, dict[str, int]] = {}
        sizes: dict[int, tuple[tuple[Vector, ...], Vector, int]] = {}
        for one in frameworks:
            for role in one.roles:
                wanting.setdefault(role, {})[one.framework_id] = self._enter(one, role, sizes)
        self._sizes = list(sizes.values())
        self._turns = Turns(ledger.roles, wanting, ledger.total)
        self._cap = HOARD / max(1, len(self._clients))

    def _enter(
        self, one: Wanting, role: str, sizes: dict[int, tuple[tuple[Vector, ...], Vector, int]]
    ) -> int:
        bit = self._filters.bit(one.framework_id, role)
        self.everyone |= bit
        self._clients[one.framework_id] = one
        self._outstanding[one.framework_id] = one.outstanding
        self._bits[one.framework_id] = self._bits.get(one.framework_id, 0) | bit
        self._avoiding |= bit if one.avoids_taints else 0
        self._no_gpus |= 0 if "GPU_RESOURCES" in one.capabilities else bit
        self._local |= 0 if "REGION_AWARE" in one.capabilities else bit
        if one.nodes is not None:
            self._decided.append((bit, one.nodes))
        if role in one.constraints:
            self._picky.append((bit, one.constraints[role]))
        wanted = one.sizes_for(role)
        # Most have the same, and then one look serves them all.
        kind = hash(
            (tuple(tuple(sorted(v.items())) for v in wanted), *sorted(one.smallest.items()))
        )
        _, _, mask = sizes.get(kind, (wanted, one.smallest, 0))
        sizes[kind] = (wanted, one.smallest, mask | bit)
        return bit

    def _able(self, account: Account, free: Vector) -> int:
        """Who could take some of a node, as far as can be told without looking at each."""
        able = self.everyone & ~self._full
        if account.tainted:
            able &= ~self._avoiding
        if _has_gpus(account):
            able &= ~self._no_gpus
        if _is_far(account, self._region):
            able &= ~self._local
        able &= ~self._filters.blocked(account.name, free, self._now)
        if not able:
            return 0
        whole = parts.folded(free)
        for sizes, smallest, mask in self._sizes:
            if not welcome(sizes, smallest, whole):
                able &= ~mask
        for bit, constraint in self._picky:
            if able & bit and not constraint.allows(account.name, account.attributes):
                able &= ~bit
        for bit, nodes in self._decided:
            able &= -1 if account.name in nodes else ~bit
        return able

    def node(self, account: Account, rivals: int, *, owed_only: bool) -> Iterator[Grant]:
        """Who gets what of one node."""
        had = 0
        while True:
            free = resources.positive(account.free)
            if not resources.is_offerable(parts.folded(free)):
                return
            able = self._able(account, free) & ~had
            found = self._next(account, free, able, owed_only=owed_only)
            if found is None:
                return
            turn, offered = found
            had |= turn.mask
            grant = self._grant(turn, account, free, offered)
            yield grant
            self._booked(turn, offered)
            taken = offered == free
            others = able & ~self._bits[turn.framework]
            for rival in self._rivals(account, offered, others, rivals - 1):
                had |= rival.mask
                yield replace(
                    grant, framework_id=rival.framework, role=rival.role.path, beside=True
                )
            if taken:
                return

    def _next(
        self, account: Account, free: Vector, able: int, *, owed_only: bool
    ) -> tuple[Turn, Vector] | None:
        """The first in order who may have something here, and what."""
        shares: dict[tuple[str, bool], tuple[Vector, int]] = {}
        for turn in self._turns.walk(able):
            asked = turn.role.path, self._clients[turn.framework].serves_below
            if asked not in shares:
                shares[asked] = self._share(*asked, account, free, owed_only=owed_only)
            offered, blocked = shares[asked]
            if blocked & turn.mask or not offered:
                continue
            offered = self._fit_for(turn, offered)
            if offered:
                return turn, offered
        return None

    def _rivals(self, account: Account, offered: Vector, able: int, count: int) -> list[Turn]:
        """Those next in order who could be offered the very same; one role of a framework.

        Never a role with a limit: what stands beside another is not counted, and must not be
        taken when the role has had its fill elsewhere meanwhile.
        """
        found: list[Turn] = []
        able &= ~self._filters.blocked(account.name, offered, self._now)
        while count > len(found) and able:
            for turn in self._turns.walk(able):
                able &= ~self._bits[turn.framework]
                limited = self._ledger.roles.is_limited(turn.role.path)
                if not limited and self._fit_for(turn, offered) == offered:
                    found.append(turn)
                break
        return found

    def _share(
        self, path: str, below: bool, account: Account, free: Vector, *, owed_only: bool
    ) -> tuple[Vector, int]:
        """What of a node a role (and those below it) may have, and who refused that much of it."""
        if owed_only and not self._ledger.roles.is_owed(path, below=below):
            return {}, 0
        offered = self._may_have(path, below, free)
        if not resources.is_offerable(parts.folded(offered)):
            return {}, 0
        # Those who refused all that is free are left out already.
        known = offered == free
        return offered, 0 if known else self._filters.blocked(account.name, offered, self._now)

    def _may_have(self, path: str, below: bool, free: Vector) -> Vector:
        tree = self._ledger.roles
        spare = self._ledger.spare if tree.required else None
        allowed = tree.headroom(path, parts.plain(free), spare, below=below)
        if not parts.is_mixed(free):
            return allowed
        more = {k: v for k, v in free.items() if " " in k and parts.parse(k).is_for(path)}
        return {**allowed, **more}

    def _fit_for(self, turn: Turn, offered: Vector) -> Vector:
        """What of it is for this framework; empty if nothing is."""
        client = self._clients[turn.framework]
        if parts.is_mixed(offered):
            offered = {k: v for k, v in offered.items() if _can_handle(client, k)}
        whole = parts.folded(offered)
        if not resources.is_offerable(whole):
            return {}
        if not welcome(client.sizes_for(turn.role.path), client.smallest, whole):
            return {}
        return {} if self._hoards(client, whole) else offered

    def _hoards(self, client: Wanting, more: Vector) -> bool:
        """Whether it would have more unanswered than its part; one node it may always have."""
        held = self._outstanding[client.framework_id]
        if client.may_hoard or not held:
            return False
        total = self._ledger.total
        if sorter.dominant_share(resources.add(held, more), total) <= self._cap:
            return False
        if sorter.dominant_share(held, total) >= self._cap:
            self._full |= self._bits[client.framework_id]
        return True

    def _grant(self, turn: Turn, account: Account, free: Vector, offered: Vector) -> Grant:
        client = self._clients[turn.framework]
        ports = _deal(self._ledger, account, free, offered) if client.wants_ports else ()
        path, labels = turn.role.path, account.attributes
        return Grant(turn.framework, path, account.name, offered, labels, ports)

    def _booked(self, turn: Turn, offered: Vector) -> None:
        held = self._outstanding[turn.framework]
        self._outstanding[turn.framework] = resources.add(held, parts.folded(offered))
        self._turns.moved(turn)


def _has_gpus(account: Account) -> bool:
    return account.capacity.get(GPU, 0) > 0


def _is_far(account: Account, region: str) -> bool:
    """Whether a node is of another region than the master's."""
    return bool(region) and account.attributes.get(constraints.REGION, region) != region


def incapable(client: Wanting, account: Account, region: str) -> str:
    """What of a node a framework does not understand; empty if it may have it."""
    if _has_gpus(account) and "GPU_RESOURCES" not in client.capabilities:
        return "have GPUs"
    if _is_far(account, region) and "REGION_AWARE" not in client.capabilities:
        return "in another region"
    return ""


def welcome(sizes: tuple[Vector, ...], smallest: Vector, whole: Vector) -> bool:
    """Whether that much is of any use to one who wants these sizes."""
    if not resources.fits(smallest, whole):
        return False
    return not sizes or any(resources.fits(size, whole) for size in sizes)


def _can_handle(client: Wanting, key: str) -> bool:
    return all(_TRAITS[trait] in client.capabilities for trait in parts.parse(key).traits)


def _deal(ledger: Ledger, account: Account, free: Vector, offered: Vector) -> Ranges:
    """Ports in proportion: who is offered half of what is free gets half of the free ports."""
    ports = ledger.free_ports(account)
    fractions = (offered.get(n, 0) / free[n] for n in resources.OFFERABLE if n in free)
    part = max(fractions, default=1.0)
    return ports if part >= 1 else ranges.first(ports, math.ceil(ranges.size(ports) * part))


def shuffle(names: list[str], seed: int) -> None:
    """In place, the same way for the same seed."""
    state = seed & 0xFFFFFFFF
    for i in range(len(names) - 1, 0, -1):
        # A linear congruential step (Numerical Recipes): enough to take turns.
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        j = (state >> 8) % (i + 1)
        names[i], names[j] = names[j], names[i]
