"""Level one alone: Mesos' allocator grid, one freed agent among thousands, one more task in churn.

The grid is Mesos' `DeclineOffers`: agents of 24 CPUs, 4 GB, 4 GB disk and ports, each with 16 CPUs,
2014 MB, 1024 MB and 16 port fragments in use; every framework declines every offer for ever. A run
is one allocation over all agents, booked as the master books it. The other two rows go through the
offer master itself, its queue and its loop; nodes and pods are told to it as an informer would.
"""

import asyncio
import gc
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench import report
from bench.report import Row
from bireme.cli import garbage
from offers import allocator, filters, messages
from offers.allocator import Wanting
from offers.filters import Filters
from offers.ledger import Ledger
from offers.master import OfferMaster
from offers.messages import FrameworkInfo, Launch, Offer

MB = 1 << 20
HAS = {"cpu": 24_000, "memory": 4096 * MB, "ephemeral-storage": 4096 * MB}
USED = {"cpu": 16_000, "memory": 2014 * MB, "ephemeral-storage": 1024 * MB}
PORTS = ((31000, 32000),)
FRAGMENTS = tuple((31000 + 60 * n, 31000 + 60 * n + 3) for n in range(16))
FOR_EVER = 365 * 86400.0
GRID = ((1_000, 200), (10_000, 200), (50_000, 200), (10_000, 1000))
GOALS = {(10_000, 200): 1.0, (50_000, 200): 6.0}
ROUNDS = 3
TURN_S, AT_ONCE = 0.01, 5
"""So often so many agents fall free: a tenth of 5,000 in a second."""
REFUSALS_MAX = 2_000_000
"""So many declines take ten seconds to make."""


def grid(agents: int, frameworks: int, *, roles: int) -> float:
    """CPU seconds of the slowest of several runs, each after all offers of the last were declined.

    Then what comes of it in the end, if that can be brought about in time: all but one framework
    have declined every agent; and everybody has.
    """
    books, held = Ledger(), Filters()
    for number in range(agents):
        books.set_node(f"agent{number}", HAS, {}, accepts=True, ports=PORTS)
        books.bound(f"used{number}", f"agent{number}", "other", USED, FRAGMENTS)
    wanting = [
        Wanting(f"fw{n:04}", (f"role{n % roles:04}",), wants_ports=True) for n in range(frameworks)
    ]
    slowest, now = 0.0, 0.0
    for number in range(ROUNDS):
        now += 1.0
        slowest = max(slowest, run(books, held, wanting, now, number))
    if agents * frameworks > REFUSALS_MAX:
        return slowest
    held.clear(wanting[-1].framework_id)
    for one in wanting[:-1]:
        decline_all(held, one, agents, now)
    return max(slowest, run(books, held, wanting, now + 1.0, ROUNDS), _idle(books, held, wanting))


def run(books: Ledger, held: Filters, wanting: list[Wanting], now: float, seed: int) -> float:
    began = time.process_time()
    made: list[Offer] = []
    for grant in allocator.allocate(
        books, wanting, held, nodes=list(books.accounts), now=now, seed=seed
    ):
        offer = Offer(
            f"{now}-{len(made)}", grant.framework_id, grant.role, grant.node, grant.resources,
            ports=grant.ports, made=now,
        )  # fmt: skip
        books.offer(offer)
        made.append(offer)
    took = time.process_time() - began
    assert len(made) == len(books.accounts), "every agent is offered to somebody"
    until = filters.end(now, FOR_EVER)
    for offer in made:
        books.give_back(offer.id)
        held.decline(offer.framework_id, offer.role, offer.node, offer.resources, until)
    return took


def _idle(books: Ledger, held: Filters, wanting: list[Wanting]) -> float:
    """A run in which everybody has declined everything."""
    began = time.process_time()
    made = allocator.allocate(books, wanting, held, nodes=list(books.accounts), now=99.0, seed=1)
    assert not list(made)
    return time.process_time() - began


