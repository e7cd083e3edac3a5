"""Nodes fall silent, come back, or are deleted; pods move. All in virtual seconds."""

import asyncio
import time

import pytest

from apimachinery import meta, scheme
from controllers import manager

pytestmark = pytest.mark.looptime(start=time.monotonic)


class Heartbeats:
    """Renews the Leases of nodes until told otherwise."""

    def __init__(self, cluster) -> None:
        self.cluster = cluster
        self.alive: set[str] = set()

    async def start(self, name: str) -> None:
        await self.cluster.add_node(name)
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": name},
        }
        await self.cluster.client.create(scheme.LEASES, lease)
        self.alive.add(name)

    async def run(self) -> None:
        while True:
            for name in sorted(self.alive):
                stamp = meta.format_micro_time(self.cluster.time.now())
                patch = {"spec": {"renewTime": stamp}}
                await self.cluster.client.patch(scheme.LEASES, name, patch, "kube-node-lease")
            await asyncio.sleep(10)


@pytest.fixture
async def hearts(cluster):
    found = Heartbeats(cluster)
    for name in ("n1", "n2", "n3"):
        await found.start(name)
    task = asyncio.create_task(found.run())
    yield found
    task.cancel()


async def node(cluster, name):
    return await cluster.client.get(scheme.NODES, name)


def ready(obj):
    return meta.get_condition(obj["status"]["conditions"], "Ready")


def taints(obj):
    return {(one["key"], one["effect"]) for one in obj["spec"].get("taints") or ()}


async def test_living_nodes_stay_ready(cluster, hearts) -> None:
    await asyncio.sleep(900)
    for name in hearts.alive:
        found = await node(cluster, name)
        assert (ready(found)["status"], taints(found)) == ("True", set())


async def test_a_silent_node_is_unknown_after_the_grace_period(cluster, hearts) -> None:
    await asyncio.sleep(100)
    hearts.alive.discard("n2")
    await asyncio.sleep(28)
    assert ready(await node(cluster, "n2"))["status"] == "True"
    await asyncio.sleep(14)
    found = await node(cluster, "n2")
    assert (ready(found)["status"], ready(found)["reason"]) == ("Unknown", "NodeStatusUnknown")
    assert taints(found) == {
        ("node.kubernetes.io/unreachable", "NoSchedule"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
    }


async def test_a_node_that_speaks_again_loses_its_taints(cluster, hearts) -> None:
    hearts.alive.discard("n2")
    await asyncio.sleep(60)
    hearts.alive.add("n2")
    stamp = meta.format_time(cluster.time.now())
    condition = {"type": "Ready", "status": "True", "lastHeartbeatTime": stamp}
    await cluster.client.patch(
        scheme.NODES,
        "n2",
        {"status": {"conditions": [condition]}},
        kind="strategic",
        subresource="status",
    )
    await asyncio.sleep(2)
    assert taints(await node(cluster, "n2")) == set()


async def test_pods_of_a_silent_node_are_unready_then_evicted_and_replaced(
    cluster, hearts, nodes, make
) -> None:
    template = make.template()
    template["spec"]["tolerations"] = [
        {
            "key": "node.kubernetes.io/unreachable",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 100,
        }
    ]
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(3, template=template))
    await cluster.settle()
    hearts.alive.discard("n2")
    nodes.silent.add("n2")
    nodes.names.remove("n2")
    await asyncio.sleep(60)
    on_silent = [pod for pod in await cluster.pods() if pod["spec"]["nodeName"] == "n2"]
    assert [meta.condition_is_true(pod["status"]["conditions"], "Ready") for pod in on_silent] == [
        False
    ]
    await asyncio.sleep(100)
    pods = await cluster.pods()
    assert len(pods) == 3
    assert "n2" not in {pod["spec"]["nodeName"] for pod in pods}
    lost = await cluster.client.get(scheme.PODS, meta.name(on_silent[0]), "default")
    disrupted = meta.get_condition(lost["status"]["conditions"], "DisruptionTarget")
    assert disrupted["reason"] == "DeletionByTaintManager"


async def test_nobody_is_evicted_when_all_nodes_are_silent(cluster, hearts) -> None:
    hearts.alive.clear()
    await asyncio.sleep(600)
    for name in ("n1", "n2", "n3"):
        found = taints(await node(cluster, name))
        assert found == {("node.kubernetes.io/unreachable", "NoSchedule")}


