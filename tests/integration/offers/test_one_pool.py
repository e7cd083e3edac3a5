"""Pods and tasks are one pool: two namespaces and two frameworks want more than there is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from apimachinery import scheme, status
from offers.messages import FrameworkInfo
from scheduler.service import PodScheduler
from tests.fakes.mesos import RawFramework, amount, scalar, task
from tests.integration.offers.conftest import Pool

PATIENCE_S = 60
"""For a busy machine."""
EVEN = 2
"""CPUs: nodes have two, and an offer is of a node."""


class Greedy:
    """A framework that fills whatever it is offered with tasks of one CPU."""

    def __init__(self, raw: RawFramework) -> None:
        self.raw = raw
        self.ended: dict[str, str] = {}
        """Task → the state in which it ended."""
        self.count = 0

    async def run(self) -> None:
        while True:
            event = await self._next()
            if event["type"] == "OFFERS":
                for offer in event["offers"]["offers"]:
                    await self.fill(offer)
            elif event["type"] == "UPDATE":
                status = event["update"]["status"]
                if "uuid" in status:
                    await self.raw.acknowledge(status)
                if status["state"] not in ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING"):
                    self.ended[status["task_id"]["value"]] = status["state"]
            elif event["type"] == "END":
                return

    async def _next(self) -> dict[str, Any]:
        while True:
            with contextlib.suppress(TimeoutError):
                return await self.raw.next()

    async def fill(self, offer: dict[str, Any]) -> None:
        many = int(min(amount(offer, "cpus"), amount(offer, "mem") // 64))
        wants = [scalar("cpus", 1), scalar("mem", 64)]
        tasks = []
        for _ in range(many):
            self.count += 1
            tasks.append(task(offer, f"{self.raw.info['name']}-{self.count}", resources=wants))
        await self.raw.launch(offer, *tasks, filters={"refuse_seconds": 0.5})


class Contest:
    """A pool with the pods' scheduler, two namespaces and two frameworks."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.client = pool, pool.client
        self.frameworks: dict[str, Greedy] = {}
        self.work: list[asyncio.Task[None]] = []

    def start(self, work: Any) -> None:
        self.work.append(asyncio.create_task(work))

    async def begin(self) -> None:
        nodes, pods = self.pool.mirrors
        info = FrameworkInfo("kubernetes", ("kubernetes",), id="kubernetes")
        session = self.pool.master.subscribe(info)
        self.start(PodScheduler(self.client, session, nodes, pods).run())
        for name in ("a", "b"):
            await self.client.create(scheme.NAMESPACES, {"metadata": {"name": name}})
            account = {"metadata": {"name": "default"}}
            await self.client.create(scheme.SERVICEACCOUNTS, account, name)
        await self.warm_up()

    async def warm_up(self) -> None:
        """The pods' scheduler loads what it needs with the first node; then the contest is fair."""
        await self.pool.node("first", cpu="1")
        await self.pods("a", 1)
        await self.until(lambda: self.used("kubernetes/a") == 1)
        await self.client.delete(scheme.PODS, "p0", "a", grace_period=0)
        await self.until(lambda: self.used("kubernetes/a") == 0)
        await self.client.delete(scheme.NODES, "first")
        await self.until(lambda: not self.pool.master.ledger.accounts)

    async def framework(self, name: str) -> Greedy:
        made = Greedy(await self.pool.framework(name=name, role=name))
        self.frameworks[name] = made
        self.start(made.run())
        return made

    async def pods(self, namespace: str, count: int, **spec: Any) -> None:
        container = {
            "name": "c",
            "image": "busybox",
            "resources": {"requests": {"cpu": "1", "memory": "64Mi"}},
        }
        for number in range(count):
            pod = {
                "metadata": {"name": f"p{number}"},
                "spec": {
                    "containers": [container],
                    "automountServiceAccountToken": False,
                    **spec,
                },
            }
            await self.client.create(scheme.PODS, pod, namespace)

    def used(self, role: str) -> int:
        """CPUs that a role and those below it use."""
        ledger = self.pool.master.ledger
        return (
            sum(
                usage.amount.get("cpu", 0)
                for usage in ledger.usages.values()
                if usage.role == role or usage.role.startswith(f"{role}/")
            )
            // 1000
        )

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not what():
                await asyncio.sleep(0.02)

    async def all_used(self, cpus: int, *roles: str) -> None:
        await self.until(lambda: sum(map(self.used, roles)) == cpus)

    async def until_even(self, cpus: int, everybody: tuple[str, ...], *roles: str) -> None:
        """The work of whoever has most ends, piece by piece, until nobody has much more.

        What one of `roles` leaves may go to any of everybody: others may have less than all of them.
        """
        for _ in range(cpus):
            held = {role: self.used(role) for role in roles}
            if max(held.values()) - min(held.values()) <= EVEN:
                return
            await self.end_one(max(roles, key=self.used))
            await self.all_used(cpus, *everybody)
        raise AssertionError(f"never even: { ({role: self.used(role) for role in roles}) }")

    async def end_one(self, role: str) -> None:
        """One of the pods that a role pays for ends."""
        usages = self.pool.master.ledger.usages
        mine = {uid for uid, u in usages.items() if f"{u.role}/".startswith(f"{role}/")}
        pods = (await self.client.list(scheme.PODS))["items"]
        meta = next(pod["metadata"] for pod in pods if pod["metadata"]["uid"] in mine)
        await self.client.delete(scheme.PODS, meta["name"], meta["namespace"], grace_period=0)
        await self.until(lambda: meta["uid"] not in usages)

    async def end(self) -> None:
        for one in self.frameworks.values():
            await one.raw.close()
        for each in self.work:
            each.cancel()
        await asyncio.gather(*self.work, return_exceptions=True)


