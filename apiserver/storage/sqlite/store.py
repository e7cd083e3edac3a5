"""The SQLite store: compare-and-swap in memory, acknowledged on disk.

The index (key → revisions) includes writes that are on their way to the disk, so that CAS needs
no read; values stay on disk. Readers see committed states only. Events are published after the
COMMIT, in revision order, and only then does the writer's caller go on. After a failed COMMIT the
index is read anew, and every write that was decided upon the lost state fails too. Neighbours:
`writer` (the thread), `database` (the file), `feeds`, `expiry`.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from apimachinery.aio.clock import Clock, SystemClock
from apiserver.storage import errors
from apiserver.storage.expiry import Expiry
from apiserver.storage.feeds import FEED_BYTES_MAX, Hub
from apiserver.storage.interface import (
    FIRST_REVISION,
    Event,
    EventType,
    Guard,
    KeyValue,
    Listing,
    WatchBatch,
)
from apiserver.storage.sqlite.database import READ_ROWS, Database
from apiserver.storage.sqlite.index import Index, Revisions
from apiserver.storage.sqlite.writer import Compaction, Failure, Write, Writer

LOG = logging.getLogger(__name__)

_NOT_OPEN, _CLOSED = "it is not open", "it is closed"


class SqliteStore:
    """See `interface` for what it promises."""

    def __init__(
        self, path: Path, *, clock: Clock | None = None, feed_bytes_max: int = FEED_BYTES_MAX
    ) -> None:
        self.path = path
        self._clock = clock or SystemClock()
        self._feed_bytes_max = feed_bytes_max
        self._index = Index()
        """Uncommitted writes included."""
        self._assigned = FIRST_REVISION
        """The last revision given to a write."""
        self._committed = 0
        """Everything up to it is on disk and published."""
        self._compacted = 0
        self._pending: dict[int, Write] = {}
        """Writes on their way to the disk, by revision, in order."""
        self._unusable: str | None = _NOT_OPEN
        """Why nothing works; None if it does."""
        self._trouble: str | None = None
        """Why the last transaction failed; None if it did not."""
        self._hub = Hub()
        self._expiry = Expiry(self._clock, self._expire)

    # --- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        database = Database(self.path)
        try:
            self._load(database)
            progress = database.progress()
        except errors.Unavailable as error:
            database.close()
            raise errors.BadStore(f"{error}: restore it from a backup") from error
        self._database = database
        self._compacted = progress.compacted
        self._assigned = self._committed = max(self._assigned, progress.compacted)
        self._writer = Writer(database.writing, progress.swept, self._published, self._lost)
        self._writer.start()
        self._unusable = None
        if progress.swept < progress.compacted:
            # A compaction was cut short by the end of the process.
            self._writer.put(Compaction(progress.compacted, _future()))

    async def close(self) -> None:
        if self._unusable in (_NOT_OPEN, _CLOSED):
            return
        self._unusable = _CLOSED
        self._expiry.close()
        await self._writer.stop()
        self._hub.fail(errors.Unavailable(f"the store {self.path} has been closed"))
        self._database.close()

    def _load(self, database: Database) -> None:
        """Build the index from the disk; also after a failure."""
        self._index.clear()
        expires: dict[str, int] = {}
        last = 0
        while rows := database.rows(last):
            for row in rows:
                expires.pop(row.key, None)
                if row.deleted:
                    self._index.remove(row.key)
                    continue
                self._index.put(row.key, row.revision, row.created)
                if row.expires:
                    expires[row.key] = row.expires
            last = rows[-1].revision
        self._assigned = max(self._assigned, last)
        for key, deadline in expires.items():
            if (found := self._index.get(key)) is not None:
                self._expiry.add(deadline, key, found.modified)

    async def check(self) -> None:
        self._require_usable()
        if self._trouble is not None:
            raise errors.Unavailable(f"the store {self.path} cannot be written: {self._trouble}")

    def _require_usable(self) -> None:
        if self._unusable is not None:
            raise errors.Unavailable(f"the store {self.path} cannot be used: {self._unusable}")

    # --- writes -------------------------------------------------------------------------------

    async def create(
        self, key: str, value: bytes, *, ttl: int = 0, guard: Guard | None = None
    ) -> int:
        self._require_usable()
        self._heed(guard)
        if key in self._index:
            raise errors.KeyExists(key)
        write = self._write(key, value, created=self._assigned + 1, prev=0, ttl=ttl)
        return await asyncio.shield(write.done)

    async def update(
        self,
        key: str,
        value: bytes,
        expected_revision: int,
        *,
        ttl: int = 0,
        guard: Guard | None = None,
    ) -> int:
        self._require_usable()
        self._heed(guard)
        last = self._expected(key, expected_revision)
        write = self._write(key, value, created=last.created, prev=last.modified, ttl=ttl)
        return await asyncio.shield(write.done)

    async def delete(self, key: str, expected_revision: int, *, guard: Guard | None = None) -> int:
        self._require_usable()
        self._heed(guard)
        last = self._expected(key, expected_revision)
        return await asyncio.shield(self._remove(key, last).done)

    def _heed(self, guard: Guard | None) -> None:
        """Decided like the rest by the index: writes behind one that is lost are lost as well."""
        if guard is None:
            return
        found = self._index.get(guard.key)
        actual = found.modified if found is not None else 0
        if actual != guard.revision:
            raise errors.GuardFailed(guard.key, guard.revision, actual)

    def _expected(self, key: str, expected: int) -> Revisions:
        found = self._index.get(key)
        if found is None:
            raise errors.KeyMissing(key)
        if found.modified != expected:
            raise errors.RevisionConflict(key, expected, found.modified)
        return found

    def _remove(self, key: str, last: Revisions) -> Write:
        write = self._write(key, None, created=last.created, prev=last.modified, ttl=0)
        self._index.remove(key)
        return write

    def _write(self, key: str, value: bytes | None, *, created: int, prev: int, ttl: int) -> Write:
        """The compare-and-swap is decided: number the write and send it to the disk."""
        self._assigned += 1
        expires = math.ceil(self._clock.now() + ttl) if ttl else 0
        write = Write(
            self._assigned, key, created, prev, expires, value, self._writer.generation, _future()
        )
        self._index.put(key, self._assigned, created)
        self._pending[self._assigned] = write
        self._writer.put(write)
        return write

    def _published(self, writes: Sequence[Write]) -> None:
        """A batch is on disk: tell the watches, then the writers."""
        self._committed = writes[-1].revision
        self._trouble = None
        self._hub.publish([self._event(write) for write in writes], self._committed)
        for write in writes:
            del self._pending[write.revision]
            if write.expires:
                self._expiry.add(write.expires, write.key, write.revision)
            if not write.done.done():
                write.done.set_result(write.revision)

    def _event(self, write: Write) -> Event:
        if write.value is not None:
            kv = KeyValue(write.key, write.value, write.revision, write.created)
            return Event(EventType.PUT, kv)
        # What it replaced is still there: a compaction up to this deletion comes later.
        last = self._database.value(write.prev)
        value = last.value if last is not None else b""
        return Event(EventType.DELETE, KeyValue(write.key, value, write.revision, write.created))

    def _lost(self, batch: Sequence[Write], failure: Failure) -> None:
        """A transaction failed: nothing that is pending stands; start over from the disk."""
        LOG.error("the store %s cannot commit: %s", self.path, failure.error)
        self._trouble = str(failure.error)
        pending, self._pending = self._pending, {}
        try:
            self._load(self._database)
            self._publish_survivors()
            self._writer.generation += 1
        except errors.Unavailable as error:
            # Without an index nothing can be decided: only a new start may help.
            self._unusable = str(error)
            self._hub.fail(error)
        in_doubt = {write.revision for write in batch} if failure.unknown else set()
        for write in pending.values():
            told = errors.Unavailable(f"not written: {failure.error}")
            if write.revision in in_doubt:
                told = errors.UnknownOutcome(f"perhaps not written: {failure.error}")
            told.__cause__ = failure.error
            if not write.done.done():
                write.done.set_exception(told)
                write.done.exception()  # its caller may have gone

    def _publish_survivors(self) -> None:
        """A COMMIT that reported an error may have worked: what can be read is true."""
        while events := self._database.events(self._committed, self._assigned):
            self._committed = events[-1].kv.mod_revision
            self._hub.publish(events, self._committed)

    def _expire(self, due: Sequence[tuple[str, int]]) -> None:
        """Deadlines passed; where the delete fails, reading the index anew finds them again."""
        for key, revision in due:
            found = self._index.get(key)
            if found is not None and found.modified == revision:
                self._remove(key, found)

    # --- reads --------------------------------------------------------------------------------

    async def current_revision(self) -> int:
        self._require_usable()
        return self._committed

    async def nudge(self) -> None:
        self._require_usable()

    async def get(self, key: str) -> KeyValue | None:
        self._require_usable()
        while (found := self._index.get(key)) is not None and found.modified > self._committed:
            await self._settled(found.modified)
        if found is None:
            await self._deletion_settled(key)
            return None
        return self._database.value(found.modified)

    async def _settled(self, revision: int) -> None:
        """Wait until a pending write is committed or lost."""
        with contextlib.suppress(errors.StoreError):
            await asyncio.shield(self._pending[revision].done)

    async def _deletion_settled(self, key: str) -> None:
        """Absence is told only once it is on disk."""
        for write in tuple(self._pending.values()):
            if write.key == key and write.value is None:
                await self._settled(write.revision)

    async def list(
        self, prefix: str, *, revision: int = 0, limit: int = 0, start_after: str = ""
    ) -> Listing:
        self._require_usable()
        at = revision or self._committed
        self._check_revision(at)
        revisions = self._index.range(prefix, start_after, limit, self._undone(at))
        more = bool(limit) and len(revisions) > limit
        if more:
            del revisions[limit:]
        items: list[KeyValue] = []
        for start in range(0, len(revisions), READ_ROWS):
            wanted = revisions[start : start + READ_ROWS]
            found = self._database.values(wanted)
            if len(found) < len(wanted):
                raise errors.Compacted(at, self._compacted)
            items += sorted(found, key=lambda item: item.key)
            await asyncio.sleep(0)
        return Listing(items, at, more)

    def _undone(self, at: int) -> dict[str, int]:
        """Keys written after `at` → the revision that each had then."""
        undone = self._database.replaced(at, self._committed)
        for write in self._pending.values():
            undone.setdefault(write.key, write.prev)
        return undone

    def _check_revision(self, revision: int) -> None:
        if revision > self._committed:
            raise errors.FutureRevision(revision, self._committed)
        if revision < self._compacted:
            raise errors.Compacted(revision, self._compacted)

    async def watch(self, prefix: str, after_revision: int) -> AsyncGenerator[WatchBatch]:
        self._require_usable()
        self._check_revision(after_revision)
        feed = self._hub.open(prefix, self._feed_bytes_max)
        try:
            # Commits from here on go to the feed.
            until, after = self._committed, after_revision
            while True:
                if after < self._compacted:
                    raise errors.Compacted(after, self._compacted)
                past = self._database.events(after, until)
                after = past[-1].kv.mod_revision if len(past) == READ_ROWS else until
                mine = [event for event in past if event.kv.key.startswith(prefix)]
                yield WatchBatch(tuple(mine), after)
                if after == until:
                    break
            async for batch in feed.batches():
                yield batch
        finally:
            self._hub.close(feed)

    async def compact(self, revision: int) -> None:
        self._require_usable()
        self._check_revision(revision)
        self._compacted = revision
        compaction = Compaction(revision, _future())
        self._writer.put(compaction)
        await asyncio.shield(compaction.done)


def _future() -> "asyncio.Future[Any]":
    return asyncio.get_running_loop().create_future()