def decline_all(held: Filters, one: Wanting, agents: int, now: float) -> None:
    rest = {name: HAS[name] - USED[name] for name in HAS}
    for number in range(agents):
        held.decline(
            one.framework_id, one.roles[0], f"agent{number}", rest, filters.end(now, FOR_EVER)
        )


# --- through the master


@dataclass(frozen=True, slots=True)
class Node:
    """What the master reads of a node."""

    allocatable: dict[str, int]
    labels: dict[str, str] = field(default_factory=dict)
    revocable: dict[str, int] = field(default_factory=dict)
    maintenance: str = ""
    taints: tuple[()] = ()
    accepts_pods: bool = True


@dataclass(frozen=True, slots=True)
class Pod:
    """What the master reads of a pod."""

    uid: str
    node_name: str
    requests: dict[str, int]
    namespace: str = "frameworks"
    host_ports: tuple[()] = ()
    ended: bool = False
    is_task: bool = False


class Mirror:
    """An informer whose news the benchmark brings."""

    def __init__(self) -> None:
        self.tell: Callable[..., None] = lambda *_: None

    def add_handler(self, handler: Callable[..., None]) -> None:
        self.tell = handler

    async def synced(self) -> None:
        return


class Framework:
    """Declines for ever what it does not use."""

    def __init__(self, master: OfferMaster, name: str, role: str, news: asyncio.Event) -> None:
        self.info = FrameworkInfo(name, (role,), id=name, suppressed=(), offers_expire=True)
        self.master, self.got, self.news = master, asyncio.Event(), news
        self.offers: list[Offer] = []
        self.heard = 0.0

    def deliver(self, event: messages.Event) -> None:
        if isinstance(event, messages.Offers):
            self.heard = time.perf_counter()
            self.offers += event.offers
            self.got.set()
            self.news.set()

    def decline(self) -> None:
        ids = tuple(offer.id for offer in self.offers)
        self.offers = []
        self.master.call(self.info.id, messages.Decline(ids, FOR_EVER))


class World:
    """A master with full agents and frameworks."""

    def __init__(self, agents: int, frameworks: int) -> None:
        self.nodes, self.pods = Mirror(), Mirror()
        self.master = OfferMaster(self.nodes, self.pods)
        self.agents = agents
        for number in range(agents):
            self.nodes.tell(f"agent{number}", None, Node(HAS))
            self.fill(number)
        self.launched: dict[str, list[str]] = {}
        """Agent → what was started there since."""
        self.news = asyncio.Event()
        """Somebody was offered something."""
        self.frameworks = [self.framework(f"fw{n:04}", f"role{n:04}") for n in range(frameworks)]
        for one in self.frameworks:
            self.master.attach(one.info, one)

    def framework(self, name: str, role: str) -> Framework:
        return Framework(self.master, name, role, self.news)

    def fill(self, number: int) -> None:
        pod = Pod(f"pod{number}", f"agent{number}", HAS)
        self.pods.tell(f"frameworks/pod{number}", None, pod)

    def end(self, number: int) -> None:
        pod = Pod(f"pod{number}", f"agent{number}", HAS)
        self.pods.tell(f"frameworks/pod{number}", pod, None)

    def clear(self, number: int) -> None:
        """All that runs on an agent ends."""
        self.end(number)
        for uid in self.launched.pop(f"agent{number}", ()):
            pod = Pod(uid, f"agent{number}", {})
            self.pods.tell(f"frameworks/{uid}", pod, None)

    async def until_quiet(self) -> None:
        while self.master.busy:
            await asyncio.sleep(0.01)


