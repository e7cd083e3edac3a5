"""Scheduling as a whole: API server, offer master and pod scheduler in one process, 5,000 nodes.

Nodes and pods are objects only (no agents), on the memory store. 10,000 pods are pending when the
scheduler starts; measured is until all are bound, then what one pod more costs, and the longest
turn of the event loop meanwhile (its CPU time, since others on the machine would prolong it).
"""

import asyncio
import contextlib
import time
from typing import Any

import uvloop

from apimachinery import scheme, wire
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.client.transport import DirectTransport
from apiserver.server import ApiServer
from apiserver.stores import open_store
from bench import report
from bench.report import Row
from bireme.cli import garbage
from offers.master import OfferMaster
from offers.messages import FrameworkInfo
from scheduler.service import PodScheduler
from scheduler.views import PodInfo, node_info, pod_info

ADMIN = wire.UserInfo("bench", groups=("system:masters",))
NODES, PODS = 5_000, 10_000
AT_ONCE = 100
SINGLES = 20
AMOUNTS = {"cpu": "32", "memory": "128Gi", "pods": "110"}


class Pulse:
    """Turns with the event loop and notes the longest turn, in CPU time of its thread."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest, last = max(self.longest, now - last), now


class Whole:
    """The three of them, and what is bound."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.nodes = Informer(client, scheme.NODES, node_info)
        self.pods = Informer(client, scheme.PODS, pod_info)
        self.master = OfferMaster(self.nodes, self.pods)
        session = self.master.subscribe(FrameworkInfo("kubernetes", ("kubernetes",)))
        self.scheduler = PodScheduler(client, session, self.nodes, self.pods)
        self.bound = 0
        self.wanted = PODS
        self.reached = asyncio.Event()
        self.pods.add_handler(self._changed)

    def _changed(self, key: str, old: PodInfo | None, new: PodInfo | None) -> None:
        del key
        if new is not None and new.node_name and not (old and old.node_name):
            self.bound += 1
            if self.bound >= self.wanted:
                self.reached.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for each in (self.nodes, self.pods, self.master, self.scheduler):
                group.create_task(each.run())

    async def node(self, number: int) -> None:
        labels = {
            "kubernetes.io/hostname": f"n{number}",
            "topology.kubernetes.io/zone": f"z{number % 3}",
        }
        await self.client.create(
            scheme.NODES, {"metadata": {"name": f"n{number}", "labels": labels}}
        )
        ready = [{"type": "Ready", "status": "True"}]
        state = {"status": {"allocatable": AMOUNTS, "capacity": AMOUNTS, "conditions": ready}}
        await self.client.patch(scheme.NODES, f"n{number}", state, subresource="status")

    async def pod(self, number: int) -> None:
        resources = {"requests": {"cpu": "100m", "memory": "128Mi"}}
        pod: dict[str, Any] = {
            "metadata": {"name": f"p{number}", "labels": {"app": f"a{number % 20}"}},
            "spec": {"containers": [{"name": "c", "image": "i", "resources": resources}]},
        }
        await self.client.create(scheme.PODS, pod, "default")

    async def one_more(self, number: int) -> float:
        """Seconds from the request until the mirror shows it bound."""
        self.wanted = self.bound + 1
        self.reached.clear()
        began = time.perf_counter()
        await self.pod(number)
        await self.reached.wait()
        return time.perf_counter() - began


async def _measured() -> list[Row]:
    server = ApiServer(open_store("memory"))
    await server.start()
    whole = Whole(Client(DirectTransport(server.handle, ADMIN)))
    for make, count in ((whole.node, NODES), (whole.pod, PODS)):
        for first in range(0, count, AT_ONCE):
            await asyncio.gather(*(make(number) for number in range(first, first + AT_ONCE)))
    garbage.settle()
    pulse = Pulse()
    began = time.perf_counter()
    running = [asyncio.create_task(pulse.run()), asyncio.create_task(whole.run())]
    await whole.reached.wait()
    took = time.perf_counter() - began
    singles = sorted([await whole.one_more(PODS + number) for number in range(SINGLES)])
    for task in running:
        task.cancel()
    for task in running:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await server.stop()
    return [
        Row("scheduling", f"{PODS} pods on {NODES} nodes: a pod", took / PODS * 1000, "ms", goal=1.0),
        Row("scheduling", "one pod more, created to bound", singles[SINGLES // 2] * 1000, "ms", 20.0),
        Row("scheduling", "longest turn of the event loop", pulse.longest * 1000, "ms", 50.0),
    ]  # fmt: skip


def measure() -> list[Row]:
    return uvloop.run(_measured())


if __name__ == "__main__":
    report.main(measure, __doc__)
