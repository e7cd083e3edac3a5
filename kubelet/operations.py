"""The work of one pod: what `lifecycle` asks for, carried out side by side.

Long work runs as an *operation* with a key, one per container; while it runs its key is in
`Seen.busy`. Stops run beside them. What fails becomes a failure to start, which `lifecycle` has tried
again later. Neighbours: `kubelet.worker` hands the steps over and reads the state back,
`kubelet.starting` knows how a container comes to run, `kubelet.attempts` keeps what came of it.
Nothing is decided here.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet import lifecycle, standing
from kubelet.attempts import Ledger
from kubelet.desired import Desired
from kubelet.kit import Kit
from kubelet.observed import SANDBOX_KEY, Ending, Seen, StartFailure
from kubelet.resizing import Resizer
from kubelet.runtime.errors import NotFoundError, RuntimeDriverError
from kubelet.runtime.interface import ContainerStatus
from kubelet.starting import Starter, StartError

LOG = logging.getLogger(__name__)

READ_AGAIN_S = 1.0
"""After the runtime failed to answer."""
MIN_STOP_S = 2.0
"""TERM keeps this long even if preStop used the whole grace period, as in Kubernetes."""


class Host(Protocol):
    """The pod's worker, as its operations know it."""

    @property
    def pod(self) -> JsonObject:
        """As the API has it now."""

    @property
    def as_granted(self) -> JsonObject:
        """With the resources that the node has set aside."""

    @property
    def wanted(self) -> Desired:
        """What it asks for."""

    @property
    def ending(self) -> Ending | None:
        """How it is to end, if it is."""

    def wake(self) -> None:
        """Something has changed: look at everything again."""

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> "asyncio.Task[None] | None":
        """Run as part of the pod."""


