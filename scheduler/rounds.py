"""One round of scheduling after the other: place, accept, bind; and make room where there is none.

Rounds work on the queue, the snapshot and the offers in hand, give the event loop its turn after
every few pods, and tell what became of each pod. Accepting an offer books the capacity, the
binding decides, and a binding that fails gives both back. Neighbours: `placement` and `preemption`
(decide, pure), `queue`; `binding`, `eviction`, `telling` (write); `service` calls, and feeds the
snapshot.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any

from apimachinery import status
from apimachinery.aio.clock import Clock
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from offers import messages, resources
from offers.messages import Launch
from offers.resources import Vector
from offers.session import OfferSession
from scheduler import preemption
from scheduler.binding import Binder
from scheduler.budgets import Budget
from scheduler.changes import Change
from scheduler.eviction import Evictor
from scheduler.filters import FIT
from scheduler.placement import CLAIMED, Assignment, Failure, Placer
from scheduler.preemption import Plan
from scheduler.queue import Queue
from scheduler.snapshot import Snapshot
from scheduler.telling import Teller
from scheduler.views import PodInfo

LOG = logging.getLogger(__name__)

QUOTA = "Quota"
"""In place of a filter's name: a pod is kept out by what its role may have."""
ROUND_MAX = 500
"""Pods of one round: as many share what was offered, and the order among roles is found anew."""
SLICE = 16
"""Pods placed or offers used between two turns of the loop: some milliseconds."""
WISHES_MAX = 3
"""So often pods wait for the nodes that are the best for them, before they take what they get."""
WISH_S = 0.05
"""As long as they wait: the master answers within some milliseconds, if it can."""
OFFERS_WAIT_S = 5.0
"""Offers that helped nobody are declined for this long, unless we revive before."""
CLAIM_S = 30.0
"""How much longer than its victims' grace a pod keeps its claim to the room that they leave."""
CLAIM_MARGIN_S = 1.0
"""The nomination ends this much before the claim, so that nothing is bound on a void one."""


