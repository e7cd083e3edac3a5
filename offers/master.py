"""The offer master: the loop of level one.

Snapshot, then follow: nodes and pods come from informers and mark the ledger; every change that
could make room wakes one task, which lets the pure allocator decide and books what it grants.
There is no batch interval: an allocation follows its cause on the next turn of the event loop.
Neighbours: `ledger`, `allocator`, `filters` (pure), `session` (what frameworks see),
`bireme.cli.server` (composition, which brings the informers).

The books are only as true as the API: after a restart they are made anew from it, offers are not
kept, and their ids begin with the epoch so that none is mistaken for one of before.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from apimachinery.aio.clock import Clock, SystemClock
from offers import allocator, messages, ranges, resources, roles, sorter
from offers.filters import REFUSE_SECONDS_MAX, Filters
from offers.ledger import Ledger
from offers.messages import Call, Event, FrameworkInfo, Offer
from offers.ranges import Ranges
from offers.resources import Vector

ASSUMED_S = 30.0
"""An accepted launch whose pod is not seen bound by then is void: a binding takes milliseconds."""
EVENTS_MAX = 10_000
"""Events a framework may leave unread before it is cut off."""
OFFER_TIMEOUT_S = 30.0
"""Offers that a framework leaves unanswered go to others after this long (Mesos: never)."""
NODE_PORTS: Ranges = ((20000, 29999),)
"""Dealt out on every node. Mesos' 31000 to 32000 lie among Kubernetes' NodePorts."""
HARD_TAINTS = ("NoSchedule", "NoExecute")


V_co = TypeVar("V_co", covariant=True)


class Mirror(Protocol[V_co]):
    """What the master needs of an informer, whatever richer view it keeps for others."""

    def add_handler(self, handler: Callable[[str, V_co | None, V_co | None], None], /) -> None: ...
    async def synced(self) -> None: ...


class TaintView(Protocol):
    """What the master reads of a node's taint."""

    @property
    def effect(self) -> str: ...


class PortView(Protocol):
    """What the master reads of a port that a pod takes on its node."""

    @property
    def port(self) -> int: ...


class Receiver(Protocol):
    """Where a framework's events go: plain calls that never wait."""

    def deliver(self, event: Event, /) -> None: ...


class NodeView(Protocol):
    """What the master reads of a Node."""

    @property
    def taints(self) -> Sequence[TaintView]: ...
    @property
    def allocatable(self) -> Vector: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def accepts_pods(self) -> bool:
        """Ready and not cordoned."""
        ...


