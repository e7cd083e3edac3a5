"""Who has how much of which node: capacity = free + offered + used. Pure.

Fed with what the API says (nodes, bound pods) and with what the master does (offers). A launch
is used from the moment it is accepted; when its pod shows up bound, that is the same entry,
known by the pod's uid; if it never does, `expire` returns it. A node can be overcommitted from
outside (a pod created with a nodeName): then its free is negative, and nothing is offered.
A node that is not there, or that nobody hears from, keeps its books, but they count for nothing:
neither as part of the cluster nor towards those who use it, until it is back.

Neighbours: `allocator` reads, `master` writes, `roles` is charged along.
"""

import heapq
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from offers import parts, ranges, resources, roles
from offers.messages import Conversion, Launch, Offer
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
    present: bool = False
    """Whether it counts: it is known, and somebody hears from it."""
    open: bool = False
    """Whether it takes anything new (known and not cordoned)."""
    tainted: bool = False
    """Whether it keeps off those who do not say that they tolerate it."""
    ports: Ranges = ()
    """Those that may be dealt out."""
    used: Vector = field(default_factory=dict)
    offered: Vector = field(default_factory=dict)
    uids: set[str] = field(default_factory=set)
    offer_ids: set[str] = field(default_factory=set)
    carved: Vector = field(default_factory=dict)
    """What reservations and volumes add to the node's own resources and take from them."""

    _free: Vector | None = None
    _spare: Vector | None = None
    _spare_of: Vector | None = None
    """The `free` from which `_spare` was reckoned: each change of the books makes another."""

    @property
    def free(self) -> Vector:
        """Capacity - used - offered; negative where overcommitted."""
        if self._free is None:
            kept = resources.subtract(self.capacity, self.used)
            self._free = resources.subtract(kept, self.offered)
        return self._free

    @property
    def spare(self) -> Vector | None:
        """What of `free` may be offered; None where nothing new has room.

        A framework that has work looks at all nodes, of which most are full: they cost a comparison.
        """
        free = self.free
        if self._spare_of is not free:
            self._spare_of, self._spare = free, None
            there = resources.positive(free)
            room = resources.PODS not in self.capacity or resources.PODS in there
            if room and resources.is_offerable(parts.folded(there)):
                self._spare = there
        return self._spare

    def resize(self, capacity: Vector) -> None:
        self.capacity, self._free = capacity, None

    def use(self, amount: Vector) -> None:
        self.used, self._free = resources.add(self.used, amount), None

    def unuse(self, amount: Vector) -> None:
        self.used, self._free = resources.subtract(self.used, amount), None

    def hold(self, amount: Vector) -> None:
        """On offer from now on."""
        self.offered, self._free = resources.add(self.offered, amount), None

    def let_go(self, amount: Vector) -> None:
        self.offered, self._free = resources.subtract(self.offered, amount), None


@dataclass(frozen=True, slots=True)
class Usage:
    """What one pod takes, of which node, for whom."""

    node: str
    role: str
    amount: Vector
    assumed_until: float | None
    """Accepted but not yet seen bound: void at this moment. None once it was seen."""
    ports: Ranges = ()
    framework: str = ""
    """Empty for what ran before this ledger was made."""


