"""One more task on a fleet in churn: what the offer API adds to a task's own time.

    python -m bench.launch [--json] [--nodes 1000] [--frameworks 20] [--rate 20] [--seconds 60]

Everything is real but the containers: master, scheduler and API server of `bireme up`, one process
of hollow agents, frameworks over HTTP through the SDK. Each framework keeps its share of tasks, each as
large as a node, on nearly all nodes; they live so long that `--rate` of them end and are launched
anew each second. One more framework asks for one task at a time (REVIVE) and waits until it runs. In
`bench.allocator` agents are played, so that churn can be faster there.
"""

import argparse
import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator

from apimachinery.client import kubeconfig
from apimachinery.client.rest import Client
from apimachinery.client.transport import HttpTransport
from bench import report
from bench.cluster import Cluster
from bench.fleet import Fleet, closing, following, hollow_nodes
from bench.report import Row
from bireme.framework import Event, Offer, Offers, Scheduler, Subscribed, Task, Update

NODES, FRAMEWORKS, RATE, SECONDS = 1_000, 20, 20.0, 60.0
NODE_CPUS = 8.0
GOAL_MS = 100.0
REST_S = 0.1
"""Between two tasks of the one that is timed."""
FULL = 0.97
"""Of the nodes have one of the others' tasks; in the rest is room for one that is timed."""
PATIENCE_S = 240.0
REFUSE_S = 60.0
"""What is of no use is declined for so long; whoever has work says REVIVE."""


def sleep(name: str, seconds: float, cpus: float, mem: float) -> Task:
    """A task that hollow agents end after so long."""
    argv = ["sleep", f"{seconds:.1f}"]
    command = {"shell": False, "value": argv[0], "arguments": argv}
    return Task(name, "", cpus=cpus, mem=mem, more={"command": command})


class User:
    """A framework that keeps so many tasks running."""

    def __init__(self, scheduler: Scheduler, name: str, wanted: int, life: float) -> None:
        self.scheduler, self.name, self.wanted, self.life = scheduler, name, wanted, life
        self.rng = random.Random(name)
        self.running: set[str] = set()
        self.launched = self.began = 0
        self.slept = True

    async def run(self) -> None:
        async with self.scheduler:
            async for event in self.scheduler.events():
                match event:
                    case Offers(offers):
                        await self._take(offers)
                    case Update(status) if status.state == "TASK_RUNNING":
                        self.began += 1
                    case Update(status) if status.over:
                        self.running.discard(status.task_id)
                if self.slept and len(self.running) < self.wanted and self.scheduler.connected:
                    self.slept = False
                    await self.scheduler.revive()

    async def _take(self, offers: tuple[Offer, ...]) -> None:
        """Whole nodes, as many as are missing; the rest for others."""
        whole = [one for one in offers if one.cpus >= NODE_CPUS]
        taken = whole[: self.wanted - len(self.running)]
        for offer in taken:
            name = f"{self.name}-{self.launched}"
            self.launched += 1
            self.running.add(name)
            # the first ones have lived for a while, so that they do not end together
            first = self.launched <= self.wanted
            span = (0.0, self.life) if first else (self.life / 2, self.life * 1.5)
            task = sleep(name, self.rng.uniform(*span), offer.cpus, offer.mem)
            await self.scheduler.accept(offer, [task], refuse_seconds=REFUSE_S)
        if len(self.running) >= self.wanted:
            self.slept = True
            await self.scheduler.suppress()
        rest = [one for one in offers if one not in taken]
        if rest:
            await self.scheduler.decline(rest, refuse_seconds=REFUSE_S)


