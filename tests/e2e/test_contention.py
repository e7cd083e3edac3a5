"""Two namespaces and two frameworks want more than there is, on real nodes, in containers.

All work is pieces of one CPU that end by themselves, so what is free goes round and round; who gets
it is the master's decision. A watch sees every state that the API goes through: no node is ever
booked beyond what it has, and over some dozens of changes everybody's mean is their fair share.
"""

import asyncio
import collections
import contextlib
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from apimachinery import meta, requests, scheme, wire
from apimachinery.client import informer, kubeconfig, rest
from apimachinery.client.transport import HttpTransport
from bireme.framework import Offers, Scheduler, Task, Update
from tests.e2e.conftest import Cluster, a_cluster
from tests.e2e.test_frameworks import master

NODE_CPUS, NODES = 6, 2
WANTED = 16
"""Pieces that each of the four wants at a time: more than there is."""
WINDOW = 40
"""States over which shares are looked at."""
NEAR = 1.0
"""CPUs that a mean may be off: a node's rest is given to one."""
PATIENCE_S = 120.0
"""For a busy machine, on which it takes a while before what is free has found somebody."""
PODS = ("a", "b")
TASKS = ("c", "d")
TOLERATIONS = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}
    for key in ("unreachable", "not-ready")
]  # fmt: skip


class Witness:
    """Sees every state of every pod through a watch, and counts what is booked where, by whom."""

    def __init__(self) -> None:
        self.alive: dict[str, tuple[str, str, int]] = {}
        """Pod → (node, namespace, thousandths of a CPU)."""
        self.overbooked: list[str] = []
        self.states: collections.deque[collections.Counter[str]] = collections.deque(maxlen=WINDOW)

    def see(self, key: str, _: wire.JsonObject | None, new: wire.JsonObject | None) -> None:
        node = new["spec"].get("nodeName", "") if new else ""
        over = new is None or (new.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if over or not node:
            changed = self.alive.pop(key, None) is not None
        else:
            assert new is not None
            changed = key not in self.alive
            cpu = requests.of_pod(new["spec"])["cpu"]
            self.alive[key] = (node, meta.namespace(new), cpu)
        if changed:
            self.states.append(collections.Counter(who for _, who, _ in self.alive.values()))
            booked = sum(cpu for at, _, cpu in self.alive.values() if at == node)
            if booked > NODE_CPUS * 1000:
                self.overbooked.append(f"{node} has {booked}m: {self.alive}")

    def on(self, node: str) -> list[str]:
        """Whose work is booked there."""
        return [who for at, who, _ in self.alive.values() if at == node]

    def mean(self, who: str) -> float:
        return sum(state[who] for state in self.states) / max(1, len(self.states))

    def shares(self, **fair: float) -> Callable[[], bool]:
        """Whether these are the means of a whole window that begins now."""
        self.states.clear()
        return lambda: (
            len(self.states) == WINDOW
            and all(abs(self.mean(who) - cpus) <= NEAR for who, cpus in fair.items())
        )


class Greedy:
    """A framework that always wants more: one piece of each offer."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.name, self.address = name, master(cluster)
        self.running: set[str] = set()
        self.ended: collections.Counter[str] = collections.Counter()

    async def run(self) -> None:
        labels = {"offers.bireme.dev/namespace": self.name}
        numbers = iter(range(1 << 30))
        async with Scheduler(self.address, self.name, role=self.name, labels=labels) as scheduler:
            async for event in scheduler.events():
                match event:
                    case Offers(offers):
                        for offer in offers:
                            piece = Task(f"{self.name}-{next(numbers)}", "sleep 2", 1, 16)
                            takes = piece.fits(offer) and len(self.running) < WANTED
                            self.running.update([piece.id] if takes else [])
                            await scheduler.accept(
                                offer, [piece] if takes else [], refuse_seconds=0.0
                            )
                    case Update(status) if status.over:
                        self.running.discard(status.task_id)
                        self.ended[status.state] += 1


class Contest:
    """The cluster, who contends, and who looks on."""

    def __init__(self, cluster: Cluster, client: rest.Client) -> None:
        self.cluster, self.client, self.witness = cluster, client, Witness()
        self.pods = informer.Informer(client, scheme.PODS, lambda pod: pod)
        self.pods.add_handler(self.witness.see)
        self.frameworks = [Greedy(cluster, name) for name in TASKS]
        self.rng = random.Random(4)

    async def kubectl(self, *arguments: str, stdin: str = "") -> str:
        return await asyncio.to_thread(self.cluster.kubectl, *arguments, stdin=stdin)

    async def until(self, what: Callable[[], bool], about: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not what():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            means = {who: round(self.witness.mean(who), 1) for who in (*PODS, *TASKS)}
            pytest.fail(f"{about}: never; means {means}, last {self.witness.states[-1]}")

    def at(self, node: str) -> dict[str, wire.JsonObject]:
        """The pods and the tasks' pods there that have not ended."""
        return {
            key: pod
            for key, pod in self.pods.items()
            if key in self.witness.alive and pod["spec"]["nodeName"] == node
        }

    def finished(self) -> int:
        return sum(one.ended["TASK_FINISHED"] for one in self.frameworks)

    async def turnover(self) -> None:
        """A namespace's pods come and go as tasks do."""
        while True:
            await asyncio.sleep(0.25)
            for namespace in PODS:
                mine = [
                    pod
                    for pod in self.pods.values()
                    if meta.namespace(pod) == namespace
                    and (pod.get("status") or {}).get("phase") == "Running"
                    and not meta.is_deleting(pod)
                ]
                if mine:
                    await self.client.delete(
                        scheme.PODS, meta.name(self.rng.choice(mine)), namespace
                    )

    async def role(self, path: str, **spec: Any) -> None:
        manifest = {
            "apiVersion": "offers.bireme.dev/v1",
            "kind": "Role",
            "metadata": {"name": path},
            "spec": spec,
        }
        await self.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))