@pytest.fixture
async def contest(pool: Pool) -> AsyncIterator[Contest]:
    made = Contest(pool)
    await made.begin()
    yield made
    await made.end()


@pytest.mark.timeout(180)
async def test_two_namespaces_and_two_frameworks_share_by_dominant_share(contest: Contest) -> None:
    for name in ("one", "two"):
        await contest.framework(name)
    for namespace in ("a", "b"):
        await contest.pods(namespace, 24)
    for number in range(12):
        await contest.pool.node(f"n{number}", cpu="2")
    everybody = ("kubernetes", "one", "two")
    await contest.all_used(24, *everybody)
    # Whoever came first has more; as work ends, what is free goes to those who have less.
    await contest.until_even(24, everybody, *everybody)
    await contest.until_even(24, everybody, "kubernetes/a", "kubernetes/b")
    # One leaves: what it had goes to the others, pods and tasks alike.
    await contest.frameworks["one"].raw.call("TEARDOWN")
    everybody = ("kubernetes", "two")
    await contest.all_used(24, *everybody)
    await contest.until_even(24, everybody, *everybody)


@pytest.mark.timeout(180)
async def test_quota_binds_namespaces_and_frameworks_alike(contest: Contest) -> None:
    for path, most in (("kubernetes", "5"), ("one", "4")):
        with contextlib.suppress(status.AlreadyExists):  # roles in use show up by themselves
            await contest.client.create(scheme.OFFER_ROLES, {"metadata": {"name": path}})
        limits = {"spec": {"limits": {"cpu": most}}}
        await contest.client.patch(scheme.OFFER_ROLES, path, limits)
    tree = contest.pool.master.ledger.roles
    await contest.until(
        lambda: bool(tree.role("kubernetes").limit) and bool(tree.role("one").limit)
    )
    await contest.framework("one")
    await contest.pods("a", 9)
    for number in range(8):
        await contest.pool.node(f"n{number}", cpu="2")
    await contest.until(lambda: contest.used("one") >= 4 and contest.used("kubernetes") >= 5)
    # Seven CPUs are free and wanted by both.
    await asyncio.sleep(0.3)
    assert (contest.used("one"), contest.used("kubernetes")) == (4, 5)


@pytest.mark.timeout(180)
async def test_a_drain_moves_pods_and_tasks_alike(contest: Contest) -> None:
    one = await contest.framework("one")
    await contest.pods("a", 8)
    for number in range(4):
        await contest.pool.node(f"n{number}", cpu="2")
    everybody = ("kubernetes", "one")
    await contest.until(lambda: sum(contest.used(role) for role in everybody) == 8)
    homes = await _by_node(contest)
    node = next(
        n for n, pods in homes.items() if any(p["metadata"]["namespace"] != "a" for p in pods)
    )
    await contest.client.patch(scheme.NODES, node, {"spec": {"unschedulable": True}})
    for pod in homes[node]:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        await contest.client.delete(scheme.PODS, name, namespace)
    await contest.until(lambda: not contest.pool.master.ledger.accounts[node].used)
    tasks = [pod for pod in homes[node] if pod["metadata"]["namespace"] != "a"]
    await contest.until(lambda: len(one.ended) >= len(tasks))
    assert not contest.pool.master.ledger.accounts[node].offer_ids
    # Nothing new comes to the node, whoever wants more.
    assert not (await _by_node(contest)).get(node)


@pytest.mark.timeout(180)
async def test_pods_and_tasks_out_of_reach_leave_their_quota_to_others(contest: Contest) -> None:
    """And `kubectl get frameworks` tells how many each has."""
    client, pool = contest.client, contest.pool
    for path in ("kubernetes.a", "one"):
        spec = {"limits": {"cpu": "2"}}
        with contextlib.suppress(status.AlreadyExists):
            await client.create(scheme.OFFER_ROLES, {"metadata": {"name": path}})
        await client.patch(scheme.OFFER_ROLES, path, {"spec": spec})
    tree = pool.master.ledger.roles
    await contest.until(lambda: bool(tree.role("kubernetes/a").limit and tree.role("one").limit))
    await contest.framework("one")
    await pool.node("n0", cpu="4")
    await contest.pods("a", 4)
    await contest.until(lambda: (contest.used("one"), contest.used("kubernetes/a")) == (2, 2))
    for name in ("n1", "n2"):
        await pool.node(name, cpu="4")
    while await counts(contest) != {"kubernetes": 2, "one": 2}:
        await asyncio.sleep(0.1)
    assert sum(map(contest.used, ("one", "kubernetes/a"))) == 4
    await pool.ready("n0", "Unknown")
    # The other two pods, and two more tasks, have the quota now.
    await contest.until(lambda: (contest.used("one"), contest.used("kubernetes/a")) == (4, 4))
    while await counts(contest) != {"kubernetes": 4, "one": 2}:
        await asyncio.sleep(0.1)
    await pool.ready("n0", "True")
    await contest.until(lambda: tree.role("one").consumed.get("cpu") == 4000)
    assert tree.role("kubernetes/a").consumed["cpu"] == 4000


async def counts(contest: Contest) -> dict[str, int]:
    """Framework → its tasks, or pods, as its status tells."""
    found = (await contest.client.list(scheme.FRAMEWORKS))["items"]
    return {one["spec"]["name"]: one["status"].get("tasks", 0) for one in found}


async def _by_node(contest: Contest) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for pod in (await contest.client.list(scheme.PODS))["items"]:
        if pod["spec"].get("nodeName"):
            found.setdefault(pod["spec"]["nodeName"], []).append(pod)
    return found
