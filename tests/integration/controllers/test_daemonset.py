"""DaemonSets: one pod on each node that fits."""

import asyncio
import time

import pytest

from apimachinery import meta, scheme
from controllers import manager
from controllers.nodelifecycle import controller as lifecycle

pytestmark = pytest.mark.looptime(start=time.monotonic)


@pytest.fixture
def options() -> manager.Options:
    """Nobody renews Leases here."""
    return manager.Options(nodes=lifecycle.Timing(grace=1e6, startup_grace=1e6))


def daemonset(make, **more):
    return make.deployment(name="agent") | {
        "kind": "DaemonSet",
        "spec": {
            "selector": {"matchLabels": {"app": "agent"}},
            "template": make.template(app="agent"),
        }
        | more,
    }


class Agents:
    """A DaemonSet and where its pods are."""

    def __init__(self, cluster) -> None:
        self.cluster = cluster

    async def on(self) -> list[str]:
        return sorted(
            pod["spec"].get("nodeName", "") for pod in await self.cluster.pods("app=agent")
        )

    async def on_nodes(self, *names: str) -> None:
        async def check():
            return await self.on() == sorted(names)

        await self.cluster.eventually(check)

    async def status(self):
        found = await self.cluster.client.get(scheme.DAEMONSETS, "agent", "default")
        return found.get("status") or {}

    async def patch(self, **spec) -> None:
        await self.cluster.client.patch(scheme.DAEMONSETS, "agent", {"spec": spec}, "default")


@pytest.fixture
async def agents(cluster, nodes, make) -> Agents:
    """Three nodes, each with its agent."""
    for name in nodes.names:
        await cluster.add_node(name, {"disk": "ssd"} if name == "n1" else {})
    await cluster.client.create(scheme.DAEMONSETS, daemonset(make))
    found = Agents(cluster)

    async def available():
        # Fixtures run in real time: no waiting longer than needed.
        return (await found.status()).get("numberAvailable") == 3

    await cluster.eventually(available)
    return found


async def test_each_node_has_one_and_the_status_counts_them(agents) -> None:
    assert await agents.status() == {
        "currentNumberScheduled": 3,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 3,
        "numberReady": 3,
        "observedGeneration": 1,
        "updatedNumberScheduled": 3,
        "numberAvailable": 3,
    }


async def test_a_new_node_gets_one(agents) -> None:
    await agents.cluster.add_node("n4")
    await agents.on_nodes("n1", "n2", "n3", "n4")


async def test_a_node_selector_leaves_only_matching_nodes(agents) -> None:
    await agents.patch(template={"spec": {"nodeSelector": {"disk": "ssd"}}})
    await agents.on_nodes("n1")


async def test_a_label_that_comes_and_goes_takes_it_along(agents) -> None:
    async def label(value: str | None) -> None:
        change = {"metadata": {"labels": {"color": value}}}
        await agents.cluster.client.patch(scheme.NODES, "n2", change)

    await agents.patch(template={"spec": {"nodeSelector": {"color": "blue"}}})
    await agents.on_nodes()
    await label("blue")
    await agents.on_nodes("n2")
    await label("green")
    await agents.on_nodes()
    await agents.patch(template={"spec": {"nodeSelector": {"color": "green"}}})
    await agents.on_nodes("n2")


async def test_a_deleted_pod_is_replaced(agents) -> None:
    pod = (await agents.cluster.pods("app=agent"))[0]
    await agents.cluster.client.delete(scheme.PODS, meta.name(pod), "default")
    await agents.on_nodes("n1", "n2", "n3")
    after = await agents.cluster.pods("app=agent")
    assert meta.uid(pod) not in {meta.uid(one) for one in after}


async def test_going_back_restarts_only_what_was_changed(agents, nodes) -> None:
    before = {meta.uid(pod) for pod in await agents.cluster.pods("app=agent")}
    nodes.broken_images.add("broken")
    await agents.patch(template={"spec": {"containers": [{"name": "c", "image": "broken"}]}})
    await agents.cluster.settle(10)
    between = {meta.uid(pod) for pod in await agents.cluster.pods("app=agent")}
    kept = before & between
    assert len(kept) == 2, "the first that is broken stops the others"
    await agents.patch(template={"spec": {"containers": [{"name": "c", "image": "busybox"}]}})
    await agents.on_nodes("n1", "n2", "n3")
    await agents.cluster.settle(10)
    after = await agents.cluster.pods("app=agent")
    assert kept <= {meta.uid(pod) for pod in after}
    assert {pod["spec"]["containers"][0]["image"] for pod in after} == {"busybox"}


async def test_an_unschedulable_node_keeps_its_agent(agents) -> None:
    await agents.cluster.client.patch(scheme.NODES, "n2", {"spec": {"unschedulable": True}})
    await agents.cluster.settle()
    await agents.on_nodes("n1", "n2", "n3")


