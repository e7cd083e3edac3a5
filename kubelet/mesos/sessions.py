"""Processes launched within tasks' containers by Mesos' tools: their output, their end.

Each runs in its parent's container as `kubectl exec` does. Its output goes to everybody who is
attached; who does not read slows it down. What nobody heard yet is kept, a little of it. All end
with this agent. Neighbours: `containers` names their parents, `calls` has the connections.
"""

import asyncio
import contextlib
import signal
from collections import deque
from collections.abc import AsyncGenerator, Sequence

from kubelet.mesos.containers import Path, Target
from kubelet.runtime.errors import RuntimeDriverError
from kubelet.runtime.interface import Output, ProcessStream, RuntimeDriver, StdStream

SESSIONS_MAX = 200
"""Of one node, those included that have ended and whose end is still to be asked for."""
BACKLOG_MAX = 16
"""Pieces of output, of at most 32 KiB each, that wait for the first to attach."""
QUEUE_MAX = 16
"""Pieces on their way to one who is attached."""
NOT_RUN = 127
"""A shell's code for a command that could not be run."""


class TooManyError(Exception):
    """No more sessions on this node."""


class Session:
    """One process; `run` is its life."""

    def __init__(self, path: Path, stream: ProcessStream) -> None:
        self.path, self.stream = path, stream
        self.status: int | None = None
        """As wait(2) has it, once it has ended."""
        self.ended = asyncio.Event()
        self._backlog: deque[Output] = deque(maxlen=BACKLOG_MAX)
        self._attached: set[asyncio.Queue[Output | None]] = set()
        self._running = asyncio.create_task(self._run(), name=f"session {path[-1]}")

    async def _run(self) -> None:
        status = signal.SIGKILL.value
        try:
            while (output := await self.stream.read()) is not None:
                await self._say(output)
            status = wait_status(await self.stream.wait())
        except RuntimeDriverError as error:
            await self._say(Output(StdStream.STDERR, f"{error}\n".encode()))
            status = wait_status(NOT_RUN)
        finally:
            await asyncio.shield(self.stream.close())
            self.status = status
            self.ended.set()

    async def _say(self, output: Output) -> None:
        if not self._attached:
            self._backlog.append(output)
        for queue in tuple(self._attached):
            await queue.put(output)

    async def output(self) -> AsyncGenerator[Output, None]:
        """Everything from now on, after what nobody heard yet."""
        queue: asyncio.Queue[Output | None] = asyncio.Queue(QUEUE_MAX)
        early, self._backlog = self._backlog, deque(maxlen=BACKLOG_MAX)
        self._attached.add(queue)
        end = asyncio.create_task(self._tell_end(queue))
        try:
            for output in early:
                yield output
            while (heard := await queue.get()) is not None:
                yield heard
        finally:
            end.cancel()
            self._attached.discard(queue)
            while not queue.empty():
                queue.get_nowait()  # the process may be waiting for room in it

    async def _tell_end(self, queue: asyncio.Queue[Output | None]) -> None:
        await self.ended.wait()
        await queue.put(None)

    async def kill(self) -> None:
        """Until nothing of it is left."""
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running


class Sessions:
    """All of a node."""

    def __init__(self, driver: RuntimeDriver) -> None:
        self._driver = driver
        self._all: dict[Path, Session] = {}

    def find(self, path: Path) -> Session | None:
        return self._all.get(path)

    def below(self, path: Path) -> list[Session]:
        return [one for each, one in self._all.items() if each[: len(path)] == path]

    async def launch(
        self, path: Path, target: Target, argv: Sequence[str], *, tty: bool
    ) -> Session:
        """A process in the target's container; TooManyError, RuntimeDriverError."""
        self._make_room()
        attempt = target.attempt
        assert attempt is not None, "the container runs"
        stream = await self._driver.exec(attempt.id, argv, tty=tty, stdin=True)
        made = self._all[path] = Session(path, stream)
        return made

    def _make_room(self) -> None:
        for path in [path for path, one in self._all.items() if one.ended.is_set()]:
            if len(self._all) < SESSIONS_MAX:
                break
            del self._all[path]
        if len(self._all) >= SESSIONS_MAX:
            raise TooManyError(f"{SESSIONS_MAX} sessions run on this node")

    def forget(self, path: Path) -> None:
        self._all.pop(path, None)

    async def close(self) -> None:
        await asyncio.gather(*(one.kill() for one in self._all.values()))


def wait_status(code: int) -> int:
    """A shell's exit code in the form of wait(2)."""
    return code - 128 if code > 128 else code << 8
