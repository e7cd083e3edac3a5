"""Offer master and pod scheduler against the real API server, in one process on memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from apimachinery import scheme, wire
from apimachinery.aio.clock import SystemClock
from apimachinery.client.events import Recorder
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.client.transport import DirectTransport
from apiserver.server import ApiServer
from apiserver.stores import open_store
from offers.master import OfferMaster
from offers.messages import FrameworkInfo
from scheduler.service import PodScheduler
from scheduler.views import node_info, pod_info

ADMIN = wire.UserInfo("test", groups=("system:masters",))


class Cluster:
    """A control plane without controllers: nodes and pods are what the test makes them."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.nodes = Informer(client, scheme.NODES, node_info)
        self.pods = Informer(client, scheme.PODS, pod_info)
        self.master = OfferMaster(self.nodes, self.pods)
        self.recorder = Recorder(client, component="default-scheduler", clock=SystemClock())
        session = self.master.subscribe(FrameworkInfo("kubernetes", ("kubernetes",)))
        self.scheduler = PodScheduler(
            client, session, self.nodes, self.pods, recorder=self.recorder
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for each in (self.nodes, self.pods, self.master, self.scheduler, self.recorder):
                group.create_task(each.run())

    async def node(self, name: str, cpu: str = "4", memory: str = "8Gi") -> None:
        await self.client.create(scheme.NODES, {"metadata": {"name": name}})
        status = {
            "allocatable": {"cpu": cpu, "memory": memory, "pods": "110"},
            "capacity": {"cpu": cpu, "memory": memory, "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        await self.client.patch(scheme.NODES, name, {"status": status}, subresource="status")

    async def pod(self, name: str, cpu: str = "100m", namespace: str = "default") -> None:
        container = {
            "name": "c",
            "image": "busybox",
            "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}},
        }
        pod = {"metadata": {"name": name}, "spec": {"containers": [container]}}
        await self.client.create(scheme.PODS, pod, namespace)

    async def until(self, name: str, what, namespace: str = "default") -> dict:
        """Follow the pod until `what(pod)` is true."""
        async with asyncio.timeout(10):
            stream = self.client.watch(
                scheme.PODS, namespace, initial_events=True, field_selector=f"metadata.name={name}"
            )
            async with contextlib.aclosing(stream) as events:
                async for event in events:
                    if event.type in ("ADDED", "MODIFIED") and what(event.object()):
                        return event.object()
        raise AssertionError("the watch ended")

    async def bound(self, name: str) -> str:
        pod = await self.until(name, lambda p: p["spec"].get("nodeName"))
        return pod["spec"]["nodeName"]


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    server = ApiServer(open_store("memory"))
    await server.start()
    client = Client(DirectTransport(server.handle, ADMIN))
    made = Cluster(client)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await server.stop()


async def test_a_pending_pod_is_bound_to_a_node(cluster: Cluster) -> None:
    await cluster.node("a")
    await cluster.pod("p")
    assert await cluster.bound("p") == "a"


async def test_a_pod_waits_for_the_first_node(cluster: Cluster) -> None:
    await cluster.pod("p")
    pod = await cluster.until("p", unschedulable)
    assert condition(pod)["message"] == "no nodes available to schedule pods"
    await cluster.node("a")
    assert await cluster.bound("p") == "a"


async def test_what_lacks_is_said_in_condition_and_event(cluster: Cluster) -> None:
    await cluster.node("a", cpu="1")
    await cluster.pod("p", cpu="2")
    # Before the node is heard of the message is another one.
    wanted = (
        "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available:"
        " 1 Preemption is not helpful for scheduling."
    )
    await cluster.until("p", lambda p: unschedulable(p) and condition(p)["message"] == wanted)
    async with asyncio.timeout(5):
        while not (items := (await cluster.client.list(scheme.EVENTS, "default"))["items"]):
            await asyncio.sleep(0.01)
    assert items[0]["reason"] == "FailedScheduling"


async def test_room_that_is_made_is_used(cluster: Cluster) -> None:
    await cluster.node("a", cpu="1")
    await cluster.pod("first", cpu="1")
    await cluster.bound("first")
    await cluster.pod("second", cpu="1")
    await cluster.until("second", unschedulable)
    await cluster.client.delete(scheme.PODS, "first", "default", grace_period=0)
    assert await cluster.bound("second") == "a"


async def test_many_pods_fill_nodes_and_none_is_overdrawn(cluster: Cluster) -> None:
    for number in range(5):
        await cluster.node(f"n{number}")
    await asyncio.gather(*(cluster.pod(f"p{i}", cpu="200m") for i in range(100)))
    await asyncio.gather(*(cluster.bound(f"p{i}") for i in range(100)))
    pods = (await cluster.client.list(scheme.PODS, "default"))["items"]
    counts = {f"n{n}": sum(p["spec"]["nodeName"] == f"n{n}" for p in pods) for n in range(5)}
    assert set(counts.values()) == {20}
    for account in cluster.master.ledger.accounts.values():
        assert account.free.get("cpu", 0) >= 0


def condition(pod: dict) -> dict:
    return next(c for c in pod["status"]["conditions"] if c["type"] == "PodScheduled")


def unschedulable(pod: dict) -> bool:
    return any(
        c["type"] == "PodScheduled" and c.get("reason") == "Unschedulable"
        for c in pod["status"].get("conditions", [])
    )