async def test_an_untolerated_taint_drives_it_away(agents) -> None:
    taint = {"key": "team", "effect": "NoExecute"}
    await agents.cluster.client.patch(scheme.NODES, "n2", {"spec": {"taints": [taint]}})
    await agents.on_nodes("n1", "n3")


async def test_a_failed_pod_is_replaced(agents) -> None:
    pod = (await agents.cluster.pods("app=agent"))[0]
    await agents.cluster.client.patch(
        scheme.PODS,
        meta.name(pod),
        {"status": {"phase": "Failed"}},
        "default",
        subresource="status",
    )
    await agents.cluster.settle()
    after = await agents.cluster.pods("app=agent")
    assert meta.uid(pod) not in {meta.uid(one) for one in after}
    await agents.on_nodes("n1", "n2", "n3")


async def test_an_update_rolls_one_node_at_a_time(agents) -> None:
    worst = 3

    async def rolled():
        nonlocal worst
        pods = await agents.cluster.pods("app=agent")
        ready = [
            pod
            for pod in pods
            if meta.condition_is_true((pod.get("status") or {}).get("conditions"), "Ready")
        ]
        worst = min(worst, len(ready))
        images = [pod["spec"]["containers"][0]["image"] for pod in ready]
        return images == ["new"] * 3

    await agents.patch(template={"spec": {"containers": [{"name": "c", "image": "new"}]}})
    await agents.cluster.eventually(rolled)
    assert worst >= 2
    await agents.cluster.settle()
    assert (await agents.status())["updatedNumberScheduled"] == 3


async def test_history_is_kept_and_going_back_renumbers(agents) -> None:
    for image in ("new", "busybox"):
        await agents.patch(template={"spec": {"containers": [{"name": "c", "image": image}]}})
        await agents.cluster.settle()
    found = await agents.cluster.client.list(scheme.CONTROLLERREVISIONS, "default")
    numbers = {
        one["data"]["spec"]["template"]["spec"]["containers"][0]["image"]: one["revision"]
        for one in found["items"]
    }
    assert numbers == {"new": 2, "busybox": 3}


async def test_on_delete_waits_for_the_user(agents) -> None:
    await agents.patch(updateStrategy={"type": "OnDelete", "rollingUpdate": None})
    await agents.patch(template={"spec": {"containers": [{"name": "c", "image": "new"}]}})
    await agents.cluster.settle(10)
    images = {
        pod["spec"]["containers"][0]["image"] for pod in await agents.cluster.pods("app=agent")
    }
    assert images == {"busybox"}


async def test_deleting_takes_the_pods_along(agents) -> None:
    await agents.cluster.client.delete(scheme.DAEMONSETS, "agent", "default")
    await agents.on_nodes()


async def test_with_a_surge_the_new_pod_comes_first(agents) -> None:
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    await agents.patch(updateStrategy=surge)
    watched = agents.cluster.client.watch(scheme.PODS, "default", label_selector="app=agent")
    state: dict[str, tuple[str, bool, bool]] = {}
    most = 0

    async def follow() -> None:
        nonlocal most
        async for event in watched:
            pod = event.object()
            if event.type == "DELETED":
                del state[meta.name(pod)]
                continue
            ready = meta.condition_is_true(pod.get("status", {}).get("conditions"), "Ready")
            node = pod["spec"].get("nodeName", "")
            state[meta.name(pod)] = (node, ready, meta.is_deleting(pod))
            most = max(most, sum(not going for _, _, going in state.values()))
            served.append(
                len({node for node, ready, going in state.values() if ready and not going})
            )

    served: list[int] = []
    task = asyncio.create_task(follow())
    await agents.cluster.settle()
    served.clear()
    await agents.patch(template={"spec": {"containers": [{"name": "c", "image": "new"}]}})

    async def updated():
        status = await agents.status()
        pods = await agents.cluster.pods("app=agent")
        images = {pod["spec"]["containers"][0]["image"] for pod in pods}
        return status.get("updatedNumberScheduled") == 3 and images == {"new"}

    await agents.cluster.eventually(updated)
    task.cancel()
    assert (min(served), most) == (3, 4)


async def test_a_pod_that_fails_again_and_again_is_made_ever_slower(agents) -> None:
    ends = 0

    async def fail() -> None:
        nonlocal ends
        pods = await agents.cluster.pods("app=agent")
        for pod in pods:
            if pod["spec"].get("nodeName") == "n1" and pod["status"].get("phase") == "Running":
                ends += 1
                await agents.cluster.client.patch(
                    scheme.PODS,
                    meta.name(pod),
                    {"status": {"phase": "Failed"}},
                    "default",
                    subresource="status",
                )

    for _ in range(640):
        await fail()
        await asyncio.sleep(0.1)
    # At 0, 1, 3, 7, 15, 31 and 63 seconds.
    assert 6 <= ends <= 8
