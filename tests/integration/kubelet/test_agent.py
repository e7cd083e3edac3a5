"""The agent from the API's point of view: pods come up, end, restart, survive the agent."""

import asyncio
from typing import Any

import pytest

from apimachinery import scheme
from apimachinery.wire import JsonObject
from kubelet import pods
from kubelet.agent import NodeAgent, Shared
from kubelet.node_status import Health
from kubelet.options import Capacity

from .conftest import PATIENCE_S, World, gone, is_ready, phase, waiting


async def test_registers_a_ready_node(world: World) -> None:
    await world.start_agent(pod_cidr="10.71.1.0/24", labels={"zone": "a"})
    node = await world.client.get(scheme.NODES, "node-1")
    ready = {c["type"]: c["status"] for c in node["status"]["conditions"]}
    assert ready == {
        "MemoryPressure": "False",
        "DiskPressure": "False",
        "PIDPressure": "False",
        "Ready": "True",
    }
    assert node["spec"]["podCIDR"] == "10.71.1.0/24"
    assert node["metadata"]["labels"]["zone"] == "a"
    assert node["status"]["capacity"]["cpu"] == "4"


async def test_a_node_tells_of_its_conditions_and_of_a_reboot(world: World) -> None:
    agent = await world.start_agent()
    node = agent.node
    assert node is not None

    async def told(reason: str) -> list[str]:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await agent.kit.events.flush()
                listed = await world.client.list(scheme.EVENTS, "default")
                about = [e for e in listed["items"] if e["involvedObject"]["kind"] == "Node"]
                if found := [e["message"] for e in about if e["reason"] == reason]:
                    return found
                await asyncio.sleep(0.01)

    assert await told("NodeReady") == ["Node node-1 status is now: NodeReady"]
    node.health = lambda: Health(pressed=frozenset(("MemoryPressure",)))
    node.look()
    assert len(await told("NodeHasInsufficientMemory")) == 1
    node.health = Health
    node.look()
    await told("NodeHasSufficientMemory")
    before = {"status": {"nodeInfo": {"bootID": "another"}}}
    await world.client.patch(scheme.NODES, "node-1", before, subresource="status")
    await world.stop_agent()
    agent = await world.start_agent()
    (text,) = await told("Rebooted")
    assert text.startswith("Node node-1 has been rebooted, boot id: ")


async def test_a_pod_becomes_ready_with_one_patch(world: World) -> None:
    agent = await world.start_agent()
    # What is not urgent waits for ever: on a slow machine a start may take longer than that is.
    agent.publisher._settle = 60.0
    await world.pod()
    pod = await world.until(is_ready)
    assert agent.publisher.patches == 1
    assert pod["status"]["podIP"].startswith("10.200.")


async def test_a_deleted_pod_leaves_nothing(world: World) -> None:
    await world.start_agent()
    await world.pod()
    await world.until(is_ready)
    await world.client.delete(scheme.PODS, "web", "default")
    await world.until(gone)
    assert not world.machine.sandboxes
    assert not world.machine.containers
    assert not list((world.directory / "pods").iterdir())


async def test_a_killed_container_is_restarted(world: World) -> None:
    await world.start_agent()
    await world.pod()
    await world.until(is_ready)
    world.machine.kill(world.named("app")[0])
    pod = await world.until(
        lambda p: p and p["status"]["containerStatuses"][0]["restartCount"] == 1 and is_ready(p)
    )
    last = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert last["exitCode"] == 137


async def test_a_crash_loop_waits_and_says_so(world: World) -> None:
    await world.start_agent()
    await world.pod(container={"command": ["false"]})
    pod = await world.until(waiting("CrashLoopBackOff"))
    entry = pod["status"]["containerStatuses"][0]
    assert entry["restartCount"] == 1
    text = entry["state"]["waiting"]["message"]
    assert text == (
        f"back-off 10s restarting failed container=app pod=web_default({pod['metadata']['uid']})"
    )
    assert "BackOff" in await world.events()


