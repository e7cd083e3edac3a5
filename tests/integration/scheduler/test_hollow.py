"""Scheduler and agents together: hollow nodes start what is bound, and end what is evicted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from apimachinery import scheme
from kubelet.hollow import HollowNodes, HollowOptions
from kubelet.options import Capacity
from tests.integration.scheduler.cluster import Cluster, condition

NODES, PER_NODE = 4, 4
CAPACITY = Capacity(cpu_milli=4000, memory_bytes=8 << 30, ephemeral_bytes=10 << 30)


@pytest.fixture
async def hollow(cluster: Cluster) -> AsyncIterator[Cluster]:
    nodes = HollowNodes(cluster.client, HollowOptions(NODES, capacity=CAPACITY))
    running = asyncio.create_task(nodes.run())
    yield cluster
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def is_running(pod: dict) -> bool:
    return pod["status"]["phase"] == "Running"


async def test_pods_fill_the_nodes_and_important_ones_displace_them(hollow: Cluster) -> None:
    await hollow.priority("high", 1000)
    count = NODES * PER_NODE
    await asyncio.gather(*(hollow.pod(f"low{i}", cpu="1") for i in range(count)))
    await asyncio.gather(*(hollow.until(f"low{i}", is_running) for i in range(count)))
    per_node: dict[str, int] = {}
    for pod in (await hollow.client.list(scheme.PODS, "default"))["items"]:
        per_node[pod["spec"]["nodeName"]] = per_node.get(pod["spec"]["nodeName"], 0) + 1
    assert sorted(per_node.values()) == [PER_NODE] * NODES
    await asyncio.gather(
        *(hollow.pod(f"vip{i}", cpu="2", priorityClassName="high") for i in range(NODES))
    )
    for number in range(NODES):
        vip = await hollow.until(f"vip{number}", is_running)
        assert condition(vip)["status"] == "True"
    lows = [f"low{number}" for number in range(count)]
    pods = (await hollow.client.list(scheme.PODS, "default"))["items"]
    found = {pod["metadata"]["name"]: pod for pod in pods}
    left = {
        n: found[n] for n in lows if n in found and "deletionTimestamp" not in found[n]["metadata"]
    }
    assert len(left) == count - 2 * NODES, "two had to go for each, and no more"
    assert all(is_running(pod) for pod in left.values())
    for name in lows:
        if name in found and name not in left:
            phase = found[name]["status"]["phase"]
            assert phase in ("Failed", "Succeeded"), "what runs in its place waited for its end"
            await hollow.gone(name)
    for account in hollow.master.ledger.accounts.values():
        assert account.free.get("cpu", 0) == 0, "what is used is what there is"
