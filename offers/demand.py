"""How much a framework wants what it is offered, and who should make room for whom. Pure.

A framework that declines everything, round after round, is asked about the same at longer and longer
intervals, whatever it says itself, so that it does not stand before others; what it launches, or a
REVIVE, ends that, and where more has become free than it declined, it is asked at once. One
that has waited for an offer while others sit on theirs gets one of these: from whoever would still
come after it with one offer less. Neighbours: `master` keeps an `Interest` for each framework and
takes back what `to_rescind` names, and what `beyond_quota` does when a quota is set.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from offers import parts, resources, roles, sorter
from offers.ledger import Ledger
from offers.messages import Offer
from offers.resources import Vector
from offers.roles import RoleTree
from offers.sorter import NOBODY, dominant_share

PATIENCE = 3
"""Rounds that one may decline in a row at no cost: offers of several kinds of nodes, a slow start."""
REST_S = 0.5
REST_MAX_S = 15.0
"""Rests double from the one to the other: who finds work without saying REVIVE waits no longer."""
HUNGER_S = 1.0
"""Who has no offer for so long, though it wants one, may have another's."""
HELD_S = 2.0
"""Nobody loses an offer that is younger: a framework has to think too."""


@dataclass(slots=True)
class Interest:
    """What a framework did with its offers lately."""

    rounds: int = 0
    """In a row, of which it declined what it was offered."""
    declined: bool = False
    hungry_since: float | None = None
    """Since when it wants an offer and has none."""

    def offered(self) -> None:
        """It gets offers now."""
        self.rounds += self.declined
        self.declined = False
        self.hungry_since = None

    def declines(self) -> float:
        """It declines; for so many seconds at least it is not asked about the same again."""
        self.declined = True
        if self.rounds < PATIENCE:
            return 0.0
        doublings = min(self.rounds - PATIENCE, 10)
        return min(REST_MAX_S, REST_S * 2.0**doublings)

    def uses(self) -> None:
        """It launched something, or says that it has something to launch."""
        self.rounds, self.declined = 0, False

    def is_hungry(self, now: float) -> bool:
        since = self.hungry_since
        return since is not None and now - since >= HUNGER_S and self.rounds < PATIENCE


@dataclass(frozen=True, slots=True)
class Hungry:
    """One who has waited long enough."""

    framework_id: str
    roles: tuple[str, ...]
    takes: Callable[[str, Offer], bool]
    """Whether it would be offered the same, for a role."""


def to_rescind(
    ledger: Ledger, hungry: Iterable[Hungry], oldest_first: Iterable[Offer], now: float
) -> Iterator[str]:
    """Ids of offers to take back: one for each who is hungry, if there is one."""
    old = []
    for offer in oldest_first:
        if now - offer.made < HELD_S:
            break
        old.append(offer)
    for one in hungry:
        for offer in old:
            if offer.framework_id != one.framework_id and any(
                one.takes(role, offer) and _comes_first(ledger, one, role, offer)
                for role in one.roles
            ):
                old.remove(offer)
                yield offer.id
                break


def beyond_quota(ledger: Ledger, path: str) -> Iterator[str]:
    """Ids of offers that the quota of a role does not allow, as it was set just now.

    Each is to be taken back before the next is asked for. What the role itself has on offer goes
    as long as it is above its limit; what others have, as long as too little is left for guarantees.
    """
    tree = ledger.roles
    role = tree.role(path)
    for offer in list(ledger.offers.values()):
        amount = parts.plain(offer.resources)
        consumed = role.consumed
        over = roles.within(offer.role, path) and any(
            amount.get(name, 0) and consumed.get(name, 0) > most
            for name, most in role.limit.items()
        )
        if over or _frees(ledger, offer.role, amount):
            yield offer.id


def _frees(ledger: Ledger, path: str, amount: Vector) -> bool:
    """Whether too little is left for guarantees, and more would be if a role had so much less."""
    required, spare = ledger.roles.required, ledger.spare
    short = [name for name, kept in required.items() if spare.get(name, 0) < kept]
    if not any(amount.get(name, 0) for name in short):
        return False
    # What is the role's own by guarantee would have to be kept for it.
    then = ledger.roles.required_without(path, amount)
    return any(amount.get(name, 0) > then.get(name, 0) - required.get(name, 0) for name in short)


def _comes_first(ledger: Ledger, one: Hungry, role: str, offer: Offer) -> bool:
    """Whether it would still have less than the holder has now, if the offer were its own."""
    tree, total = ledger.roles, ledger.total
    size = parts.folded(offer.resources)
    mine, theirs, weights = _rivals(tree, role, one.framework_id, offer)
    after = dominant_share(resources.add(mine, size), total, weights[0])
    return after < dominant_share(theirs, total, weights[1])


def _rivals(
    tree: RoleTree, role: str, framework: str, offer: Offer
) -> tuple[resources.Vector, resources.Vector, tuple[float, float]]:
    """What both hold where their ways part in the tree: as roles, or in one role as frameworks."""
    tree.role(role)
    tree.role(offer.role)
    for ours, theirs in zip(tree.lineage(role), tree.lineage(offer.role), strict=False):
        if ours is not theirs:
            return ours.allocated, theirs.allocated, (ours.weight, theirs.weight)
    here = tree.role(role)
    mine = here.holders.get(framework, NOBODY).allocated
    other = tree.role(offer.role).holders.get(offer.framework_id, NOBODY).allocated
    return mine, other, (sorter.FAIR, sorter.FAIR)