class Operations:
    """See the module's docstring."""

    def __init__(
        self, kit: Kit, starter: Starter, ledger: Ledger, resizer: Resizer, host: Host
    ) -> None:
        self._kit = kit
        self._starter = starter
        self._ledger = ledger
        self._resizer = resizer
        self._host = host
        self._running: dict[str, asyncio.Task[None]] = {}
        self._interruptible: set[str] = set()
        self._stops: dict[str, tuple[float, asyncio.Task[None]]] = {}
        self._told: dict[str, float] = {}
        """Ends of back-offs that an event has told of, by container."""
        self.failures: dict[str, StartFailure] = {}
        """By container name, or SANDBOX_KEY."""
        self.stale: set[str] = set()
        """Containers to be read anew."""

    @property
    def busy(self) -> frozenset[str]:
        """Keys of what is under way."""
        return frozenset(self._running)

    @property
    def stopping(self) -> Mapping[str, float]:
        """By container id: the deadline of its stop."""
        return {key: deadline for key, (deadline, _) in self._stops.items()}

    def interrupt(self) -> None:
        """The pod is to end: work that may take long is broken off."""
        for key in tuple(self._interruptible):
            if key in self._running:
                self._running[key].cancel()

    def cancel(self) -> None:
        """The pod has ended."""
        for task in [*self._running.values(), *(task for _, task in self._stops.values())]:
            task.cancel()

    def read_anew(self) -> None:
        """Ask the runtime for what is stale."""
        while self.stale:
            container_id = self.stale.pop()
            self._host.spawn(self._refresh(container_id), name=f"refresh {container_id}")

    def tell_backoffs(self, seen: Seen, now: float) -> None:
        """One event per back-off, when it begins."""
        if self._host.ending is not None:
            return
        for container in self._host.wanted.containers:
            where = standing.of(self._host.wanted, container, seen, now)
            if where.stage is standing.Stage.BACKOFF and where.until != self._told.get(
                container.name
            ):
                self._told[container.name] = where.until
                failure = self.failures.get(container.name)
                self._starter.tell_backoff(self._host.pod, container.name, failure)

    def begin(self, step: lifecycle.Work) -> None:
        """Set about one step; it is asked for once."""
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
                log_path = self._ledger.log_path(container_id)
                self._ledger.forget(container_id)
                work = self._remove(container_id, log_path)
                self._host.spawn(work, name=f"remove {container_id}")

    def _operate(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` under `key`; its failure becomes a failure to start, retried later."""
        assert key not in self._running, f"{key}: one operation at a time"
        task = self._host.spawn(
            self._guarded(key, work), name=f"{reading.uid(self._host.pod)} {key}"
        )
        assert task is not None, "operations begin inside the loop"
        self._running[key] = task
        task.add_done_callback(lambda _: self._operated(key))

    def _operated(self, key: str) -> None:
        self._running.pop(key, None)
        self._interruptible.discard(key)
        self._host.wake()

    async def _guarded(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except StartError as error:
            self._fail(key, error.reason, error.message)
        except RuntimeDriverError as error:
            self._fail(key, error.reason, str(error))
        except asyncio.CancelledError:
            # Broken off because the pod is to end; anything else cancels the whole group.
            if self._host.ending is None or key not in self._interruptible:
                raise
        except Exception as error:  # a bug in one pod's handling must not take the node down
            LOG.exception("%s of pod %s", key, reading.full_name(self._host.pod))
            self._fail(key, "InternalError", repr(error))

    def _fail(self, key: str, reason: str, message: str) -> None:
        before = self.failures.get(key)
        same = before is not None and before.reason == reason
        tries = before.tries + 1 if before is not None and same else 1
        self.failures[key] = StartFailure(reason, message, self._kit.clock.now(), tries)
        self._starter.tell_failure(self._host.pod, key, reason, message)

    async def _create_sandbox(self, number: int) -> None:
        if number:
            text = "Pod sandbox changed, it will be killed and re-created."
            self._kit.tell(self._host.pod, "SandboxChanged", text)
        sandbox = await self._starter.create_sandbox(self._host.as_granted, number)
        self._ledger.sandbox_made(sandbox)
        self.failures.pop(SANDBOX_KEY, None)

    async def _stop_sandbox(self, sandbox_id: str) -> None:
        await self._kit.driver.stop_pod_sandbox(sandbox_id)
        self._ledger.sandbox_stopped(sandbox_id)

    async def _start(self, name: str, number: int) -> None:
        sandbox = self._ledger.sandbox
        assert sandbox is not None, "containers start in a sandbox"
        leftover = self._ledger.created(name)
        if leftover is not None:
            # Made by an agent that died before it could start it: its settings may be stale.
            await self._kit.driver.remove_container(leftover.id)
            self._ledger.forget(leftover.id)
        self._interruptible.add(name)
        pod = self._host.as_granted
        prepared = await self._starter.prepare(pod, name, number, sandbox)
        self._interruptible.discard(name)
        if self._host.ending is not None:
            return
        try:
            status = await self._starter.start(self._host.pod, prepared, sandbox)
        except StartError as error:
            # An attempt that the runtime counts as ended is one; it crashed.
            if error.status is None:
                raise
            self._record(error.status)
            self._starter.tell_failure(self._host.pod, name, error.reason, error.message)
            return
        self.failures.pop(name, None)
        self._resizer.started(pod, status.id, name)
        self._record(status)
        await self._post_start(name, status.id)

    async def _post_start(self, name: str, container_id: str) -> None:
        self._interruptible.add(name)
        problem = await self._starter.post_start(
            self._host.pod, name, container_id, self._ledger.ips
        )
        if problem and self._host.ending is None:
            self._begin_stop(
                name, container_id, self._kit.clock.now() + self._host.wanted.grace, problem
            )

    def _begin_stop(self, name: str, container_id: str, deadline: float, message: str) -> None:
        running = self._stops.get(container_id)
        if running is not None:
            running[1].cancel()
        again = running is not None
        task = self._host.spawn(
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
        self._host.wake()

    async def _stop(
        self, name: str, container_id: str, deadline: float, message: str, *, again: bool
    ) -> None:
        clock = self._kit.clock
        if not again:
            text = message or f"Stopping container {name}"
            self._kit.tell(self._host.pod, "Killing", text, container=name)
            hooked = await self._starter.pre_stop(
                self._host.pod, name, container_id, self._ledger.ips, deadline - clock.now()
            )
            least = MIN_STOP_S if hooked else 0.0
        else:
            least = 0.0
        try:
            await self._kit.driver.stop_container(container_id, max(deadline - clock.now(), least))
            await self._refresh(container_id)
        except (RuntimeDriverError, OSError) as error:
            LOG.warning("stop of %s in %s: %s", name, reading.full_name(self._host.pod), error)
            # The loop asks again after a moment; the exit may also come by itself.
            await asyncio.sleep(READ_AGAIN_S)

    async def _refresh(self, container_id: str) -> None:
        """Read one container anew; what is not there any more has ended in an unknown way."""
        try:
            status = await self._kit.driver.container_status(container_id)
        except NotFoundError:
            self._ledger.lost(container_id, self._kit.clock.now())
            self._host.wake()
            return
        except RuntimeDriverError as error:
            LOG.warning("container %s cannot be read, again: %s", container_id, error)
            await asyncio.sleep(READ_AGAIN_S)
            self.stale.add(container_id)
            self._host.wake()
            return
        self._record(await self._starter.with_final_words(self._host.pod, status))

    def _record(self, status: ContainerStatus) -> None:
        self._ledger.record(status)
        self._host.wake()

    async def _remove(self, container_id: str, log_path: str) -> None:
        try:
            await self._starter.remove(container_id, log_path)
        except RuntimeDriverError as error:
            LOG.warning("remove of container %s: %s", container_id, error)
