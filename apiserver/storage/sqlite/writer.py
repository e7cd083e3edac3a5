"""The one thread that writes: group commit, compaction in small steps, checkpoints when idle.

Requests arrive through a queue in revision order; as many as wait (up to `BATCH_MAX`) go into
one transaction, so that 64 clients cost about as many fsyncs as one. After each COMMIT the event
loop is told once, with the whole batch. If a transaction fails, everything queued behind it was
decided upon a state that never came to be: it is refused until the store has read the disk again
(`Writer.generation`). Neighbours: `store` queues and is told; `database` opened the connection.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

BATCH_MAX = 512
"""Writes in one transaction: beyond it the gain is gone and the first waits too long."""
INSERT_MAX = 64
"""Rows in one INSERT. Sizes are powers of two: seven statements, all cached by the connection."""
SWEEP_ROWS = 200
"""Rows looked at in one step of a compaction; writers wait for at most one step."""
VACUUM_PAGES = 64
"""Freed pages given back to the file system after each step."""
IDLE_SECONDS = 5.0
"""After this long without writes the WAL is folded into the file and truncated."""

_INSERTS = {
    size: "INSERT INTO log VALUES " + ",".join(["(?,?,?,?,?,?)"] * size)  # noqa: S608  only marks
    for size in (1 << power for power in range(INSERT_MAX.bit_length()))
}


@dataclass(slots=True, eq=False)
class Write:
    """One row to insert, and who waits for it. A deletion has no value."""

    revision: int
    key: str
    created: int
    prev: int
    expires: int
    value: bytes | None
    generation: int
    done: asyncio.Future[int]


@dataclass(slots=True, eq=False)
class Compaction:
    """Drop what was replaced at or before `revision`."""

    revision: int
    done: asyncio.Future[None]


@dataclass(slots=True)
class Failure:
    """Why a batch was not committed; `unknown` if it failed in the COMMIT itself."""

    error: sqlite3.Error
    unknown: bool


@dataclass(slots=True, eq=False)
class _Stop:
    """The last request."""


Request = Write | Compaction | _Stop


@dataclass(slots=True)
class _Collected:
    writes: list[Write] = field(default_factory=list)
    stop: bool = False


class Writer:
    """Owns the writing connection from `start` to `stop`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        swept: int,
        committed: Callable[[Sequence[Write]], None],
        failed: Callable[[Sequence[Write], Failure], None],
    ) -> None:
        """`committed` and `failed` are called in the event loop that starts the writer."""
        self.generation = 0
        """Raised by the store after a failure, once its index is right again."""
        self._connection = connection
        self._swept = swept
        self._committed = committed
        self._failed = failed
        self._queue: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._refused = -1
        """Writes of this generation or older stand on a state that never came to be."""
        self._compactions: list[Compaction] = []
        self._unfolded = False
        """There are commits since the last checkpoint."""
        self._thread = threading.Thread(target=self._run, name="store writer", daemon=True)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def put(self, request: Write | Compaction) -> None:
        self._queue.put(request)

    async def stop(self) -> None:
        """Commit what is queued, then end."""
        self._queue.put(_Stop())
        await asyncio.to_thread(self._thread.join)

    # --- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        stopping = False
        while not stopping:
            collected = self._collect()
            stopping = collected.stop
            if collected.writes:
                self._commit(collected.writes)
            if self._compactions and not stopping:
                self._sweep(self._compactions[0])
        for compaction in self._compactions:
            self._tell(_resolve, compaction.done)

    def _collect(self) -> _Collected:
        """Wait for a request (not while there is sweeping to do), then take what is there."""
        collected = _Collected()
        request = self._next()
        while request is not None:
            match request:
                case Write():
                    collected.writes.append(request)
                case Compaction():
                    self._compactions.append(request)
                case _Stop():
                    collected.stop = True
            if collected.stop or len(collected.writes) == BATCH_MAX:
                break
            try:
                request = self._queue.get_nowait()
            except queue.Empty:
                request = None
        return collected

    def _next(self) -> Request | None:
        try:
            if self._compactions:
                return self._queue.get_nowait()
            if not self._unfolded:
                return self._queue.get()
            return self._queue.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            if not self._compactions:
                self._fold()
            return None

    def _commit(self, writes: list[Write]) -> None:
        alive = [write for write in writes if write.generation > self._refused]
        if not alive:
            return  # the store has failed them already
        in_commit = False
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._insert(alive)
            in_commit = True
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._refused = alive[0].generation
            self._roll_back()
            self._tell(self._failed, alive, Failure(error, unknown=in_commit))
            return
        self._unfolded = True
        self._tell(self._committed, alive)

    def _insert(self, writes: list[Write]) -> None:
        start = 0
        while start < len(writes):
            size = 1 << (min(len(writes) - start, INSERT_MAX).bit_length() - 1)
            values: list[int | str | bytes | None] = []
            for write in writes[start : start + size]:
                values += (
                    write.revision, write.key, write.created, write.prev, write.expires, write.value
                )  # fmt: skip
            self._connection.execute(_INSERTS[size], values)
            start += size

    def _roll_back(self) -> None:
        """SQLite may have done it itself; if it cannot, the next BEGIN fails and says so."""
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                return

    def _sweep(self, compaction: Compaction) -> None:
        """One step: what rows up to the target replaced goes, and deletions themselves."""
        try:
            done = self._sweep_step(compaction.revision)
        except sqlite3.Error:
            # A full disk, mostly: give up this round, the next compaction goes on from `swept`.
            self._roll_back()
            done = True
        if done:
            self._compactions.remove(compaction)
            self._tell(_resolve, compaction.done)

    def _sweep_step(self, target: int) -> bool:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        rows = connection.execute(
            "SELECT rev, prev, value IS NULL FROM log WHERE rev > ? AND rev <= ? "
            "ORDER BY rev LIMIT ?",
            (self._swept, target, SWEEP_ROWS),
        ).fetchall()
        swept = rows[-1][0] if len(rows) == SWEEP_ROWS else max(self._swept, target)
        drop = [(prev,) for _, prev, _ in rows if prev]
        drop += [(revision,) for revision, _, deleted in rows if deleted]
        connection.executemany("DELETE FROM log WHERE rev = ?", drop)
        connection.execute(
            "UPDATE meta SET number = max(number, ?) WHERE name = 'compacted'", (target,)
        )
        connection.execute("UPDATE meta SET number = ? WHERE name = 'swept'", (swept,))
        connection.execute("COMMIT")
        self._swept = swept
        self._unfolded = True
        # Not `execute`: it takes one step of this statement, which frees one page.
        connection.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")
        return swept >= target

    def _fold(self) -> None:
        """Readers are short, so the WAL can nearly always be emptied; else next time."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error:
            return
        self._unfolded = False

    def _tell(self, call: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            return  # the loop was closed under us: nobody is left to be told


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
