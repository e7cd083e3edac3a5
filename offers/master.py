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
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from apimachinery.aio.clock import Clock, SystemClock
from offers import allocator, messages, resources, roles, sorter
from offers.filters import REFUSE_SECONDS_MAX, Filters
from offers.ledger import Ledger
from offers.messages import Call, Event, FrameworkInfo, Launch, Offer
from offers.resources import Vector

ASSUMED_S = 30.0
"""An accepted launch whose pod is not seen bound by then is void: a binding takes milliseconds."""
EVENTS_MAX = 10_000
"""Events a framework may leave unread before it is cut off."""


V_co = TypeVar("V_co", covariant=True)


class Mirror(Protocol[V_co]):
    """What the master needs of an informer, whatever richer view it keeps for others."""

    def add_handler(self, handler: Callable[[str, V_co | None, V_co | None], None], /) -> None: ...
    async def synced(self) -> None: ...


class NodeView(Protocol):
    """What the master reads of a Node."""

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
    def ended(self) -> bool:
        """Succeeded or Failed: it holds nothing any more."""
        ...


@dataclass(slots=True)
class _Framework:
    """A subscribed framework."""

    info: FrameworkInfo
    session: "InProcessSession"
    suppressed: bool = True
    """Offers are made from the first `Revive` on."""
    smallest: Vector = field(default_factory=dict)
    offer_ids: set[str] = field(default_factory=set)


class OfferMaster:
    """See the module's docstring. `run` ends only by cancellation."""

    def __init__(
        self,
        nodes: Mirror[NodeView],
        pods: Mirror[PodView],
        *,
        role_of_namespace: Callable[[str], str] = "kubernetes/{}".format,
        epoch: int = 0,
        clock: Clock | None = None,
    ) -> None:
        self.ledger = Ledger()
        self._nodes, self._pods = nodes, pods
        self._role_of_namespace = role_of_namespace
        self._epoch = epoch
        self._clock = clock or SystemClock()
        self._filters = Filters()
        self._frameworks: dict[str, _Framework] = {}
        self._ids = itertools.count(1)
        self._dirty: set[str] = set()
        self._wake = asyncio.Event()
        nodes.add_handler(self._node_changed)
        pods.add_handler(self._pod_changed)

    def subscribe(self, info: FrameworkInfo) -> "InProcessSession":
        """A session for a framework in this process.

        Raises:
            RoleError: one of its roles can't be a role.
        """
        for role in info.roles:
            roles.check(role)
            self.ledger.roles.role(role)
        if not info.id:
            info = replace(info, id=f"{self._epoch}-{next(self._ids):04}-{info.name}")
        session = InProcessSession(self, info.id)
        self._frameworks[info.id] = _Framework(info, session)
        session.deliver(messages.Subscribed(info.id))
        return session

    async def run(self) -> None:
        """Make offers whenever something changed that may allow one."""
        await self._nodes.synced()
        await self._pods.synced()
        while True:
            await self._wait()
            self._wake.clear()
            self._dirty.update(self.ledger.expire(self._clock.monotonic()))
            dirty, self._dirty = self._dirty, set()
            self._allocate(dirty)

    async def _wait(self) -> None:
        """Until something changed, a filter is over or an assumed launch is."""
        ends = [
            end
            for framework in self._frameworks.values()
            if not framework.suppressed
            and (end := self._filters.next_end(framework.info.id)) is not None
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
        del old
        if new is None:
            for offer in self.ledger.remove_node(key):
                self._rescinded(offer)
            return
        self.ledger.set_node(key, new.allocatable, new.labels, accepts=new.accepts_pods)
        if not new.accepts_pods and key in self.ledger.accounts:
            for offer_id in sorted(self.ledger.accounts[key].offer_ids):
                if (void := self.ledger.give_back(offer_id)) is not None:
                    self._rescinded(void)
        self._mark(key)

    def _pod_changed(self, key: str, old: PodView | None, new: PodView | None) -> None:
        del key
        if new is None or new.ended:
            gone = new or old
            node = self.ledger.gone(gone.uid) if gone is not None else None
            if node is not None:
                self._mark(node)
        elif new.node_name:
            if old is not None and old.uid != new.uid:
                self.ledger.gone(old.uid)
            role = self._role_of_namespace(new.namespace)
            self.ledger.bound(new.uid, new.node_name, role, new.requests)

    def _rescinded(self, offer: Offer) -> None:
        framework = self._frameworks.get(offer.framework_id)
        if framework is not None:
            framework.offer_ids.discard(offer.id)
            framework.session.deliver(messages.Rescind(offer.id))

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
            case messages.Accept(offer_id, launches):
                return self._accept(framework, offer_id, launches)
            case messages.Decline(offer_ids, refuse_seconds):
                results = [self._decline(framework, i, refuse_seconds) for i in offer_ids]
                return all(results)
            case messages.Abandon(uids):
                self._mark(*(n for uid in uids if (n := self.ledger.gone(uid)) is not None))
            case messages.Suppress():
                framework.suppressed = True
            case messages.Revive(smallest):
                framework.suppressed, framework.smallest = False, smallest
                self._filters.clear(framework_id)
                self._mark(*self.ledger.accounts)
        return True

    def _accept(self, framework: _Framework, offer_id: str, launches: tuple[Launch, ...]) -> bool:
        if offer_id not in framework.offer_ids:
            return False
        node = self.ledger.offers[offer_id].node
        until = self._clock.monotonic() + ASSUMED_S
        if not self.ledger.accept(offer_id, launches, until):
            return False
        framework.offer_ids.discard(offer_id)
        self._mark(node)
        return True

    def _decline(self, framework: _Framework, offer_id: str, refuse_seconds: float) -> bool:
        if offer_id not in framework.offer_ids:
            return False
        framework.offer_ids.discard(offer_id)
        offer = self.ledger.give_back(offer_id)
        if offer is None:
            return False
        if refuse_seconds > 0:
            until = self._clock.monotonic() + min(refuse_seconds, REFUSE_SECONDS_MAX)
            self._filters.decline(framework.info.id, offer.node, offer.resources, until)
        self._mark(offer.node)
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
                framework.info.roles,
                framework.smallest,
                self._allocated(framework),
            )
            for framework in self._frameworks.values()
            if not framework.suppressed
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
                id=f"{self._epoch}-{next(self._ids)}",
                framework_id=grant.framework_id,
                role=grant.role,
                node=grant.node,
                resources=grant.resources,
                attributes=grant.attributes,
            )
            self.ledger.offer(offer)
            self._frameworks[offer.framework_id].offer_ids.add(offer.id)
            made.setdefault(offer.framework_id, []).append(offer)
        for framework_id, offers in made.items():
            framework = self._frameworks[framework_id]
            event = messages.Offers(tuple(offers), self.shares(framework.info))
            framework.session.deliver(event)

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
