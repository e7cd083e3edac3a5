"""Offer master and pod scheduler: pods get their nodes, and who gets none learns why."""

import asyncio

from apimachinery import scheme
from tests.integration.scheduler.cluster import Cluster, condition, unschedulable


async def test_a_pending_pod_is_bound_to_a_node(cluster: Cluster) -> None:
    await cluster.node("a")
    await cluster.pod("p")
    assert await cluster.bound("p") == "a"


async def test_a_pod_waits_for_the_first_node(cluster: Cluster) -> None:
    await cluster.pod("p")
    pod = await cluster.until("p", unschedulable)
    assert condition(pod)["message"] == "no nodes available to schedule pods"
    await cluster.node("a")
    assert await cluster.bound("p") == "a"


async def test_what_lacks_is_said_in_condition_and_event(cluster: Cluster) -> None:
    await cluster.node("a", cpu="1")
    await cluster.pod("p", cpu="2")
    # Before the node is heard of the message is another one.
    await cluster.refused(
        "p",
        "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available:"
        " 1 Preemption is not helpful for scheduling.",
    )
    assert (await cluster.event("p", "FailedScheduling"))["type"] == "Warning"


async def test_room_that_is_made_is_used(cluster: Cluster) -> None:
    await cluster.node("a", cpu="1")
    await cluster.pod("first", cpu="1")
    await cluster.bound("first")
    await cluster.pod("second", cpu="1")
    await cluster.until("second", unschedulable)
    await cluster.client.delete(scheme.PODS, "first", "default", grace_period=0)
    assert await cluster.bound("second") == "a"


async def test_many_pods_fill_nodes_and_none_is_overdrawn(cluster: Cluster) -> None:
    for number in range(5):
        await cluster.node(f"n{number}")
    await asyncio.gather(*(cluster.pod(f"p{i}", cpu="200m") for i in range(100)))
    await asyncio.gather(*(cluster.bound(f"p{i}") for i in range(100)))
    pods = (await cluster.client.list(scheme.PODS, "default"))["items"]
    counts = {f"n{n}": sum(p["spec"]["nodeName"] == f"n{n}" for p in pods) for n in range(5)}
    assert set(counts.values()) == {20}
    for account in cluster.master.ledger.accounts.values():
        assert account.free.get("cpu", 0) >= 0