class Rounds:
    """See the module's docstring."""

    def __init__(
        self,
        client: Client,
        session: OfferSession,
        pods: Informer[PodInfo],
        budgets: Informer[Budget],
        queue: Queue,
        teller: Teller,
        *,
        role_of: Callable[[str], str],
        clock: Clock,
        start: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """`start` runs something beside the rounds."""
        self.placer = Placer(Snapshot())
        self.shares: dict[str, float] = {}
        """Dominant shares of roles, as last heard."""
        self.wake = asyncio.Event()
        """There may be something to do."""
        self._session = session
        self._pods = pods
        self._budgets = budgets
        self._queue = queue
        self._teller = teller
        self._role_of = role_of
        self._clock = clock
        self._start = start
        self._binder = Binder(client)
        self._evictor = Evictor(client, teller, clock)
        self.evicting: set[str] = set()
        """Pods (uids) whose end has been asked for: they count as ending."""
        self._short = False
        """Whether pods are parked that their roles may not have."""
        self._quota_moved = False
        """Whether roles may have more than when those were looked at."""
        self._judging = False
        self._since: list[tuple[Change, str]] = []
        """What has changed since the last pods were judged: not all of them are parked yet."""
        self._suppressed = True
        self._narrow = False
        """Only offers of certain nodes were asked for."""
        self._lingers: Vector | None = None
        """Offers of this size were asked for, on behalf of parked pods."""
        self._in_vain = 0
        """Wishes in a row that did not help all who made them."""
        self._wished_until: float | None = None
        """When it is enough of waiting for the nodes that were wished for."""
        self._count = 0

    async def run(self) -> None:
        """One round; returns soon if there is nothing to do."""
        self._drop_nominations()
        if self._quota_moved:
            self._look_at_short()
        if not self._queue.has_active and len(self.placer.allowance):
            self._queue.hasten(self._fitting())
        if not self._queue.has_active:
            self._quiet()
            return
        self._count += 1
        taken = self._next_pods()
        pods = self._within_quota(taken)
        self._judging = True
        placed, waiting, wished = await self._place(pods)
        self._judging = False
        await self._accept(placed)
        if placed:
            self.changed(Change.POD_CAME)
        if waiting:
            self._want_more(wished)
        else:
            self._in_vain = 0
        if len(taken) == ROUND_MAX > waiting or (placed and len(pods) < len(taken)):
            self.wake.set()
        self._settle()

    def _within_quota(self, pods: Sequence[PodInfo]) -> list[PodInfo]:
        """Those whose roles may have them; who stands behind others of its role waits for a round.

        Others are parked. Who was nominated is booked already.
        """
        budget = self._session.budget()
        found = []
        for pod in pods:
            role = self._role_of(pod.namespace)
            booked = pod.uid in self.placer.snapshot.nominations
            if booked or budget.take(role, pod.requests):
                found.append(pod)
            elif refusal := budget.refusal(role, pod.requests):
                self._short = True
                self._queue.park(pod, self._clock.monotonic(), frozenset({QUOTA}))
                self._tell(pod, f"{refusal}.")
        return found

    def _tell(self, pod: PodInfo, message: str) -> None:
        """Why a pod has no node, unless that was said before."""
        current = self._pods.get(pod.key)
        if current is not None and current.condition == ("Unschedulable", message):
            return
        write = self._teller.unschedulable(pod, current, message, pod.nominated_node)
        if write is not None:
            self._start(write)

    def quota_changed(self) -> None:
        """Roles may have more than before: the next round looks at who waits for that."""
        if self._short:
            self._quota_moved = True
            self.wake.set()

    def _look_at_short(self) -> None:
        """Pods that their roles may have now do not wait for long."""
        self._quota_moved = False
        budget = self._session.budget()
        waiting = list(self._queue.kinds(QUOTA))
        self._short = bool(waiting)
        able = [p for p in waiting if not budget.refusal(self._role_of(p.namespace), p.requests)]
        if able:
            self._queue.hasten({pod.shape for pod in able})

    @property
    def next_moment(self) -> float | None:
        """When there is something to do by itself (monotonic)."""
        moments = (self._queue.next_release(), self._wished_until)
        return min((moment for moment in moments if moment is not None), default=None)

    def _settle(self) -> None:
        if not self._queue.has_active:
            self._quiet()

    async def _place(self, pods: Sequence[PodInfo]) -> tuple[list[Assignment], int, set[str]]:
        """The pods that have a node now, how many wait for offers, and of which nodes.

        Those that fit nowhere are parked.
        """
        placed: list[Assignment] = []
        wishes: list[Assignment] = []
        waiting = 0
        hopeless: dict[tuple[str, int], str] = {}
        if self._wished_until is not None and self._wished_until <= self._clock.monotonic():
            self._in_vain = WISHES_MAX
        wishing = self._in_vain < WISHES_MAX
        self._wished_until = None
        for begin in range(0, len(pods), SLICE):
            some = (self._queue.active(pod.uid) for pod in pods[begin : begin + SLICE])
            mine = [pod for pod in some if pod is not None]
            self._since.clear()
            result = self.placer.place(mine, self._count, wishing=wishing)
            for assignment in result.assignments:
                self._queue.hold(assignment.pod.uid)
            placed += result.assignments
            wishes += result.wishes
            waiting += len(result.waiting)
            for failure in result.failures:
                if wishes:
                    waiting += 1  # what is only wished for is no reason to give up
                elif self._unplaced(failure, hopeless):
                    await asyncio.sleep(0)
            await asyncio.sleep(0)
        self.placer.unwish(wishes)
        return placed, waiting, {wish.node for wish in wishes}

    def changed(self, change: Change, node: str = "") -> None:
        """Something changed (on a node) that may help pods that fitted nowhere."""
        if change is Change.POD_GONE:
            self.quota_changed()
        if self._judging:
            self._since.append((change, node))
        if not len(self._queue):
            return
        if self._queue.changed(
            lambda pod, rejectors: self.placer.helps(pod, rejectors, change, node),
            self._clock.monotonic(),
        ):
            self.wake.set()

    def _next_pods(self) -> list[PodInfo]:
        snapshot = self.placer.snapshot
        total = snapshot.allocatable.sum(axis=0).tolist()

        def fraction(pod: PodInfo) -> float:
            parts = (
                amount / total[column]
                for name, amount in pod.requests.items()
                if (column := snapshot.columns.get(name, len(total))) < len(total) and total[column]
            )
            return max(parts, default=0.0)

        return self._queue.take(ROUND_MAX, self._role_of, self.shares, fraction)

    # --- offers

    def _want_more(self, wished: set[str]) -> None:
        """Pods wait for certain nodes, or what is in hand does not help them at all."""
        if wished:
            self._in_vain += 1
            self._wished_until = self._clock.monotonic() + WISH_S
            self._ask(frozenset(wished))
        elif len(self.placer.allowance) and not self._narrow:
            self._decline_all(OFFERS_WAIT_S)
        else:
            self._ask(None)

    def _ask(self, nodes: frozenset[str] | None) -> None:
        """Want offers, of these nodes only or of any."""
        self._suppressed, self._narrow, self._lingers = False, nodes is not None, None
        self._session.call(messages.Revive(nodes=nodes))

    def _quiet(self) -> None:
        """Nothing to run now: give everything back, and ask for no more than parked pods need.

        Where others are always hungry, who is not at the table when room is made gets none of it.
        """
        self._wished_until = None
        least = self._least()
        if least is None:
            self._decline_all(0.0)
            if not self._suppressed:
                self._session.call(messages.Suppress())
        else:
            self._decline_all(OFFERS_WAIT_S)
            if self._lingers != least:
                self._session.call(messages.Revive(smallest=least))
        self._suppressed, self._narrow, self._lingers = least is None, False, least

    def _least(self) -> Vector | None:
        """What the smallest of the pods needs that wait for room; None if none does."""
        found: Vector | None = None
        for pod in self._queue.kinds(FIT.name):
            found = pod.requests if found is None else resources.smallest(found, pod.requests)
        return found

    def _fitting(self) -> set[str]:
        """The shapes of parked pods that offers in hand have room for."""
        allowance, vector = self.placer.allowance, self.placer.snapshot.vector
        return {
            pod.shape
            for pod in self._queue.kinds(FIT.name)
            if allowance.permits(pod.shape, vector(pod.requests)).any()
        }

    def _decline_all(self, refuse_seconds: float) -> None:
        allowance = self.placer.allowance
        if len(allowance):
            self._session.call(messages.Decline(allowance.ids(), refuse_seconds))
            allowance.clear()

    # --- binding

    async def _accept(self, assignments: Sequence[Assignment]) -> None:
        """Accept each offer once, with all that goes to it, and bind."""
        by_offer: dict[str, list[Assignment]] = {}
        for assignment in assignments:
            by_offer.setdefault(assignment.offer_id, []).append(assignment)
        begun = 0
        for offer_id, mine in by_offer.items():
            accepted = offer_id == CLAIMED or self._use(offer_id, mine)
            for assignment in mine:
                if accepted:
                    self._start(self._bind(assignment))
                else:  # rescinded meanwhile
                    self._again(assignment)
                begun += 1
                if begun % SLICE == 0:
                    await asyncio.sleep(0)

    def _use(self, offer_id: str, mine: Iterable[Assignment]) -> bool:
        launches = tuple(self._launch(assignment.pod) for assignment in mine)
        self.placer.allowance.drop(offer_id)
        return self._session.call(messages.Accept((offer_id,), launches))

    def _launch(self, pod: PodInfo) -> Launch:
        return Launch(pod.uid, self._role_of(pod.namespace), pod.requests)

    def _again(self, assignment: Assignment) -> None:
        """A pod that was placed in vain; it may be gone by now."""
        pod = assignment.pod
        self.placer.snapshot.take(pod.uid)
        current = self._pods.get(pod.key)
        if current is not None and _still_pending(current, pod):
            self._queue.put(current)
            self.wake.set()

    async def _bind(self, assignment: Assignment) -> None:
        pod = assignment.pod
        try:
            await self._binder.bind(assignment)
        except status.ApiError as error:
            self._failed(assignment, error)
        else:
            self._queue.remove(pod.uid)
            message = f"Successfully assigned {pod.key} to {assignment.node}"
            self._teller.event(pod, "Scheduled", message)

    def _failed(self, assignment: Assignment, error: status.ApiError) -> None:
        """Give the capacity back; what the API shows now decides whether the pod is retried."""
        pod = assignment.pod
        LOG.info("binding failed pod=%s node=%s error=%s", pod.key, assignment.node, error.message)
        current = self._pods.get(pod.key)
        if current is not None and current.node_name:
            return  # it was bound after all, or by somebody else: the watch has booked that
        self._session.call(messages.Abandon((pod.uid,)))
        self.placer.snapshot.take(pod.uid)
        if current is not None and _still_pending(current, pod):
            self._queue.postpone(current, self._clock.monotonic())
        self.changed(Change.POD_GONE, assignment.node)
        self.wake.set()

    # --- pods that fit nowhere

    def _unplaced(self, failure: Failure, hopeless: dict[tuple[str, int], str]) -> bool:
        """Make room if that is possible, else park it; whether there was much to think about."""
        pod = failure.pod
        alike = (pod.shape, pod.priority)
        known = hopeless.get(alike)
        found = known or self._plan(failure)
        if isinstance(found, Plan):
            self._carry_out(found)
            message = failure.message
        else:
            hopeless[alike] = found
            message = f"{failure.message} preemption: {found}" if found else failure.message
        nomination = self.placer.snapshot.nominations.get(pod.uid)
        now = self._clock.monotonic()
        self._queue.park(pod, now, failure.rejectors, eager=nomination is not None)
        if any(self.placer.helps(pod, failure.rejectors, *each) for each in self._since):
            self._queue.wake(pod.uid)
        write = self._teller.unschedulable(
            pod, self._pods.get(pod.key), message, nomination.node if nomination else ""
        )
        if write is not None:
            self._start(write)
        return known is None

    def _plan(self, failure: Failure) -> Plan | str:
        if not failure.rejectors:
            return ""  # there are no nodes
        budgets = list(self._budgets.values())
        return preemption.plan(failure.pod, self.placer, budgets, self._count)

    def _carry_out(self, plan: Plan) -> None:
        """Keep the room for the pod from now on, and have the victims evicted."""
        for lower in self.placer.snapshot.nominations.below(plan.pod.priority, plan.node):
            self.drop_nomination(lower.pod)
        for victim in plan.victims:
            self.evicting.add(victim.uid)
            self.placer.snapshot.put(replace(victim, deleting=True), plan.node)
        grace = max((victim.grace for victim in plan.victims), default=0)
        self.nominate(plan.pod, plan.node, grace + CLAIM_S)
        self._start(self._evict(plan))

    async def _evict(self, plan: Plan) -> None:
        if await self._evictor.evict(plan):
            return
        for victim in plan.victims:
            self.evicting.discard(victim.uid)
            current = self._pods.get(victim.key)
            if current is not None and current.uid == victim.uid and current.node_name:
                self.placer.snapshot.put(current, current.node_name)
        self.drop_nomination(plan.pod)

    def nominate(self, pod: PodInfo, node: str, seconds: float) -> None:
        """Keep room on a node for a pod, here and in the master's books."""
        until = self._clock.monotonic() + seconds
        self.placer.snapshot.nominations.put(pod, node, until)
        self._session.call(messages.Claim(node, self._launch(pod), seconds + CLAIM_MARGIN_S))

    def drop_nomination(self, pod: PodInfo) -> None:
        """The pod's claim is void: others may have the room, and it has to look elsewhere."""
        self.forget_nomination(pod.uid)
        self._start(self._teller.not_nominated(pod))
        self.changed(Change.POD_GONE)

    def forget_nomination(self, uid: str) -> None:
        """The pod is gone, or has its node."""
        if self.placer.snapshot.nominations.drop(uid) is not None:
            self._session.call(messages.Abandon((uid,)))

    def _drop_nominations(self) -> None:
        for late in self.placer.snapshot.nominations.expired(self._clock.monotonic()):
            self.drop_nomination(late.pod)


def _still_pending(current: PodInfo, pod: PodInfo) -> bool:
    return current.uid == pod.uid and not (current.deleting or current.node_name or current.ended)
