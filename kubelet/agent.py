"""One node agent: composition of everything in this package, and its life.

`bireme node` (and the tests) build a client, a driver and an image service and call
`NodeAgent(client, driver, images, options).run()`. The driver owns the pod network. Cancelling
`run` lets go of everything; containers keep running and the next agent adopts them. What each part
does is told in its own module: `node`, `pods`, `worker`, `publisher`, `volumes`, `server`.
"""

import asyncio
import logging
from collections.abc import Callable

from apimachinery import scheme
from apimachinery.aio import tasks
from apimachinery.aio.clock import Clock, SystemClock
from apimachinery.client.events import Recorder
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from kubelet.actions import Actions
from kubelet.env import Environment, ServiceView, service_view
from kubelet.images.interface import ImageService
from kubelet.inotify import Hub
from kubelet.kit import Kit
from kubelet.node import Health, Machine, NodeKeeper, node_labels, read_health, read_machine
from kubelet.options import Options, machine_capacity
from kubelet.pods import Pods
from kubelet.publisher import Publisher
from kubelet.runtime.interface import RuntimeDriver
from kubelet.server import AgentServer
from kubelet.starting import Starter
from kubelet.volumes.manager import VolumeManager

LOG = logging.getLogger(__name__)

RUNTIME_NAMES = {"runc": "bireme-oci", "crun": "bireme-oci", "fake": "bireme-fake"}
"""How our own drivers appear in node status and container ids; a CRI runtime has its own name."""


class NodeAgent:
    """See the module's docstring. `ready` is set when the node is registered and follows its pods."""

    def __init__(
        self,
        client: Client,
        driver: RuntimeDriver,
        images: ImageService,
        options: Options,
        *,
        clock: Clock | None = None,
        machine: Callable[[str], Machine] = read_machine,
    ) -> None:
        self.options = options
        self._own_memory = options.capacity is None
        capacity = options.capacity or machine_capacity(options.data_dir)
        clock = clock or SystemClock()
        recorder = Recorder(client, component="kubelet", clock=clock, host=options.node_name)
        self.kit = Kit(options, client, driver, images, recorder, clock, capacity, Hub())
        self._read_machine = machine
        self.ready = asyncio.Event()
        self.publisher = Publisher(client)
        self.pods: Pods | None = None
        self.node: NodeKeeper | None = None
        self._services: Informer[ServiceView] = Informer(client, scheme.SERVICES, service_view)

    async def run(self) -> None:
        """Until cancelled. Raises at once when the runtime cannot work at all."""
        kit = self.kit
        for directory in (kit.options.data_dir, kit.options.pods_dir, kit.options.logs_dir):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        await kit.driver.start()
        version = await kit.driver.version()
        runtime_name = RUNTIME_NAMES.get(version.name, version.name)
        machine = self._read_machine(f"{runtime_name}://{version.version}")
        self.node = NodeKeeper(kit, machine, self._health)
        volumes = VolumeManager(kit)
        actions = Actions(kit.driver)
        environment = Environment(kit.client, kit.options, kit.capacity, self._services)
        starter = Starter(kit, environment, volumes, actions, runtime_name)
        labels = node_labels(kit.options, machine)
        self.pods = Pods(kit, starter, volumes, self.publisher, labels)
        try:
            await self._serve(self.pods, self.node)
        finally:
            await self.publisher.close()
            await volumes.close()
            await actions.close()
            kit.hub.close()
            await kit.driver.close()

    async def _serve(self, pods: Pods, node: NodeKeeper) -> None:
        async with tasks.Supervisor() as group:
            group.keep(self.kit.events.run, name="events")
            group.keep(self._services.run, name="services")
            group.keep(node.run_status, name="node status")
            group.keep(node.run_lease, name="node lease")
            group.start(pods.run(), name="pods")
            if self.options.serving is not None:
                group.keep(AgentServer(self.kit, pods, self.options.serving).run, name="https")
            await node.registered.wait()
            await pods.informer.synced()
            self.ready.set()
            LOG.info("node %s is ready", self.options.node_name)

    def _health(self) -> Health:
        try:
            pressed = read_health(self.options, self.kit.capacity, own_memory=self._own_memory)
        except OSError as error:
            return Health(not_ready=f"the node's own state cannot be read: {error}")
        return Health(pressed)
