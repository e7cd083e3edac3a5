"""What a node lends of its CPU is used by real tasks, and taken back when it is needed."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from bireme.framework import Event, Offer, Offers, Scheduler, Task, TaskStatus, Update
from tests.e2e.conftest import Cluster, a_cluster

LENT = "offers.bireme.dev/revocable"
PATIENCE_S = 60.0
BUSY = "trap 'exit 0' TERM; while :; do :; done"


@pytest.fixture(scope="module")
def pool() -> Iterator[Cluster]:
    """All but a tenth of the only CPU is lent: whoever uses more than that tenth needs it back."""
    with a_cluster("--nodes", "1", "--node-cpus", "1", "--oversubscribe", "cpu=900m") as made:
        yield made


def lent(offer: Offer) -> float:
    found = [one for one in offer.raw["resources"] if "revocable" in one]
    return sum(one["scalar"]["value"] for one in found if one["name"] == "cpus")


def borrower() -> Task:
    resource: Any = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.9}, "revocable": {}}
    command = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
    return Task("borrower", command, cpus=0.0, mem=0.0, more={"resources": [resource]})


class Heard:
    """Events of one framework, one after the other."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.events = scheduler.events()

    async def next(self) -> Event:
        return await anext(self.events)

    async def offer(self, *, revocable: bool) -> Offer:
        while True:
            event = await self.next()
            for one in event.offers if isinstance(event, Offers) else ():
                if bool(lent(one)) == revocable:
                    return one

    async def update(self, state: str) -> TaskStatus:
        while True:
            event = await self.next()
            if isinstance(event, Update) and event.status.state == state:
                return event.status


async def _lend_and_take_back(pool: Cluster, master: str) -> TaskStatus:
    kinds = ("REVOCABLE_RESOURCES", "PARTITION_AWARE")
    async with (
        asyncio.timeout(PATIENCE_S),
        Scheduler(master, "borrower", role="borrower", capabilities=kinds) as scheduler,
    ):
        heard = Heard(scheduler)
        offer = await heard.offer(revocable=True)
        assert lent(offer) == pytest.approx(0.9)
        await scheduler.accept(offer, [borrower()], refuse_seconds=1000.0)
        await heard.update("TASK_RUNNING")
        await scheduler.suppress()
        (pod,) = pool.get("pods", "-n", "frameworks")["items"]
        assert pod["status"]["qosClass"] == "BestEffort"
        assert json.loads(pod["metadata"]["annotations"][LENT]) == {"cpu": "900m"}
        name = pod["metadata"]["name"]
        # what asks for nothing has the least weight that the kernel knows, in either version
        weight = "cat /sys/fs/cgroup/cpu.weight 2>/dev/null || cat /sys/fs/cgroup/cpu/cpu.shares"
        shown = pool.kubectl("exec", "-n", "frameworks", name, "--", "sh", "-c", weight)
        assert shown.strip() in ("1", "2")
        pool.kubectl("run", "owner", "--image=busybox", "--", "sh", "-c", BUSY)
        return await heard.update("TASK_GONE")


async def test_what_is_lent_is_taken_back(pool: Cluster) -> None:
    """A pod that uses more than what is left ends the task that was lent the rest."""
    port = json.loads((pool.root / "cluster.json").read_text())["offers_port"]
    node = pool.get("nodes")["items"][0]
    ended = await _lend_and_take_back(pool, f"http://127.0.0.1:{port}")
    assert ended.reason == "REASON_CONTAINER_PREEMPTED"
    assert "needed by those who booked it" in ended.message
    events = pool.get("events", "-n", "frameworks")["items"]
    assert any(one["reason"] == "Evicted" for one in events)
    node = pool.get("node", node["metadata"]["name"])
    assert json.loads(node["metadata"]["annotations"][LENT]) == {"cpu": "900m"}
