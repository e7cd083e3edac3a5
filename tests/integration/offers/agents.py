"""The Mesos side of a node's agent, beside the pool's master: over real HTTP, on no machine."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from aiohttp.test_utils import TestServer

from apimachinery.aio.clock import SystemClock
from kubelet.mesos.calls import ContainerCalls
from kubelet.mesos.containers import Containers
from kubelet.mesos.executors import Executors
from kubelet.mesos.gate import Gate
from kubelet.mesos.sandbox import Sandbox
from kubelet.mesos.server import MesosServer
from kubelet.network.fake import FakeNetwork
from kubelet.runtime.fake import FakeDriver, FakeMachine

if TYPE_CHECKING:
    from tests.integration.offers.conftest import Pool


class Facts:
    """Of a node that is nothing but its address."""

    address, port = "127.0.0.1", 5051

    def agent_info(self) -> dict[str, Any]:
        return {"id": {"value": "n1"}, "hostname": self.address, "port": self.port}

    def sandboxes(self) -> dict[str, Sandbox]:
        return {}

    def state(self) -> dict[str, Any]:
        return {"id": "n1"}

    def containers(self) -> list[Any]:
        return []

    def frameworks(self) -> list[Any]:
        return []


class Agent:
    """The Mesos side of one node's agent; it may stop and start again."""

    def __init__(self, pool: "Pool") -> None:
        self.pool = pool

    async def start(self) -> None:
        self.executors = Executors(self.pool.client, "n1", SystemClock())
        facts: Any = Facts()
        client, driver = self.pool.client, FakeDriver(FakeMachine(), FakeNetwork())
        calls = ContainerCalls(driver, Containers(list), Gate(client, facts.address, ()))
        self.mesos = MesosServer(self.executors, facts, calls, pod_cidr="", trusted=())
        self.server = TestServer(self.mesos.application(), handler_cancellation=True)
        await self.server.start_server()
        self.url = str(self.server.make_url("/api/v1/executor"))

    def follow(self) -> None:
        self.running = asyncio.create_task(self.executors.run())

    async def stop(self) -> None:
        self.running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.running
        self.mesos.close()
        await self.server.close()
