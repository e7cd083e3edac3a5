"""The Mesos side over real HTTP and the real API server on memory; nodes that play along."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from apimachinery import scheme, status, wire
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.client.transport import DirectTransport
from apiserver.server import ApiServer
from apiserver.stores import open_store
from offers.assembly import MesosSide
from offers.master import OfferMaster
from scheduler.views import node_info, pod_info
from tests.fakes.mesos import RawFramework
from tests.integration.offers.agents import Agent
from tests.integration.offers.fuzzing import Victim

ADMIN = wire.UserInfo("test", groups=("system:masters",))


class Nodes:
    """Plays the agents of all nodes: `exit N` ends at once, everything else runs until deleted."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.paused = asyncio.Event()
        self.paused.set()

    async def run(self) -> None:
        stream = self.client.watch(scheme.PODS, initial_events=True)
        async with contextlib.aclosing(stream) as events:
            async for event in events:
                if event.type in ("ADDED", "MODIFIED"):
                    await self.paused.wait()
                    with contextlib.suppress(status.NotFound, status.Conflict):
                        await self.act(event.object())

    async def act(self, pod: dict[str, Any]) -> None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        if "deletionTimestamp" in pod["metadata"]:
            await self.tell(pod, {c["name"]: 137 for c in pod["spec"]["containers"]})
            await self.client.delete(scheme.PODS, name, namespace, grace_period=0)
        elif pod["status"].get("phase", "Pending") == "Pending":
            await self.tell(pod, {})
            codes = {}
            for container in pod["spec"]["containers"]:
                words = (container.get("command") or [""])[-1].split()
                if words[:1] == ["exit"]:
                    codes[container["name"]] = int(words[1])
            if codes:
                await self.tell(pod, codes)

    async def tell(self, pod: dict[str, Any], codes: dict[str, int]) -> None:
        names = [c["name"] for c in pod["spec"]["containers"]]
        ended = all(name in codes for name in names)
        failed = any(codes.values())
        patch = {
            "phase": ("Failed" if failed else "Succeeded") if ended else "Running",
            "podIPs": [{"ip": "10.0.0.1"}],
            "containerStatuses": [
                {
                    "name": name,
                    "image": "busybox",
                    "imageID": "",
                    "restartCount": 0,
                    "ready": name not in codes,
                    "containerID": f"fake://{name}",
                    "state": {"terminated": {"exitCode": codes[name]}}
                    if name in codes
                    else {"running": {}},
                }
                for name in names
            ],
        }
        await self.client.patch(
            scheme.PODS,
            pod["metadata"]["name"],
            {"status": patch},
            pod["metadata"]["namespace"],
            subresource="status",
        )


class Pool:
    """One API server; masters come and go."""

    def __init__(self, server: ApiServer, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.client = Client(DirectTransport(server.handle, ADMIN))
        self.masters = self.client
        """In whose name masters act."""
        self.http = http
        self.nodes = Nodes(self.client)
        self.url = ""
        self.generation = 0
        self._running: asyncio.Task[None] | None = None

    async def start_master(self) -> None:
        nodes = Informer(self.masters, scheme.NODES, node_info)
        pods = Informer(self.masters, scheme.PODS, pod_info)
        self.mirrors = nodes, pods
        self.generation += 1
        self.master = OfferMaster(
            nodes,
            pods,
            role_of_pod=self.role_of_pod,
            master_id=f"m{self.generation}",
        )
        self.side = MesosSide(self.masters, self.master, nodes)
        await self.side.server.start("127.0.0.1", 0)
        await self.side.restore()
        host, port = self.side.server.address
        self.url = f"http://{host}:{port}/api/v1/scheduler"

        async def work() -> None:
            async with asyncio.TaskGroup() as group:
                for each in (nodes.run, pods.run, self.master.run, self.side.run):
                    group.create_task(each())

        self._running = asyncio.create_task(work())
        await self.eventually(lambda: self.side.server.scheduler.ready)

    def role_of_pod(self, key: str) -> str:
        return self.side.tasks.role_of_pod(key)

    async def stop_master(self) -> None:
        assert self._running is not None
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running

    async def node(self, name: str, cpu: str = "4", memory: str = "8Gi", **labels: str) -> None:
        await self.client.create(scheme.NODES, {"metadata": {"name": name, "labels": labels}})
        amounts = {"cpu": cpu, "memory": memory, "pods": "110"}
        await self.client.patch(
            scheme.NODES,
            name,
            {
                "status": {
                    "allocatable": amounts,
                    "capacity": amounts,
                    "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
                    "conditions": [{"type": "Ready", "status": "True"}],
                }
            },
            subresource="status",
        )

    async def ready(self, name: str, state: str) -> None:
        conditions = [{"type": "Ready", "status": state}]
        await self.client.patch(
            scheme.NODES, name, {"status": {"conditions": conditions}}, subresource="status"
        )

    async def framework(self, **info: Any) -> RawFramework:
        made = RawFramework(self.http, self.url, **info)
        assert (await made.subscribe())["type"] == "SUBSCRIBED"
        return made

    async def tasks(self) -> list[dict[str, Any]]:
        return (await self.client.list(scheme.TASKS))["items"]

    async def eventually(self, what: Callable[[], Any]) -> None:
        async with asyncio.timeout(30):
            while not what():
                await asyncio.sleep(0.005)


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    server = ApiServer(open_store("memory"))
    await server.start()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http:
        made = Pool(server, http)
        await made.client.create(scheme.NAMESPACES, {"metadata": {"name": "frameworks"}})
        await made.client.create(
            scheme.SERVICEACCOUNTS, {"metadata": {"name": "default"}}, "frameworks"
        )
        playing = asyncio.create_task(made.nodes.run())
        await made.start_master()
        yield made
        await made.stop_master()
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await playing
    await server.stop()


@pytest.fixture
async def agent(pool: Pool) -> AsyncIterator[Agent]:
    """Of node `n1`."""
    await pool.node("n1")
    made = Agent(pool)
    await made.start()
    made.follow()
    yield made
    await made.stop()


@pytest.fixture
async def victim(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Victim:
    monkeypatch.setattr("offers.demand.HUNGER_S", 1e6)  # nobody's offer goes to the hungry
    pool.master.hands.timeout = 1e6
    return await Victim.settle(pool)
