"""A node that runs short tells it, ends pods one at a time, and takes no new ones."""

import asyncio
import os
from typing import Any

from apimachinery import meta, scheme
from apimachinery.wire import JsonObject
from kubelet.options import Capacity

from .conftest import World, is_ready, phase

# The fake runtime's containers use one mebibyte each; pressure begins below a hundred.
SHORT = Capacity(4000, 101 << 20, 100 << 30)


async def look(world: World) -> None:
    assert world.agent is not None
    assert world.agent.pressure is not None
    await world.agent.pressure.look()


async def node_condition(world: World, kind: str) -> str:
    node = await world.client.get(scheme.NODES, "node-1")
    found = meta.get_condition(node["status"]["conditions"], kind) or {}
    return str(found.get("status"))


def told(pod: JsonObject) -> tuple[str, str]:
    return pod["status"]["reason"], pod["status"]["message"]


async def test_the_pod_that_is_over_its_request_goes_and_no_other(world: World) -> None:
    await world.start_agent(capacity=SHORT)
    keeps: dict[str, Any] = {"resources": {"requests": {"memory": "2Mi"}}}
    await world.pod("keeps", container=keeps)
    await world.until(is_ready, "keeps")
    await world.pod("over")
    await world.until(is_ready, "over")
    await look(world)
    pod = await world.until(phase("Failed"), "over")
    assert told(pod)[0] == "Evicted"
    assert told(pod)[1].startswith("The node was low on resource: memory. ")
    assert "Container app was using 1Mi, request is 0" in told(pod)[1]
    disrupted = meta.get_condition(pod["status"]["conditions"], "DisruptionTarget") or {}
    assert (disrupted["status"], disrupted["reason"]) == ("True", "TerminationByKubelet")
    await look(world)
    assert is_ready(await world.get("keeps"))
    assert "Evicted" in await world.events("over")


async def test_a_pod_may_not_fill_more_of_the_disk_than_it_said(world: World) -> None:
    await world.start_agent()
    await world.pod(
        container={"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
        volumes=[{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}],
    )
    await world.until(is_ready)
    await look(world)
    assert is_ready(await world.get())
    container = world.machine.containers[world.named("app")[0]]
    (mount,) = container.config.mounts
    with open(f"{mount.host_path}/large", "wb") as file:  # noqa: PTH123  a moment
        file.write(os.urandom(2 << 20))
    async with asyncio.timeout(30):
        # Counting takes a small part of the time only: not every look counts.
        while not phase("Failed")(await world.get()):
            await look(world)
            await asyncio.sleep(0.05)
    pod = await world.until(phase("Failed"))
    assert told(pod) == ("Evicted", 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ')


async def test_under_pressure_nothing_without_requests_is_taken(world: World) -> None:
    await world.start_agent(capacity=Capacity(4000, 50 << 20, 100 << 30))
    assert world.agent is not None
    agent = world.agent

    async def pressed() -> bool:
        return await node_condition(world, "MemoryPressure") == "True"

    async with asyncio.timeout(30):
        while not await pressed():
            await asyncio.sleep(0.01)
    assert agent.pods is not None
    assert agent.pods.pressed == {"MemoryPressure"}
    await world.pod("best-effort")
    pod = await world.until(phase("Failed"), "best-effort")
    assert told(pod) == ("Evicted", "The node had condition: [MemoryPressure]. ")
    await world.pod("asks", container={"resources": {"requests": {"memory": "1Mi"}}})
    await world.until(lambda pod: pod is not None and pod["status"].get("startTime"), "asks")