async def test_a_job_pod_succeeds_and_keeps_its_containers(world: World) -> None:
    await world.start_agent()
    await world.pod(restartPolicy="Never", container={"command": ["true"]})
    pod = await world.until(phase("Succeeded"))
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["reason"] == "Completed"
    assert world.named("app", running=False)


async def test_a_missing_image_says_so(world: World) -> None:
    world.missing.add("nowhere:1")
    await world.start_agent()
    await world.pod(container={"image": "nowhere:1"})
    pod = await world.until(waiting("ErrImagePull"))
    assert (
        "bireme image import"
        in (pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"])
    )
    why = pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"]
    pod = await world.until(waiting("ImagePullBackOff"))
    back_off = 'Back-off pulling image "nowhere:1"'
    waits = pod["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waits["message"] == f"{back_off}: ErrImagePull: {why}"
    await world.until_told(
        'Pulling image "nowhere:1"',
        f'Failed to pull image "nowhere:1": {why}',
        "Error: ErrImagePull",
        back_off,
        "Error: ImagePullBackOff",
    )


@pytest.mark.parametrize(
    ("container", "reason", "words"),
    [
        (
            {"image": "nowhere:1", "imagePullPolicy": "Never"},
            "ErrImageNeverPull",
            'Container image "nowhere:1" is not present with pull policy of Never',
        ),
        (
            {"envFrom": [{"secretRef": {"name": "none"}}]},
            "CreateContainerConfigError",
            'Error: secret "none" not found',
        ),
    ],
)
async def test_what_keeps_a_container_from_starting_is_told(
    world: World, container: dict[str, Any], reason: str, words: str
) -> None:
    world.missing.add("nowhere:1")
    await world.start_agent()
    await world.pod(container=container)
    await world.until(waiting(reason))
    await world.until_told(words)


async def test_a_missing_config_map_is_waited_for(world: World) -> None:
    await world.start_agent()
    await world.pod(container={"envFrom": [{"configMapRef": {"name": "settings"}}]})
    await world.until(waiting("CreateContainerConfigError"))
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "default"},
        "data": {"COLOR": "blue"},
    }
    await world.client.create(scheme.CONFIGMAPS, config)
    await world.until(is_ready)
    container = world.machine.containers[world.named("app")[0]]
    assert ("COLOR", "blue") in container.config.env


async def test_a_restarted_agent_adopts_what_runs(world: World) -> None:
    await world.start_agent()
    await world.pod()
    await world.until(is_ready)
    world.machine.kill(world.named("app")[0])
    await world.until(lambda p: p["status"]["containerStatuses"][0]["restartCount"] == 1)
    before = world.named("app")
    await world.stop_agent()
    agent = await world.start_agent()
    assert world.named("app") == before
    pod = await world.get()
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 1
    assert agent.publisher.patches == 0


async def test_a_container_that_ended_while_the_agent_was_away_is_restarted(world: World) -> None:
    await world.start_agent()
    await world.pod()
    await world.until(is_ready)
    await world.stop_agent()
    world.machine.kill(world.named("app")[0], 3)
    await world.start_agent()
    pod = await world.until(
        lambda p: p["status"]["containerStatuses"][0]["restartCount"] == 1 and is_ready(p)
    )
    last = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert last["exitCode"] == 3


async def test_files_of_forgotten_pods_are_removed(world: World) -> None:
    for place in ("pods/u-1/volumes", "logs/default_web_u-1/app"):
        (world.directory / place).mkdir(parents=True)
    await world.start_agent()
    await world.until(
        lambda _: not [*world.directory.glob("pods/*"), *world.directory.glob("logs/*")]
    )


async def test_pods_deleted_while_the_agent_was_away_are_stopped(world: World) -> None:
    await world.start_agent()
    await world.pod()
    await world.until(is_ready)
    await world.stop_agent()
    await world.client.delete(scheme.PODS, "web", "default", grace_period=0)
    await world.start_agent()
    await world.until(lambda _: not world.machine.sandboxes)


