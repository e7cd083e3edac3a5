"""Random pods, deletes, kills and agent restarts on one node: nothing doubles, nothing stays."""

import asyncio
import contextlib
import random

import pytest

from apimachinery import scheme, status
from kubelet.observed import Run
from kubelet.runtime.interface import ContainerState

from .conftest import World

STEPS = 150
NAMES = [f"p{number}" for number in range(8)]


async def step(world: World, rng: random.Random) -> None:
    name = rng.choice(NAMES)
    match rng.choices(["create", "delete", "force", "kill", "agent"], [5, 3, 1, 5, 1])[0]:
        case "create":
            with contextlib.suppress(status.AlreadyExists):
                init = [{"name": "init", "image": "app:1", "command": ["true"]}]
                await world.pod(
                    name,
                    container={"command": rng.choice([["serve"], ["false"], ["sleep", "0.05"]])},
                    restartPolicy=rng.choice(["Always", "OnFailure", "Never"]),
                    initContainers=init if rng.random() < 0.3 else [],
                )
        case "delete":
            with contextlib.suppress(status.NotFound):
                await world.client.delete(scheme.PODS, name, "default")
        case "force":
            with contextlib.suppress(status.NotFound):
                await world.client.delete(scheme.PODS, name, "default", grace_period=0)
        case "kill":
            running = world.named("app")
            if running:
                world.machine.kill(rng.choice(running))
        case "agent":
            await world.stop_agent()
            await asyncio.sleep(rng.random() * 0.02)
            await world.start_agent()


def doubles(world: World) -> list[tuple[str, str]]:
    """Containers of which more than one attempt runs."""
    running = [
        (c.status.pod_uid, c.status.name)
        for c in world.machine.containers.values()
        if c.status.state is ContainerState.RUNNING
    ]
    return [key for key in running if running.count(key) > 1]


async def settled(world: World) -> None:
    """Until the agent knows exactly the API's pods and does nothing."""
    assert world.agent is not None
    assert world.agent.pods is not None
    pods = world.agent.pods
    async with asyncio.timeout(30):
        while True:
            listed = (await world.client.list(scheme.PODS, "default"))["items"]
            uids = {pod["metadata"]["uid"] for pod in listed}
            ending = any("deletionTimestamp" in pod["metadata"] for pod in listed)
            workers = pods.workers()
            busy = any(worker.seen().busy or worker.seen().stopping for worker in workers)
            if not ending and not busy and {worker.uid for worker in workers} == uids:
                return
            await asyncio.sleep(0.02)


def disagreements(world: World) -> list[str]:
    """Latest attempts of which the agent believes something else than the machine knows."""
    assert world.agent is not None
    assert world.agent.pods is not None
    return [
        attempts[-1].id
        for worker in world.agent.pods.workers()
        for attempts in worker.ledger.attempts.values()
        if (attempts[-1].run is Run.RUNNING)
        != (world.machine.containers[attempts[-1].id].status.state is ContainerState.RUNNING)
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_happens_the_node_agrees_with_the_api(world: World, seed: int) -> None:
    rng = random.Random(seed)
    await world.start_agent()
    for _ in range(STEPS):
        await step(world, rng)
        assert not doubles(world)
        await asyncio.sleep(rng.random() * 0.01)
    await settled(world)
    async with asyncio.timeout(30):
        # An exit of this very moment may still be on its way; one that was lost never comes.
        while disagreements(world):
            await asyncio.sleep(0.02)
    for name in NAMES:
        with contextlib.suppress(status.NotFound):
            await world.client.delete(scheme.PODS, name, "default")
    await settled(world)
    assert not world.machine.sandboxes
    assert not world.network.attached
    assert not [*world.directory.glob("pods/*"), *world.directory.glob("logs/*")]
