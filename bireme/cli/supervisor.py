"""The small process that `bireme up` leaves behind: starts the others and starts them again.

Neighbours: `bireme.cli.up` writes the plan that this reads (`run/plan.json`) and listens to its
events; `bireme.cli.down` ends it with SIGTERM; the children tell through `bireme.cli.notify`
that they are ready. It imports the standard library only, without asyncio: it lives as long as
the cluster and should weigh nothing. It knows nothing of Kubernetes.
"""

import contextlib
import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RESTART_DELAY_MIN_S = 0.05
"""The first restart is all but immediate: a killed API server is missed at once."""
RESTART_DELAY_MAX_S = 5.0
"""A process that cannot start is tried often enough to heal soon after its cause is gone."""
STABLE_AFTER_S = 10.0
"""Having lived this long, the next death counts as the first again."""
STOP_GRACE_S = 10.0
"""SIGTERM asks for an end within 5 s (the contract of our commands); twice that, then SIGKILL."""
LOG_BYTES_MAX = 16 * 1024 * 1024
"""A log larger than this is moved to `NAME.log.1`, which it replaces."""
LOG_CHECK_INTERVAL_S = 60.0
"""Logs grow without telling us; their size is looked at this often."""


def restart_delay(failures: int) -> float:
    """Seconds to wait before the next start, after that many deaths in a row (≥ 1)."""
    return min(RESTART_DELAY_MIN_S * 2.0 ** (failures - 1), RESTART_DELAY_MAX_S)


@dataclass(slots=True)
class Child:
    """One process to keep alive, and what is known of its present life."""

    name: str
    argv: list[str]
    env: Mapping[str, str]
    log: Path
    cwd: str | None = None
    sockets: tuple[Path, ...] = ()
    """What a killed predecessor leaves behind and would keep it from listening: removed first."""
    notifies: bool = True
    """Whether it says that it is ready; a foreign program counts as ready once started."""
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    """Monotonic seconds."""
    failures: int = 0
    """Deaths in a row, each before it was stable."""
    restarts: int = 0
    start_at: float | None = 0.0
    """When to start (monotonic seconds); None while it runs."""
    ready: bool = False
    fds: list[int] = field(default_factory=list)
    """Its pidfd and the read end of its notify pipe, while it runs."""


