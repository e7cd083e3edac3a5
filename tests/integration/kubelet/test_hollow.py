"""Many hollow nodes in one process."""

import asyncio

import pytest

from apimachinery import scheme
from apimachinery.client.rest import Client
from kubelet.hollow import HollowNodes, HollowOptions

from .conftest import PATIENCE_S, is_ready, pod


async def ready_pods(api: Client) -> int:
    return sum(map(is_ready, (await api.list(scheme.PODS, "default"))["items"]))


async def test_pods_run_on_hollow_nodes(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # There are no services: an agent that waits for those of a mirror nobody follows never starts.
    monkeypatch.setattr("kubelet.env.SERVICES_WAIT_S", 10 * PATIENCE_S)
    nodes = HollowNodes(api, HollowOptions(count=3))
    task = asyncio.create_task(nodes.run())
    async with asyncio.timeout(PATIENCE_S):
        await nodes.ready.wait()
        for number in range(9):
            name = f"hollow-{number % 3 + 1}"
            await api.create(scheme.PODS, pod(f"p{number}", nodeName=name))
        # One that the scheduler would place later.
        late = pod("late")
        del late["spec"]["nodeName"]
        await api.create(scheme.PODS, late)
        binding = {
            "apiVersion": "v1", "kind": "Binding", "metadata": {"name": "late"},
            "target": {"kind": "Node", "name": "hollow-2"},
        }  # fmt: skip
        await api.create(scheme.PODS, binding, "default", subresource="binding", name="late")
        while await ready_pods(api) < 10:
            await asyncio.sleep(0.01)
        for number in range(9):
            await api.delete(scheme.PODS, f"p{number}", "default")
        while await ready_pods(api) > 1:
            await asyncio.sleep(0.01)
    listed = (await api.list(scheme.NODES))["items"]
    assert sorted(n["metadata"]["name"] for n in listed) == ["hollow-1", "hollow-2", "hollow-3"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