class Ledger:
    """All nodes' books and the role tree that they are charged to."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.roles = RoleTree()
        self.total: Vector = {}
        """Capacity of all nodes that are present."""
        self.offers: dict[str, Offer] = {}
        self.usages: dict[str, Usage] = {}
        self._voids: list[tuple[float, str]] = []
        """(until, uid) of usages with an `assumed_until`, the next first; some are over already."""
        self.plain: Vector = {}
        """What of the total anybody may have."""
        self._beside: dict[str, list[str]] = {}
        """Offer → offers of the same resources to others; whoever accepts first has them."""
        self._first: dict[str, str] = {}
        """The other way round. Those that stand beside another are not counted."""

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
        present: bool = True,
        ports: Ranges = (),
    ) -> bool:
        """A node as the API shows it now; whether it is present where it was not, or no more."""
        account = self._account(name)
        account.tainted, account.ports = tainted, ports
        account.attributes, account.open = attributes, accepts
        self._size(account, resources.add(capacity, account.carved))
        return self._turn(account, present=present)

    def _turn(self, account: Account, *, present: bool) -> bool:
        """A node counts from now on, or no more; False if that is as before."""
        if account.present == present:
            return False
        account.present = present
        self._sum(*((account.capacity, {}) if not present else ({}, account.capacity)))
        count = self.roles.charge if present else self.roles.release
        for uid in account.uids:
            usage = self.usages[uid]
            count(usage.role, usage.amount, usage.framework)
        return True

    def _size(self, account: Account, capacity: Vector) -> None:
        """A node has another capacity than before."""
        if account.present:
            self._sum(account.capacity, capacity)
        account.resize(capacity)

    def _sum(self, before: Vector, after: Vector) -> None:
        """The cluster has `after` where it had `before`."""
        for sign, vector in ((-1, before), (1, after)):
            for role, amount in parts.reserved(vector).items():
                self.roles.reserve(role, amount, sign)
        less, more = parts.folded(before), parts.folded(after)
        self.total = resources.add(resources.subtract(self.total, less), more)
        less, more = parts.plain(before), parts.plain(after)
        self.plain = resources.add(resources.subtract(self.plain, less), more)

    def convert(self, node: str, before: Vector, after: Vector) -> bool:
        """Reserve, unreserve, make or end a volume out of what is free; False if it is not."""
        account = self.accounts.get(node)
        if account is None or not resources.fits(before, resources.positive(account.free)):
            return False
        self._convert(account, before, after)
        return True

    def _convert(self, account: Account, before: Vector, after: Vector) -> None:
        change = resources.subtract(after, before)
        account.carved = resources.add(account.carved, change)
        self._size(account, resources.add(account.capacity, change))

    def carve(self, node: str, carved: Vector) -> None:
        """What an earlier ledger had converted on a node, instead of what this one knows of."""
        account = self._account(node)
        change = resources.subtract(carved, account.carved)
        account.carved = carved
        self._size(account, resources.add(account.capacity, change))

    @property
    def spare(self) -> Vector:
        """What anybody may have and nobody holds, all nodes together."""
        return resources.subtract(self.plain, self.roles.root.unreserved)

    def offered_to(self, path: str) -> Vector:
        """What is on offer to a role and those below it."""
        total: Vector = {}
        for offer in self.offers.values():
            if roles.within(offer.role, path):
                total = resources.add(total, offer.resources)
        return total

    def offered_by_role(self) -> dict[str, Vector]:
        """Role → what is on offer to it and those below it."""
        found: dict[str, Vector] = {}
        for offer in self.offers.values():
            size = parts.folded(offer.resources)
            for path in itertools.accumulate(offer.role.split("/"), "{}/{}".format):
                found[path] = resources.add(found.get(path, {}), size)
        return found

    def remove_node(self, name: str) -> list[Offer]:
        """A node that is gone; its pods keep their entries. Returns the offers now void."""
        account = self.accounts.get(name)
        if account is None:
            return []
        self._turn(account, present=False)
        account.resize({})
        account.carved, account.open = {}, False
        void = [self.offers[offer_id] for offer_id in sorted(account.offer_ids)]
        for offer in void:
            self.give_back(offer.id)
        self._forget_if_empty(account)
        return void

    def offer(self, offer: Offer, *, beside: str = "") -> None:
        """Move from free to offered; or offer once more what another offer holds."""
        self.offers[offer.id] = offer
        if beside:
            self._beside.setdefault(beside, []).append(offer.id)
            self._first[offer.id] = beside
        else:
            self._hold(offer)

    def _hold(self, offer: Offer) -> None:
        account = self.accounts[offer.node]
        account.hold(parts.consumed(offer.resources))
        account.offer_ids.add(offer.id)
        self.roles.charge(offer.role, offer.resources, offer.framework_id, offered=True)

    def rivals(self, offer_id: str) -> list[str]:
        """Other offers of the same resources."""
        first = self._first.get(offer_id, offer_id)
        group = [first, *self._beside.get(first, ())]
        return [each for each in group if each != offer_id]

    def give_back(self, offer_id: str) -> Offer | None:
        """Move from offered to free; None if the offer is not in force."""
        offer = self.offers.pop(offer_id, None)
        if offer is None:
            return None
        first = self._first.pop(offer_id, None)
        if first is not None:
            self._beside[first].remove(offer_id)
            return offer
        account = self.accounts[offer.node]
        account.let_go(parts.consumed(offer.resources))
        account.offer_ids.discard(offer_id)
        self.roles.release(offer.role, offer.resources, offer.framework_id)
        self._promote(self._beside.pop(offer_id, []))
        self._forget_if_empty(account)
        return offer

    def _promote(self, beside: list[str]) -> None:
        """The offer that was counted is gone: the next one of the same resources is."""
        for each in beside:
            del self._first[each]
        if beside:
            for each in beside[1:]:
                self._first[each] = beside[0]
            self._beside[beside[0]] = beside[1:]
            self._hold(self.offers[beside[0]])

    def accept(
        self,
        offer_ids: tuple[str, ...],
        launches: tuple[Launch, ...],
        until: float,
        conversions: tuple[Conversion, ...] = (),
    ) -> bool:
        """Move launches from offers of one node to used, the rest to free; False if one is void.

        Conversions come first. Launches that ask for more than the offers then hold are not in
        order: nothing happens then. Whoever has rivals for an offer must have voided theirs.
        """
        taken = [self.offers.get(offer_id) for offer_id in dict.fromkeys(offer_ids)]
        offers = [offer for offer in taken if offer is not None]
        if not offers or len(offers) < len(taken) or len({offer.node for offer in offers}) > 1:
            return False
        held: Vector = {}
        for offer in offers:
            held = resources.add(held, offer.resources)
        for change in conversions:
            if not resources.fits(change.before, held):
                return False
            held = resources.add(resources.subtract(held, change.before), change.after)
        wanted: Vector = {}
        for launch in launches:
            wanted = resources.add(wanted, parts.consumed(launch.resources))
        # What is shared is taken from nobody, but must be there.
        if not all(
            resources.fits(each, held) for each in (wanted, *(x.resources for x in launches))
        ):
            return False
        for offer in offers:
            self.give_back(offer.id)
        account = self._account(offers[0].node)
        for change in conversions:
            self._convert(account, change.before, change.after)
        for launch in launches:
            usage = Usage(account.name, launch.role, launch.resources, until, launch.ports)
            self._use(launch.uid, replace(usage, framework=offers[0].framework_id))
        return True

    def assume(self, launch: Launch, node: str, until: float, framework: str = "") -> None:
        """A launch that no offer stands for, as one that was accepted before this ledger."""
        usage = Usage(node, launch.role, launch.resources, until, launch.ports, framework)
        self._use(launch.uid, usage)

    def bound(self, uid: str, node: str, role: str, amount: Vector, ports: Ranges = ()) -> None:
        """A pod that the API shows bound to a node."""
        before = self.usages.get(uid)
        framework = before.framework if before is not None else ""
        self._use(uid, Usage(node, role, amount, None, ports, framework))

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
        account.use(parts.consumed(usage.amount))
        account.uids.add(uid)
        self.usages[uid] = usage
        if usage.assumed_until is not None:
            heapq.heappush(self._voids, (usage.assumed_until, uid))
        if account.present:
            self.roles.charge(usage.role, usage.amount, usage.framework)

    def gone(self, uid: str) -> str | None:
        """A pod that ended or was never bound; the node that has its resources back."""
        usage = self.usages.pop(uid, None)
        if usage is None:
            return None
        account = self.accounts[usage.node]
        account.unuse(parts.consumed(usage.amount))
        account.uids.discard(uid)
        if account.present:
            self.roles.release(usage.role, usage.amount, usage.framework)
        self._forget_if_empty(account)
        return usage.node

    def next_void(self) -> float | None:
        """When the next launch is void that was not seen bound."""
        while self._voids:
            until, uid = self._voids[0]
            usage = self.usages.get(uid)
            if usage is not None and usage.assumed_until == until:
                return until
            heapq.heappop(self._voids)
        return None

    def expire(self, now: float) -> list[str]:
        """Void the launches that were never seen bound; the nodes that are freer for it."""
        freer = []
        while (until := self.next_void()) is not None and until <= now:
            node = self.gone(self._voids[0][1])
            if node is not None:
                freer.append(node)
        return freer

    def _forget_if_empty(self, account: Account) -> None:
        if not account.capacity and not account.uids and not account.offer_ids:
            self.accounts.pop(account.name, None)

    def offerable(self, nodes: Iterator[str]) -> Iterator[tuple[Account, Vector]]:
        """Of these nodes, those that take something new, with what is free on them."""
        for name in nodes:
            account = self.accounts.get(name)
            if account is not None and account.open and (free := account.spare) is not None:
                yield account, free