class Supervisor:
    """Keeps the children of one plan running until it is told to stop."""

    def __init__(self, directory: Path, children: list[Child], events_fd: int | None) -> None:
        self.directory = directory
        self.children = children
        self.events_fd = events_fd
        self.stopping = False
        self.selector = selectors.DefaultSelector()
        self.next_log_check = time.monotonic() + LOG_CHECK_INTERVAL_S

    def run(self) -> None:
        """Return after SIGTERM or SIGINT, when every child has ended."""
        self._watch_signals()
        while not (self.stopping and all(child.process is None for child in self.children)):
            self._start_due()
            for key, _ in self.selector.select(self._timeout()):
                key.data(key.fd)
            self._check_logs()
        self._write_state()

    def _watch_signals(self) -> None:
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self.selector.register(reader, selectors.EVENT_READ, lambda fd: os.read(fd, 64))

    def _timeout(self) -> float | None:
        due = [child.start_at for child in self.children if child.start_at is not None]
        moments = [self.next_log_check, *([] if self.stopping else due)]
        return max(0.0, min(moments) - time.monotonic())

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if not self.stopping and child.start_at is not None and child.start_at <= now:
                self._start(child)

    def _start(self, child: Child) -> None:
        for path in child.sockets:
            path.unlink(missing_ok=True)
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        with child.log.open("ab") as log:
            child.process = subprocess.Popen(
                child.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=child.cwd,
                env={**child.env, "BIREME_NOTIFY_FD": str(writer)},
                pass_fds=[writer],
                start_new_session=True,
            )
        os.close(writer)
        pidfd = os.pidfd_open(child.process.pid)
        child.fds = [pidfd, reader]
        child.started_at, child.start_at = time.monotonic(), None
        child.ready = not child.notifies
        self.selector.register(pidfd, selectors.EVENT_READ, lambda _: self._ended(child))
        self.selector.register(reader, selectors.EVENT_READ, lambda fd: self._told(child, fd))
        self._emit(child, "started" if child.notifies else "ready")

    def _told(self, child: Child, fd: int) -> None:
        """A line on the notify pipe: the child is ready. End of file: it has no more to say."""
        with contextlib.suppress(BlockingIOError):
            if b"READY=1" in os.read(fd, 4096):
                child.ready = True
                self._emit(child, "ready")
            else:
                self.selector.unregister(fd)

    def _ended(self, child: Child) -> None:
        assert child.process is not None
        status = child.process.wait()
        for fd in child.fds:
            with contextlib.suppress(KeyError):
                self.selector.unregister(fd)
            os.close(fd)
        child.fds, child.process = [], None
        now = time.monotonic()
        child.failures = 1 if now - child.started_at >= STABLE_AFTER_S else child.failures + 1
        if not self.stopping:
            child.restarts += 1
            child.start_at = now + restart_delay(child.failures)
        self._emit(child, "ended", status=status)

    def _stop(self, *_: object) -> None:
        """Ask the children to end; those that do not are killed by the alarm."""
        if self.stopping:
            return
        self.stopping = True
        for child in self.children:
            child.start_at = None
            if child.process is not None:
                child.process.terminate()
        signal.signal(signal.SIGALRM, self._kill)
        signal.setitimer(signal.ITIMER_REAL, STOP_GRACE_S)

    def _kill(self, *_: object) -> None:
        for child in self.children:
            if child.process is not None:
                child.process.kill()

    def _emit(self, child: Child, event: str, **more: Any) -> None:
        self._write_state()
        if self.events_fd is None:
            return
        line = json.dumps({"name": child.name, "event": event, **more}) + "\n"
        try:
            os.write(self.events_fd, line.encode())
            if all(each.ready for each in self.children):
                os.close(self.events_fd)
                self.events_fd = None
        except OSError:  # `up` has gone: nobody listens any more
            self.events_fd = None

    def _write_state(self) -> None:
        state = {
            child.name: {
                "pid": child.process.pid if child.process else None,
                "ready": child.ready and child.process is not None,
                "restarts": child.restarts,
            }
            for child in self.children
        }
        temporary = self.directory / "processes.json.new"
        temporary.write_text(json.dumps(state, indent=1) + "\n")
        temporary.replace(self.directory / "processes.json")

    def _check_logs(self) -> None:
        if time.monotonic() < self.next_log_check:
            return
        self.next_log_check = time.monotonic() + LOG_CHECK_INTERVAL_S
        for child in self.children:
            if child.log.exists() and child.log.stat().st_size > LOG_BYTES_MAX:
                rotate(child.log)


def rotate(log: Path) -> None:
    """Copy to `.1` and truncate: the writers append, so they go on at the start."""
    log.with_suffix(".log.1").write_bytes(log.read_bytes())
    os.truncate(log, 0)


def load(plan: Path) -> list[Child]:
    """The children that a plan file names."""
    return [
        Child(
            name=entry["name"],
            argv=entry["argv"],
            env={**os.environ, **entry.get("env", {})},
            log=Path(entry["log"]),
            cwd=entry.get("cwd"),
            sockets=tuple(map(Path, entry.get("sockets", ()))),
            notifies=entry.get("notifies", True),
        )
        for entry in json.loads(plan.read_text())
    ]


def main() -> None:
    """`python -P -m bireme.cli.supervisor RUN_DIRECTORY [EVENTS_FD]`."""
    directory = Path(sys.argv[1])
    events_fd = int(sys.argv[2]) if len(sys.argv) > 2 else None
    if events_fd is not None:
        os.set_inheritable(events_fd, False)
    lock = (directory / "supervisor.pid").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"bireme: a supervisor already runs on {directory.parent}")
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    Supervisor(directory, load(directory / "plan.json"), events_fd).run()
    lock.truncate(0)


if __name__ == "__main__":
    main()
