"""A whole cluster in one process and virtual time, with faults: seeded, and checked from outside.

API server on memory, all controllers, both levels of scheduling and hollow nodes (the real agent on
the fake driver), each behind a wire that loses requests, answers and watches. A user scales, rolls,
deletes and cordons; nodes die and come back. Checkers watch the API alone. A failure names its seed:
`pytest tests/simulation -k "seed3"` runs it again.
"""

import asyncio
import contextlib
import os
import random
import time
from collections import Counter

import pytest

import scheduler.placement  # noqa: F401  numpy is there before virtual time begins
from apimachinery import meta, requests, scheme, status, wire
from apimachinery.aio import clock, tasks
from apimachinery.client import informer, rest, transport
from apiserver.options import Options
from apiserver.server import ApiServer
from apiserver.storage.memory import MemoryStore
from controllers import manager
from controllers.nodelifecycle.controller import Timing
from kubelet.hollow import HollowNodes, HollowOptions
from kubelet.options import Capacity
from offers.master import OfferMaster
from offers.messages import FrameworkInfo
from scheduler.service import PodScheduler
from scheduler.views import node_info, pod_info
from tests.fakes.bad_wire import BadWire

pytestmark = pytest.mark.looptime(start=time.monotonic)

ADMIN = wire.UserInfo("admin", groups=("system:masters",))
NODES = 4
CAPACITY = Capacity(cpu_milli=2000, memory_bytes=4 << 30, ephemeral_bytes=10 << 30, pods=20)
SEEDS = range(int(os.environ.get("BIREME_SIMULATION_SEEDS", "6")))
STEPS = 25
"""What the user and fate do in one run."""


class Checker:
    """Sees every state of every pod, straight from the store's watch; nothing lies to it."""

    def __init__(self) -> None:
        self.bound: dict[str, str] = {}
        self.alive: dict[str, wire.JsonObject] = {}
        self.faults: list[str] = []
        self.states = 0

    def see(self, key: str, old: wire.JsonObject | None, new: wire.JsonObject | None) -> None:
        del key
        self.states += 1
        if new is None:
            if old is not None:
                self.alive.pop(meta.uid(old), None)
            return
        uid, node = meta.uid(new), new["spec"].get("nodeName", "")
        before = self.bound.setdefault(uid, node)
        if before and node != before:
            self.faults.append(f"pod {meta.name(new)} moved from {before} to {node or 'nowhere'}")
        self.bound[uid] = node
        if ended(new):
            self.alive.pop(uid, None)
        else:
            self.alive[uid] = new
        if node:
            self.weigh(node)

    def weigh(self, node: str) -> None:
        """No node ever holds more than it has."""
        mine = [p for p in self.alive.values() if p["spec"].get("nodeName") == node]
        cpu = sum(requests.of_pod(pod["spec"]).get("cpu", 0) for pod in mine)
        if cpu > CAPACITY.cpu_milli or len(mine) > CAPACITY.pods:
            self.faults.append(f"node {node} holds {len(mine)} pods with {cpu}m")