async def test_a_node_without_room_fails_the_pod(world: World) -> None:
    await world.start_agent()
    await world.pod(container={"resources": {"requests": {"cpu": "5"}}})
    pod = await world.until(phase("Failed"))
    assert pod["status"]["reason"] == "OutOfcpu"
    await world.client.delete(scheme.PODS, "web", "default")
    await world.until(gone)


async def test_a_pod_goes_by_the_labels_that_the_node_has_now(world: World) -> None:
    await world.start_agent()
    labels = {"metadata": {"labels": {"disk": "ssd"}}}
    await world.client.patch(scheme.NODES, "node-1", labels)
    await world.pod("fits", nodeSelector={"disk": "ssd"})
    await world.until(is_ready, "fits")
    await world.pod("misfit", nodeSelector={"disk": "none"})
    pod_ = await world.until(phase("Failed"), "misfit")
    assert pod_["status"]["reason"] == "NodeAffinity"


async def test_resources_that_others_advertise_become_allocatable(world: World) -> None:
    await world.start_agent()
    for amount in ("4", None):
        patch = {"status": {"capacity": {"example.com/dongle": amount}}}
        await world.client.patch(scheme.NODES, "node-1", patch, subresource="status")
        async with asyncio.timeout(PATIENCE_S):
            while True:
                node = await world.client.get(scheme.NODES, "node-1")
                if node["status"]["allocatable"].get("example.com/dongle") == amount:
                    break
                await asyncio.sleep(0.01)
        assert node["status"]["allocatable"]["cpu"] == "4"


async def test_a_deleted_node_registers_itself_again(world: World) -> None:
    agent = await world.start_agent()
    await world.client.delete(scheme.NODES, "node-1")
    assert agent.node is not None
    # A change of its condition makes it look before the next heartbeat.
    await world.images.pull("other:1")
    agent.node.look()
    await world.until(lambda _: agent.node is not None and agent.node.registered.is_set())


async def test_a_worker_that_fails_starts_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in the handling of one pod must neither lose the pod nor take the node down."""
    monkeypatch.setattr(pods, "START_OVER_S", 0.01)
    await world.start_agent()
    await world.pod()
    await world.pod("other")
    await world.until(is_ready)
    before = world.named("app")
    worker = world.agent.pods.find("default", "web")

    def broken(now: float) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(worker, "_plan", broken)
    worker.wake()
    await world.until(lambda _: world.agent.pods.find("default", "web") is not worker)
    assert world.named("app") == before
    await world.client.delete(scheme.PODS, "web", "default")
    await world.until(gone)


async def test_a_lost_sandbox_is_found_by_the_slow_relist(world: World) -> None:
    await world.start_agent(relist_seconds=0.1)
    await world.pod()
    first = await world.until(is_ready)
    (sandbox_id,) = world.machine.sandboxes
    del world.machine.sandboxes[sandbox_id]
    del world.machine.containers[world.named("app")[0]]
    pod = await world.until(
        lambda p: is_ready(p) and p["status"]["podIP"] != first["status"]["podIP"]
    )
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 1


async def test_an_ephemeral_container_runs_once_beside_the_others(world: World) -> None:
    await world.start_agent()
    await world.pod()
    await world.until(is_ready)
    debugger = {"name": "debug", "image": "app:1", "command": ["false"]}
    await world.client.patch(
        scheme.PODS, "web", {"spec": {"ephemeralContainers": [debugger]}}, "default",
        kind="strategic", subresource="ephemeralcontainers",
    )  # fmt: skip

    def ended(pod: JsonObject | None) -> Any:
        entries = pod and pod["status"].get("ephemeralContainerStatuses")
        return entries and "terminated" in entries[0]["state"]

    pod = await world.until(ended)
    (entry,) = pod["status"]["ephemeralContainerStatuses"]
    assert (entry["state"]["terminated"]["exitCode"], entry["restartCount"]) == (1, 0)
    assert is_ready(pod)
    await world.client.delete(scheme.PODS, "web", "default")
    await world.until(gone)


async def reboot(world: World) -> None:
    """Everything that ran is gone, and so is the runtime's memory of it."""
    await world.stop_agent()
    world.machine.sandboxes.clear()
    world.machine.containers.clear()
    await world.start_agent()