class Timed:
    """One task at a time: how long until it is offered something, and until it runs."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.offered: list[float] = []
        self.ran: list[float] = []

    async def run(self) -> None:
        async with self.scheduler:
            events = self.scheduler.events()
            async for event in events:
                if isinstance(event, Subscribed):
                    break
            for number in itertools.count():
                await self._one(f"extra-{number}", events)
                await asyncio.sleep(REST_S)

    async def _one(self, name: str, events: AsyncIterator[Event]) -> None:
        began, waits = time.perf_counter(), True
        await self.scheduler.revive()
        async for event in events:
            match event:
                case Offers(offers):
                    fit = [one for one in offers if one.cpus >= 1][:waits]
                    if fit:
                        waits = False
                        self.offered.append(time.perf_counter() - began)
                        await self.scheduler.accept(fit[0], [sleep(name, 1e5, 1.0, 64.0)])
                    await self._decline([one for one in offers if one not in fit])
                case Update(status) if status.task_id == name and status.state == "TASK_RUNNING":
                    self.ran.append(time.perf_counter() - began)
                    await self.scheduler.suppress()
                    await self.scheduler.kill(name, grace_seconds=0.0)
                case Update(status) if status.task_id == name and status.over:
                    assert status.state == "TASK_KILLED", status.raw
                    return
                case _:
                    pass

    async def _decline(self, offers: list[Offer]) -> None:
        if offers:
            await self.scheduler.decline(offers, refuse_seconds=REFUSE_S)


def quantile(times: list[float], share: float) -> float:
    """Of the sorted times, in ms."""
    return sorted(times)[int((len(times) - 1) * share)] * 1e3


async def churned(
    fleet: Fleet, cluster: Cluster, frameworks: int, rate: float, seconds: float
) -> None:
    wanted = max(1, int(FULL * len(fleet.nodes) / frameworks))
    life = wanted * frameworks / rate
    users = []
    for number in range(frameworks):
        name = f"fw{number}"
        scheduler = Scheduler(cluster.offers, name, role=name, suppressed=True)
        users.append(User(scheduler, name, wanted, life))
    extra = Timed(Scheduler(cluster.offers, "extra", role="extra", suppressed=True))
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(user.run()) for user in users]
        async with asyncio.timeout(PATIENCE_S):
            while any(user.began < wanted for user in users):
                await asyncio.sleep(0.5)
        before, spent = sum(user.launched for user in users), cluster.cpu_seconds()
        running.append(group.create_task(extra.run()))
        await asyncio.sleep(seconds)
        launched = sum(user.launched for user in users) - before
        spent = cluster.cpu_seconds() - spent
        for task in running:
            task.cancel()
    if not extra.ran:
        raise SystemExit(f"no task came to run within {seconds:g} s: this machine is too busy")
    fleet.note("tasks launched by the others", launched / seconds, "/s")
    for share in (0.5, 0.99):
        name = f"p{share * 100:.0f}"
        fleet.note(f"REVIVE to offer, {name}", quantile(extra.offered, share), "ms")
        fleet.note(f"REVIVE to TASK_RUNNING, {name}", quantile(extra.ran, share), "ms", GOAL_MS)
    fleet.note("tasks timed", len(extra.ran), "")
    fleet.note("CPU of the control plane", spent / seconds * 100, "%")
    fleet.note("memory of the control plane", cluster.resident_mb(), "MB")


async def _measure(
    cluster: Cluster, nodes: int, frameworks: int, rate: float, seconds: float
) -> list[Row]:
    began = time.perf_counter()
    client = Client(HttpTransport(kubeconfig.load(cluster.kubeconfig)))
    with hollow_nodes(cluster, nodes) as hollow:
        fleet = Fleet(cluster, hollow.pid, client, bench="launch")
        async with closing(client), following(fleet.nodes):
            await fleet.up(nodes, began)
            await churned(fleet, cluster, frameworks, rate, seconds)
    return fleet.rows


def measure(
    nodes: int = NODES, frameworks: int = FRAMEWORKS, rate: float = RATE, seconds: float = SECONDS
) -> list[Row]:
    with Cluster() as cluster:
        return asyncio.run(_measure(cluster, nodes, frameworks, rate, seconds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="one more task on a fleet in churn")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--nodes", type=int, default=NODES)
    parser.add_argument("--frameworks", type=int, default=FRAMEWORKS)
    parser.add_argument("--rate", type=float, default=RATE, help="tasks that end each second")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    args = parser.parse_args()
    rows = measure(args.nodes, args.frameworks, args.rate, args.seconds)
    report.show(rows, as_json=args.json)