def deployment(namespace: str) -> dict[str, Any]:
    container = {
        "name": "piece",
        "image": "busybox",
        "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"],
        "resources": {"requests": {"cpu": "1", "memory": "16Mi"}},
    }
    template = {
        "metadata": {"labels": {"app": "many"}},
        "spec": {
            "containers": [container],
            "tolerations": TOLERATIONS,
            "terminationGracePeriodSeconds": 1,
        },
    }
    selector = {"matchLabels": {"app": "many"}}
    spec = {"replicas": WANTED, "selector": selector, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "many", "namespace": namespace},
        "spec": spec,
    }


@contextlib.asynccontextmanager
async def a_contest(cluster: Cluster) -> AsyncIterator[Contest]:
    client = rest.Client(HttpTransport(kubeconfig.load(cluster.root / "kubeconfig")))
    contest = Contest(cluster, client)
    for name in (*PODS, *TASKS):
        await contest.kubectl("create", "namespace", name)
    manifests = {"apiVersion": "v1", "kind": "List", "items": [deployment(name) for name in PODS]}
    await contest.kubectl("apply", "-f", "-", stdin=json.dumps(manifests))
    work = [contest.pods.run, contest.turnover, *(one.run for one in contest.frameworks)]
    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(each()) for each in work]
            yield contest
            for each in running:
                each.cancel()
    finally:
        await client.close()


async def test_pods_and_tasks_contend_for_one_pool() -> None:
    options = ("--nodes", str(NODES), "--node-cpus", str(NODE_CPUS))
    with a_cluster(*options, "--node-monitor-grace-period", "12") as cluster:
        async with a_contest(cluster) as contest:
            await weights_and_quotas(contest)
            await a_drained_node(contest)
            await a_node_that_fails(contest)
            assert contest.finished() > WANTED
        assert contest.witness.overbooked == []


async def weights_and_quotas(contest: Contest) -> None:
    shares = contest.witness.shares
    # Twelve CPUs: a third for all namespaces together and for each framework.
    await contest.until(shares(a=2, b=2, c=4, d=4), "all weigh the same")
    await contest.role("kubernetes", weight="2")
    await contest.role("kubernetes.a", weight="2")
    await contest.until(shares(a=4, b=2, c=3, d=3), "pods weigh twice, and a's among them")
    await contest.role("d", guarantees={"cpu": "6"})
    await contest.role("c", limits={"cpu": "1"})
    await contest.until(shares(a=3.3, b=1.7, c=1, d=6), "c has a limit, d a guarantee")
    await contest.role("d")
    await contest.role("c")


async def a_drained_node(contest: Contest) -> None:
    """Pods and tasks go, and what is left is shared as before."""
    witness = contest.witness
    await contest.kubectl("drain", "node-2", "--force", "--delete-emptydir-data", "--timeout=60s")
    await contest.until(lambda: not witness.on("node-2"), "all are gone")
    await contest.until(witness.shares(a=2, b=1, c=1.5, d=1.5), "half of the pool")
    assert witness.on("node-2") == []
    await contest.kubectl("uncordon", "node-2")
    await contest.until(lambda: at_home(contest, "node-2"), "both are back")


async def a_node_that_fails(contest: Contest) -> None:
    """Its agent is silent: pods and tasks there are given up alike, and nothing new comes."""
    frozen = contest.cluster.pid("node-2")
    os.kill(frozen, signal.SIGSTOP)
    try:
        await contest.until(lambda: given_up(contest, "node-2"), "all there is given up")
        there = contest.at("node-2")
        before = contest.finished()
        await contest.until(lambda: contest.finished() > before + 3, "the others go on")
        assert contest.at("node-2").keys() <= there.keys()
    finally:
        os.kill(frozen, signal.SIGCONT)
    await contest.until(lambda: not there.keys() & contest.at("node-2").keys(), "it ends there")
    await contest.until(lambda: at_home(contest, "node-2"), "both are back")


def given_up(contest: Contest, node: str) -> bool:
    """Whether every pod there is to go, and every task there counts as lost."""
    there = contest.at(node).values()
    pods = [pod for pod in there if meta.namespace(pod) in PODS]
    lost = sum(one.ended["TASK_LOST"] for one in contest.frameworks)
    return bool(pods) and lost >= len(there) - len(pods) > 0 and all(map(meta.is_deleting, pods))


def at_home(contest: Contest, node: str) -> bool:
    """Whether pods and tasks run there."""
    there = set(contest.witness.on(node))
    return bool(there & set(PODS)) and bool(there & set(TASKS))
