"""Room for important pods: who is evicted, what everybody is told, and what happens next."""

import asyncio

from apimachinery import scheme, status
from tests.integration.scheduler.cluster import PATIENCE_S, Cluster, condition


async def gone(cluster: Cluster, name: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await cluster.get(name)
            except status.NotFound:
                return
            await asyncio.sleep(0.02)


async def end(cluster: Cluster, name: str) -> None:
    """What a node does with a pod that is being deleted."""
    await cluster.until(name, lambda p: p["metadata"].get("deletionTimestamp"))
    await cluster.client.delete(scheme.PODS, name, "default", grace_period=0)


async def test_a_less_important_pod_makes_room(cluster: Cluster) -> None:
    await cluster.priority("high", 1000)
    await cluster.node("a", cpu="1")
    await cluster.pod("low", cpu="1")
    await cluster.bound("low")
    wanting = await cluster.pod("vip", cpu="1", priorityClassName="high")
    victim = await cluster.until("low", lambda p: p["metadata"].get("deletionTimestamp"))
    assert victim["metadata"]["deletionGracePeriodSeconds"] == 30, "it ends in its own time"
    assert condition(victim, "DisruptionTarget") == {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "PreemptionByScheduler",
        "message": "default-scheduler: preempting to accommodate a higher priority pod",
        "lastTransitionTime": condition(victim, "DisruptionTarget")["lastTransitionTime"],
    }
    told = await cluster.event("low", "Preempted")
    assert told["message"] == f"Preempted by pod {wanting['metadata']['uid']} on node a"
    waiting = await cluster.until("vip", lambda p: p["status"].get("nominatedNodeName"))
    assert waiting["status"]["nominatedNodeName"] == "a"
    assert condition(waiting)["message"] == "0/1 nodes are available: 1 Insufficient cpu."
    await end(cluster, "low")
    assert await cluster.bound("vip") == "a"
    assert "nominatedNodeName" not in (await cluster.get("vip"))["status"]


async def test_a_critical_pod_makes_room(cluster: Cluster) -> None:
    """Who is the system's own displaces whoever is least important."""
    await cluster.priority("high", 1000)
    await cluster.node("a", cpu="2")
    await cluster.pod("low", cpu="1")
    await cluster.pod("high", cpu="1", priorityClassName="high")
    assert [await cluster.bound(name) for name in ("low", "high")] == ["a", "a"]
    critical = "system-cluster-critical"
    await cluster.pod("own", cpu="1", namespace="kube-system", priorityClassName=critical)
    await end(cluster, "low")
    assert await cluster.bound("own", "kube-system") == "a"
    assert "deletionTimestamp" not in (await cluster.get("high"))["metadata"]


async def test_the_room_goes_to_nobody_else(cluster: Cluster) -> None:
    await cluster.priority("high", 1000)
    await cluster.node("a", cpu="1")
    await cluster.pod("low", cpu="1")
    await cluster.bound("low")
    await cluster.pod("vip", cpu="1", priorityClassName="high")
    await cluster.until("vip", lambda p: p["status"].get("nominatedNodeName"))
    await cluster.pod("late", cpu="1")
    await cluster.refused(
        "late",
        "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available:"
        " 1 No preemption victims found for incoming pod.",
    )
    await end(cluster, "low")
    assert await cluster.bound("vip") == "a"
    assert "nodeName" not in (await cluster.get("late"))["spec"]
    for account in cluster.master.ledger.accounts.values():
        assert account.free.get("cpu", 0) >= 0


async def test_a_policy_of_never_waits(cluster: Cluster) -> None:
    await cluster.priority("gentle", 1000, preemptionPolicy="Never")
    await cluster.node("a", cpu="1")
    await cluster.pod("low", cpu="1")
    await cluster.bound("low")
    await cluster.pod("vip", cpu="1", priorityClassName="gentle")
    await cluster.refused(
        "vip",
        "0/1 nodes are available: 1 Insufficient cpu."
        " preemption: not eligible due to preemptionPolicy=Never.",
    )
    assert "deletionTimestamp" not in (await cluster.get("low"))["metadata"]


async def test_budgets_are_respected_where_possible(cluster: Cluster) -> None:
    await cluster.priority("high", 1000)
    await cluster.priority("middle", 500)
    for name in "ab":
        await cluster.node(name, cpu="1", labels={"n": name})
    budget = {
        "metadata": {"name": "kept"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "kept"}}},
    }
    await cluster.client.create(scheme.PODDISRUPTIONBUDGETS, budget, "default")
    await cluster.pod("kept", cpu="1", labels={"app": "kept"}, nodeSelector={"n": "a"})
    await cluster.pod("free", cpu="1", priorityClassName="middle", nodeSelector={"n": "b"})
    assert (await cluster.bound("kept"), await cluster.bound("free")) == ("a", "b")
    await cluster.pod("vip", cpu="1", priorityClassName="high")
    # Though it is the more important one.
    await end(cluster, "free")
    assert await cluster.bound("vip") == "b"
    assert "deletionTimestamp" not in (await cluster.get("kept"))["metadata"]


async def test_a_nominated_pod_that_goes_frees_its_claim(cluster: Cluster) -> None:
    await cluster.priority("high", 1000)
    await cluster.node("a", cpu="1")
    await cluster.pod("low", cpu="1")
    await cluster.bound("low")
    await cluster.pod("vip", cpu="1", priorityClassName="high")
    await cluster.until("vip", lambda p: p["status"].get("nominatedNodeName"))
    await cluster.pod("late", cpu="1")
    await cluster.client.delete(scheme.PODS, "vip", "default", grace_period=0)
    await gone(cluster, "vip")
    await end(cluster, "low")
    assert await cluster.bound("late") == "a"


async def test_many_important_pods_displace_as_many_others(cluster: Cluster) -> None:
    await cluster.priority("high", 1000)
    for number in range(4):
        await cluster.node(f"n{number}", cpu="2")
    await asyncio.gather(*(cluster.pod(f"low{i}", cpu="1") for i in range(8)))
    await asyncio.gather(*(cluster.bound(f"low{i}") for i in range(8)))
    await asyncio.gather(
        *(cluster.pod(f"vip{i}", cpu="1", priorityClassName="high") for i in range(5))
    )
    victims: set[str] = set()
    async with asyncio.timeout(PATIENCE_S):
        while len(victims) < 5:
            for pod in (await cluster.client.list(scheme.PODS, "default"))["items"]:
                if pod["metadata"].get("deletionTimestamp"):
                    name = pod["metadata"]["name"]
                    victims.add(name)
                    await cluster.client.delete(scheme.PODS, name, "default", grace_period=0)
            await asyncio.sleep(0.02)
    await asyncio.gather(*(cluster.bound(f"vip{i}") for i in range(5)))
    pods = (await cluster.client.list(scheme.PODS, "default"))["items"]
    assert len([p for p in pods if p["metadata"]["name"].startswith("low")]) == 3
    assert not [p for p in pods if p["metadata"].get("deletionTimestamp")], "no more than needed"
