"""Eight hours of a busy offer master in virtual time: seeded, with faults, checked from outside.

Frameworks of every temper join, fail over, go silent and die; agents come, shrink, change and go;
launches are lost on their way, bindings come late or never; weights and guarantees change; the
master dies and another follows. After each step the checker counts everything anew from what the
frameworks hold and what the API said, and compares it with the books; and two frameworks that want
all they can get, in roles of one weight, must have had the same, all hours together.
A failure names its seed: `pytest tests/simulation -k "offers and seed3"`.
"""

import asyncio
import os
import random
import time
from collections.abc import Callable, Iterable

import pytest

from offers import messages, parts, resources
from offers.messages import Launch, Offer
from offers.resources import Vector
from tests.unit.offers.masters import MB, Framework, Node, Pod, Taint, World

pytestmark = pytest.mark.looptime(start=time.monotonic)

SEEDS = range(int(os.environ.get("BIREME_SIMULATION_SEEDS", "2")))
HOURS = 8
AGENTS = 12
ROLES = ("kubernetes/a", "kubernetes/b", "batch", "batch/night", "web")
LIMITS = {"batch": {"cpu": 14_000}, "kubernetes/a": {"cpu": 6_000}}
GUARANTEES = {"web": {"cpu": 4_000}, "batch": {"cpu": 2_000}}
EVEN = ("even/left", "even/right")
"""Of one weight all the time, and each with a framework that never has enough."""
UNEVEN = 1.6
"""So many times the other's CPU may one have had: offers are of nodes, and work of up to an hour."""
LOST = 0.05
"""How many launches never become a pod, and how many frameworks' answers are nonsense."""


class Temper(Framework):
    """A framework with habits."""

    def __init__(self, world: World, name: str, roles: tuple[str, ...], rng: random.Random) -> None:
        super().__init__(world, name, roles)
        self.rng = rng
        self.greed = rng.choice((0.0, 0.3, 0.7, 1.0))
        """How likely it uses an offer."""
        self.speed = rng.choice((0.2, 0.9, 1.0))
        """How likely it answers at all in a step."""
        self.refuse = rng.choice((0.0, 5.0, 120.0, 7200.0))
        self.started = 0


