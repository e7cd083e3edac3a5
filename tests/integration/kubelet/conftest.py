"""One API server in memory and one agent with the fake runtime, joined by direct calls."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from apimachinery import meta, scheme, status
from apimachinery.client.rest import Client
from apimachinery.client.transport import DirectTransport
from apimachinery.wire import JsonObject, UserInfo
from apiserver.server import ApiServer
from apiserver.storage.memory import MemoryStore
from kubelet import mounts
from kubelet.agent import NodeAgent
from kubelet.images.fake import FakeImages
from kubelet.images.interface import ImageService
from kubelet.network.fake import FakeNetwork
from kubelet.options import Capacity, Options
from kubelet.runtime.fake import FakeDriver, FakeMachine
from kubelet.runtime.interface import RuntimeDriver

ADMIN = UserInfo("admin", groups=("system:masters", "system:authenticated"))
PATIENCE_S = 10.0


class World:
    """The API, a machine that outlives agents, and the present agent."""

    def __init__(self, client: Client, directory: Path) -> None:
        self.client = client
        self.directory = directory
        self.machine = FakeMachine()
        self.network = FakeNetwork()
        fakes = FakeImages()
        fakes.add("app:1")
        self.missing = fakes.missing
        self.images: ImageService = fakes
        self.agent: NodeAgent | None = None
        self._task: asyncio.Task[None] | None = None

    def options(self, **changes: Any) -> Options:
        values: dict[str, Any] = {
            "node_name": "node-1",
            "data_dir": self.directory,
            "address": "10.0.0.1",
            "capacity": Capacity(4000, 8 << 30, 100 << 30),
        }
        return Options(**{**values, **changes})

    def driver(self) -> RuntimeDriver:
        """A new life of the runtime driver, as each agent has one."""
        return FakeDriver(self.machine, self.network)

    def run(self, agent: NodeAgent) -> None:
        self.agent = agent
        self._task = asyncio.create_task(agent.run())

    async def start_agent(self, **changes: Any) -> NodeAgent:
        agent = NodeAgent(self.client, self.driver(), self.images, self.options(**changes))
        self.run(agent)
        assert self._task is not None
        ready = asyncio.create_task(agent.ready.wait())
        await asyncio.wait(
            {self._task, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S
        )
        if self._task.done():
            ready.cancel()
            self._task.result()
        await ready
        return agent

    @property
    def agent_runs(self) -> bool:
        return self._task is not None and not self._task.done()

    async def stop_agent(self) -> None:
        """As `kill` would: containers go on."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def pod(self, name: str = "web", **spec: Any) -> JsonObject:
        return await self.client.create(scheme.PODS, pod(name, **spec))

    async def get(self, name: str = "web") -> JsonObject | None:
        try:
            return await self.client.get(scheme.PODS, name, "default")
        except status.NotFound:
            return None

    async def until(
        self, check: Callable[[JsonObject | None], Any], name: str = "web"
    ) -> JsonObject:
        """The first state of the pod for which `check` holds."""
        last: JsonObject | None = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    last = await self.get(name)
                    if check(last):
                        return last or {}
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"never came: last status {last and last.get('status')}") from None

    def named(self, name: str, *, running: bool = True) -> list[str]:
        """Ids of the machine's containers of that name."""
        return [
            c.status.id
            for c in self.machine.containers.values()
            if c.status.name == name and (not running or c.status.state.value.endswith("RUNNING"))
        ]

    async def events(self, name: str = "web") -> list[str]:
        if self.agent is not None:
            await self.agent.kit.events.flush()
        listed = await self.client.list(scheme.EVENTS, "default")
        return [e["reason"] for e in listed["items"] if e["involvedObject"]["name"] == name]

    async def until_told(self, *texts: str) -> None:
        """Until events have said all of it."""
        assert self.agent is not None
        said: list[str] = []
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not set(texts) <= set(said):
                    await asyncio.sleep(0.01)
                    await self.agent.kit.events.flush()
                    listed = await self.client.list(scheme.EVENTS, "default")
                    said = [event["message"] for event in listed["items"]]
        except TimeoutError:
            raise AssertionError(f"never told; only: {said}") from None


def pod(name: str = "web", **spec: Any) -> JsonObject:
    container = {"name": "app", "image": "app:1", **spec.pop("container", {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", **spec.pop("metadata", {})},
        "spec": {
            "nodeName": "node-1",
            "automountServiceAccountToken": False,
            "containers": [container],
            **spec,
        },
    }


def is_ready(obj: JsonObject | None) -> bool:
    return obj is not None and meta.condition_is_true(
        (obj.get("status") or {}).get("conditions"), "Ready"
    )


def phase(wanted: str) -> Callable[[JsonObject | None], bool]:
    return lambda obj: obj is not None and (obj.get("status") or {}).get("phase") == wanted


def gone(obj: JsonObject | None) -> bool:
    return obj is None


def waiting(reason: str) -> Callable[[JsonObject | None], bool]:
    def check(obj: JsonObject | None) -> bool:
        entries = ((obj or {}).get("status") or {}).get("containerStatuses") or ()
        return any(e["state"].get("waiting", {}).get("reason") == reason for e in entries)

    return check


@pytest.fixture
async def api() -> AsyncIterator[Client]:
    server = ApiServer(MemoryStore())
    await server.start()
    client = Client(DirectTransport(server.handle, ADMIN))
    for namespace in ("default", "kube-node-lease"):
        with contextlib.suppress(status.AlreadyExists):
            await client.create(
                scheme.NAMESPACES,
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
            )
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": "default"},
    }
    with contextlib.suppress(status.AlreadyExists):
        await client.create(scheme.SERVICEACCOUNTS, account)
    yield client
    await server.stop()


@pytest.fixture
async def world(api: Client, tmp_path: Path) -> AsyncIterator[World]:
    result = World(api, tmp_path / "node")
    yield result
    await result.stop_agent()
    # Volumes of pods outlive an agent; those of a test must not outlive it.
    mounts.remove_below(tmp_path)
    result.machine.close()
