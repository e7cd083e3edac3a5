"""Level one's decision: which framework is offered which node's free resources. Pure.

For each node, in an order drawn by the seed so that no framework always meets the same nodes
first: the role with the lowest dominant share that wants something, and in it the framework with
the least; it is offered all that is free there, within the role's quota limit. What one is
offered counts at once, so that the next node goes to the next in turn. Neighbours: `ledger`
(the books, only read here), `sorter`, `filters`; `master` carries the grants out.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from offers import ranges, resources, sorter
from offers.filters import Filters
from offers.ledger import Account, Ledger
from offers.messages import ANY_SIZE
from offers.ranges import Ranges
from offers.resources import Vector


@dataclass(frozen=True, slots=True)
class Wanting:
    """A framework that takes offers at present."""

    framework_id: str
    roles: tuple[str, ...]
    smallest: Vector = field(default_factory=dict)
    """Less than this is of no use to it."""
    allocated: Vector = field(default_factory=dict)
    """What it holds in all its roles, to choose among frameworks of one role."""
    wants_ports: bool = False
    avoids_taints: bool = False
    sizes: tuple[Vector, ...] = ANY_SIZE
    """An offer must reach one of these."""
    role_sizes: Mapping[str, tuple[Vector, ...]] = field(default_factory=dict)
    """The same, for some of its roles."""

    def welcomes(self, role: str, account: Account, offered: Vector) -> bool:
        """Whether this much of a node is of any use to it."""
        if account.tainted and self.avoids_taints:
            return False
        if not resources.fits(self.smallest, offered):
            return False
        sizes = self.role_sizes.get(role, self.sizes)
        return not sizes or any(resources.fits(size, offered) for size in sizes)


@dataclass(frozen=True, slots=True)
class Grant:
    """One offer to be made."""

    framework_id: str
    role: str
    node: str
    resources: Vector
    attributes: Mapping[str, str]
    ports: Ranges = ()


def allocate(
    ledger: Ledger,
    frameworks: Iterable[Wanting],
    filters: Filters,
    *,
    nodes: Iterable[str],
    now: float,
    seed: int,
) -> Iterator[Grant]:
    """Grants for these nodes. The caller books each grant before it asks for the next."""
    by_role: dict[str, list[Wanting]] = {}
    for framework in frameworks:
        for role in framework.roles:
            by_role.setdefault(role, []).append(framework)
    if not by_role:
        return
    shuffled = sorted(nodes)
    random_order(shuffled, seed)
    granted: dict[str, Vector] = {}
    for account, free in ledger.offerable(iter(shuffled)):
        owed = ledger.roles.owed()
        for role in _turns(ledger, by_role, owed):
            offered = ledger.roles.headroom(role, _spare(ledger, role, free, owed))
            chosen = _choose(by_role[role], granted, ledger, filters, role, account, offered, now)
            if chosen is not None:
                held = granted.get(chosen.framework_id, chosen.allocated)
                granted[chosen.framework_id] = resources.add(held, offered)
                ports = _deal(ledger, account, free, offered) if chosen.wants_ports else ()
                yield Grant(
                    chosen.framework_id, role, account.name, offered, account.attributes, ports
                )
                break


def _turns(ledger: Ledger, wanting: Mapping[str, object], owed: Mapping[str, Vector]) -> list[str]:
    """The fairest role first, but before all those that hold less than is guaranteed to them."""
    order = list(sorter.in_order(ledger.roles, wanting, ledger.total))
    if owed:
        order.sort(key=lambda role: not any(_within(role, path) for path in owed))
    return order


def _within(role: str, path: str) -> bool:
    return role == path or role.startswith(f"{path}/")


def _spare(ledger: Ledger, role: str, free: Vector, owed: Mapping[str, Vector]) -> Vector:
    """What of a node may go to a role so that enough is left for what others have a right to."""
    kept: Vector = {}
    for path, amount in owed.items():
        if not _within(role, path):
            kept = resources.add(kept, amount)
    if not kept:
        return free
    left = resources.subtract(ledger.total, ledger.roles.root.allocated)
    return resources.positive(
        {n: min(v, left.get(n, 0) - kept[n]) if n in kept else v for n, v in free.items()}
    )


def _choose(
    candidates: list[Wanting],
    granted: Mapping[str, Vector],
    ledger: Ledger,
    filters: Filters,
    role: str,
    account: Account,
    offered: Vector,
    now: float,
) -> Wanting | None:
    """Of one role's frameworks the one that holds least and has not refused this."""
    if not resources.is_offerable(offered):
        return None
    willing = [
        framework
        for framework in candidates
        if framework.welcomes(role, account, offered)
        and filters.allows(framework.framework_id, role, account.name, offered, now)
    ]
    return min(
        willing,
        key=lambda f: (
            sorter.dominant_share(granted.get(f.framework_id, f.allocated), ledger.total),
            f.framework_id,
        ),
        default=None,
    )


def _deal(ledger: Ledger, account: Account, free: Vector, offered: Vector) -> Ranges:
    """Ports in proportion: who is offered half of what is free gets half of the free ports."""
    ports = ledger.free_ports(account)
    part = max(offered.get(n, 0) / free[n] for n in resources.OFFERABLE if n in free)
    return ports if part >= 1 else ranges.first(ports, math.ceil(ranges.size(ports) * part))


def random_order(names: list[str], seed: int) -> None:
    """Shuffle in place, the same way for the same seed."""
    state = seed & 0xFFFFFFFF
    for i in range(len(names) - 1, 0, -1):
        # A linear congruential step (Numerical Recipes): enough to take turns.
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        j = (state >> 8) % (i + 1)
        names[i], names[j] = names[j], names[i]