class Soak:
    """The world, its people, its fate, and the checker."""

    def __init__(self, seed: int) -> None:
        self.rng, self.seed = random.Random(seed), seed
        self.roles: dict[str, str] = {}
        """Pod → whom it is charged to."""
        self.world = World(role_of_pod=self.role_of)
        self.running_master = asyncio.create_task(self.world.master.run())
        self.steady: list[Temper] = []
        """Never end, always want: whatever the others do, they go on."""
        self.seconds = dict.fromkeys(EVEN, 0.0)
        """CPU seconds that each had."""
        self.living: list[Temper] = []
        self.running: dict[str, tuple[str, float]] = {}
        """Pod → (node, when it ends)."""
        self.restarts = 0
        self.late: dict[str, tuple[Pod, asyncio.TimerHandle]] = {}
        """Launched, not yet bound."""
        self.names = 0
        self.started = self.joined = self.died = 0
        self.excess: dict[str, Vector] = {path: {} for path in LIMITS}
        """What roles with a limit held when an agent last changed."""

    @property
    def everybody(self) -> list[Temper]:
        return [*self.living, *self.steady]

    def held(self, path: str) -> Vector:
        return dict(self.world.master.ledger.roles.role(path).allocated)

    def role_of(self, key: str) -> str:
        return self.roles.get(key.removeprefix("default/"), "")

    # --- what happens

    def agent(self, number: int) -> None:
        cpu = self.rng.choice((2000, 4000, 8000))
        labels = {"rack": str(self.rng.randrange(3))}
        self.world.node(f"agent{number}", cpu, cpu * 2 * MB, labels=labels)

    def join(self) -> None:
        self.names += 1
        self.joined += 1
        roles = tuple(self.rng.sample(ROLES, self.rng.choice((1, 1, 2))))
        self.attach(Temper(self.world, f"fw{self.names}", roles, self.rng))

    def always(self, name: str, role: str) -> Temper:
        """One that takes and uses all it can get."""
        one = Temper(self.world, name, (role,), self.rng)
        one.greed, one.speed, one.refuse = 1.0, 1.0, 0.0
        self.world.master.attach(one.info, one)
        self.steady.append(one)
        return one

    async def passes(self, seconds: float) -> None:
        await self.world.settle(seconds)
        for path in EVEN:
            held = self.world.master.ledger.roles.role(path).allocated.get("cpu", 0)
            self.seconds[path] += held / 1000 * seconds

    def attach(self, one: Temper) -> None:
        self.world.master.attach(one.info, one)
        self.living.append(one)

    def leave(self) -> None:
        """Dies, its tasks with it; or fails over, and they stay."""
        if not self.living:
            return
        one = self.living.pop(self.rng.randrange(len(self.living)))
        self.world.master.unsubscribe(one.info.id)
        if self.rng.random() < 0.5:
            again = Temper(self.world, one.info.name, one.info.roles, self.rng)
            again.count = one.count
            self.attach(again)
            return
        self.died += 1
        for uid in [uid for uid in self.running if uid.startswith(f"{one.info.name}-")]:
            self.end(uid)
        for uid in [uid for uid in self.late if uid.startswith(f"{one.info.name}-")]:
            self.late.pop(uid)[1].cancel()
            self.world.master.ledger.gone(uid)

    def end(self, uid: str) -> None:
        self.running.pop(uid, None)
        if f"default/{uid}" in self.world.pods.seen:
            self.world.end(uid)

    def work(self, one: Temper) -> None:
        """Answers its offers, each in its way."""
        for offer in list(one.offers.values()):
            if self.rng.random() > one.speed:
                continue
            del one.offers[offer.id]
            if self.rng.random() < one.greed:
                self.launch(one, offer)
            elif self.rng.random() < LOST:
                nonsense = Launch("nonsense", offer.role, {"cpu": 1 << 40})
                assert not one.call(messages.Accept((offer.id,), (nonsense,)))
                one.call(messages.Decline((offer.id,), 0.0))
            else:
                one.call(messages.Decline((offer.id,), one.refuse))

    def launch(self, one: Temper, offer: Offer) -> None:
        one.count += 1
        uid = f"{one.info.name}-{one.count}"
        part = self.rng.choice((1, 2, 4))
        wants = resources.positive({n: v // part for n, v in offer.resources.items()})
        call = messages.Accept((offer.id,), (Launch(uid, offer.role, wants),), one.refuse)
        assert one.call(call), f"seed {self.seed}: an offer in force was refused"
        # It was used: nobody can use it again.
        assert not one.call(call)
        self.started += 1
        self.roles[uid] = offer.role
        if self.rng.random() < LOST:
            return  # on its way for ever: the master gives up on it
        # Sooner than the master gives it up (30 s), else its room may have gone to others.
        wait = asyncio.get_running_loop().call_later
        timer = wait(self.rng.choice((0.0, 1.0, 20.0)), self.bind, uid)
        self.late[uid] = (Pod(uid, offer.node, wants), timer)

    def bind(self, uid: str) -> None:
        """It arrives, unless its agent is gone."""
        pod, _ = self.late.pop(uid)
        if pod.node_name in self.world.nodes.seen:
            self.world.pods.set(f"default/{uid}", pod)
            length = self.rng.choice((5, 60, 600, 3600))
            self.running[uid] = (pod.node_name, self.world.now + length)

    def time_passes(self) -> None:
        for uid in [uid for uid, (_, end) in self.running.items() if end <= self.world.now]:
            self.end(uid)

    def agent_changes(self) -> None:
        number = self.rng.randrange(AGENTS)
        name = f"agent{number}"
        seen: Node | None = self.world.nodes.seen.get(name)
        if seen is None:
            self.agent(number)
        elif self.rng.random() < 0.3:
            self.world.nodes.remove(name)
            for uid in [uid for uid, (node, _) in self.running.items() if node == name]:
                self.end(uid)
        else:
            cordoned = self.rng.random() < 0.2
            lost = self.rng.random() < 0.2
            shape = Node(
                seen.allocatable,
                {"rack": "x"},
                accepts_pods=not cordoned,
                taints=(Taint(key="node.kubernetes.io/unreachable"),) if lost else (),
            )
            self.world.nodes.set(name, shape)
        self.excess = {path: self.held(path) for path in LIMITS}

    async def stop(self) -> None:
        self.running_master.cancel()
        await asyncio.wait([self.running_master])

    async def master_dies(self) -> None:
        """Another one follows, which knows what the API does and what was on its way."""
        await self.stop()
        self.restarts += 1
        self.world.succeed(role_of_pod=self.role_of, epoch=self.restarts)
        self.order()
        for uid, (pod, _) in self.late.items():
            launch = Launch(uid, self.roles[uid], pod.requests)
            self.world.master.assume(launch, pod.node_name)
        for one in self.everybody:
            one.offers.clear()
            self.world.master.attach(one.info, one)
        self.running_master = asyncio.create_task(self.world.master.run())

    def order(self) -> None:
        """Weights and guarantees of the hour; limits stay."""
        for path in ROLES:
            weight = self.rng.choice((0.5, 1.0, 3.0))
            most = GUARANTEES.get(path, {})
            guarantee = most if self.rng.random() < 0.7 else {}
            self.world.master.configure(path, weight, guarantee, LIMITS.get(path, {}))

    def moods(self) -> None:
        for one in self.living:
            if self.rng.random() < 0.05:
                one.call(messages.Suppress())
            elif self.rng.random() < 0.1:
                one.call(messages.Revive())

    # --- what must be true

    def check(self) -> None:
        ledger = self.world.master.ledger
        offers = {o.id: o for one in self.everybody for o in one.offers.values()}
        assert offers.keys() == ledger.offers.keys(), self.told("offers in hand, offers in force")
        for name, account in ledger.accounts.items():
            offered = total(o.resources for o in offers.values() if o.node == name)
            used = total(u.amount for u in ledger.usages.values() if u.node == name)
            whole = resources.add(resources.add(account.free, offered), used)
            assert whole == resources.positive(account.capacity), self.told(f"{name} balances")
        for uid, (node, _) in self.running.items():
            assert ledger.usages[uid].node == node, self.told(f"{uid} is where it was bound")
        there = {name for name, account in ledger.accounts.items() if account.present}
        used_there = [u.amount for u in ledger.usages.values() if u.node in there]
        everything = total([*(o.resources for o in offers.values()), *used_there])
        assert ledger.roles.root.allocated == everything, self.told("all is charged")
        for path, limit in LIMITS.items():
            held = self.held(path)
            for name, most in limit.items():
                # What was out of reach is over the limit when it is back; more it does not become.
                allowed = max(most, self.excess[path].get(name, 0))
                assert held.get(name, 0) <= allowed, self.told(f"limit of {path}")
            self.excess[path] = held

    def told(self, what: str) -> str:
        return f"seed {self.seed} at {self.world.now:.0f}: {what}"


def total(vectors: Iterable[Vector]) -> Vector:
    result: Vector = {}
    for vector in vectors:
        result = resources.add(result, parts.consumed(vector))
    return result


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed{seed}")
async def test_offers_survive_eight_hours(seed: int) -> None:
    soak = Soak(seed)
    world, rng = soak.world, soak.rng
    soak.order()
    for number in range(AGENTS):
        soak.agent(number)
    for _ in range(5):
        soak.join()
    steady = soak.always("steady", "web")
    for path in EVEN:
        soak.always(path.replace("/", "-"), path)
    hourly = [0] * HOURS
    began = world.now
    while (hour := int((world.now - began) // 3600)) < HOURS:
        await soak.passes(rng.choice((0.03, 1.0, 5.0, 30.0)))
        act: list[Callable[[], None]] = [soak.moods, soak.time_passes]
        act += [soak.join] if len(soak.living) < 12 and rng.random() < 0.03 else []
        act += [soak.leave] if rng.random() < 0.02 else []
        act += [soak.agent_changes] if rng.random() < 0.05 else []
        act += [soak.order] if rng.random() < 0.01 else []
        for each in act:
            each()
        if rng.random() < 0.005:
            await soak.master_dies()
        for one in soak.everybody:
            soak.work(one)
        hourly[hour] = steady.count
        soak.check()
    await soak.stop()
    assert soak.joined > 5
    assert soak.died > 3
    assert soak.restarts > 2
    assert soak.started > 500
    left, right = soak.seconds.values()
    assert max(left, right) < UNEVEN * min(left, right), f"seed {seed}: CPU seconds {soak.seconds}"
    counts = [0, *hourly]
    assert counts == sorted(set(counts)), f"seed {seed}: steady had started {hourly} by each hour"