async def test_a_reboot_starts_pods_anew_and_counts_it(world: World) -> None:
    await world.start_agent()
    await world.pod()
    await world.until(is_ready)
    await reboot(world)
    pod = await world.until(
        lambda p: is_ready(p) and p["status"]["containerStatuses"][0]["restartCount"] == 1
    )
    last = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (last["reason"], last["exitCode"]) == ("ContainerStatusUnknown", 137)


async def test_a_reboot_fails_a_pod_that_must_not_restart(world: World) -> None:
    await world.start_agent()
    await world.pod(restartPolicy="Never")
    await world.until(is_ready)
    await reboot(world)
    pod = await world.until(phase("Failed"))
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert ended["reason"] == "ContainerStatusUnknown"


async def test_a_finished_pod_stays_as_it_is_under_a_new_agent(world: World) -> None:
    await world.start_agent()
    await world.pod(restartPolicy="Never", container={"command": ["true"]})
    before = await world.until(phase("Succeeded"))
    await world.stop_agent()
    agent = await world.start_agent()
    await world.until(lambda _: agent.pods.find("default", "web"))
    await asyncio.sleep(0.3)
    after = await world.get()
    assert after["status"] == before["status"]
    assert agent.publisher.patches == 0


class Feed:
    """The node's pods, told by hand."""

    def __init__(self) -> None:
        self.tell: Any = None

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def synced(self) -> None: ...

    def values(self) -> list[JsonObject]:
        return []

    def add_handler(self, handler: Any) -> None:
        self.tell = handler


async def test_the_room_of_a_deleted_pod_is_free_at_once(world: World) -> None:
    """Whoever sees the delete may bind the next pod: both come in one batch of the watch."""
    requests = {"resources": {"requests": {"cpu": "1"}}}
    old = await world.pod("old", container=requests)
    new = await world.pod("new", container=requests)
    feed = Feed()
    options = world.options(capacity=Capacity(1000, 8 << 30, 100 << 30))
    world.agent = NodeAgent(
        world.client, world.driver(), world.images, options, shared=Shared(feed=feed)
    )
    world.run(world.agent)
    await world.until(lambda _: feed.tell)
    feed.tell("default/old", None, old)
    await world.until(is_ready, "old")
    feed.tell("default/old", old, None)
    feed.tell("default/new", None, new)
    await world.until(is_ready, "new")


async def test_a_node_that_was_called_not_ready_says_otherwise_at_once(world: World) -> None:
    """The node lifecycle controller writes Unknown when a node was away for a while."""
    await world.start_agent()
    unknown = {
        "conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]
    }
    await world.client.patch(
        scheme.NODES, "node-1", {"status": unknown}, kind="strategic", subresource="status"
    )

    async def ready() -> bool:
        node = await world.client.get(scheme.NODES, "node-1")
        return is_ready(node)

    async with asyncio.timeout(30):
        while not await ready():
            await asyncio.sleep(0.01)


async def test_an_unknown_handler_is_refused(world: World) -> None:
    await world.start_agent()
    for name, handler in (("ours", "fake"), ("other", "elsewhere")):
        found = {"metadata": {"name": name}, "handler": handler}
        kind = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass"}
        await world.client.create(scheme.RUNTIMECLASSES, {**kind, **found})
        await world.pod(name, runtimeClassName=name)
    await world.until(is_ready, "ours")
    async with asyncio.timeout(30):
        while "FailedCreatePodSandBox" not in await world.events("other"):
            await asyncio.sleep(0.01)
    assert len(world.named("app")) == 1
