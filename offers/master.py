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
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from apimachinery.aio.clock import Clock, SystemClock
from offers import (
    agents,
    allocator,
    demand,
    explain,
    filters,
    messages,
    parts,
    ranges,
    resources,
    roles,
    sorter,
)
from offers.budget import Budget
from offers.filters import Filters
from offers.inprocess import InProcessSession
from offers.ledger import Ledger
from offers.messages import Call, FrameworkInfo, Offer
from offers.ranges import Ranges
from offers.resources import Vector
from offers.subscriber import Subscriber
from offers.views import Mirror, NodeView, PodView, Receiver

ASSUMED_S = 30.0
"""An accepted launch whose pod is not seen bound by then is void: a binding takes milliseconds."""
OFFER_TIMEOUT_S = 30.0
"""Offers that a framework leaves unanswered go to others after this long (Mesos: never)."""
NODE_PORTS: Ranges = ((20000, 29999),)
"""Dealt out on every node. Mesos' 31000 to 32000 lie among Kubernetes' NodePorts."""
PAUSE_S = 0.005
"""Between two allocations at least: changes that come in a burst are answered together."""
SLICE_S = 0.005
"""So long may one allocation take; then others have their turn."""
NODES_AT_ONCE = (50, 1000)
"""Of one allocation at least, since each begins with a look at all frameworks, and at most."""
OFFERS_AT_ONCE = 100
"""Offers of one event."""
HARD_TAINTS = ("NoSchedule", "NoExecute")


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
        self._role_of_namespace = role_of_namespace
        self._role_of_pod = role_of_pod
        self.amount_of_pod: Callable[[str], Vector | None] = lambda _: None
        """Knows pods that hold more than their requests tell: reserved resources, volumes."""
        self.in_pods: Vector = {}
        """What pods hold that are nobody's tasks."""
        self.on_pods: Callable[[], None] = lambda: None
        """Called when that is something else."""
        self._offer_timeout = offer_timeout
        self._rivals, self._region = rivals, region
        self._allocated_at = -math.inf
        self._expiring: deque[tuple[float, str]] = deque()
        """(when, offer) in the order of making, which is that of ending."""
        self._clock = clock or SystemClock()
        self._filters = Filters()
        self._frameworks: dict[str, Subscriber] = {}
        self._ids = itertools.count(1)
        self._framework_ids = itertools.count(0)
        self._dirty: set[str] = set()
        self._at_once = NODES_AT_ONCE[0]
        self._wake = asyncio.Event()
        nodes.add_handler(self._node_changed)
        pods.add_handler(self._pod_changed)

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
                self.rescind(offer_id)
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
            self.rescind(offer_id)
        self._reckon_anew()

    def _reckon_anew(self) -> None:
        """What roles hold, or may hold, is another thing now, on whatever node."""
        self._mark(*self.ledger.accounts)
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

    @property
    def busy(self) -> bool:
        """Whether there are nodes that have changed and were not looked at since."""
        return bool(self._dirty)

    async def run(self) -> None:
        """Make offers whenever something changed that may allow one."""
        await self._nodes.synced()
        await self._pods.synced()
        while True:
            await self._wait()
            self._wake.clear()
            now = self._clock.monotonic()
            self._dirty.update(self.ledger.expire(now))
            self._dirty.update(self._filters.ended(now))
            self._expire_offers()
            self._feed_hungry(now)
            while self._dirty:
                some = set(itertools.islice(self._dirty, self._at_once))
                self._dirty -= some
                began = self._clock.monotonic()
                self._allocate(some)
                self._pace(len(some), self._clock.monotonic() - began)
                await asyncio.sleep(0)
            self._allocated_at = self._clock.monotonic()

    def _pace(self, nodes: int, took: float) -> None:
        """So many nodes took so long: how many the next allocation looks at."""
        least, most = NODES_AT_ONCE
        if took > SLICE_S:
            self._at_once = max(least, int(nodes * SLICE_S / took))
        elif took < SLICE_S / 2:
            self._at_once = min(most, self._at_once * 2)

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

    def _feed_hungry(self, now: float) -> None:
        """Take an offer from one who has plenty for each who has waited with none."""
        hungry = [
            demand.Hungry(framework.info.id, framework.wanting, self._taker(framework, now))
            for framework in self._frameworks.values()
            if framework.wanting
            and framework.info.offers_expire
            and not framework.offer_ids
            and framework.interest.is_hungry(now)
        ]
        if hungry:
            old = (self.ledger.offers.get(offer_id) for _, offer_id in self._expiring)
            offers = (offer for offer in old if offer is not None)
            for offer_id in list(demand.to_rescind(self.ledger, hungry, offers, now)):
                self.rescind(offer_id)

    def _taker(self, framework: Subscriber, now: float) -> Callable[[str, Offer], bool]:
        def takes(role: str, offer: Offer) -> bool:
            amount = parts.folded(offer.resources)
            sizes = framework.info.role_sizes.get(role, framework.info.sizes)
            return (
                self._filters.allows(framework.info.id, role, offer.node, amount, now)
                and resources.fits(framework.smallest, amount)
                and (not sizes or any(resources.fits(size, amount) for size in sizes))
            )

        return takes

    def _next_end(self) -> float | None:
        """When something ends by itself: an offer, a filter, a launch, patience."""
        while self._expiring and self._expiring[0][1] not in self.ledger.offers:
            self._expiring.popleft()
        ends = [self._filters.next_end(), self.ledger.next_void()]
        if self._expiring:
            ends.append(self._expiring[0][0])
        for framework in self._frameworks.values():
            interest = framework.interest
            since = interest.hungry_since
            if since is not None and self._expiring and framework.wanting:
                # Looked at again and again, since those who could make room must be old enough.
                now = self._clock.monotonic()
                ends.append(max(since + demand.HUNGER_S, now + demand.HUNGER_S))
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

    # --- what the API says

    def _node_changed(self, key: str, old: NodeView | None, new: NodeView | None) -> None:
        if new is None:
            for offer in self.ledger.remove_node(key):
                self._rescinded(offer)
            self._reckon_anew()
            return
        tainted = any(taint.effect in HARD_TAINTS for taint in new.taints)
        if old is not None and old.revocable != new.revocable:
            self._void_revocable(key)
        turned = self.ledger.set_node(
            key,
            resources.add(new.allocatable, parts.revocable(new.revocable)),
            new.labels,
            accepts=new.accepts_pods,
            tainted=tainted,
            present=agents.is_present(new),
            ports=NODE_PORTS,
        )
        if old is not None and (old.labels != new.labels or old.allocatable != new.allocatable):
            self._filters.forget_node(key)
        if not new.accepts_pods or tainted:
            self._void(key, every=not new.accepts_pods)
        if turned:
            self._reckon_anew()
        self._mark(key)

    def void(self, node: str) -> None:
        """Take back all offers of a node, and make them anew as it is now."""
        self._void(node, every=True)
        self._mark(node)

    def _void(self, node: str, *, every: bool) -> None:
        """Take back a node's offers: all, or those of frameworks that avoid tainted nodes."""
        account = self.ledger.accounts.get(node)
        for offer_id in sorted(account.offer_ids) if account else ():
            holder = self._frameworks.get(self.ledger.offers[offer_id].framework_id)
            if every or (holder is not None and holder.info.avoids_taints):
                self.rescind(offer_id)

    def _void_revocable(self, node: str) -> None:
        """Take back the offers of those who are offered revocable resources: it is others now.

        Their plain offers too: these hold all the pods that the node has room for.
        """
        account = self.ledger.accounts.get(node)
        for offer_id in sorted(account.offer_ids) if account else ():
            holder = self._frameworks.get(self.ledger.offers[offer_id].framework_id)
            if holder is not None and "REVOCABLE_RESOURCES" in holder.info.capabilities:
                self.rescind(offer_id)

    def _pod_changed(self, key: str, old: PodView | None, new: PodView | None) -> None:
        held, holds = _held(old), _held(new)
        if held != holds:
            self.in_pods = resources.add(resources.subtract(self.in_pods, held), holds)
            self.on_pods()
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
            amount = self.amount_of_pod(key) or new.requests
            self.ledger.bound(new.uid, new.node_name, role, amount, ports)

    def _rescinded(self, offer: Offer) -> None:
        framework = self._frameworks.get(offer.framework_id)
        if framework is not None:
            self._drop(framework, offer)
            framework.receiver.deliver(messages.Rescind(offer.id))

    def _drop(self, framework: Subscriber, offer: Offer) -> None:
        """An offer is no longer in a framework's hands."""
        framework.offer_ids.discard(offer.id)
        size = parts.folded(offer.resources)
        framework.outstanding = resources.subtract(framework.outstanding, size)
        if not framework.offer_ids:
            framework.interest.hungry_since = self._clock.monotonic()

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
            self.rescind(offer_id)
        for offer in offers:
            self._drop(framework, offer)
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
        self._drop(framework, offer)
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
            self._hand(self._frameworks[offer.framework_id], offer)
        for framework_id, offers in made.items():
            self._deliver(self._frameworks[framework_id], offers)

    def _hand(self, framework: Subscriber, offer: Offer) -> None:
        framework.offer_ids.add(offer.id)
        size = parts.folded(offer.resources)
        framework.outstanding = resources.add(framework.outstanding, size)
        if framework.info.offers_expire:
            self._expiring.append((offer.made + self._offer_timeout, offer.id))

    def _deliver(self, framework: Subscriber, offers: list[Offer]) -> None:
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


def _held(pod: PodView | None) -> Vector:
    """What a pod holds, unless it runs tasks."""
    counts = pod is not None and pod.node_name and not pod.ended and not pod.is_task
    return pod.requests if counts and pod is not None else {}
