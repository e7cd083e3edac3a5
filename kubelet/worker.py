"""One task per pod: gathers what is seen, asks `lifecycle.plan`, has the steps carried out.

Level triggered: every event (a new version of the pod, an exit, a probe's result, the end of an
operation, a timer) only wakes the loop, which looks at everything again.

Neighbours: `kubelet.pods` creates workers and feeds them, `kubelet.operations` carries the steps
out, `kubelet.probes` knows how to probe, `kubelet.publisher` sends the status. What to do next is
not decided here but in `kubelet.lifecycle`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from apimachinery import scheme
from apimachinery import status as errors
from apimachinery.aio.backoff import Backoff
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet import lifecycle
from kubelet import status as statuses
from kubelet.attempts import Ledger
from kubelet.desired import RestartPolicy
from kubelet.eviction import EVICTED
from kubelet.kit import Kit
from kubelet.observed import Ending, Seen
from kubelet.operations import Operations
from kubelet.probes import ProbeBoard
from kubelet.publisher import Publisher, Subject
from kubelet.resizing import Refusal, Resizer
from kubelet.runtime.interface import ContainerStatus, SandboxStatus
from kubelet.starting import Starter, StartError

LOG = logging.getLogger(__name__)

FORCED_GRACE_S = 2.0
"""A pod that vanished from the API (force delete) gets this long between TERM and KILL."""
DRAIN_S = 0.15
"""A ready pod goes on serving this long after its deletion, so that every node has taken it out of
its services before it stops listening. Kubernetes leaves that to a preStop sleep in each pod."""
RETRY = Backoff(initial=0.2, maximum=15.0)


class PodWorker:
    """See the module's docstring. `run` ends when nothing of the pod is left on the node."""

    def __init__(
        self,
        kit: Kit,
        starter: Starter,
        publisher: Publisher,
        pod: JsonObject,
        *,
        rejected: tuple[str, str] | None = None,
        sandboxes: Iterable[SandboxStatus] = (),
        containers: Iterable[ContainerStatus] = (),
    ) -> None:
        self.kit = kit
        self.pod = pod
        self.uid = reading.uid(pod)
        self.rejected = rejected
        self._starter = starter
        self._publisher = publisher
        self._wake = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._rotations: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self._finisher: asyncio.Task[None] | None = None
        self.ending: Ending | None = None
        self._vanished = False
        self._cleaned = False
        self._started_at = reading.start_time(pod) or kit.clock.now()
        self.ledger = Ledger(pod, sandboxes, containers)
        self.resizer = Resizer(kit, pod)
        self._operations = Operations(kit, starter, self.ledger, self.resizer, self)
        self._resizing: asyncio.Task[None] | None = None
        self.probes = ProbeBoard(kit, starter.actions, self.wake)
        self._subject = Subject(
            namespace=reading.namespace(pod),
            name=reading.name(pod),
            uid=self.uid,
            compute=self.status,
            sent=pod.get("status") or {},
        )
        self._read()

    # --- told from outside; never blocks

    def update(self, pod: JsonObject) -> None:
        """A new version of the pod."""
        self.pod = pod
        self._read()
        self._publisher.heard(self._subject, pod)
        self.wake()

    def vanish(self) -> None:
        """The API has no such pod any more."""
        self._vanished = True
        self._publisher.forget(self._subject)
        if self.ending is None:
            self._end(Ending(self.kit.clock.now() + FORCED_GRACE_S))
        self.wake()

    def evict(self, reason: str, message: str, *, grace: float | None = None) -> None:
        """The pod fails, whatever its containers say: out of time, or the node needs the room."""
        deadline = self.kit.clock.now() + (self.wanted.grace if grace is None else grace)
        self._end(Ending(deadline, reason, message, failed=True))
        self.wake()

    @property
    def evicted(self) -> bool:
        """It is being ended for the node's sake, and something of it still runs."""
        told = self.ending is not None and self.ending.reason == EVICTED
        return told and bool(self.ledger.running())

    def sandbox_lost(self) -> None:
        """The runtime does not have the pod's sandbox any more, or says that it is broken."""
        if self.ledger.sandbox is not None:
            self.ledger.sandbox_stopped(self.ledger.sandbox.id)
        self.wake()

    def exited(self, container_id: str) -> None:
        """A container of this pod has ended."""
        self._operations.stale.add(container_id)
        self.wake()

    def wake(self) -> None:
        self._wake.set()

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> "asyncio.Task[None] | None":
        """Run as part of this pod; dropped when the pod's task has ended."""
        if self._group is None:
            work.close()
            return None
        return self._group.create_task(_logged(work, name), name=name)

    # --- what others read

    def seen(self) -> Seen:
        """Everything observed, as one value."""
        return Seen(
            sandbox=self.ledger.sandbox,
            attempts=self.ledger.attempts,
            probes=self.probes.results(),
            failures=self._operations.failures,
            crashes=self.ledger.crashes,
            busy=self._operations.busy,
            stopping=self._operations.stopping,
            ending=self.ending,
        )

    def status(self) -> JsonObject:
        """The status of the pod as it is now."""
        around = statuses.Surroundings(
            host_ip=self.kit.options.address,
            started_at=self._started_at,
            runtime_name=self._starter.runtime_name,
            rejected=self.rejected,
            previous=self._subject.sent,
            in_force=self.resizer.in_force,
            more=self.resizer.conditions(
                {attempt.id: attempt.name for attempt in self.ledger.running()}
            ),
        )
        return statuses.pod_status(
            self.as_granted, self.wanted, self.seen(), around, self.kit.clock.now()
        )

    @property
    def as_granted(self) -> JsonObject:
        """The pod with the resources that this node has set aside for it."""
        return self.resizer.applied(self.pod)

    @property
    def wants_resize(self) -> bool:
        """Its spec asks for other resources than it was granted."""
        return self.active and self.ending is None and self.resizer.differs(self.pod)

    def settle_resize(self, refusal: Refusal | None) -> None:
        """The node's answer: it has the room, or why not."""
        if refusal is None:
            self.resizer.grant(self.pod)
            self._read()
        elif refusal != self.resizer.refusal:
            self.kit.warn(self.pod, f"Resize{refusal.reason}", refusal.message)
            self.resizer.refusal = refusal
        self.wake()

    @property
    def vanished(self) -> bool:
        """The API has no such pod."""
        return self._vanished

    @property
    def active(self) -> bool:
        """It holds resources of the node: not refused, not ended for good, and not gone.

        What the API has forgotten is free, even if its last process is just being killed: whoever
        saw the delete may have bound the next pod already.
        """
        if self.rejected is not None or self._vanished or self._cleaned:
            return False
        return not reading.finished({"status": self._subject.sent})

    def end_of(self, container_id: str) -> asyncio.Event:
        """Set when the container has ended: for whoever follows its log."""
        event = self._ends.setdefault(container_id, asyncio.Event())
        self._mark_ends()
        return event

    def _mark_ends(self) -> None:
        running = {attempt.id for attempt in self.ledger.running()}
        for container_id in [key for key in self._ends if key not in running]:
            self._ends.pop(container_id).set()

    # --- the loop

    async def run(self) -> None:
        """Until the pod is gone from the API and from this node."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                adoption = group.create_task(self._adopt(), name=f"adopt {self.uid}")
                await self._loop()
                adoption.cancel()
                self._group = None
                self._operations.cancel()
                for task in self._rotations.values():
                    task.cancel()
        finally:
            self._group = None
            self.probes.close()
            for event in self._ends.values():
                event.set()

    async def _adopt(self) -> None:
        """What runs already (under an earlier agent) wants its volumes kept fresh by this one."""
        attempt = 0
        while self.ledger.running() and self.ending is None:
            try:
                await self._starter.adopt(self.pod)
            except StartError as error:
                # Its files stay as they are; the object may come back.
                LOG.info("volumes of %s: %s", reading.full_name(self.pod), error.message)
                await asyncio.sleep(RETRY.delay(attempt))
                attempt += 1
            else:
                return

    async def _loop(self) -> None:
        while True:
            self._wake.clear()
            self._operations.read_anew()
            self.probes.follow(self.pod, self.ledger, stopped=self.ending is not None)
            self._follow_logs()
            self._mark_ends()
            now = self.kit.clock.now()
            plan = self._plan(now)
            again = [self._carry_out(step) for step in plan.steps]
            if any(again):
                continue
            if plan.wake_at is not None:
                self._operations.tell_backoffs(self.seen(), now)
            wake_at = lifecycle.earliest(plan.wake_at, self._resize(now))
            self._publisher.note(self._subject)
            if plan.stopped and self._cleaned and self._vanished:
                return
            if plan.stopped and self._finisher is None and self._to_be_removed():
                self._finisher = self.spawn(self._finish(), name=f"finish {self.uid}")
            await self._pause(wake_at)

    def _resize(self, now: float) -> float | None:
        """Tell the runtime what was granted meanwhile; when to try that again."""
        sandbox = self.ledger.sandbox
        if self.ending is not None or sandbox is None or self._resizing is not None:
            return None
        changes, again = self.resizer.pending(self.wanted, self.ledger, now)
        if changes:
            work = self.resizer.carry_out(self.pod, sandbox.id, changes)
            self._resizing = self.spawn(work, name=f"resize {self.uid}")
            if self._resizing is not None:
                self._resizing.add_done_callback(self._resized)
        return again

    def _resized(self, _: "asyncio.Task[None]") -> None:
        self._resizing = None
        self.wake()

    def _follow_logs(self) -> None:
        """Rotation for the logs of what runs, and of nothing else."""
        running = {a.id: self.ledger.log_path(a.id) for a in self.ledger.running()}
        for container_id in [key for key in self._rotations if key not in running]:
            self._rotations.pop(container_id).cancel()
        for container_id, path in running.items():
            if path and container_id not in self._rotations:
                work = self._starter.log_keeper.follow(container_id, Path(path))
                task = self.spawn(work, name=f"log {container_id}")
                if task is not None:
                    self._rotations[container_id] = task

    def _plan(self, now: float) -> lifecycle.Plan:
        if self.rejected is not None:
            return lifecycle.Plan(stopped=True)
        return lifecycle.plan(self.wanted, self.seen(), now)

    def _to_be_removed(self) -> bool:
        return not self._cleaned and (self._vanished or reading.deleting(self.pod))

    async def _pause(self, wake_at: float | None) -> None:
        now = self.kit.clock.now()
        moments = [t for t in (wake_at, statuses.settle_at(self.seen(), now)) if t is not None]
        # A hair late rather than early: early would find nothing due and spin.
        delay = max(min(moments) - now, 0.0) + 0.001 if moments else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._wake.wait()

    def _read(self) -> None:
        """Take over what the pod object says."""
        self.wanted = reading.read(self.as_granted, self._started_at)
        if not self.resizer.differs(self.pod):
            self.resizer.refusal = None
        now = self.kit.clock.now()
        if reading.deleting(self.pod):
            grace = reading.grace_seconds(self.pod)
            ending = Ending(now + grace, begins=self._drained(now, grace))
            if self.ending is None or ending.deadline < self.ending.deadline - 1:
                failed = self.ending is not None and self.ending.failed
                self._end(replace(ending, failed=failed) if failed else ending)
        elif reading.finished(self.pod) and self.ending is None:
            self._end(Ending(now + reading.grace_seconds(self.pod)))

    def _drained(self, now: float, grace: float) -> float:
        """When the pod may begin to stop."""
        serving = self.wanted.policy is RestartPolicy.ALWAYS and grace > DRAIN_S
        if serving and self.ending is None and statuses.is_ready(self._subject.sent):
            return now + DRAIN_S
        return 0.0

    def _end(self, ending: Ending) -> None:
        """From now on the pod only stops; work that may take long is broken off."""
        if self.ending is not None and self.ending.failed:
            ending = replace(
                ending, failed=True, reason=self.ending.reason, message=self.ending.message
            )
        self.ending = ending
        self._operations.interrupt()

    def _carry_out(self, step: lifecycle.Step) -> bool:
        """Begin the step. True when it is done at once and the plan is to be asked again."""
        if not isinstance(step, lifecycle.FailPod):
            self._operations.begin(step)
            return False
        self.kit.warn(self.pod, step.reason, step.message)
        self.evict(step.reason, step.message)
        return True

    # --- the end

    async def _finish(self) -> None:
        """Final status, then nothing left on the node, then nothing left in the API."""
        attempt = 0
        while not self._cleaned:
            try:
                if not self._vanished:
                    await self._publisher.flush(self._subject)
                await self._starter.clean(self.pod, self.ledger.sandbox_ids)
                if not self._vanished:
                    await self._delete()
            except Exception as error:  # noqa: BLE001  whatever it was: a pod must not stay for ever
                LOG.info("removal of %s, again: %r", reading.full_name(self.pod), error)
                await asyncio.sleep(RETRY.delay(attempt))
                attempt += 1
            else:
                self._cleaned = True
        self.wake()

    async def _delete(self) -> None:
        """The last delete of a pod is its node's; another pod of that name is spared."""
        try:
            await self.kit.client.delete(
                scheme.PODS,
                self._subject.name,
                self._subject.namespace,
                grace_period=0,
                preconditions={"uid": self.uid},
            )
        except (errors.NotFound, errors.Conflict):
            self._vanished = True


async def _logged(work: Coroutine[Any, Any, None], name: str) -> None:
    """A failure that nobody expected is logged and does not end the pod's other work."""
    try:
        await work
    except Exception:
        LOG.exception("%s", name)