class World:
    """The cluster, its faults, and the hands that move it."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.seed = seed
        self.time = clock.LoopClock()
        self.server = ApiServer(
            MemoryStore(), Options(), clock=self.time, entropy=random.Random(seed)
        )
        self.wires: list[BadWire] = []
        self.good = rest.Client(self.direct())
        self.checker = Checker()
        self.nodes: dict[str, asyncio.Task[None]] = {}
        self.master: OfferMaster | None = None

    def direct(self) -> transport.DirectTransport:
        return transport.DirectTransport(self.server.handle, ADMIN)

    def client(self) -> rest.Client:
        """A client of its own, behind a bad wire of its own."""
        bad = BadWire(self.direct(), self.rng.randrange(1 << 30))
        self.wires.append(bad)
        return rest.Client(bad, rng=random.Random(self.rng.randrange(1 << 30)))

    async def control(self) -> None:
        settings = manager.Options(nodes=Timing(grace=40.0))
        await manager.ControllerManager(self.client(), clock=self.time, options=settings).run()

    async def schedule(self) -> None:
        client = self.client()
        nodes = informer.Informer(client, scheme.NODES, node_info)
        pods = informer.Informer(client, scheme.PODS, pod_info)
        self.master = OfferMaster(nodes, pods, clock=self.time)
        session = self.master.subscribe(FrameworkInfo("kubernetes", ("kubernetes",)))
        pod_scheduler = PodScheduler(client, session, nodes, pods, clock=self.time)
        async with asyncio.TaskGroup() as group:
            for work in (nodes.run, pods.run, self.master.run, pod_scheduler.run):
                group.create_task(work())

    async def watch(self) -> None:
        mirror = informer.Informer(self.good, scheme.PODS, lambda pod: pod)
        mirror.add_handler(self.checker.see)
        await mirror.run()

    def start_node(self, number: int) -> None:
        options = HollowOptions(count=1, prefix="n", first=number, capacity=CAPACITY)
        nodes = HollowNodes(self.client(), options, clock=self.time)
        self.nodes[f"n-{number}"] = asyncio.create_task(nodes.run())

    async def stop_node(self, name: str) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await tasks.stop(self.nodes.pop(name))

    async def step(self) -> None:
        """One thing that a user or fate does."""
        name = f"d{self.rng.randrange(3)}"
        act = self.rng.choice(
            [self.scale, self.scale, self.roll, self.delete_pod, self.cordon, self.node_dies]
        )
        with contextlib.suppress(status.NotFound):
            await act(name)
        await asyncio.sleep(self.rng.random() * 20)

    async def scale(self, name: str) -> None:
        patch = {"spec": {"replicas": self.rng.randrange(8)}}
        await self.good.patch(scheme.DEPLOYMENTS, name, patch, "default")

    async def roll(self, name: str) -> None:
        image = f"image:{self.rng.randrange(1000)}"
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
        await self.good.patch(scheme.DEPLOYMENTS, name, patch, "default", kind="strategic")

    async def delete_pod(self, name: str) -> None:
        pods = (await self.good.list(scheme.PODS, "default", label_selector=f"app={name}"))["items"]
        if pods:
            victim = self.rng.choice(pods)
            await self.good.delete(scheme.PODS, meta.name(victim), "default")

    async def cordon(self, name: str) -> None:
        del name
        node = f"n-{self.rng.randrange(NODES) + 1}"
        patch = {"spec": {"unschedulable": self.rng.random() < 0.5}}
        await self.good.patch(scheme.NODES, node, patch)

    async def node_dies(self, name: str) -> None:
        """A node is silent for a while: short enough to be adopted, or long enough to be evicted."""
        del name
        number = self.rng.randrange(NODES) + 1
        if f"n-{number}" in self.nodes:
            await self.stop_node(f"n-{number}")
            await asyncio.sleep(self.rng.choice([5, 30, 120, 400]))
            self.start_node(number)

    async def calm(self) -> None:
        """No more faults, every node up and open."""
        for bad in self.wires:
            bad.bad = False
        for number in range(1, NODES + 1):
            with contextlib.suppress(status.NotFound):
                patch = {"spec": {"unschedulable": False}}
                await self.good.patch(scheme.NODES, f"n-{number}", patch)

    async def describe(self) -> str:
        """The state of things, for whoever looks into a failure."""
        lines = []
        for pod in (await self.good.list(scheme.PODS, "default"))["items"]:
            state = pod.get("status") or {}
            off = {
                c["type"]: c.get("message", "")
                for c in state.get("conditions", ())
                if c["status"] != "True"
            }
            lines.append(
                f"{meta.name(pod)} on {pod['spec'].get('nodeName')} {state.get('phase')}"
                f" deleted={meta.deletion_timestamp(pod)} lacks={off}"
                f" {state.get('containerStatuses') if off else ''}"
            )
        nodes = (await self.good.list(scheme.NODES))["items"]
        lines += [f"{meta.name(node)} {node['spec']} {sorted(self.nodes)}" for node in nodes]
        wishes = (await self.good.list(scheme.DEPLOYMENTS, "default"))["items"]
        lines += [
            f"{meta.name(w)} wants {w['spec']['replicas']}: {w.get('status')}" for w in wishes
        ]
        return "\n".join(lines)

    async def settled(self) -> bool:
        """Every deployment has what it asks for, ready."""
        found = (await self.good.list(scheme.DEPLOYMENTS, "default"))["items"]
        everything = (await self.good.list(scheme.PODS, "default"))["items"]
        # An agent may turn a pod away; it stays as Failed, and another is made.
        pods = [pod for pod in everything if not ended(pod)]
        counts = Counter(meta.labels(pod)["app"] for pod in pods if ready(pod))
        wanted = {meta.name(d): d["spec"]["replicas"] for d in found}
        return len(pods) == sum(wanted.values()) and all(
            counts[name] == count for name, count in wanted.items()
        )


def ended(pod: wire.JsonObject) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def ready(pod: wire.JsonObject) -> bool:
    conditions = (pod.get("status") or {}).get("conditions")
    return not meta.is_deleting(pod) and meta.condition_is_true(conditions, "Ready")


def deployment(name: str) -> wire.JsonObject:
    container = {
        "name": "c",
        "image": "image:0",
        "resources": {"requests": {"cpu": "250m", "memory": "128Mi"}},
    }
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {
            "containers": [container],
            "terminationGracePeriodSeconds": 2,
            "automountServiceAccountToken": False,
        },
    }
    selector = {"matchLabels": {"app": name}}
    spec = {"replicas": 3, "selector": selector, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed{seed}")
async def test_whatever_happens_it_converges_and_never_overdraws(seed: int) -> None:
    world = World(seed)
    await world.server.start()
    try:
        async with tasks.Supervisor() as group:
            for work in (world.control, world.schedule, world.watch):
                group.start(work(), name=work.__name__)
            for number in range(1, NODES + 1):
                world.start_node(number)
            for name in ("d0", "d1", "d2"):
                await world.good.create(scheme.DEPLOYMENTS, deployment(name), "default")
            for _ in range(STEPS):
                await world.step()
            await world.calm()
            deadline = world.time.monotonic() + 1800
            while not await world.settled():
                late = world.time.monotonic() >= deadline
                assert not late, f"seed {seed}: not settled\n{await world.describe()}"
                await asyncio.sleep(5)
            await asyncio.sleep(60)
            assert await world.settled(), f"seed {seed}: did not stay settled"
            await books_equal_the_api(world)
            group.stop()
    except* asyncio.CancelledError:
        pass
    finally:
        for name in list(world.nodes):
            await world.stop_node(name)
        await world.server.stop()
    assert world.checker.faults == [], f"seed {seed}"
    assert world.checker.states > STEPS


async def books_equal_the_api(world: World) -> None:
    """What the ledger says is used is what the API says is bound."""
    assert world.master is not None
    pods = (await world.good.list(scheme.PODS))["items"]
    bound: dict[str, int] = {}
    for pod in pods:
        if pod["spec"].get("nodeName") and not ended(pod):
            node = pod["spec"]["nodeName"]
            bound[node] = bound.get(node, 0) + requests.of_pod(pod["spec"])["cpu"]
    books = {
        name: account.used["cpu"]
        for name, account in world.master.ledger.accounts.items()
        if account.used.get("cpu")
    }
    assert books == bound, f"seed {world.seed}"