async def freed(agents: int = 10_000, frameworks: int = 200, repeats: int = 100) -> float:
    """Median milliseconds from a pod's end to the OFFERS event that offers its agent anew."""
    world = World(agents, frameworks)
    running = asyncio.create_task(world.master.run())
    await world.until_quiet()
    times: list[float] = []
    for number in range(repeats):
        world.news.clear()
        began = time.perf_counter()
        world.end(number)
        await world.news.wait()
        heard = [one for one in world.frameworks if one.offers]
        assert len(heard) == 1, "one agent, one offer"
        times.append(heard[0].heard - began)
        offer = heard[0].offers.pop()
        launch = Launch(f"again{number}", offer.role, offer.resources)
        world.master.call(heard[0].info.id, messages.Accept((offer.id,), (launch,)))
        await asyncio.sleep(0.02)
    await _stop(running)
    return sorted(times)[repeats // 2] * 1000


async def launch(agents: int = 5_000, frameworks: int = 200, seconds: float = 5.0) -> list[float]:
    """Milliseconds from a REVIVE to the launch that it leads to, each; the others are at work.

    The frameworks fill all agents, and a tenth of these turn over each second: work ends, is
    offered, and what is offered is used. One more framework asks for one task at a time.
    """
    world = World(agents, frameworks)
    extra = world.framework("extra", "extra")
    world.master.attach(extra.info, extra)
    world.master.call("extra", messages.Suppress())
    running = asyncio.create_task(world.master.run())
    users = [asyncio.create_task(_use(one, world)) for one in world.frameworks]
    for number in range(agents):
        world.clear(number)
    while len(world.launched) < agents:
        await asyncio.sleep(0.1)
    gc.collect()
    garbage.settle()  # as a server does once it is up
    churn = asyncio.create_task(_churn(world))
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        extra.got.clear()
        began = time.perf_counter()
        world.master.call("extra", messages.Revive())
        await extra.got.wait()
        offer, *others = extra.offers
        one = Launch(f"extra{len(times)}", "extra", {"cpu": 1000, "memory": 64 * MB})
        accepted = world.master.call("extra", messages.Accept((offer.id,), (one,), 1.0))
        times.append((time.perf_counter() - began) * 1000)
        assert accepted
        extra.offers = []
        world.master.call("extra", messages.Decline(tuple(o.id for o in others), 0.0))
        world.master.call("extra", messages.Suppress())
        await asyncio.sleep(0.05)
        world.master.call("extra", messages.Abandon((one.uid,)))
    for task in (churn, *users, running):
        await _stop(task)
    return times


async def _churn(world: World) -> None:
    """Agents fall free one after the other, not in bursts: work of thirty seconds on each."""
    for number in itertools.cycle(range(world.agents)):
        world.clear(number)
        if number % AT_ONCE == 0:
            await asyncio.sleep(TURN_S)


async def _use(one: Framework, world: World) -> None:
    """Fill what is offered."""
    for count in itertools.count():
        await one.got.wait()
        one.got.clear()
        offers, one.offers = one.offers, []
        for offer in offers:
            uid = f"{one.info.id}-{count}-{offer.node}"
            whole = Launch(uid, offer.role, offer.resources)
            one.master.call(one.info.id, messages.Accept((offer.id,), (whole,)))
            world.launched.setdefault(offer.node, []).append(uid)


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])


def measure() -> list[Row]:
    rows = []
    for agents, frameworks in GRID:
        for roles in (1, frameworks) if agents * frameworks <= REFUSALS_MAX else (frameworks,):
            took = grid(agents, frameworks, roles=roles)
            what = f"{agents} agents x {frameworks} frameworks, {roles} roles"
            goal = GOALS.get((agents, frameworks))
            rows.append(Row("allocator", what, took, "s", goal=goal))
            gc.collect()
    rows.append(
        Row("allocator", "freed agent of 10000 re-offered, p50", asyncio.run(freed()), "ms", 5.0)
    )
    times = sorted(asyncio.run(launch()))
    for name, at in (("p50", len(times) // 2), ("p99", len(times) * 99 // 100)):
        what = f"one more task, 5000 agents in churn, {name}"
        rows.append(Row("allocator", what, times[at], "ms", goal=100.0))
    return rows


if __name__ == "__main__":
    report.main(measure, __doc__)
