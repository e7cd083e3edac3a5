"""Pods get other resources while they run: at once, later, or never; with or without a restart."""

from typing import Any

import pytest

from apimachinery import meta, scheme
from apimachinery.wire import JsonObject

from .conftest import World, gone, is_ready


def amounts(cpu: str, memory: str = "100Mi") -> JsonObject:
    both = {"cpu": cpu, "memory": memory}
    return {"requests": both, "limits": both}


async def resize(world: World, resources: JsonObject, name: str = "web") -> None:
    wanted = {"spec": {"containers": [{"name": "app", "resources": resources}]}}
    await world.client.patch(
        scheme.PODS, name, wanted, "default", kind="strategic", subresource="resize"
    )


async def running(world: World, resources: JsonObject, name: str = "web", **more: Any) -> None:
    await world.pod(name, container={"resources": resources, **more})
    await world.until(is_ready, name)


def entry(pod: JsonObject | None) -> JsonObject:
    assert pod is not None
    found: JsonObject = pod["status"]["containerStatuses"][0]
    return found


def pending(pod: JsonObject | None, kind: str = "PodResizePending") -> tuple[str, str]:
    assert pod is not None
    told = meta.get_condition(pod["status"].get("conditions"), kind) or {}
    return told.get("reason", ""), told.get("message", "")


def shows(resources: JsonObject) -> Any:
    return lambda pod: entry(pod).get("resources") == resources and pending(pod) == ("", "")


async def test_a_granted_resize_reaches_the_runtime_and_the_status(world: World) -> None:
    await world.start_agent()
    await running(world, amounts("100m"))
    before = world.named("app")
    await resize(world, amounts("200m", "200Mi"))
    pod = await world.until(shows(amounts("200m", "200Mi")))
    assert world.named("app") == before
    told = world.machine.containers[before[0]].config.resources
    assert (told.cpu_quota, told.memory_limit_bytes) == (20_000, 200 << 20)
    (sandbox,) = world.machine.sandboxes.values()
    assert sandbox.resources is not None
    assert sandbox.resources.memory_limit_bytes == 200 << 20
    assert entry(pod)["allocatedResources"] == amounts("200m", "200Mi")["requests"]
    assert entry(pod)["restartCount"] == 0
    assert pending(pod, "PodResizeInProgress") == ("", "")


async def test_a_container_that_wants_it_is_started_anew(world: World) -> None:
    await world.start_agent()
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    await running(world, amounts("100m"), resizePolicy=policy)
    await resize(world, amounts("200m"))
    pod = await world.until(shows(amounts("200m")))
    assert entry(pod)["restartCount"] == 0
    await resize(world, amounts("200m", "200Mi"))
    pod = await world.until(lambda pod: shows(amounts("200m", "200Mi"))(pod) and is_ready(pod))
    assert entry(pod)["restartCount"] == 1


async def test_what_the_node_never_has_is_infeasible(world: World) -> None:
    await world.start_agent()
    await running(world, amounts("100m"))
    await resize(world, amounts("100"))
    pod = await world.until(lambda pod: pending(pod)[0] == "Infeasible")
    assert pending(pod)[1] == (
        "Node didn't have enough capacity: cpu, requested: 100000, capacity: 4000"
    )
    assert entry(pod)["resources"] == amounts("100m")
    await resize(world, amounts("100m"))
    await world.until(shows(amounts("100m")))


async def test_what_the_node_has_not_now_is_deferred_until_it_has(world: World) -> None:
    await world.start_agent()
    await running(world, amounts("100m"))
    await running(world, amounts("3"), "other")
    await resize(world, amounts("2"))
    pod = await world.until(lambda pod: pending(pod)[0] == "Deferred")
    assert "cpu, requested: 2000, used: 3000, capacity: 4000" in pending(pod)[1]
    await world.client.delete(scheme.PODS, "other", "default", grace_period=0)
    await world.until(gone, "other")
    await world.until(shows(amounts("2")))


async def test_memory_in_use_is_not_taken_away(world: World) -> None:
    await world.start_agent()
    await running(world, amounts("100m"))
    # The fake runtime's containers use one mebibyte.
    await resize(world, amounts("100m", "512Ki"))
    pod = await world.until(lambda pod: pending(pod, "PodResizeInProgress")[0] == "Error")
    assert "are in use" in pending(pod, "PodResizeInProgress")[1]
    assert entry(pod)["resources"] == amounts("100m")
    assert entry(pod)["allocatedResources"] == amounts("100m", "512Ki")["requests"]


@pytest.mark.parametrize("cpu", ["200m", "100"])
async def test_the_next_agent_goes_on_from_what_was_granted(world: World, cpu: str) -> None:
    await world.start_agent()
    await running(world, amounts("100m"))
    await world.stop_agent()
    await resize(world, amounts(cpu))
    await world.start_agent()
    if cpu == "100":
        pod = await world.until(lambda pod: pending(pod)[0] == "Infeasible")
        assert entry(pod)["resources"] == amounts("100m")
    else:
        await world.until(shows(amounts(cpu)))
