"""Who has how much of which node: capacity = free + offered + used. Pure.

Fed with what the API says (nodes, bound pods) and with what the master does (offers). A launch
is used from the moment it is accepted; when its pod shows up bound, that is the same entry,
known by the pod's uid; if it never does, `expire` returns it. A node can be overcommitted from
outside (a pod created with a nodeName): then its free is negative, and nothing is offered.

Neighbours: `allocator` reads, `master` writes, `roles` is charged along.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from offers import ranges, resources
from offers.messages import Launch, Offer
from offers.ranges import Ranges
from offers.resources import Vector
from offers.roles import RoleTree


@dataclass(slots=True)
class Account:
    """One node's books."""

    name: str
    capacity: Vector = field(default_factory=dict)
    """Allocatable; empty while the node is unknown but pods on it are not."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    open: bool = False
    """Whether it takes anything new (present, ready and not cordoned)."""
    tainted: bool = False
    """Whether it keeps off those who do not say that they tolerate it."""
    ports: Ranges = ()
    """Those that may be dealt out."""
    used: Vector = field(default_factory=dict)
    offered: Vector = field(default_factory=dict)
    uids: set[str] = field(default_factory=set)
    offer_ids: set[str] = field(default_factory=set)

    @property
    def free(self) -> dict[str, int]:
        """Capacity - used - offered; negative where overcommitted."""
        return resources.subtract(resources.subtract(self.capacity, self.used), self.offered)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one pod takes, of which node, for whom."""

    node: str
    role: str
    amount: Vector
    assumed_until: float | None
    """Accepted but not yet seen bound: void at this moment. None once it was seen."""
    ports: Ranges = ()


class Ledger:
    """All nodes' books and the role tree that they are charged to."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.roles = RoleTree()
        self.total: Vector = {}
        """Capacity of all nodes that are present."""
        self.offers: dict[str, Offer] = {}
        self.usages: dict[str, Usage] = {}
        self.assumed: set[str] = set()
        """uids of usages with an `assumed_until`."""

    def _account(self, node: str) -> Account:
        return self.accounts.setdefault(node, Account(node))

    def set_node(
        self,
        name: str,
        capacity: Vector,
        attributes: Mapping[str, str],
        *,
        accepts: bool,
        tainted: bool = False,
        ports: Ranges = (),
    ) -> None:
        """A node as the API shows it now."""
        account = self._account(name)
        account.tainted, account.ports = tainted, ports
        self.total = resources.add(resources.subtract(self.total, account.capacity), capacity)
        account.capacity, account.attributes, account.open = capacity, attributes, accepts

    def remove_node(self, name: str) -> list[Offer]:
        """A node that is gone; its pods keep their entries. Returns the offers now void."""
        account = self.accounts.get(name)
        if account is None:
            return []
        self.total = resources.subtract(self.total, account.capacity)
        account.capacity, account.open = {}, False
        void = [self.offers[offer_id] for offer_id in sorted(account.offer_ids)]
        for offer in void:
            self.give_back(offer.id)
        self._forget_if_empty(account)
        return void

    def offer(self, offer: Offer) -> None:
        """Move from free to offered."""
        account = self.accounts[offer.node]
        account.offered = resources.add(account.offered, offer.resources)
        account.offer_ids.add(offer.id)
        self.offers[offer.id] = offer
        self.roles.charge(offer.role, offer.resources)

    def give_back(self, offer_id: str) -> Offer | None:
        """Move from offered to free; None if the offer is not in force."""
        offer = self.offers.pop(offer_id, None)
        if offer is None:
            return None
        account = self.accounts[offer.node]
        account.offered = resources.subtract(account.offered, offer.resources)
        account.offer_ids.discard(offer_id)
        self.roles.release(offer.role, offer.resources)
        self._forget_if_empty(account)
        return offer

    def accept(
        self, offer_ids: tuple[str, ...], launches: tuple[Launch, ...], until: float
    ) -> bool:
        """Move launches from offers of one node to used, the rest to free; False if one is void.

        Launches that ask for more than the offers hold are not in order: nothing happens then.
        """
        taken = [self.offers.get(offer_id) for offer_id in dict.fromkeys(offer_ids)]
        offers = [offer for offer in taken if offer is not None]
        if not offers or len(offers) < len(taken) or len({offer.node for offer in offers}) > 1:
            return False
        wanted: Vector = {}
        offered: Vector = {}
        for launch in launches:
            wanted = resources.add(wanted, launch.resources)
        for offer in offers:
            offered = resources.add(offered, offer.resources)
        if not resources.fits(wanted, offered):
            return False
        for offer in offers:
            self.give_back(offer.id)
        for launch in launches:
            self._use(
                launch.uid,
                Usage(offers[0].node, launch.role, launch.resources, until, launch.ports),
            )
        return True

    def assume(self, launch: Launch, node: str, until: float) -> None:
        """A launch that was accepted before this ledger was made."""
        self._use(launch.uid, Usage(node, launch.role, launch.resources, until, launch.ports))

    def bound(self, uid: str, node: str, role: str, amount: Vector, ports: Ranges = ()) -> None:
        """A pod that the API shows bound to a node."""
        self._use(uid, Usage(node, role, amount, None, ports))

    def rename(self, launched: str, uid: str) -> None:
        """A launch by a provisional name has become the pod `uid`."""
        usage = self.usages.get(launched)
        if usage is not None:
            self.gone(launched)
            if uid not in self.usages:
                self._use(uid, usage)

    def free_ports(self, account: Account) -> Ranges:
        """Those of a node that are neither used nor offered."""
        taken = [r for uid in account.uids for r in self.usages[uid].ports]
        taken += [r for offer_id in account.offer_ids for r in self.offers[offer_id].ports]
        return ranges.subtract(account.ports, ranges.normal(taken)) if taken else account.ports

    def _use(self, uid: str, usage: Usage) -> None:
        self.gone(uid)
        account = self._account(usage.node)
        account.used = resources.add(account.used, usage.amount)
        account.uids.add(uid)
        self.usages[uid] = usage
        if usage.assumed_until is not None:
            self.assumed.add(uid)
        self.roles.charge(usage.role, usage.amount)

    def gone(self, uid: str) -> str | None:
        """A pod that ended or was never bound; the node that has its resources back."""
        usage = self.usages.pop(uid, None)
        self.assumed.discard(uid)
        if usage is None:
            return None
        account = self.accounts[usage.node]
        account.used = resources.subtract(account.used, usage.amount)
        account.uids.discard(uid)
        self.roles.release(usage.role, usage.amount)
        self._forget_if_empty(account)
        return usage.node

    def expire(self, now: float) -> list[str]:
        """Void the launches that were never seen bound; the nodes that are freer for it."""
        late = [
            uid
            for uid in self.assumed
            if (until := self.usages[uid].assumed_until) is not None and until <= now
        ]
        return [node for uid in late if (node := self.gone(uid)) is not None]

    def _forget_if_empty(self, account: Account) -> None:
        if not account.capacity and not account.uids and not account.offer_ids:
            self.accounts.pop(account.name, None)

    def offerable(self, nodes: Iterator[str]) -> Iterator[tuple[Account, dict[str, int]]]:
        """Of these nodes, those that take something new, with what is free on them."""
        for name in nodes:
            account = self.accounts.get(name)
            if account is None or not account.open:
                continue
            free = resources.positive(account.free)
            room = resources.PODS not in account.capacity or resources.PODS in free
            if room and resources.is_offerable(free):
                yield account, free
