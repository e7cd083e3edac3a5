"""The agent's record of one pod's sandboxes and container attempts, mirrored from the runtime.

Built from the driver's lists when a pod is taken (so a restarted agent adopts what runs) and from
the pod's last status for what the runtime has lost; then kept by single reads after each event.
Back-off counts and restart counts follow from the attempts. Plain data: no I/O, no decisions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from apimachinery import meta
from apimachinery.wire import JsonObject
from kubelet.observed import Attempt, Run, Sandbox, crashes_after
from kubelet.runtime.interface import (
    STATUS_UNKNOWN,
    ContainerState,
    ContainerStatus,
    SandboxState,
    SandboxStatus,
)

HASH_ANNOTATION = "bireme.dev/spec-hash"
IMAGE_ANNOTATION = "bireme.dev/image-digest"
"""The image's digest as the status shows it, kept with the container for the next agent."""
RUNS = {
    ContainerState.CREATED: Run.CREATED,
    ContainerState.RUNNING: Run.RUNNING,
    ContainerState.EXITED: Run.EXITED,
}
LOST_MESSAGE = "The container could not be located when the pod was looked for"


class Ledger:
    """Attempts by container name, oldest first, and the newest sandbox."""

    def __init__(
        self,
        pod: JsonObject,
        sandboxes: Iterable[SandboxStatus] = (),
        containers: Iterable[ContainerStatus] = (),
    ) -> None:
        self.sandbox: Sandbox | None = None
        self.sandbox_ids: set[str] = set()
        self.attempts: dict[str, tuple[Attempt, ...]] = {}
        self.crashes: dict[str, int] = {}
        self._log_paths: dict[str, str] = {}
        for sandbox in sorted(sandboxes, key=lambda s: s.attempt):
            self.sandbox_made(sandbox)
        for status in sorted(containers, key=lambda c: (c.attempt, c.created_at)):
            self._put(attempt_of(status), status)
        for attempt in _remembered(pod):
            if attempt.name not in self.attempts:
                self._put(attempt)
        for name, attempts in self.attempts.items():
            self.crashes[name] = attempts[-1].number + (1 if attempts[-1].over else 0)

    @property
    def ips(self) -> tuple[str, ...]:
        return self.sandbox.ips if self.sandbox is not None else ()

    def sandbox_made(self, status: SandboxStatus) -> None:
        self.sandbox_ids.add(status.id)
        self.sandbox = Sandbox(
            id=status.id,
            number=status.attempt,
            ready=status.state is SandboxState.READY,
            ips=(status.ip,) if status.ip else (),
        )

    def sandbox_stopped(self, sandbox_id: str) -> None:
        if self.sandbox is not None and self.sandbox.id == sandbox_id:
            self.sandbox = replace(self.sandbox, ready=False)

    def latest(self, name: str) -> Attempt | None:
        attempts = self.attempts.get(name)
        return attempts[-1] if attempts else None

    def running(self) -> list[Attempt]:
        latest = (attempts[-1] for attempts in self.attempts.values() if attempts)
        return [attempt for attempt in latest if attempt.run is Run.RUNNING]

    def created(self, name: str) -> Attempt | None:
        """An attempt that was never started."""
        latest = self.latest(name)
        return latest if latest is not None and latest.run is Run.CREATED else None

    def log_path(self, container_id: str) -> str:
        return self._log_paths.get(container_id, "")

    def find(self, container_id: str) -> Attempt | None:
        for attempts in self.attempts.values():
            for attempt in attempts:
                if attempt.id == container_id:
                    return attempt
        return None

    def record(self, status: ContainerStatus) -> None:
        """What the runtime says about one container now."""
        before = self.find(status.id)
        attempt = attempt_of(status)
        if before is not None and before.over and not attempt.over:
            # An older read that came in late: an end is final.
            return
        self._put(attempt, status)
        if attempt.over and (before is None or not before.over):
            crashes = self.crashes.get(attempt.name, 0)
            self.crashes[attempt.name] = crashes_after(crashes, attempt)

    def lost(self, container_id: str, now: float) -> None:
        """The runtime does not know the container any more."""
        before = self.find(container_id)
        if before is None or before.over:
            return
        gone = replace(
            before,
            run=Run.UNKNOWN,
            exit_code=137,
            reason=STATUS_UNKNOWN,
            message=LOST_MESSAGE,
            finished_at=now,
        )
        self._put(gone)
        self.crashes[gone.name] = crashes_after(self.crashes.get(gone.name, 0), gone)

    def forget(self, container_id: str) -> None:
        for name, attempts in self.attempts.items():
            kept = tuple(a for a in attempts if a.id != container_id)
            if len(kept) != len(attempts):
                self.attempts[name] = kept
                self._log_paths.pop(container_id, None)
                break
        for name in [name for name, attempts in self.attempts.items() if not attempts]:
            del self.attempts[name]

    def _put(self, attempt: Attempt, status: ContainerStatus | None = None) -> None:
        others = tuple(a for a in self.attempts.get(attempt.name, ()) if a.id != attempt.id)
        self.attempts[attempt.name] = tuple(
            sorted((*others, attempt), key=lambda a: (a.number, a.started_at))
        )
        if status is not None and status.log_path:
            self._log_paths[attempt.id] = status.log_path


def attempt_of(status: ContainerStatus) -> Attempt:
    return Attempt(
        id=status.id,
        name=status.name,
        number=status.attempt,
        sandbox_id=status.sandbox_id,
        run=RUNS[status.state],
        spec_hash=status.annotations.get(HASH_ANNOTATION, ""),
        started_at=status.started_at,
        finished_at=status.finished_at,
        exit_code=status.exit_code,
        reason=status.reason,
        message=status.termination_message or status.message,
        image=status.image,
        image_id=status.annotations.get(IMAGE_ANNOTATION) or status.image_id,
        user=(status.user.uid, status.user.gid, *status.user.groups) if status.user else (),
    )


def _remembered(pod: JsonObject) -> list[Attempt]:
    """Attempts that only the API knows of: the runtime lost them (a reboot)."""
    status = pod.get("status") or {}
    entries = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
        *(status.get("ephemeralContainerStatuses") or ()),
    ]
    return [_remember(entry) for entry in entries if entry.get("containerID")]


def _remember(entry: JsonObject) -> Attempt:
    state = entry.get("state") or {}
    ended: Mapping[str, object] = state.get("terminated") or {}
    if not ended and "waiting" in state:
        ended = (entry.get("lastState") or {}).get("terminated") or {}
    running = state.get("running") or {}
    return Attempt(
        id=str(entry["containerID"]).rpartition("://")[2],
        name=str(entry["name"]),
        number=int(entry.get("restartCount") or 0),
        sandbox_id="",
        run=Run.EXITED if ended else Run.UNKNOWN,
        started_at=_time(ended.get("startedAt") or running.get("startedAt")),
        finished_at=_time(ended.get("finishedAt")),
        exit_code=int(str(ended.get("exitCode", 137))),
        reason=str(ended.get("reason") or ("" if ended else STATUS_UNKNOWN)),
        message=str(ended.get("message") or ("" if ended else LOST_MESSAGE)),
        image=str(entry.get("image") or ""),
        image_id=str(entry.get("imageID") or ""),
    )


def _time(text: object) -> float:
    return meta.parse_time(str(text)) if text else 0.0
