"""Startup, liveness and readiness probes: thresholds (pure), and one small task per probe.

A `ProbeBoard` belongs to one pod: it starts probing when a container runs, stops when it does not,
and wakes the worker when an answer changes. The first probe runs as soon as the initial delay is
over. As long as a container has never been ready (or started) it is asked again quickly, in steps
that double from `EAGER_FIRST_S` to the period: a server that listens 0.1 s after its start is
ready then, and not a period later. Such early failures count for nothing.

Neighbours: `kubelet.actions` does the asking, `kubelet.lifecycle` reads the results.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet.actions import Actions, Result, Target
from kubelet.attempts import Ledger
from kubelet.kit import Kit
from kubelet.observed import Attempt, Probes, Run

LOG = logging.getLogger(__name__)

EAGER_FIRST_S = 0.025
EAGER_FIRST_EXEC_S = 0.25
"""An exec costs a process in the container: ask less often."""


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """One probe of a container, with Kubernetes' defaults filled in."""

    handler: JsonObject
    initial_delay: float = 0.0
    period: float = 10.0
    timeout: float = 1.0
    success: int = 1
    failure: int = 3

    @property
    def eager_first(self) -> float:
        return EAGER_FIRST_EXEC_S if "exec" in self.handler else EAGER_FIRST_S


