"""Hollow nodes: many agents in one process, with fake containers and no disk, for scale tests.

Everything that decides is the real agent (`agent`, `pods`, `worker`, `lifecycle`, `status`); below it
the fake driver runs nothing. The nodes share one watch on pods, one on services, one event
recorder. `bireme node --hollow N` and benches use `HollowNodes`.
"""

import asyncio
import logging
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from apimachinery import scheme
from apimachinery.aio import tasks
from apimachinery.aio.clock import Clock, SystemClock
from apimachinery.client.events import Recorder
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.wire import JsonObject
from kubelet.agent import NodeAgent, Shared
from kubelet.env import ServiceView, service_view
from kubelet.images.fake import FakeImages
from kubelet.images.interface import Image
from kubelet.inotify import Hub
from kubelet.network.fake import FakeNetwork
from kubelet.node_status import Health, Machine
from kubelet.options import Capacity, Options
from kubelet.pods import Handler, trimmed
from kubelet.runtime.config import Mount
from kubelet.runtime.fake import FakeDriver, FakeMachine

LOG = logging.getLogger(__name__)

START_AT_ONCE = 64
"""Nodes that register at the same time: thousands at once would only wait for each other."""
CAPACITY = Capacity(cpu_milli=8000, memory_bytes=32 << 30, ephemeral_bytes=100 << 30)


@dataclass(frozen=True, slots=True)
class HollowOptions:
    """How many, how called, how large."""

    count: int
    prefix: str = "hollow"
    first: int = 1
    capacity: Capacity = CAPACITY
    lease_seconds: int = 40
    lease_renew_seconds: float = 10.0


class NoVolumes:
    """`volumes.interface.Volumes` that exist in name only."""

    async def setup(self, pod: JsonObject) -> None: ...

    async def update(self, pod: JsonObject) -> None: ...

    async def mounts(
        self, pod: JsonObject, spec: JsonObject, env: Mapping[str, str]
    ) -> list[Mount]:
        del pod, env
        return [
            Mount(str(mount["mountPath"]), "/hollow") for mount in spec.get("volumeMounts") or ()
        ]

    async def read_file(self, pod: JsonObject, volume: str, path: str) -> bytes | None:
        del pod, volume, path
        return None

    async def teardown(self, uid: str) -> None: ...

    async def leftovers(self, known: Container[str]) -> list[str]:
        del known
        return []

    async def close(self) -> None: ...


class AnyImage(FakeImages):
    """Every image is there already, and none is listed: thousands of nodes need no such list."""

    async def status(self, reference: str) -> Image | None:
        return await super().status(reference) or self.add(reference)

    async def list_images(self) -> list[Image]:
        return []


class SharedPods:
    """One informer on all pods, dealt out by node name."""

    def __init__(self, client: Client) -> None:
        self.informer: Informer[JsonObject] = Informer(
            client, scheme.PODS, trimmed, indexers={"node": _node_of}
        )
        self._handlers: dict[str, Handler] = {}
        self.informer.add_handler(self._deal)

    def feed(self, node: str) -> "NodeFeed":
        return NodeFeed(self, node)

    def listen(self, node: str, handler: Handler) -> None:
        self._handlers[node] = handler

    def _deal(self, key: str, old: JsonObject | None, new: JsonObject | None) -> None:
        """A pod that gets its node is new there; the old value belongs to nobody."""
        was, now = _name_of(old), _name_of(new)
        if was and was != now and was in self._handlers:
            self._handlers[was](key, old, None)
        if now and now in self._handlers:
            self._handlers[now](key, old if was == now else None, new)


class NodeFeed:
    """`pods.PodFeed` of one node."""

    def __init__(self, shared: SharedPods, node: str) -> None:
        self._shared = shared
        self._node = node

    async def run(self) -> None:
        """The shared informer runs by itself."""
        await asyncio.Event().wait()

    async def synced(self) -> None:
        await self._shared.informer.synced()

    def values(self) -> Iterable[JsonObject]:
        return self._shared.informer.by_index("node", self._node)

    def add_handler(self, handler: Handler) -> None:
        self._shared.listen(self._node, handler)
        for pod in self.values():
            handler("", None, pod)


def _name_of(pod: JsonObject | None) -> str:
    return str(pod["spec"].get("nodeName") or "") if pod is not None else ""


def _node_of(pod: JsonObject) -> tuple[str, ...]:
    name = _name_of(pod)
    return (name,) if name else ()


class HollowNodes:
    """`run` until cancelled; `ready` is set when all have registered."""

    def __init__(
        self, client: Client, options: HollowOptions, *, clock: Clock | None = None
    ) -> None:
        self._client = client
        self._options = options
        self._clock = clock or SystemClock()
        self._recorder = Recorder(client, component="kubelet", clock=self._clock)
        self._services: Informer[ServiceView] = Informer(client, scheme.SERVICES, service_view)
        self._pods = SharedPods(client)
        self._nodes: Informer[JsonObject] = Informer(client, scheme.NODES, lambda obj: obj)
        self._nodes.add_handler(self._node_changed)
        self._network = FakeNetwork()
        self._images = AnyImage()
        self._hub = Hub()
        self._machine = Machine(kernel="hollow", os_image="hollow")
        self.agents: list[NodeAgent] = []
        self._by_name: dict[str, NodeAgent] = {}
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """All nodes, and what they share."""
        async with tasks.Supervisor() as group:
            group.keep(self._recorder.run, name="events")
            group.keep(self._services.run, name="services")
            group.keep(self._pods.informer.run, name="pods")
            group.keep(self._nodes.run, name="nodes")
            await self._pods.informer.synced()
            slots = asyncio.Semaphore(START_AT_ONCE)
            for number in range(self._options.first, self._options.first + self._options.count):
                agent = self._agent(f"{self._options.prefix}-{number}")
                self.agents.append(agent)
                self._by_name[agent.options.node_name] = agent
                await slots.acquire()
                group.start(agent.run(), name=agent.options.node_name)
                group.start(_release(agent, slots), name="slot")
            for agent in self.agents:
                await agent.ready.wait()
            self.ready.set()
            LOG.info("%d hollow nodes are ready", len(self.agents))

    def _node_changed(self, key: str, _old: JsonObject | None, new: JsonObject | None) -> None:
        agent = self._by_name.get(key)
        if agent is not None and agent.node is not None:
            agent.node.seen(new)

    def _agent(self, name: str) -> NodeAgent:
        options = Options(
            node_name=name,
            data_dir=Path("/nonexistent"),
            address="127.0.0.1",
            capacity=self._options.capacity,
            lease_seconds=self._options.lease_seconds,
            lease_renew_seconds=self._options.lease_renew_seconds,
        )
        shared = Shared(
            events=self._recorder,
            services=self._services,
            feed=self._pods.feed(name),
            volumes=NoVolumes(),
            hub=self._hub,
            follows_nodes=True,
            health=Health,
        )
        driver = FakeDriver(FakeMachine(now=self._clock.now), self._network)
        return NodeAgent(
            self._client,
            driver,
            self._images,
            options,
            clock=self._clock,
            machine=lambda runtime: Machine(
                kernel=self._machine.kernel, os_image=self._machine.os_image, runtime=runtime
            ),
            shared=shared,
        )


async def _release(agent: NodeAgent, slots: asyncio.Semaphore) -> None:
    await agent.ready.wait()
    slots.release()
