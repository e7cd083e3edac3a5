"""Lends what is booked on this node and not used, and takes it back: `--oversubscribe`.

The estimate stands in an annotation of the Node, from which the offer master offers it as
revocable; its tasks' pods say in the same annotation how much they were lent. They ask for nothing
(BestEffort), so the kernel gives them what nobody else wants. When those who booked need the
room, they are evicted one by one (TASK_GONE, REASON_CONTAINER_PREEMPTED). What to do is decided by
`kubelet.slack` (pure); under pressure of memory or disk `kubelet.pressure` ends them first anyway.
"""

import asyncio
import json
import logging

from apimachinery import meta, requests, scheme
from apimachinery import status as errors
from apimachinery.mesos.marks import REVOCABLE
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet import eviction, slack, stats
from kubelet.kit import Kit
from kubelet.pods import Pods
from kubelet.runtime.errors import RuntimeDriverError
from kubelet.slack import Load, Rule
from kubelet.usage import Meter

LOG = logging.getLogger(__name__)

LOOK_S = 5.0
LOOKS = 2
"""In a row that must find no room before somebody is ended: a moment's peak is no need."""
TELL_S = 15.0
"""Between two estimates; Mesos' `--oversubscribed_resources_interval`."""
GRACE_S = 1.0
"""What an evicted pod has to end in: it was told that it may be ended at any time."""
MESSAGE = "What this pod was lent of the node's CPU is needed by those who booked it."


class Oversubscription:
    """See the module's docstring."""

    def __init__(self, kit: Kit, pods: Pods, rule: Rule) -> None:
        self._kit, self._pods, self._rule = kit, pods, rule
        self._meter = Meter()
        self._told_at: float | None = None
        self._short = 0
        """Looks in a row that found no room."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except (errors.ApiError, RuntimeDriverError) as error:
                LOG.info("oversubscription: %s", error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Measure; tell, if it is time to; end at most one pod."""
        loads = await self._loads()
        self._correct(loads)
        now = self._kit.clock.monotonic()
        if self._told_at is None or now - self._told_at >= TELL_S:
            await self._tell(slack.estimate(self._rule, loads))
            self._told_at = now

    async def _loads(self) -> list[Load]:
        listed = await self._kit.driver.list_container_stats()
        workers = [worker for worker in self._pods.workers() if worker.active]
        started = {a.id: a.started_at for worker in workers for a in worker.ledger.running()}
        used: dict[str, int] = {}
        for one in stats.used(workers, listed, self._meter.rates(listed, started)):
            used[one.worker.uid] = used.get(one.worker.uid, 0) + one.rate.nanocores // 1_000_000
        return [
            Load(
                worker.uid,
                requests.of_pod(worker.pod["spec"]).get(requests.CPU, 0),
                lent(worker.pod),
                used[worker.uid],
                max(one.started_at for one in worker.ledger.running()),
            )
            for worker in workers
            if worker.uid in used
        ]

    async def _tell(self, milli: int) -> None:
        text = json.dumps({requests.CPU: f"{milli}m"} if milli else {})
        patch = {"metadata": {"annotations": {REVOCABLE: text}}}
        await self._kit.client.patch(scheme.NODES, self._kit.options.node_name, patch)

    def _correct(self, loads: list[Load]) -> None:
        chosen = slack.to_end(loads, self._kit.capacity.cpu_milli)
        self._short = self._short + 1 if chosen is not None else 0
        if chosen is None or self._short < LOOKS:
            return
        for worker in self._pods.workers():
            if worker.uid == chosen.uid and not worker.evicted:
                self._kit.warn(worker.pod, eviction.EVICTED, MESSAGE)
                worker.evict(eviction.EVICTED, MESSAGE, grace=GRACE_S)


def lent(pod: JsonObject) -> int:
    """Thousandths of a CPU that a pod's own annotation says it was lent."""
    try:
        found = json.loads(meta.annotations(pod).get(REVOCABLE, "{}"))
        return requests.amounts(found).get(requests.CPU, 0)
    except (ValueError, TypeError, AttributeError):
        LOG.info("pod %s: %s is no JSON of amounts", reading.name(pod), REVOCABLE)
        return 0
