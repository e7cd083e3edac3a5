"""The pod scheduler: the framework `kubernetes`, one among others.

It keeps a snapshot and a queue from informers, asks for offers while pods are pending, places
what it can in rounds, and binds. The binding is the commit point: accepting an offer books the
capacity, the compare-and-swap on the pod decides, and a binding that fails gives both back.
Neighbours: `placement` (decides, pure), `queue`, `snapshot`; `offers.session` (permission);
`bireme.cli.server` composes. It never looks into the offer master.
"""

import asyncio
import importlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from apimachinery import meta, scheme, status
from apimachinery.aio.clock import Clock, SystemClock
from apimachinery.client.events import Recorder, Reference
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from offers import messages
from offers.messages import Offer
from offers.session import OfferSession
from scheduler.queue import Queue
from scheduler.views import NodeInfo, PodInfo

if TYPE_CHECKING:
    from scheduler.placement import Assignment, Placer

LOG = logging.getLogger(__name__)

NAME = "default-scheduler"
"""Pods that name another scheduler are none of ours."""
NO_NODES = "no nodes available to schedule pods"
GATHER_S = 0.001
"""A moment for a burst of pods or offers to come together into one round."""
ROUND_MAX = 500
"""Pods placed in one round, after which the loop gets its turn."""
BINDINGS_MAX = 64
"""Bindings in flight: enough to fill the server's group commits, few enough to stay fair."""
OFFERS_WAIT_S = 5.0
"""Offers that helped nobody are declined for this long, unless we revive before."""


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
        self._recorder = recorder
        self._clock = clock or SystemClock()
        self._queue = Queue()
        self._offers: dict[str, Offer] = {}
        """Offers in force, by id."""
        self._shares: dict[str, float] = {}
        self._placer: Placer | None = None
        """Made, and numpy loaded, when the first node appears: a cluster without nodes is light."""
        self._first_node = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._suppressed = True
        self._wake = asyncio.Event()
        self._bindings = asyncio.Semaphore(BINDINGS_MAX)
        self._rounds = 0

    async def run(self) -> None:
        """Schedule for ever."""
        await self._nodes.synced()
        await self._pods.synced()
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._nodes.add_handler(self._node_changed)
            self._pods.add_handler(self._pod_changed)
            await self._first_node.wait()
            placer = await self._begin()
            group.create_task(self._listen())
            while True:
                await self._until_work()
                await asyncio.sleep(GATHER_S)
                self._wake.clear()
                self._queue.release(self._clock.monotonic())
                self._round(placer)

    async def _begin(self) -> "Placer":
        """Load numpy off the event loop, and take in all that is known."""
        await asyncio.to_thread(importlib.import_module, "scheduler.placement")
        from scheduler.placement import Placer
        from scheduler.snapshot import Snapshot

        self._placer = Placer(Snapshot())
        for name, node in self._nodes.items():
            self._node_changed(name, None, node)
        for key, pod in self._pods.items():
            self._pod_changed(key, None, pod)
        return self._placer

    async def _until_work(self) -> None:
        """Until something changed or a parked pod's time has come."""
        release = self._queue.next_release()
        delay = None if release is None else max(0.0, release - self._clock.monotonic())
        try:
            async with asyncio.timeout(delay):
                await self._wake.wait()
        except TimeoutError:
            return

    # --- what is heard

    async def _listen(self) -> None:
        async for event in self._session.events():
            match event:
                case messages.Offers(offers, shares):
                    self._offers.update({offer.id: offer for offer in offers})
                    self._shares = dict(shares)
                case messages.Rescind(offer_id):
                    self._offers.pop(offer_id, None)
                case messages.Subscribed():
                    continue
            self._wake.set()

    def _node_changed(self, key: str, old: NodeInfo | None, new: NodeInfo | None) -> None:
        self._first_node.set()
        if self._placer is None:
            return
        if new is None:
            self._placer.snapshot.remove_node(key)
        elif new != old:
            self._placer.snapshot.set_node(new)
        else:
            return  # a heartbeat: nothing that placement reads
        self._room_made()

    def _pod_changed(self, key: str, old: PodInfo | None, new: PodInfo | None) -> None:
        del key
        if self._placer is None:
            if new is not None and self._is_ours(new):
                self._refuse(new, NO_NODES)
            return
        if old is not None and (new is None or new.uid != old.uid):
            self._forget(old)
        if new is None:
            return
        if new.ended:
            self._forget(new)
        elif new.node_name:
            self._queue.remove(new.uid)
            self._placer.snapshot.put(new, new.node_name)
        elif not self._is_ours(new):
            self._queue.remove(new.uid)
        elif old is None or old.shape != new.shape or old.gated:
            self._queue.put(new)
            self._wake.set()

    def _is_ours(self, pod: PodInfo) -> bool:
        """Whether a pod is pending, and for us to place."""
        settled = pod.ended or pod.node_name or pod.deleting or pod.gated
        return not settled and pod.scheduler_name == NAME

    def _forget(self, pod: PodInfo) -> None:
        assert self._placer is not None
        self._queue.remove(pod.uid)
        if self._placer.snapshot.take(pod.uid):
            self._room_made()

    def _room_made(self) -> None:
        if len(self._queue):
            self._queue.room_made(self._clock.monotonic())
            self._wake.set()

    # --- one round

    def _round(self, placer: "Placer") -> None:
        """Place what is active, bind what was placed, give back the offers that are left."""
        if not self._queue.has_active:
            self._quiet()
            return
        pods = self._next_pods(placer)
        self._rounds += 1
        result = placer.place(pods, list(self._offers.values()), self._rounds)
        for failure in result.failures:
            self._queue.park(failure.pod, self._clock.monotonic())
            self._refuse(failure.pod, failure.message)
        if result.assignments:
            self._accept(result.assignments)
        if result.waiting and not self._offers:
            self._ask()
        elif result.waiting:
            self._decline_all(OFFERS_WAIT_S)
        if self._queue.has_active and len(pods) == ROUND_MAX:
            self._wake.set()
        self._settle()

    def _settle(self) -> None:
        if not self._queue.has_active:
            self._quiet()

    def _next_pods(self, placer: "Placer") -> list[PodInfo]:
        snapshot = placer.snapshot
        total = snapshot.allocatable.sum(axis=0).tolist()

        def fraction(pod: PodInfo) -> float:
            parts = (
                amount / total[column]
                for name, amount in pod.requests.items()
                if (column := snapshot.columns.get(name, len(total))) < len(total) and total[column]
            )
            return max(parts, default=0.0)

        return self._queue.take(ROUND_MAX, self._role_of, self._shares, fraction)

    def _ask(self) -> None:
        """Pods wait and no offer is in hand: ask for some."""
        self._suppressed = False
        self._session.call(messages.Revive())

    def _quiet(self) -> None:
        """Nothing to run: give everything back and ask for no more."""
        self._decline_all(0.0)
        if not self._suppressed:
            self._suppressed = True
            self._session.call(messages.Suppress())

    def _decline_all(self, refuse_seconds: float) -> None:
        if self._offers:
            self._session.call(messages.Decline(tuple(self._offers), refuse_seconds))
            self._offers.clear()

    # --- binding

    def _accept(self, assignments: "Sequence[Assignment]") -> None:
        """Accept each offer once, with all that goes to it, and bind."""
        by_offer: dict[str, list[Assignment]] = {}
        for assignment in assignments:
            by_offer.setdefault(assignment.offer_id, []).append(assignment)
        for offer_id, mine in by_offer.items():
            launches = tuple(
                messages.Launch(a.pod.uid, self._role_of(a.pod.namespace), a.pod.requests)
                for a in mine
            )
            accepted = self._session.call(messages.Accept((offer_id,), launches))
            self._offers.pop(offer_id, None)
            for assignment in mine:
                if accepted:
                    self._queue.hold(assignment.pod.uid)
                    self._start(self._bind(assignment))
                else:  # rescinded meanwhile: the pod stays active
                    self._unassume(assignment.pod)
                    self._wake.set()

    async def _bind(self, assignment: "Assignment") -> None:
        pod = assignment.pod
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": assignment.node},
        }
        try:
            async with self._bindings:
                await self._client.create(
                    scheme.PODS, body, pod.namespace, subresource="binding", name=pod.name
                )
        except status.ApiError as error:
            self._failed(assignment, error)
        else:
            self._queue.remove(pod.uid)
            self._tell(pod, "Scheduled", f"Successfully assigned {pod.key} to {assignment.node}")

    def _failed(self, assignment: "Assignment", error: status.ApiError) -> None:
        """Give the capacity back; what the API shows now decides whether the pod is retried."""
        pod = assignment.pod
        LOG.info("binding failed pod=%s node=%s error=%s", pod.key, assignment.node, error.message)
        current = self._pods.get(pod.key)
        if current is not None and current.node_name:
            return  # it was bound after all, or by somebody else: the watch has booked that
        self._session.call(messages.Abandon((pod.uid,)))
        self._unassume(pod)
        if current is not None and current.uid == pod.uid and not current.deleting:
            self._queue.park(current, self._clock.monotonic())
            self._room_made()

    def _unassume(self, pod: PodInfo) -> None:
        assert self._placer is not None
        self._placer.snapshot.take(pod.uid)

    # --- telling why

    def _refuse(self, pod: PodInfo, message: str) -> None:
        """Say in an Event and in the pod's condition why it has no node."""
        self._tell(pod, "FailedScheduling", message, warning=True)
        current = self._pods.get(pod.key)
        if current is None or current.condition != ("Unschedulable", message):
            self._start(self._mark_unschedulable(pod, message))

    async def _mark_unschedulable(self, pod: PodInfo, message: str) -> None:
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastTransitionTime": meta.format_time(self._clock.now()),
        }
        patch = {"metadata": {"uid": pod.uid}, "status": {"conditions": [condition]}}
        try:
            await self._client.patch(
                scheme.PODS, pod.name, patch, pod.namespace, kind="strategic", subresource="status"
            )
        except status.ApiError as error:
            LOG.debug("condition not written pod=%s error=%s", pod.key, error.message)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the rounds; `run` ends only after it."""
        assert self._group is not None, "started by run"
        self._group.create_task(work)

    def _tell(self, pod: PodInfo, reason: str, message: str, *, warning: bool = False) -> None:
        if self._recorder is None:
            return
        about = Reference("v1", "Pod", pod.name, pod.namespace, pod.uid)
        self._recorder.event(about, reason, message, type="Warning" if warning else "Normal")
