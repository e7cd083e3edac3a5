"""One node agent: composition of everything in this package, and its life.

`bireme node` (and the tests) build a client, a driver and an image service and call
`NodeAgent(client, driver, images, options).run()`. The driver owns the pod network. Cancelling
`run` lets go of everything; containers keep running and the next agent adopts them. What each part
does is told in its own module: `node`, `pods`, `worker`, `publisher`, `volumes`, `server`.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from apimachinery import scheme
from apimachinery.aio import tasks
from apimachinery.aio.clock import Clock, SystemClock
from apimachinery.client.events import Recorder
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.mesos import marks
from kubelet.actions import Actions
from kubelet.env import Environment, Services, ServiceView, service_view
from kubelet.images.interface import ImageService
from kubelet.inotify import Hub
from kubelet.kit import Kit
from kubelet.mesos.calls import ContainerCalls
from kubelet.mesos.containers import Containers
from kubelet.mesos.executors import Executors
from kubelet.mesos.facts import Facts
from kubelet.mesos.gate import Gate
from kubelet.mesos.persistent import PersistentVolumes
from kubelet.mesos.server import MesosServer
from kubelet.node import NodeKeeper
from kubelet.node_status import Health, Machine, node_labels, read_machine
from kubelet.options import MesosServing, Options, machine_capacity
from kubelet.oversubscription import Oversubscription
from kubelet.pods import PodFeed, Pods, feed_of
from kubelet.pressure import PressureKeeper
from kubelet.publisher import Publisher
from kubelet.pulling import Puller
from kubelet.runtime.interface import RuntimeDriver
from kubelet.server import AgentServer
from kubelet.starting import Starter
from kubelet.volumes.interface import Volumes
from kubelet.volumes.manager import VolumeManager

LOG = logging.getLogger(__name__)

RUNTIME_NAMES = {"runc": "bireme-oci", "crun": "bireme-oci", "fake": "bireme-fake"}
"""How our own drivers appear in node status and container ids; a CRI runtime has its own name."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Collaborators that many hollow nodes of one process share; a real node makes its own."""

    events: Recorder | None = None
    services: Services | None = None
    feed: PodFeed | None = None
    volumes: Volumes | None = None
    hub: Hub | None = None
    follows_nodes: bool = False
    """One watch on all nodes tells each `NodeKeeper` of its own."""
    health: Callable[[], Health] | None = None


ALONE = Shared()


class NodeAgent:
    """See the module's docstring. `ready` is set once the node is registered and has its pods."""

    def __init__(
        self,
        client: Client,
        driver: RuntimeDriver,
        images: ImageService,
        options: Options,
        *,
        clock: Clock | None = None,
        machine: Callable[[str], Machine] = read_machine,
        shared: Shared = ALONE,
    ) -> None:
        self.options = options
        self._own_memory = options.capacity is None
        self._read_machine = machine
        self._shared = shared
        clock = clock or SystemClock()
        self.kit = Kit(
            options=options,
            client=client,
            driver=driver,
            images=images,
            events=shared.events
            or Recorder(client, component="kubelet", clock=clock, host=options.node_name),
            clock=clock,
            capacity=options.capacity or machine_capacity(options.data_dir),
            hub=shared.hub or Hub(),
        )
        self.ready = asyncio.Event()
        self.publisher = Publisher(client)
        self.pods: Pods | None = None
        self.node: NodeKeeper | None = None
        self.pressure: PressureKeeper | None = None
        self._services: Informer[ServiceView] = Informer(client, scheme.SERVICES, service_view)

    async def run(self) -> None:
        """Until cancelled. Raises at once when the runtime cannot work at all."""
        kit = self.kit
        if self._shared.volumes is None:
            for directory in (kit.options.data_dir, kit.options.pods_dir, kit.options.logs_dir):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        await kit.driver.start()
        version = await kit.driver.version()
        runtime_name = RUNTIME_NAMES.get(version.name, version.name)
        machine = self._read_machine(f"{runtime_name}://{version.version}")
        actions = Actions(kit.driver)
        # Not `or`: a mirror that is still empty is false.
        services = self._services if self._shared.services is None else self._shared.services
        environment = Environment(kit.client, kit.options, kit.capacity, services)
        puller = Puller(kit, environment)
        volumes = self._shared.volumes or VolumeManager(kit, puller)
        starter = Starter(kit, environment, puller, volumes, actions, runtime_name, (version.name,))
        feed = self._shared.feed or feed_of(kit.client, kit.options.node_name)
        pods = Pods(kit, starter, volumes, self.publisher, node_labels(kit.options, machine), feed)
        node = NodeKeeper(kit, machine, self._shared.health or Health)
        self.node, self.pods = node, pods
        if self._shared.health is None:
            self.pressure = PressureKeeper(
                kit, pods, own_memory=self._own_memory, changed=node.look
            )
            node.health = self.pressure.health
        try:
            await self._serve(pods, node)
        finally:
            await self.publisher.close()
            await volumes.close()
            await actions.close()
            if self._shared.hub is None:
                kit.hub.close()
            await kit.driver.close()

    async def _serve(self, pods: Pods, node: NodeKeeper) -> None:
        async with tasks.Supervisor() as group:
            if self._shared.events is None:
                group.keep(self.kit.events.run, name="events")
            if self._shared.services is None:
                group.keep(self._services.run, name="services")
            group.keep(node.run_status, name="node status")
            group.keep(node.run_lease, name="node lease")
            if not self._shared.follows_nodes:
                group.keep(node.run_watch, name="node watch")
            group.start(pods.run(), name="pods")
            if self.pressure is not None:
                group.keep(self.pressure.run, name="pressure")
            if self.options.oversubscribe is not None:
                lending = Oversubscription(self.kit, pods, self.options.oversubscribe)
                group.keep(lending.run, name="oversubscription")
            if self.options.serving is not None:
                group.keep(AgentServer(self.kit, pods, self.options.serving).run, name="https")
            if self.options.mesos is not None:
                self._serve_mesos(group, pods, self.options.mesos)
            await node.registered.wait()
            await pods.feed.synced()
            self.ready.set()
            LOG.info("node %s is ready", self.options.node_name)

    def _serve_mesos(self, group: tasks.Supervisor, pods: Pods, serving: MesosServing) -> None:
        """Custom executors, and those who look on."""
        executors = Executors(self.kit.client, self.options.node_name, self.kit.clock)
        facts = Facts(self.kit, pods, executors, serving.port)
        gate = Gate(self.kit.client, self.options.address, serving.trusted)
        calls = ContainerCalls(self.kit.driver, Containers(facts.workers), gate)
        server = MesosServer(
            executors, facts, calls, pod_cidr=self.options.pod_cidr, trusted=serving.trusted
        )
        volumes = PersistentVolumes(
            self.kit.client, self.options.node_name,
            self.options.data_dir / "persistent.json", Path(marks.PERSISTENT),
        )  # fmt: skip
        group.keep(executors.run, name="executors")
        group.keep(volumes.run, name="persistent volumes")
        group.keep(server.run, name="mesos http")
