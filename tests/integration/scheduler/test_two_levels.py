"""Offer master and pod scheduler: pods get their nodes, and who gets none learns why."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from apimachinery import scheme
from offers import messages
from offers.messages import FrameworkInfo
from tests.integration.scheduler.cluster import PATIENCE_S, Cluster, condition, unschedulable


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


async def test_pods_do_not_wait_for_ever_for_what_another_framework_holds(
    cluster: Cluster,
) -> None:
    other = cluster.master.subscribe(FrameworkInfo("other", ("other",)))
    other.call(messages.Revive())
    await cluster.node("best")
    await cluster.node("good")
    await cluster.pod("there", cpu="1", nodeName="good")
    held: dict[str, str] = {}
    async with asyncio.timeout(PATIENCE_S):
        async with contextlib.aclosing(other.events()) as events:
            async for event in events:
                if isinstance(event, messages.Offers):
                    held |= {offer.node: offer.id for offer in event.offers}
                if held.keys() == {"best", "good"}:
                    break
    other.call(messages.Suppress())
    await cluster.pod("p")
    other.call(messages.Decline((held["good"],), 0.0))
    assert await cluster.bound("p") == "good"
    other.call(messages.Decline((held["best"],), 0.0))
    await cluster.pod("q")
    assert await cluster.bound("q") == "best"


async def test_a_pod_of_a_large_cluster_costs_one_offer(cluster: Cluster) -> None:
    await asyncio.gather(*(cluster.node(f"n{number}") for number in range(100)))
    made: list[str] = []
    booked = cluster.master.ledger.offer

    def count(offer: messages.Offer, **more: str) -> None:
        made.append(offer.node)
        booked(offer, **more)

    cluster.master.ledger.offer = count
    await cluster.pod("first")
    await cluster.bound("first")
    made.clear()
    await cluster.pod("second")
    node = await cluster.bound("second")
    assert set(made) == {node}


async def test_the_namespace_that_has_less_goes_first_when_room_is_short(cluster: Cluster) -> None:
    for name in ("rich", "poor"):
        await cluster.client.create(scheme.NAMESPACES, {"metadata": {"name": name}})
        await cluster.client.create(scheme.SERVICEACCOUNTS, {"metadata": {"name": "default"}}, name)
    await cluster.node("full", cpu="4")
    await asyncio.gather(*(cluster.pod(f"had{i}", cpu="1", namespace="rich") for i in range(4)))
    await asyncio.gather(*(cluster.bound(f"had{i}", "rich") for i in range(4)))
    for name in ("rich", "poor"):  # the rich one asks first
        for number in range(3):
            await cluster.pod(f"p{number}", cpu="1", namespace=name)
            await cluster.until(f"p{number}", unschedulable, name)
    # Room that comes while some may not be tried again yet goes to those who may.
    await cluster.no_back_offs()
    await cluster.node("new", cpu="4")
    for number in range(3):
        assert await cluster.bound(f"p{number}", "poor") == "new"
    pods = (await cluster.client.list(scheme.PODS, "rich"))["items"]
    async with asyncio.timeout(PATIENCE_S):
        while sum(bool(p["spec"].get("nodeName")) for p in pods) < 5:
            await asyncio.sleep(0.02)
            pods = (await cluster.client.list(scheme.PODS, "rich"))["items"]
    assert sum(bool(p["spec"].get("nodeName")) for p in pods) == 5, "and the rest is not wasted"


async def test_a_framework_that_has_less_goes_before_pods(cluster: Cluster) -> None:
    other = cluster.master.subscribe(FrameworkInfo("other", ("other",)))
    await cluster.node("first", cpu="4")
    await asyncio.gather(*(cluster.pod(f"p{i}", cpu="2") for i in range(3)))
    await asyncio.gather(*(cluster.until(f"p{i}", placed_or_refused) for i in range(3)))
    other.call(messages.Revive())
    await cluster.node("second", cpu="4")
    async with asyncio.timeout(PATIENCE_S):
        async with contextlib.aclosing(other.events()) as events:
            async for event in events:
                if isinstance(event, messages.Offers):
                    break
    assert [offer.node for offer in event.offers] == ["second"]
    other.call(messages.Suppress())
    launch = messages.Launch("task", "other", {"cpu": 2000})
    assert other.call(messages.Accept((event.offers[0].id,), (launch,)))
    for number in range(3):
        assert await cluster.bound(f"p{number}") in ("first", "second")
    assert all(a.free.get("cpu", 0) >= 0 for a in cluster.master.ledger.accounts.values())


def placed_or_refused(pod: dict) -> bool:
    return bool(pod["spec"].get("nodeName")) or unschedulable(pod)


async def test_a_limit_of_a_namespace_holds_its_pods_back(cluster: Cluster) -> None:
    await cluster.node("n1", cpu="8")
    quota(cluster, "kubernetes/default", limit=2000)
    for number in range(3):
        await cluster.pod(f"p{number}", cpu="1")
    await namespace(cluster, "other")
    await cluster.pod("free", cpu="1", namespace="other")
    await cluster.bound("free", "other")
    await until(lambda: cpus(cluster, "kubernetes/default") == 2000)
    (late,) = [p for p in await pods(cluster) if not p["spec"].get("nodeName")]
    name = late["metadata"]["name"]
    await cluster.refused(name, "role kubernetes/default may have no more than cpu=2.")
    # One ends, or the limit is raised: the next one's turn, whatever its back-off.
    quota(cluster, "kubernetes/default", limit=3000)
    await cluster.bound(name)


async def test_a_guarantee_of_a_namespace_is_kept_for_it(cluster: Cluster) -> None:
    await cluster.node("n1", cpu="4")
    await namespace(cluster, "vip")
    quota(cluster, "kubernetes/vip", guarantee=3000)
    for number in range(3):
        await cluster.pod(f"p{number}", cpu="1")
    await until(lambda: cpus(cluster, "kubernetes/default") == 1000)
    text = "role kubernetes/default: what is left is kept for the guarantees of other roles."
    for pod in await pods(cluster):
        if not pod["spec"].get("nodeName"):
            await cluster.refused(pod["metadata"]["name"], text)
    for number in range(3):
        await cluster.pod(f"v{number}", cpu="1", namespace="vip")
        await cluster.bound(f"v{number}", "vip")
    assert cpus(cluster, "kubernetes/default") == 1000


async def namespace(cluster: Cluster, name: str) -> None:
    await cluster.client.create(scheme.NAMESPACES, {"metadata": {"name": name}})
    account = {"metadata": {"name": "default"}}
    await cluster.client.create(scheme.SERVICEACCOUNTS, account, name)


def quota(cluster: Cluster, role: str, *, limit: int = 0, guarantee: int = 0) -> None:
    cluster.master.configure(
        role, 1.0, {"cpu": guarantee} if guarantee else {}, {"cpu": limit} if limit else {}
    )


def cpus(cluster: Cluster, path: str) -> int:
    role = cluster.master.ledger.roles.find(path)
    return role.allocated.get("cpu", 0) if role is not None else 0


async def pods(cluster: Cluster) -> list[dict[str, Any]]:
    return (await cluster.client.list(scheme.PODS, "default"))["items"]


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not what():
            await asyncio.sleep(0.02)
