"""The offer master: the loop of level one.

Snapshot, then follow: nodes and pods come from informers and mark the ledger; every change that
could make room wakes one task, which lets the pure allocator decide and books what it grants.
There is no batch interval: an allocation follows its cause at once, or 5 ms after the last one.
Neighbours: `ledger`, `allocator`, `filters` (pure), `session` (what frameworks see),
`bireme.cli.server` (composition, which brings the informers).

The books are only as true as the API: after a restart they are made anew from it, offers are not
kept, and their ids begin with the epoch so that none is mistaken for one of before.
"""

import asyncio
import contextlib
import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from apimachinery.aio.clock import Clock, SystemClock
from offers import (
    allocator,
    demand,
    explain,
    filters,
    messages,
    resources,
    roles,
    sorter,
)
from offers.budget import Budget
from offers.cluster import Cluster
from offers.filters import Filters
from offers.hands import OFFER_TIMEOUT_S, Hands
from offers.inprocess import InProcessSession
from offers.ledger import Ledger
from offers.messages import Call, FrameworkInfo, Offer
from offers.metrics import Metrics
from offers.pace import Pace
from offers.resources import Vector
from offers.subscriber import Subscriber
from offers.views import Mirror, NodeView, PodView, Receiver

ASSUMED_S = 30.0
"""An accepted launch whose pod is not seen bound by then is void: a binding takes milliseconds."""
PAUSE_S = 0.005
"""Between two allocations at least: changes that come in a burst are answered together."""
OFFERS_AT_ONCE = 100
"""Offers of one event."""


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
        rivals: int = 1,
        region: str = "",
        clock: Clock | None = None,
    ) -> None:
        """`role_of_pod` knows pods ("namespace/name") that are not charged to their namespace.

        With `rivals` of 2 and more, so many are offered the same at a time, and the first that
        accepts has it. Nodes of another than the master's `region` are for those who ask for it.
        """
        self.id = master_id or str(epoch)
        """Begins the ids of offers and frameworks, so that none is taken for one of before."""
        self.ledger = Ledger()
        self._nodes, self._pods = nodes, pods
        self._rivals, self._region = rivals, region
        self._allocated_at = -math.inf
        self._clock = clock or SystemClock()
        self._filters = Filters()
        self._frameworks: dict[str, Subscriber] = {}
        self._ids = itertools.count(1)
        self._framework_ids = itertools.count(0)
        self._dirty: set[str] = set()
        self._everywhere = False
        """Whether all nodes are to be looked at: however often that is said, it is done once."""
        self._pace = Pace()
        self._wake = asyncio.Event()
        self.hands = Hands(
            self.ledger, self._frameworks, self._filters, self._clock, self._mark,
            timeout=offer_timeout,
        )  # fmt: skip
        self.cluster = Cluster(
            self.ledger,
            self.hands,
            self._frameworks,
            self._filters,
            role_of_namespace=role_of_namespace,
            role_of_pod=role_of_pod,
            mark=self._mark,
            quota_changed=self._quota_changed,
        )
        self.metrics = Metrics(
            self.ledger, self._frameworks, self._filters, self._pace, self._clock
        )
        nodes.add_handler(self.cluster.node_changed)
        pods.add_handler(self.cluster.pod_changed)

    def subscribe(self, info: FrameworkInfo) -> InProcessSession:
        """A session for a framework in this process.

        Raises:
            RoleError: one of its roles can't be a role.
        """
        # Pods are not ended because a node's estimate has changed.
        able = info.capabilities - {"REVOCABLE_RESOURCES"}
        info = replace(
            info, id=info.id or self.next_framework_id(), serves_below=True, capabilities=able
        )
        session = InProcessSession(
            partial(self.call, info.id),
            partial(self.unsubscribe, info.id),
            partial(self.budget, info.id),
        )
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
        made = Subscriber(info, receiver, set(suppressed))
        made.interest.hungry_since = self._clock.monotonic()
        self._frameworks[info.id] = made
        self._mark(*self.ledger.accounts)

    def update(self, info: FrameworkInfo) -> None:
        """A framework that is attached changed its mind about roles and sizes; RoleError."""
        for role in info.roles:
            roles.check(role)
        framework = self._frameworks[info.id]
        for offer_id in sorted(framework.offer_ids):
            if self.ledger.offers[offer_id].role not in info.roles:
                self.hands.rescind(offer_id)
        framework.info = info
        framework.interest.uses()
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
        for offer_id in demand.beyond_quota(self.ledger, path):
            self.hands.rescind(offer_id)
        self._quota_changed()

    def _quota_changed(self) -> None:
        """What roles hold, or may hold, is another thing now, on whatever node."""
        self._everywhere = True
        self._wake.set()

    def _look_everywhere(self) -> None:
        self._everywhere = False
        self._dirty.update(self.ledger.accounts)
        for framework in self._frameworks.values():
            if framework.info.serves_below:
                framework.receiver.deliver(messages.QuotaChanged())

    def budget(self, framework_id: str) -> Budget:
        """What roles may still have by quota, what a framework has on offer among it."""

        def held() -> dict[str, Vector]:
            found: dict[str, Vector] = {}
            for offer in self.offers_of(framework_id):
                found[offer.role] = resources.add(found.get(offer.role, {}), offer.resources)
            return found

        return Budget(self.ledger.roles, self.ledger.spare, held)

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

    def waiting_for(self, path: str, most: int) -> list[str]:
        """Who wants offers for a role and has none, and why; some of them."""
        now = self._clock.monotonic()
        hungry = (
            framework
            for framework in self._frameworks.values()
            if path in framework.wanting and not framework.offer_ids
        )
        return [
            f"{framework.info.name}: " + explain.why(
                self.ledger, framework.as_wanting(), path, self._filters,
                now=now, region=self._region,
            )
            for framework in itertools.islice(hungry, most)
        ]  # fmt: skip

    def offers_of(self, framework_id: str) -> list[Offer]:
        framework = self._frameworks.get(framework_id)
        held = sorted(framework.offer_ids) if framework else []
        return [self.ledger.offers[offer_id] for offer_id in held]

    @property
    def busy(self) -> bool:
        """Whether there are nodes that have changed and were not looked at since."""
        return bool(self._dirty) or self._everywhere

    async def run(self) -> None:
        """Make offers whenever something changed that may allow one."""
        await self._nodes.synced()
        await self._pods.synced()
        while True:
            await self._wait()
            self._wake.clear()
            if self._everywhere:
                self._look_everywhere()
            now = self._clock.monotonic()
            self._dirty.update(self.ledger.expire(now))
            self._dirty.update(self._filters.ended(now))
            self.hands.expire()
            self.hands.feed(now)
            while self._dirty:
                some = set(itertools.islice(self._dirty, self._pace.nodes))
                self._dirty -= some
                began = self._clock.monotonic()
                self._allocate(some)
                self._pace.took(len(some), self._clock.monotonic() - began)
                await asyncio.sleep(0)
            self._allocated_at = self._clock.monotonic()

    def _next_end(self) -> float | None:
        """When something ends by itself: an offer, a filter, a launch, patience."""
        ends = (self._filters.next_end(), self.ledger.next_void(), self.hands.next_end())
        return min((end for end in ends if end is not None), default=None)

    async def _wait(self) -> None:
        """Until something changed or ended, but not at once again."""
        end = self._next_end()
        with contextlib.suppress(TimeoutError):
            now = self._clock.monotonic()
            async with asyncio.timeout(None if end is None else max(0.0, end - now)):
                await self._wake.wait()
        rest = self._allocated_at + PAUSE_S - self._clock.monotonic()
        if rest > 0:
            await asyncio.sleep(rest)

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
                until = self._clock.monotonic() + seconds
                self.ledger.assume(launch, node, until, framework_id)
            case messages.Suppress(only):
                framework.suppressed |= set(only or framework.info.roles)
            case messages.Revive(smallest, only, wished):
                framework.suppressed -= set(only or framework.info.roles)
                framework.smallest, framework.nodes = smallest, wished
                framework.interest.uses()
                framework.interest.hungry_since = self._clock.monotonic()
                self._filters.clear(framework_id, only)
                known = self.ledger.accounts
                self._mark(*(known if wished is None else wished & known.keys()))
        return True

    def _accept(self, framework: Subscriber, call: messages.Accept) -> bool:
        if not call.offer_ids or not framework.offer_ids.issuperset(call.offer_ids):
            return False
        offers = [self.ledger.offers[offer_id] for offer_id in call.offer_ids]
        until = self._clock.monotonic() + ASSUMED_S
        rivals = [each for offer in offers for each in self.ledger.rivals(offer.id)]
        if not self.ledger.accept(call.offer_ids, call.launches, until, call.conversions):
            return False
        for offer_id in rivals:
            self.hands.rescind(offer_id)
        framework.counts.accepted += len(offers)
        for offer in offers:
            self.hands.drop(framework, offer)
        if call.launches or call.conversions:
            framework.interest.uses()
        rest: Vector = {}
        for offer in offers:
            rest = resources.add(rest, offer.resources)
        for launch in call.launches:
            rest = resources.subtract(rest, launch.resources)
        self._refuse(framework, offers[0], rest, call.refuse_seconds)
        return True

    def _refuse(self, framework: Subscriber, offer: Offer, amount: Vector, seconds: float) -> None:
        """Do not offer it this much or less of the node for a while; others may have it."""
        if seconds > 0:
            until = filters.end(self._clock.monotonic(), seconds)
            self._filters.decline(framework.info.id, offer.role, offer.node, amount, until)
        self._mark(offer.node)

    def assume(self, launch: messages.Launch, node: str) -> None:
        """Book a launch that an earlier master accepted and whose pod is yet to be made."""
        self.ledger.assume(launch, node, self._clock.monotonic() + ASSUMED_S)

    def _decline(self, framework: Subscriber, offer_id: str, refuse_seconds: float) -> bool:
        if offer_id not in framework.offer_ids:
            return False
        offer = self.ledger.give_back(offer_id)
        if offer is None:
            return False
        self.hands.drop(framework, offer)
        framework.counts.declined += 1
        refuse_seconds = max(refuse_seconds, framework.interest.declines())
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
        for role in framework.info.roles:
            self.ledger.roles.leave(role, framework_id)

    # --- what the allocator says

    def _allocate(self, nodes: set[str]) -> None:
        now = self._clock.monotonic()
        wanting = [
            framework.as_wanting() for framework in self._frameworks.values() if framework.wanting
        ]
        made: dict[str, list[Offer]] = {}
        grants = allocator.allocate(
            self.ledger,
            wanting,
            self._filters,
            nodes=nodes,
            now=now,
            seed=next(self._ids),
            region=self._region,
            rivals=self._rivals,
        )
        counted = ""
        for grant in grants:
            offer = Offer(
                id=f"{self.id}-O{next(self._ids)}",
                framework_id=grant.framework_id,
                role=grant.role,
                node=grant.node,
                resources=grant.resources,
                attributes=grant.attributes,
                ports=grant.ports,
                made=now,
            )
            self.ledger.offer(offer, beside=counted if grant.beside else "")
            counted = counted if grant.beside else offer.id
            made.setdefault(offer.framework_id, []).append(offer)
            self.hands.give(self._frameworks[offer.framework_id], offer)
        for framework_id, offers in made.items():
            self._deliver(self._frameworks[framework_id], offers)

    def _deliver(self, framework: Subscriber, offers: list[Offer]) -> None:
        if framework.interest.hungry_since is not None:
            framework.counts.waited_s = self._clock.monotonic() - framework.interest.hungry_since
        framework.interest.offered()
        shares = self.shares(framework.info)
        for at in range(0, len(offers), OFFERS_AT_ONCE):
            some = tuple(offers[at : at + OFFERS_AT_ONCE])
            framework.receiver.deliver(messages.Offers(some, shares))

    def shares(self, info: FrameworkInfo) -> dict[str, float]:
        """The dominant shares of a framework's roles and of those right below them."""
        paths = list(info.roles)
        for path in info.roles:
            role = self.ledger.roles.find(path)
            paths += [child.path for child in role.children.values()] if role else []
        total = self.ledger.total
        return {path: sorter.share_of(self.ledger.roles, path, total) for path in paths}