class PodView(Protocol):
    """What the master reads of a Pod."""

    @property
    def uid(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def node_name(self) -> str: ...
    @property
    def requests(self) -> Vector: ...
    @property
    def host_ports(self) -> Sequence[PortView]: ...
    @property
    def ended(self) -> bool:
        """Succeeded or Failed: it holds nothing any more."""
        ...


@dataclass(slots=True)
class _Framework:
    """A subscribed framework."""

    info: FrameworkInfo
    receiver: Receiver
    suppressed: set[str]
    """Roles for which no offers are made."""
    smallest: Vector = field(default_factory=dict)
    offer_ids: set[str] = field(default_factory=set)

    @property
    def wanting(self) -> tuple[str, ...]:
        """The roles for which it takes offers."""
        return tuple(role for role in self.info.roles if role not in self.suppressed)


class OfferMaster:
    """See the module's docstring. `run` ends only by cancellation."""

    def __init__(
        self,
        nodes: Mirror[NodeView],
        pods: Mirror[PodView],
        *,
        role_of_namespace: Callable[[str], str] = "kubernetes/{}".format,
        role_of_pod: Callable[[str], str] = lambda _: "",
        epoch: int = 0,
        master_id: str = "",
        offer_timeout: float = OFFER_TIMEOUT_S,
        clock: Clock | None = None,
    ) -> None:
        """`role_of_pod` knows pods ("namespace/name") that are not charged to their namespace."""
        self.id = master_id or str(epoch)
        """Begins the ids of offers and frameworks, so that none is taken for one of before."""
        self.ledger = Ledger()
        self._nodes, self._pods = nodes, pods
        self._role_of_namespace = role_of_namespace
        self._role_of_pod = role_of_pod
        self._offer_timeout = offer_timeout
        self._expiring: deque[tuple[float, str]] = deque()
        """(when, offer) in the order of making, which is that of ending."""
        self._clock = clock or SystemClock()
        self._filters = Filters()
        self._frameworks: dict[str, _Framework] = {}
        self._ids = itertools.count(1)
        self._framework_ids = itertools.count(0)
        self._dirty: set[str] = set()
        self._wake = asyncio.Event()
        nodes.add_handler(self._node_changed)
        pods.add_handler(self._pod_changed)

    def subscribe(self, info: FrameworkInfo) -> "InProcessSession":
        """A session for a framework in this process.

        Raises:
            RoleError: one of its roles can't be a role.
        """
        info = replace(info, id=info.id or self.next_framework_id())
        session = InProcessSession(self, info.id)
        self.attach(info, session)
        session.deliver(messages.Subscribed(info.id))
        return session

    def next_framework_id(self) -> str:
        return f"{self.id}-{next(self._framework_ids):04}"

    def attach(self, info: FrameworkInfo, receiver: Receiver) -> None:
        """Make offers to a framework that has an id; they go to `receiver`.

        Raises:
            RoleError: one of its roles can't be a role.
        """
        for role in info.roles:
            roles.check(role)
        for role in info.roles:
            self.ledger.roles.role(role)
        suppressed = info.roles if info.suppressed is None else info.suppressed
        self._frameworks[info.id] = _Framework(info, receiver, set(suppressed))
        self._mark(*self.ledger.accounts)

    def update(self, info: FrameworkInfo) -> None:
        """A framework that is attached changed its mind about roles and sizes; RoleError."""
        for role in info.roles:
            roles.check(role)
        framework = self._frameworks[info.id]
        for offer_id in sorted(framework.offer_ids):
            if self.ledger.offers[offer_id].role not in info.roles:
                self.rescind(offer_id)
        framework.info = info
        if info.suppressed is not None:
            framework.suppressed = set(info.suppressed)
        self._mark(*self.ledger.accounts)

    def offer(self, framework_id: str, offer_id: str) -> Offer | None:
        """An offer in force that this framework holds."""
        framework = self._frameworks.get(framework_id)
        held = framework is not None and offer_id in framework.offer_ids
        return self.ledger.offers[offer_id] if held else None

    def configure(self, path: str, weight: float, guarantee: Vector, limit: Vector) -> None:
        """A role's weight and quota, from now on."""
        role = self.ledger.roles.role(path)
        role.weight, role.limit = weight, limit
        self.ledger.roles.guarantee(path, guarantee)
        self._mark(*self.ledger.accounts)

    def info_of(self, framework_id: str) -> FrameworkInfo | None:
        framework = self._frameworks.get(framework_id)
        return framework.info if framework else None

    def framework_counts(self) -> dict[str, int]:
        """How many frameworks take offers for each role."""
        found: dict[str, int] = {}
        for framework in self._frameworks.values():
            for role in framework.info.roles:
                found[role] = found.get(role, 0) + 1
        return found

    def waiting(self) -> list[tuple[FrameworkInfo, tuple[str, ...], int, int]]:
        """Frameworks: the roles for which they want offers, offers in hand, filters."""
        return [
            (f.info, f.wanting, len(f.offer_ids), self._filters.count(f.info.id))
            for f in self._frameworks.values()
        ]

    def offered_to(self, path: str) -> Vector:
        """What is on offer to a role and those below it."""
        total: Vector = {}
        for offer in self.ledger.offers.values():
            if offer.role == path or offer.role.startswith(f"{path}/"):
                total = resources.add(total, offer.resources)
        return total

    def times_of(self, offer_id: str) -> tuple[float, float | None]:
        """When an offer was made, and when it ends by itself (both monotonic)."""
        offer = self.ledger.offers[offer_id]
        holder = self._frameworks.get(offer.framework_id)
        ends = holder is not None and holder.info.offers_expire
        return offer.made, offer.made + self._offer_timeout if ends else None

    def offers_of(self, framework_id: str) -> list[Offer]:
        framework = self._frameworks.get(framework_id)
        held = sorted(framework.offer_ids) if framework else []
        return [self.ledger.offers[offer_id] for offer_id in held]

    async def run(self) -> None:
        """Make offers whenever something changed that may allow one."""
        await self._nodes.synced()
        await self._pods.synced()
        while True:
            await self._wait()
            self._wake.clear()
            self._dirty.update(self.ledger.expire(self._clock.monotonic()))
            self._expire_offers()
            dirty, self._dirty = self._dirty, set()
            self._allocate(dirty)

    def _expire_offers(self) -> None:
        """Take back what has been unanswered for too long."""
        now = self._clock.monotonic()
        while self._expiring and self._expiring[0][0] <= now:
            self.rescind(self._expiring.popleft()[1])

    def rescind(self, offer_id: str) -> None:
        """Take an offer back, if it is in force still, and say so."""
        offer = self.ledger.give_back(offer_id)
        if offer is not None:
            self._rescinded(offer)
            self._mark(offer.node)

    async def _wait(self) -> None:
        """Until something changed, a filter, an offer or an assumed launch is over."""
        while self._expiring and self._expiring[0][1] not in self.ledger.offers:
            self._expiring.popleft()
        ends = [self._expiring[0][0]] if self._expiring else []
        ends += [
            end
            for framework in self._frameworks.values()
            if framework.wanting and (end := self._filters.next_end(framework.info.id)) is not None
        ]
        ends += [
            until
            for uid in self.ledger.assumed
            if (until := self.ledger.usages[uid].assumed_until) is not None
        ]
        delay = max(0.0, min(ends) - self._clock.monotonic()) if ends else None
        try:
            async with asyncio.timeout(delay):
                await self._wake.wait()
        except TimeoutError:
            self._dirty.update(self.ledger.accounts)

    # --- what the API says

    def _node_changed(self, key: str, old: NodeView | None, new: NodeView | None) -> None:
        if new is None:
            for offer in self.ledger.remove_node(key):
                self._rescinded(offer)
            return
        tainted = any(taint.effect in HARD_TAINTS for taint in new.taints)
        self.ledger.set_node(
            key,
            new.allocatable,
            new.labels,
            accepts=new.accepts_pods,
            tainted=tainted,
            ports=NODE_PORTS,
        )
        if old is not None and (old.labels != new.labels or old.allocatable != new.allocatable):
            self._filters.forget_node(key)
        if not new.accepts_pods or tainted:
            self._void(key, every=not new.accepts_pods)
        self._mark(key)

    def _void(self, node: str, *, every: bool) -> None:
        """Take back a node's offers: all, or those of frameworks that avoid tainted nodes."""
        account = self.ledger.accounts.get(node)
        for offer_id in sorted(account.offer_ids) if account else ():
            holder = self._frameworks.get(self.ledger.offers[offer_id].framework_id)
            if every or (holder is not None and holder.info.avoids_taints):
                self.rescind(offer_id)

    def _pod_changed(self, key: str, old: PodView | None, new: PodView | None) -> None:
        if new is None or new.ended:
            gone = new or old
            node = self.ledger.gone(gone.uid) if gone is not None else None
            if node is not None:
                self._mark(node)
        elif new.node_name:
            if old is not None and old.uid != new.uid:
                self.ledger.gone(old.uid)
            role = self._role_of_pod(key) or self._role_of_namespace(new.namespace)
            ports = ranges.normal((p.port, p.port) for p in new.host_ports)
            self.ledger.bound(new.uid, new.node_name, role, new.requests, ports)

    def _rescinded(self, offer: Offer) -> None:
        framework = self._frameworks.get(offer.framework_id)
        if framework is not None:
            framework.offer_ids.discard(offer.id)
            framework.receiver.deliver(messages.Rescind(offer.id))

    def _mark(self, *nodes: str) -> None:
        self._dirty.update(nodes)
        self._wake.set()

    # --- what frameworks say

    def call(self, framework_id: str, call: Call) -> bool:
        """Carry out a framework's call; False if it is about an offer not in force."""
        framework = self._frameworks.get(framework_id)
        if framework is None:
            return False
        match call:
            case messages.Accept():
                return self._accept(framework, call)
            case messages.Decline(offer_ids, refuse_seconds):
                results = [self._decline(framework, i, refuse_seconds) for i in offer_ids]
                return all(results)
            case messages.Abandon(uids):
                self._mark(*(n for uid in uids if (n := self.ledger.gone(uid)) is not None))
            case messages.Claim(node, launch, seconds):
                self.ledger.assume(launch, node, self._clock.monotonic() + seconds)
            case messages.Suppress(only):
                framework.suppressed |= set(only or framework.info.roles)
            case messages.Revive(smallest, only):
                framework.suppressed -= set(only or framework.info.roles)
                framework.smallest = smallest
                self._filters.clear(framework_id, only)
                self._mark(*self.ledger.accounts)
        return True

    def _accept(self, framework: _Framework, call: messages.Accept) -> bool:
        if not call.offer_ids or not framework.offer_ids.issuperset(call.offer_ids):
            return False
        offers = [self.ledger.offers[offer_id] for offer_id in call.offer_ids]
        now = self._clock.monotonic()
        if not self.ledger.accept(call.offer_ids, call.launches, now + ASSUMED_S):
            return False
        framework.offer_ids.difference_update(call.offer_ids)
        rest: Vector = {}
        for offer in offers:
            rest = resources.add(rest, offer.resources)
        for launch in call.launches:
            rest = resources.subtract(rest, launch.resources)
        self._refuse(framework, offers[0], rest, call.refuse_seconds)
        return True

    def _refuse(self, framework: _Framework, offer: Offer, amount: Vector, seconds: float) -> None:
        """Do not offer it this much or less of the node for a while; others may have it."""
        if seconds > 0:
            until = self._clock.monotonic() + min(seconds, REFUSE_SECONDS_MAX)
            self._filters.decline(framework.info.id, offer.role, offer.node, amount, until)
        self._mark(offer.node)

    def assume(self, launch: messages.Launch, node: str) -> None:
        """Book a launch that an earlier master accepted and whose pod is yet to be made."""
        self.ledger.assume(launch, node, self._clock.monotonic() + ASSUMED_S)

    def _decline(self, framework: _Framework, offer_id: str, refuse_seconds: float) -> bool:
        if offer_id not in framework.offer_ids:
            return False
        framework.offer_ids.discard(offer_id)
        offer = self.ledger.give_back(offer_id)
        if offer is None:
            return False
        self._refuse(framework, offer, offer.resources, refuse_seconds)
        return True

    def unsubscribe(self, framework_id: str) -> None:
        """Take back every offer of a framework that is gone."""
        framework = self._frameworks.pop(framework_id, None)
        if framework is None:
            return
        self._filters.clear(framework_id)
        for offer_id in sorted(framework.offer_ids):
            if (offer := self.ledger.give_back(offer_id)) is not None:
                self._mark(offer.node)

    # --- what the allocator says

    def _allocate(self, nodes: set[str]) -> None:
        wanting = [
            allocator.Wanting(
                framework.info.id,
                wanted,
                framework.smallest,
                self._allocated(framework),
                framework.info.wants_ports,
                framework.info.avoids_taints,
                framework.info.sizes,
                framework.info.role_sizes,
            )
            for framework in self._frameworks.values()
            if (wanted := framework.wanting)
        ]
        made: dict[str, list[Offer]] = {}
        grants = allocator.allocate(
            self.ledger,
            wanting,
            self._filters,
            nodes=nodes,
            now=self._clock.monotonic(),
            seed=next(self._ids),
        )
        for grant in grants:
            offer = Offer(
                id=f"{self.id}-O{next(self._ids)}",
                framework_id=grant.framework_id,
                role=grant.role,
                node=grant.node,
                resources=grant.resources,
                attributes=grant.attributes,
                ports=grant.ports,
                made=self._clock.monotonic(),
            )
            self.ledger.offer(offer)
            framework = self._frameworks[offer.framework_id]
            framework.offer_ids.add(offer.id)
            if framework.info.offers_expire:
                self._expiring.append((self._clock.monotonic() + self._offer_timeout, offer.id))
            made.setdefault(offer.framework_id, []).append(offer)
        for framework_id, offers in made.items():
            framework = self._frameworks[framework_id]
            event = messages.Offers(tuple(offers), self.shares(framework.info))
            framework.receiver.deliver(event)

    def _allocated(self, framework: _Framework) -> Vector:
        total: Vector = {}
        for path in framework.info.roles:
            role = self.ledger.roles.find(path)
            total = resources.add(total, role.allocated) if role else total
        return total

    def shares(self, info: FrameworkInfo) -> dict[str, float]:
        """The dominant shares of a framework's roles and of those right below them."""
        paths = list(info.roles)
        for path in info.roles:
            role = self.ledger.roles.find(path)
            paths += [child.path for child in role.children.values()] if role else []
        total = self.ledger.total
        return {path: sorter.share_of(self.ledger.roles, path, total) for path in paths}


class InProcessSession:
    """A session without a wire; see `offers.session.OfferSession` for the promise."""

    def __init__(self, master: OfferMaster, framework_id: str) -> None:
        self._master = master
        self._id = framework_id
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(EVENTS_MAX)

    def call(self, call: Call) -> bool:
        """Make a call; False if it was about an offer no longer in force."""
        return self._master.call(self._id, call)

    async def events(self) -> AsyncIterator[Event]:
        """The events, in order, until the session is over."""
        while (event := await self._events.get()) is not None:
            yield event

    def close(self) -> None:
        """End the session: offers in hand return, the reader's iteration ends."""
        self._master.unsubscribe(self._id)
        while self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(None)

    def deliver(self, event: Event) -> None:
        """Queue an event; a framework that leaves too many unread is cut off."""
        if self._events.qsize() >= EVENTS_MAX - 1:
            self.close()
        else:
            self._events.put_nowait(event)
