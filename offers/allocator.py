"""Level one's decision: which framework is offered which node's free resources. Pure.

For each node, in an order drawn by the seed so that no framework always meets the same nodes
first: the role with the lowest dominant share that wants something, and in it the framework with
the least; it is offered all that is free there, within the role's quota limit. What one is
offered counts at once, so that the next node goes to the next in turn. Neighbours: `ledger`
(the books, only read here), `sorter`, `filters`; `master` carries the grants out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from offers import resources, sorter
from offers.filters import Filters
from offers.ledger import Ledger
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


@dataclass(frozen=True, slots=True)
class Grant:
    """One offer to be made."""

    framework_id: str
    role: str
    node: str
    resources: Vector
    attributes: Mapping[str, str]


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
        for role in sorter.in_order(ledger.roles, by_role, ledger.total):
            offered = ledger.roles.headroom(role, free)
            chosen = _choose(by_role[role], granted, ledger, filters, account.name, offered, now)
            if chosen is not None:
                held = granted.get(chosen.framework_id, chosen.allocated)
                granted[chosen.framework_id] = resources.add(held, offered)
                yield Grant(chosen.framework_id, role, account.name, offered, account.attributes)
                break


def _choose(
    candidates: list[Wanting],
    granted: Mapping[str, Vector],
    ledger: Ledger,
    filters: Filters,
    node: str,
    offered: Vector,
    now: float,
) -> Wanting | None:
    """Of one role's frameworks the one that holds least and has not refused this."""
    if not resources.is_offerable(offered):
        return None
    willing = [
        framework
        for framework in candidates
        if resources.fits(framework.smallest, offered)
        and filters.allows(framework.framework_id, node, offered, now)
    ]
    return min(
        willing,
        key=lambda f: (
            sorter.dominant_share(granted.get(f.framework_id, f.allocated), ledger.total),
            f.framework_id,
        ),
        default=None,
    )


def random_order(names: list[str], seed: int) -> None:
    """Shuffle in place, the same way for the same seed."""
    state = seed & 0xFFFFFFFF
    for i in range(len(names) - 1, 0, -1):
        # A linear congruential step (Numerical Recipes): enough to take turns.
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        j = (state >> 8) % (i + 1)
        names[i], names[j] = names[j], names[i]
