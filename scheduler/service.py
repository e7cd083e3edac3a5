"""The pod scheduler: the framework `kubernetes`, one among others.

It keeps a snapshot and a queue from informers, hears of offers, and lets one round follow the
other while pods are pending. Nothing is held and little is loaded before the first node appears.
Neighbours: `rounds` does the work, `queue`, `surroundings` (mirrors of the rest), `telling`;
`offers.session` (permission); `bireme.cli.server` composes. It never looks into the offer master.
"""

import asyncio
import importlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from apimachinery.aio.clock import Clock, SystemClock
from apimachinery.client.events import Recorder
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from offers import messages
from offers.session import OfferSession
from scheduler.changes import Change
from scheduler.queue import Queue
from scheduler.telling import Teller
from scheduler.views import NodeInfo, PodInfo

if TYPE_CHECKING:
    from scheduler.rounds import Rounds

V = TypeVar("V")

NAME = "default-scheduler"
"""Pods that name another scheduler are none of ours."""
NO_NODES = "no nodes available to schedule pods"
GATHER_S = 0.001
"""A moment for a burst of pods or offers to come together into one round."""
TAKEN_IN = 200
"""Objects taken into the snapshot between two turns of the loop."""
FOUND_CLAIM_S = 60.0
"""For how long a nomination of an earlier scheduler is kept up."""