def read_spec(probe: JsonObject) -> ProbeSpec:
    """From a container's `…Probe`; values of zero mean the default, as in Kubernetes."""
    return ProbeSpec(
        handler=probe,
        initial_delay=float(probe.get("initialDelaySeconds") or 0),
        period=float(probe.get("periodSeconds") or 10),
        timeout=float(probe.get("timeoutSeconds") or 1),
        success=int(probe.get("successThreshold") or 1),
        failure=int(probe.get("failureThreshold") or 3),
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """The verdict of one probe, and how many equal answers in a row it has had."""

    verdict: bool
    last: bool | None = None
    run: int = 0
    confirmed: bool = False
    """Some answer has reached its threshold; before that the verdict is an assumption."""

    def after(self, spec: ProbeSpec, *, ok: bool) -> "Tally":
        run = self.run + 1 if ok == self.last else 1
        if run >= (spec.success if ok else spec.failure):
            return Tally(ok, ok, run, confirmed=True)
        return replace(self, last=ok, run=run)


class ProbeBoard:
    """The probes of one pod. `follow` is called by the worker's loop with the newest state."""

    def __init__(self, kit: Kit, actions: Actions, wake: Callable[[], None]) -> None:
        self._kit = kit
        self._actions = actions
        self._wake = wake
        self._probers: dict[str, Prober] = {}
        self._results: dict[str, Probes] = {}

    def results(self) -> Mapping[str, Probes]:
        return self._results

    def follow(self, pod: JsonObject, ledger: Ledger, *, stopped: bool) -> None:
        """Probe exactly what runs. When the pod is to end only readiness is still asked for: it
        may serve to the last.
        """
        running = {attempt.id: attempt for attempt in ledger.running()}
        for container_id in [key for key in self._probers if key not in running]:
            self._probers.pop(container_id).close()
        for container_id in [key for key in self._results if key not in running]:
            del self._results[container_id]
        if stopped:
            for prober in self._probers.values():
                prober.close(but="readiness")
            return
        for container_id, attempt in running.items():
            if container_id not in self._probers:
                self._begin(pod, attempt, ledger.ips)

    def close(self) -> None:
        for prober in self._probers.values():
            prober.close()
        self._probers.clear()

    def _begin(self, pod: JsonObject, attempt: Attempt, ips: tuple[str, ...]) -> None:
        spec = next((c for c, _ in reading.containers(pod) if c["name"] == attempt.name), None)
        if spec is None or not any(spec.get(f"{kind}Probe") for kind in KINDS):
            return
        target = Target(pod, spec, attempt.id, ips, self._kit.options.address)
        prober = Prober(
            self._kit,
            self._actions,
            target,
            attempt,
            remembered(pod, attempt.id),
            lambda result: self._changed(attempt.id, result),
        )
        self._probers[attempt.id] = prober
        self._results[attempt.id] = prober.result
        prober.start()

    def _changed(self, container_id: str, result: Probes) -> None:
        if container_id in self._probers:
            self._results[container_id] = result
            self._wake()


KINDS = ("startup", "liveness", "readiness")


def remembered(pod: JsonObject, container_id: str) -> JsonObject:
    """What the API last said of this very container: a restarted agent must not make it unready."""
    status = pod.get("status") or {}
    for key in ("containerStatuses", "initContainerStatuses"):
        for entry in status.get(key) or ():
            if str(entry.get("containerID") or "").endswith(f"//{container_id}"):
                return dict(entry)
    return {}


class Prober:
    """The probes of one running container, as tasks of their own."""

    def __init__(
        self,
        kit: Kit,
        actions: Actions,
        target: Target,
        attempt: Attempt,
        before: JsonObject,
        changed: Callable[[Probes], None],
    ) -> None:
        self._kit = kit
        self._actions = actions
        self._target = target
        self._attempt = attempt
        self._changed = changed
        self._specs = {
            kind: read_spec(target.spec[f"{kind}Probe"])
            for kind in KINDS
            if target.spec.get(f"{kind}Probe")
        }
        self._tasks: dict[str, asyncio.Task[None]] = {}
        started = "startup" not in self._specs or bool(before.get("started"))
        self.result = Probes(
            started=started,
            ready="readiness" not in self._specs or bool(before.get("ready")),
        )

    def start(self) -> None:
        assert self._attempt.run is Run.RUNNING, "only what runs is probed"
        if self.result.started:
            self._start_steady()
        else:
            self._spawn("startup", self._startup)

    def close(self, *, but: str = "") -> None:
        """Ask no more, except for one kind of probe."""
        for kind in [kind for kind in self._tasks if kind != but]:
            self._tasks.pop(kind).cancel()

    def _start_steady(self) -> None:
        if "liveness" in self._specs:
            self._spawn("liveness", self._liveness)
        if "readiness" in self._specs:
            self._spawn("readiness", self._readiness)

    def _spawn(self, kind: str, apply: Callable[[Tally], bool]) -> None:
        name = f"{kind} probe {self._attempt.name}"
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._probe(kind, apply), name=name)
        task.add_done_callback(_log_failure)
        self._tasks[kind] = task

    def _say(self, result: Probes) -> None:
        if result != self.result:
            self.result = result
            self._changed(result)

    # --- what a verdict means; True ends the probe

    def _startup(self, tally: Tally) -> bool:
        if not tally.confirmed:
            return False
        if tally.verdict:
            self._say(replace(self.result, started=True))
            self._start_steady()
        else:
            self._say(replace(self.result, alive=False, failed="startup"))
        return True

    def _liveness(self, tally: Tally) -> bool:
        if tally.verdict:
            return False
        self._say(replace(self.result, alive=False, failed="liveness"))
        return True

    def _readiness(self, tally: Tally) -> bool:
        self._say(replace(self.result, ready=tally.verdict))
        return False

    # --- the schedule

    async def _probe(self, kind: str, apply: Callable[[Tally], bool]) -> None:
        spec = self._specs[kind]
        loop = asyncio.get_running_loop()
        ran = max(self._kit.clock.now() - self._attempt.started_at, 0.0)
        await asyncio.sleep(max(spec.initial_delay - ran, 0.0))
        tally = Tally(self.result.ready if kind == "readiness" else kind == "liveness")
        eager = 0.0 if kind == "liveness" or tally.verdict else spec.eager_first
        due = loop.time()
        while True:
            result = await self._actions.run(spec.handler, self._target, spec.timeout)
            if eager and not result.ok:
                await asyncio.sleep(eager)
                # From the period on, the regular schedule counts.
                eager = eager * 2 if eager * 2 < spec.period else 0.0
                due = loop.time()
                continue
            eager = 0.0
            self._tell(kind, result)
            # What could not be tried says nothing about the container.
            tally = tally if result.errored else tally.after(spec, ok=result.ok)
            if apply(tally):
                return
            due = max(due + spec.period, loop.time())
            await asyncio.sleep(due - loop.time())

    def _tell(self, kind: str, result: Result) -> None:
        """The event that goes with an answer, if one does."""
        if result.ok and not result.warning:
            return
        what = "warning" if result.ok else "failed"
        if result.errored:
            what = "errored and resulted in unknown state"
        text = f"{kind.capitalize()} probe {what}: {result.output.strip()}"
        reason = "ProbeWarning" if result.ok else "Unhealthy"
        self._kit.warn(self._target.pod, reason, text, container=self._attempt.name)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        LOG.error("%s: %r", task.get_name(), error, exc_info=error)
