"""One task per pod: gathers what is seen, asks `lifecycle.plan`, carries the steps out.

Level triggered: every event (a new version of the pod, an exit, a probe's result, the end of an
operation, a timer) only wakes the loop, which looks at everything again. Long work runs as an
*operation* with a key, one per container; while it runs its key is in `Seen.busy`.

Neighbours: `kubelet.pods` creates workers and feeds them, `kubelet.starting` knows how to start,
`kubelet.probes` how to probe, `kubelet.publisher` sends the status. What to do next is not decided
here but in `kubelet.lifecycle`.
"""

import asyncio
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
from kubelet import lifecycle, standing
from kubelet import status as statuses
from kubelet.attempts import Ledger
from kubelet.desired import RestartPolicy
from kubelet.eviction import EVICTED
from kubelet.kit import Kit
from kubelet.observed import SANDBOX_KEY, Ending, Seen, StartFailure
from kubelet.probes import ProbeBoard
from kubelet.publisher import Publisher, Subject
from kubelet.resizing import Refusal, Resizer
from kubelet.runtime.errors import NotFoundError, RuntimeDriverError
from kubelet.runtime.interface import ContainerStatus, SandboxStatus
from kubelet.starting import Starter, StartError

LOG = logging.getLogger(__name__)

FORCED_GRACE_S = 2.0
"""A pod that vanished from the API (force delete) gets this long between TERM and KILL."""
DRAIN_S = 0.15
"""A ready pod goes on serving this long after its deletion, so that every node has taken it out of
its services before it stops listening. Kubernetes leaves that to a preStop sleep in each pod."""
READ_AGAIN_S = 1.0
"""After the runtime failed to answer."""
MIN_STOP_S = 2.0
"""TERM keeps this long even if preStop used the whole grace period, as in Kubernetes."""
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
        self._ops: dict[str, asyncio.Task[None]] = {}
        self._interruptible: set[str] = set()
        self._stops: dict[str, tuple[float, asyncio.Task[None]]] = {}
        self._stale: set[str] = set()
        """Containers to be read anew by the loop."""
        self._rotations: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self._told: dict[str, float] = {}
        """Ends of back-offs that an event has told of, by container."""
        self._finisher: asyncio.Task[None] | None = None
        self._failures: dict[str, StartFailure] = {}
        self._ending: Ending | None = None
        self._vanished = False
        self._cleaned = False
        self._started_at = reading.start_time(pod) or kit.clock.now()
        self.ledger = Ledger(pod, sandboxes, containers)
        self.resizer = Resizer(kit, pod)
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
        if self._ending is None:
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
        told = self._ending is not None and self._ending.reason == EVICTED
        return told and bool(self.ledger.running())

    def sandbox_lost(self) -> None:
        """The runtime does not have the pod's sandbox any more, or says that it is broken."""
        if self.ledger.sandbox is not None:
            self.ledger.sandbox_stopped(self.ledger.sandbox.id)
        self.wake()

    def exited(self, container_id: str) -> None:
        """A container of this pod has ended."""
        self._stale.add(container_id)
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
            failures=self._failures,
            crashes=self.ledger.crashes,
            busy=frozenset(self._ops),
            stopping={key: deadline for key, (deadline, _) in self._stops.items()},
            ending=self._ending,
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
        return self.active and self._ending is None and self.resizer.differs(self.pod)

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
                stops = [task for _, task in self._stops.values()]
                for task in [*self._ops.values(), *stops, *self._rotations.values()]:
                    task.cancel()
        finally:
            self._group = None
            self.probes.close()
            for event in self._ends.values():
                event.set()

    async def _adopt(self) -> None:
        """What runs already (under an earlier agent) wants its volumes kept fresh by this one."""
        attempt = 0
        while self.ledger.running() and self._ending is None:
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
            while self._stale:
                container_id = self._stale.pop()
                self.spawn(self._refresh(container_id), name=f"refresh {container_id}")
            self.probes.follow(self.pod, self.ledger, stopped=self._ending is not None)
            self._follow_logs()
            self._mark_ends()
            now = self.kit.clock.now()
            plan = self._plan(now)
            again = [self._carry_out(step) for step in plan.steps]
            if any(again):
                continue
            if plan.wake_at is not None:
                self._tell_backoffs(now)
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
        if self._ending is not None or sandbox is None or self._resizing is not None:
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
        try:
            async with asyncio.timeout(delay):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _read(self) -> None:
        """Take over what the pod object says."""
        self.wanted = reading.read(self.as_granted, self._started_at)
        if not self.resizer.differs(self.pod):
            self.resizer.refusal = None
        now = self.kit.clock.now()
        if reading.deleting(self.pod):
            grace = reading.grace_seconds(self.pod)
            ending = Ending(now + grace, begins=self._drained(now, grace))
            if self._ending is None or ending.deadline < self._ending.deadline - 1:
                failed = self._ending is not None and self._ending.failed
                self._end(replace(ending, failed=failed) if failed else ending)
        elif reading.finished(self.pod) and self._ending is None:
            self._end(Ending(now + reading.grace_seconds(self.pod)))

    def _drained(self, now: float, grace: float) -> float:
        """When the pod may begin to stop."""
        serving = self.wanted.policy is RestartPolicy.ALWAYS and grace > DRAIN_S
        if serving and self._ending is None and statuses.is_ready(self._subject.sent):
            return now + DRAIN_S
        return 0.0

    def _end(self, ending: Ending) -> None:
        """From now on the pod only stops; work that may take long is broken off."""
        if self._ending is not None and self._ending.failed:
            ending = replace(
                ending, failed=True, reason=self._ending.reason, message=self._ending.message
            )
        self._ending = ending
        for key in tuple(self._interruptible):
            if key in self._ops:
                self._ops[key].cancel()

    def _tell_backoffs(self, now: float) -> None:
        """One event per back-off, when it begins."""
        seen = self.seen()
        if self._ending is not None:
            return
        for container in self.wanted.containers:
            where = standing.of(self.wanted, container, seen, now)
            if where.stage is standing.Stage.BACKOFF and where.until != self._told.get(
                container.name
            ):
                self._told[container.name] = where.until
                failure = self._failures.get(container.name)
                self._starter.tell_backoff(self.pod, container.name, failure)

    # --- steps

    def _carry_out(self, step: lifecycle.Step) -> bool:
        """Begin the step. True when it is done at once and the plan is to be asked again."""
        match step:
            case lifecycle.CreateSandbox(number):
                self._operate(SANDBOX_KEY, self._create_sandbox(number))
            case lifecycle.StartContainer(name, number):
                self._operate(name, self._start(name, number))
            case lifecycle.StopContainer(name, container_id, deadline, message):
                self._begin_stop(name, container_id, deadline, message)
            case lifecycle.StopSandbox(sandbox_id):
                self._operate(SANDBOX_KEY, self._stop_sandbox(sandbox_id))
            case lifecycle.RemoveContainer(container_id):
                log_path = self.ledger.log_path(container_id)
                self.ledger.forget(container_id)
                work = self._remove(container_id, log_path)
                self.spawn(work, name=f"remove {container_id}")
            case lifecycle.FailPod(reason, message):
                self.kit.warn(self.pod, reason, message)
                self.evict(reason, message)
                return True
        return False

    def _operate(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` under `key`; its failure becomes a failure to start, retried later."""
        assert key not in self._ops, f"{key}: one operation at a time"
        task = self.spawn(self._guarded(key, work), name=f"{self.uid} {key}")
        assert task is not None, "operations begin inside the loop"
        self._ops[key] = task
        task.add_done_callback(lambda _: self._operated(key))

    def _operated(self, key: str) -> None:
        self._ops.pop(key, None)
        self._interruptible.discard(key)
        self.wake()

    async def _guarded(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except StartError as error:
            self._fail(key, error.reason, error.message)
        except RuntimeDriverError as error:
            self._fail(key, error.reason, str(error))
        except asyncio.CancelledError:
            # Broken off because the pod is to end; anything else cancels the whole group.
            if self._ending is None or key not in self._interruptible:
                raise
        except Exception as error:  # a bug in one pod's handling must not take the node down
            LOG.exception("%s of pod %s", key, reading.full_name(self.pod))
            self._fail(key, "InternalError", repr(error))

    def _fail(self, key: str, reason: str, message: str) -> None:
        before = self._failures.get(key)
        same = before is not None and before.reason == reason
        tries = before.tries + 1 if before is not None and same else 1
        self._failures[key] = StartFailure(reason, message, self.kit.clock.now(), tries)
        self._starter.tell_failure(self.pod, key, reason, message)

    async def _create_sandbox(self, number: int) -> None:
        if number:
            text = "Pod sandbox changed, it will be killed and re-created."
            self.kit.tell(self.pod, "SandboxChanged", text)
        sandbox = await self._starter.create_sandbox(self.as_granted, number)
        self.ledger.sandbox_made(sandbox)
        self._failures.pop(SANDBOX_KEY, None)

    async def _stop_sandbox(self, sandbox_id: str) -> None:
        await self.kit.driver.stop_pod_sandbox(sandbox_id)
        self.ledger.sandbox_stopped(sandbox_id)

    async def _start(self, name: str, number: int) -> None:
        sandbox = self.ledger.sandbox
        assert sandbox is not None, "containers start in a sandbox"
        leftover = self.ledger.created(name)
        if leftover is not None:
            # Made by an agent that died before it could start it: its settings may be stale.
            await self.kit.driver.remove_container(leftover.id)
            self.ledger.forget(leftover.id)
        self._interruptible.add(name)
        pod = self.as_granted
        prepared = await self._starter.prepare(pod, name, number, sandbox)
        self._interruptible.discard(name)
        if self._ending is not None:
            return
        try:
            status = await self._starter.start(self.pod, prepared, sandbox)
        except StartError as error:
            # An attempt that the runtime counts as ended is one; it crashed.
            if error.status is None:
                raise
            self._record(error.status)
            self._starter.tell_failure(self.pod, name, error.reason, error.message)
            return
        self._failures.pop(name, None)
        self.resizer.started(pod, status.id, name)
        self._record(status)
        await self._post_start(name, status.id)

    async def _post_start(self, name: str, container_id: str) -> None:
        self._interruptible.add(name)
        problem = await self._starter.post_start(self.pod, name, container_id, self.ledger.ips)
        if problem and self._ending is None:
            self._begin_stop(name, container_id, self.kit.clock.now() + self.wanted.grace, problem)

    def _begin_stop(self, name: str, container_id: str, deadline: float, message: str) -> None:
        running = self._stops.get(container_id)
        if running is not None:
            running[1].cancel()
        again = running is not None
        task = self.spawn(
            self._stop(name, container_id, deadline, message, again=again),
            name=f"stop {container_id}",
        )
        if task is None:
            return
        self._stops[container_id] = (deadline, task)
        task.add_done_callback(lambda done: self._stopped(container_id, done))

    def _stopped(self, container_id: str, task: asyncio.Task[None]) -> None:
        if self._stops.get(container_id, (0, None))[1] is task:
            del self._stops[container_id]
        self.wake()

    async def _stop(
        self, name: str, container_id: str, deadline: float, message: str, *, again: bool
    ) -> None:
        clock = self.kit.clock
        if not again:
            text = message or f"Stopping container {name}"
            self.kit.tell(self.pod, "Killing", text, container=name)
            hooked = await self._starter.pre_stop(
                self.pod, name, container_id, self.ledger.ips, deadline - clock.now()
            )
            least = MIN_STOP_S if hooked else 0.0
        else:
            least = 0.0
        try:
            await self.kit.driver.stop_container(container_id, max(deadline - clock.now(), least))
            await self._refresh(container_id)
        except (RuntimeDriverError, OSError) as error:
            LOG.warning("stop of %s in %s: %s", name, reading.full_name(self.pod), error)
            # The loop asks again after a moment; the exit may also come by itself.
            await asyncio.sleep(READ_AGAIN_S)

    async def _refresh(self, container_id: str) -> None:
        """Read one container anew; what is not there any more has ended in an unknown way."""
        try:
            status = await self.kit.driver.container_status(container_id)
        except NotFoundError:
            self.ledger.lost(container_id, self.kit.clock.now())
            self.wake()
            return
        except RuntimeDriverError as error:
            LOG.warning("container %s cannot be read, again: %s", container_id, error)
            await asyncio.sleep(READ_AGAIN_S)
            self.exited(container_id)
            return
        self._record(await self._starter.with_final_words(self.pod, status))

    def _record(self, status: ContainerStatus) -> None:
        self.ledger.record(status)
        self.wake()

    async def _remove(self, container_id: str, log_path: str) -> None:
        try:
            await self._starter.remove(container_id, log_path)
        except RuntimeDriverError as error:
            LOG.warning("remove of container %s: %s", container_id, error)

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