class PodScheduler:
    """See the module's docstring. `run` ends only by cancellation."""

    def __init__(
        self,
        client: Client,
        session: OfferSession,
        nodes: Informer[NodeInfo],
        pods: Informer[PodInfo],
        *,
        role_of_namespace: Callable[[str], str] = "kubernetes/{}".format,
        recorder: Recorder | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._session = session
        self._nodes, self._pods = nodes, pods
        self._role_of = role_of_namespace
        self._clock = clock or SystemClock()
        self._teller = Teller(client, recorder, self._clock)
        self._queue = Queue()
        self._rounds: Rounds | None = None
        """Made, and numpy loaded, when the first node appears: a cluster without nodes is light."""
        self._first_node = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Schedule for ever."""
        await self._nodes.synced()
        await self._pods.synced()
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._nodes.add_handler(self._node_changed)
            self._pods.add_handler(self._pod_changed)
            await self._first_node.wait()
            rounds = await self._begin(group)
            group.create_task(self._listen(rounds))
            while True:
                await self._until_work(rounds)
                await asyncio.sleep(GATHER_S)
                rounds.wake.clear()
                self._queue.release(self._clock.monotonic())
                await rounds.run()

    async def _begin(self, group: asyncio.TaskGroup) -> "Rounds":
        """Load numpy off the event loop, and take in all that is known."""
        await asyncio.to_thread(importlib.import_module, "scheduler.rounds")
        from scheduler.rounds import Rounds
        from scheduler.surroundings import Surroundings

        surroundings = Surroundings(self._client)
        group.create_task(surroundings.run())
        await surroundings.synced()
        self._rounds = rounds = Rounds(
            self._client,
            self._session,
            self._pods,
            surroundings.budgets,
            self._queue,
            self._teller,
            role_of=self._role_of,
            clock=self._clock,
            start=self._start,
        )
        surroundings.feed(rounds.placer.snapshot, rounds.changed)
        await self._take_in(self._nodes, self._node_changed)
        await self._take_in(self._pods, self._pod_changed)
        rounds.wake.set()
        return rounds

    async def _take_in(
        self, mirror: Informer[V], tell: Callable[[str, V | None, V | None], None]
    ) -> None:
        """Tell all that a mirror holds as news; what changes meanwhile is told by itself."""
        for number, key in enumerate(list(mirror.keys())):
            value = mirror.get(key)
            if value is not None:
                tell(key, None, value)
            if number % TAKEN_IN == 0:
                await asyncio.sleep(0)

    async def _until_work(self, rounds: "Rounds") -> None:
        """Until something changed or a parked pod's time has come."""
        moment = rounds.next_moment
        delay = None if moment is None else max(0.0, moment - self._clock.monotonic())
        try:
            async with asyncio.timeout(delay):
                await rounds.wake.wait()
        except TimeoutError:
            return

    # --- what is heard

    async def _listen(self, rounds: "Rounds") -> None:
        allowance = rounds.placer.allowance
        async for event in self._session.events():
            match event:
                case messages.Offers(offers, shares):
                    rounds.shares = dict(shares)
                    for number, offer in enumerate(offers):
                        allowance.add(offer)
                        if number % TAKEN_IN == TAKEN_IN - 1:
                            await asyncio.sleep(0)
                case messages.Rescind(offer_id):
                    allowance.drop(offer_id)
                case messages.QuotaChanged():
                    rounds.quota_changed()
                case messages.Subscribed():
                    continue
            rounds.wake.set()
        raise RuntimeError("the offer master has ended the scheduler's session")

    def _node_changed(self, key: str, old: NodeInfo | None, new: NodeInfo | None) -> None:
        self._first_node.set()
        if self._rounds is None:
            return
        if new is None:
            self._rounds.placer.remove_node(key)
        else:
            self._rounds.placer.set_node(new)
            if new == old:
                return  # a heartbeat: nothing that feasibility reads
        self._rounds.changed(Change.NODE, key)

    def _pod_changed(self, key: str, old: PodInfo | None, new: PodInfo | None) -> None:
        del key
        if self._rounds is None:
            # While a beginning is made of what is known, all of it is looked at in a moment.
            if new is not None and self._is_ours(new) and not self._first_node.is_set():
                self._refuse(new)
            return
        if old is not None and (new is None or new.uid != old.uid):
            self._forget(self._rounds, old)
        if new is None:
            return
        if new.ended:
            self._forget(self._rounds, new)
        elif new.node_name:
            self._bound(self._rounds, new)
        elif not self._is_ours(new):
            self._queue.remove(new.uid)
            self._rounds.forget_nomination(new.uid)
        elif old is None or old.uid != new.uid or old.shape != new.shape or old.gated:
            self._pending(self._rounds, new)

    def _is_ours(self, pod: PodInfo) -> bool:
        """Whether a pod is pending, and for us to place."""
        settled = pod.ended or pod.node_name or pod.deleting or pod.gated
        return not settled and pod.scheduler_name == NAME

    def _pending(self, rounds: "Rounds", pod: PodInfo) -> None:
        known = rounds.placer.snapshot.nominations.get(pod.uid)
        if known is None and pod.nominated_node and self._queue.active(pod.uid) is None:
            rounds.nominate(pod, pod.nominated_node, FOUND_CLAIM_S)
        self._queue.put(pod)
        rounds.wake.set()

    def _bound(self, rounds: "Rounds", pod: PodInfo) -> None:
        self._queue.remove(pod.uid)
        snapshot = rounds.placer.snapshot
        snapshot.nominations.drop(pod.uid)
        if pod.uid in rounds.evicting:
            pod = replace(pod, deleting=True)
        was = snapshot.where(pod.uid)
        if snapshot.put(pod, pod.node_name):
            rounds.changed(Change.POD_CAME, pod.node_name)
            if was:  # it is ending, has other labels, takes less
                rounds.changed(Change.POD_GONE, was)

    def _forget(self, rounds: "Rounds", pod: PodInfo) -> None:
        self._queue.remove(pod.uid)
        rounds.forget_nomination(pod.uid)
        rounds.evicting.discard(pod.uid)
        node = rounds.placer.snapshot.where(pod.uid)
        if rounds.placer.snapshot.take(pod.uid):
            rounds.changed(Change.POD_GONE, node)

    def _refuse(self, pod: PodInfo) -> None:
        """Without nodes there is nothing to look at."""
        write = self._teller.unschedulable(pod, pod, NO_NODES, pod.nominated_node)
        if write is not None:
            self._start(write)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the rounds; `run` ends only after it."""
        assert self._group is not None, "started by run"
        self._group.create_task(work)