async def test_a_zone_that_is_lost_is_evicted_while_others_stand(cluster, hearts) -> None:
    for name in ("n1", "n2"):
        patch = {"metadata": {"labels": {"topology.kubernetes.io/zone": "a"}}}
        await cluster.client.patch(scheme.NODES, name, patch)
    hearts.alive -= {"n1", "n2"}
    await asyncio.sleep(120)
    evicted = ("node.kubernetes.io/unreachable", "NoExecute")
    found = [evicted in taints(await node(cluster, name)) for name in ("n1", "n2", "n3")]
    assert found == [True, True, False]


async def test_tolerated_seconds_count_from_when_the_pod_meets_the_taint(
    cluster, hearts, nodes, make
) -> None:
    wish = {"key": "mine", "operator": "Exists", "effect": "NoExecute"}
    for name in ("short", "long", "none"):
        pod = {"apiVersion": "v1", "kind": "Pod", **make.template()}
        seconds = {"short": 60, "long": 3600}.get(name)
        tolerations = [wish | {"tolerationSeconds": seconds}] if seconds else []
        pod["metadata"] = {"name": name, "namespace": "default"}
        pod["spec"] = {**pod["spec"], "nodeName": "n1", "tolerations": tolerations}
        await cluster.client.create(scheme.PODS, pod)
    await asyncio.sleep(100)
    # Without a time of its own, as kubectl writes it.
    taint = {"spec": {"taints": [{"key": "mine", "effect": "NoExecute"}]}}
    await cluster.client.patch(scheme.NODES, "n1", taint)
    await cluster.gone(scheme.PODS, "none")
    await asyncio.sleep(50)
    assert await cluster.exists(scheme.PODS, "short")
    await asyncio.sleep(15)
    assert not await cluster.exists(scheme.PODS, "short")
    # Taken off in time, it drives nobody away.
    await cluster.client.patch(scheme.NODES, "n1", {"spec": {"taints": None}})
    await asyncio.sleep(4000)
    assert await cluster.exists(scheme.PODS, "long")


async def test_pods_of_a_deleted_node_are_removed(cluster, hearts, nodes, make) -> None:
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(3))
    await cluster.settle()
    nodes.silent.add("n1")
    nodes.names.remove("n1")
    await cluster.client.delete(scheme.NODES, "n1")
    await asyncio.sleep(60)
    found = (await cluster.client.list(scheme.PODS, "default"))["items"]
    assert len(found) == 3
    assert "n1" not in {pod["spec"]["nodeName"] for pod in found}


async def test_a_cordoned_node_is_tainted(cluster, hearts) -> None:
    await cluster.client.patch(scheme.NODES, "n1", {"spec": {"unschedulable": True}})
    await cluster.settle()
    assert taints(await node(cluster, "n1")) == {("node.kubernetes.io/unschedulable", "NoSchedule")}
    await cluster.client.patch(scheme.NODES, "n1", {"spec": {"unschedulable": None}})
    await cluster.settle()
    assert taints(await node(cluster, "n1")) == set()


async def test_foreign_taints_are_kept(cluster, hearts) -> None:
    mine = {"key": "team", "value": "x", "effect": "NoSchedule"}
    await cluster.client.patch(scheme.NODES, "n1", {"spec": {"taints": [mine]}})
    hearts.alive.discard("n1")
    await asyncio.sleep(60)
    assert ("team", "NoSchedule") in taints(await node(cluster, "n1"))


class TestRanges:
    """Pod ranges of nodes."""

    @pytest.fixture
    def options(self) -> manager.Options:
        return manager.Options(cluster_cidr="10.71.0.0/16")

    async def test_each_node_gets_its_own(self, cluster) -> None:
        await cluster.add_node("a")
        await cluster.add_node("b")
        await cluster.settle()
        found = {(await node(cluster, name))["spec"]["podCIDR"] for name in "ab"}
        assert found == {"10.71.0.0/24", "10.71.1.0/24"}

    async def test_a_freed_one_is_dealt_again(self, cluster) -> None:
        await cluster.add_node("a")
        await cluster.settle()
        await cluster.client.delete(scheme.NODES, "a")
        await cluster.settle()
        await cluster.add_node("b")
        await cluster.settle()
        assert (await node(cluster, "b"))["spec"]["podCIDR"] == "10.71.0.0/24"
