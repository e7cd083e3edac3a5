"""Hooks, grace periods, deadlines, liveness: how containers come to their ends."""

import asyncio
import time
from typing import Any

from apimachinery import scheme
from kubelet.runtime.fake import Behaviour
from kubelet.runtime.interface import ExecResult

from .conftest import World, gone, is_ready, phase


def watching(world: World, *, exit_code: int = 0, **behaviour: Any) -> list[str]:
    """Make every container note the commands that are run in it."""
    ran: list[str] = []

    def run(argv: Any) -> ExecResult:
        ran.append(" ".join(argv))
        return ExecResult(exit_code, b"", b"no good")

    world.machine.behaviour = lambda _: Behaviour(run=run, **behaviour)
    return ran


def hook(kind: str, command: str) -> dict[str, Any]:
    return {"lifecycle": {kind: {"exec": {"command": [command]}}}}


async def test_pre_stop_runs_before_the_stop(world: World) -> None:
    ran = watching(world)
    await world.start_agent()
    await world.pod(container=hook("preStop", "goodbye"))
    await world.until(is_ready)
    await world.client.delete(scheme.PODS, "web", "default")
    await world.until(gone)
    assert ran == ["goodbye"]
    assert ("stop_container", "app") in world.machine.calls


async def test_a_failed_post_start_kills_the_container(world: World) -> None:
    ran = watching(world, exit_code=1)
    await world.start_agent()
    await world.pod(container=hook("postStart", "hello"), restartPolicy="Never")
    await world.until(phase("Failed"))
    assert ran == ["hello"]
    assert "FailedPostStartHook" in await world.events()


async def test_a_container_that_ignores_term_is_killed_after_its_grace(world: World) -> None:
    world.machine.behaviour = lambda _: Behaviour(heeds_stop=False)
    await world.start_agent()
    await world.pod(terminationGracePeriodSeconds=1)
    await world.until(is_ready)
    began = time.monotonic()
    await world.client.delete(scheme.PODS, "web", "default")
    await world.until(gone)
    assert time.monotonic() - began > 0.9


async def test_a_second_delete_may_shorten_the_grace(world: World) -> None:
    world.machine.behaviour = lambda _: Behaviour(heeds_stop=False)
    await world.start_agent()
    await world.pod(terminationGracePeriodSeconds=60)
    await world.until(is_ready)
    await world.client.delete(scheme.PODS, "web", "default")
    await asyncio.sleep(0.3)
    began = time.monotonic()
    await world.client.delete(scheme.PODS, "web", "default", grace_period=1)
    await world.until(gone)
    assert time.monotonic() - began < 5


async def test_a_forced_delete_frees_the_node(world: World) -> None:
    await world.start_agent()
    await world.pod()
    await world.until(is_ready)
    await world.client.delete(scheme.PODS, "web", "default", grace_period=0)
    await world.until(lambda _: not world.machine.sandboxes)


async def test_a_pod_out_of_time_fails(world: World) -> None:
    await world.start_agent()
    await world.pod(activeDeadlineSeconds=1)
    await world.until(is_ready)
    pod = await world.until(phase("Failed"))
    assert pod["status"]["reason"] == "DeadlineExceeded"
    assert "terminated" in pod["status"]["containerStatuses"][0]["state"]


async def test_a_failed_liveness_probe_restarts(world: World) -> None:
    watching(world, exit_code=1)
    await world.start_agent()
    probe = {"exec": {"command": ["check"]}, "periodSeconds": 1, "failureThreshold": 1}
    await world.pod(container={"livenessProbe": probe})
    await world.until(lambda p: p and _restarts(p) >= 1)
    assert {"Unhealthy", "Killing"} <= set(await world.events())


async def test_a_pod_that_is_deleted_while_its_image_is_pulled_goes_at_once(world: World) -> None:
    world.images.pull_seconds = 60.0  # type: ignore[attr-defined]  the fake one's
    await world.start_agent()
    await world.pod(container={"image": "slow:1"})
    await world.until(lambda _: world.images.pulls)  # type: ignore[attr-defined]  the fake one's
    began = time.monotonic()
    await world.client.delete(scheme.PODS, "web", "default")
    await world.until(gone)
    assert time.monotonic() - began < 5


async def test_two_pods_of_one_name_do_not_meet(world: World) -> None:
    """A StatefulSet's pod comes back under its name while the old one still stops."""
    world.machine.behaviour = lambda _: Behaviour(heeds_stop=False)
    await world.start_agent()
    await world.pod(terminationGracePeriodSeconds=2)
    old = await world.until(is_ready)
    await world.client.delete(scheme.PODS, "web", "default", grace_period=0)
    await world.pod(terminationGracePeriodSeconds=1)
    new = await world.until(is_ready)
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    assert new["status"]["podIP"] != old["status"]["podIP"]
    await world.until(lambda _: len(world.machine.sandboxes) == 1)
    assert is_ready(await world.get())


def _restarts(pod: Any) -> int:
    entries = pod["status"].get("containerStatuses") or [{"restartCount": 0}]
    return int(entries[0]["restartCount"])
