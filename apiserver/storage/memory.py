"""The store in plain memory: for tests and throw-away servers, and the reference for the others.

Every write is one synchronous step in the event loop, so there is nothing to lock and nothing to
cancel. Neighbours: `feeds` carries events to watches, `expiry` keeps leases. Nothing survives
the process.
"""

import asyncio
from bisect import bisect_left, bisect_right, insort
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from apimachinery.aio.clock import Clock, SystemClock
from apimachinery.compact import compact
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

REPLAY_EVENTS = 1000
"""Events of the past in one batch: a few milliseconds of its reader's work."""


@dataclass(frozen=True, slots=True)
class _Record:
    """One write of a key; `deleted` keeps the last value for the event."""

    kv: KeyValue
    deleted: bool


class MemoryStore:
    """See `interface` for what it promises."""

    def __init__(self, *, clock: Clock | None = None, feed_bytes_max: int = FEED_BYTES_MAX) -> None:
        self._clock = clock or SystemClock()
        self._feed_bytes_max = feed_bytes_max
        self._revision = FIRST_REVISION
        self._compacted = 0
        self._keys: list[str] = []
        """Sorted; every key with a history, the deleted ones too."""
        self._history: dict[str, list[_Record]] = {}
        """Writes of each key, oldest first, from the compaction on."""
        self._log: list[_Record] = []
        """Every write after the compaction, in revision order."""
        self._hub = Hub()
        self._expiry = Expiry(self._clock, self._expire)
        self._open = False

    async def start(self) -> None:
        self._open = True

    async def close(self) -> None:
        self._open = False
        self._expiry.close()
        self._hub.fail(errors.Unavailable("the store has been closed"))

    async def check(self) -> None:
        if not self._open:
            raise errors.Unavailable("the memory store is not open")

    async def current_revision(self) -> int:
        await self.check()
        return self._revision

    async def get(self, key: str) -> KeyValue | None:
        await self.check()
        return self._current(key)

    async def list(
        self, prefix: str, *, revision: int = 0, limit: int = 0, start_after: str = ""
    ) -> Listing:
        await self.check()
        self._check_revision(revision or self._revision)
        at = revision or self._revision
        first = bisect_left(self._keys, prefix)
        if start_after >= prefix:
            first = bisect_right(self._keys, start_after)
        items: list[KeyValue] = []
        for index in range(first, len(self._keys)):
            key = self._keys[index]
            if not key.startswith(prefix):
                break
            found = self._at(key, at)
            if found is None:
                continue
            if limit and len(items) == limit:
                return Listing(items, at, more=True)
            items.append(found)
        return Listing(items, at, more=False)

    async def create(
        self, key: str, value: bytes, *, ttl: int = 0, guard: Guard | None = None
    ) -> int:
        await self.check()
        self._heed(guard)
        if self._current(key) is not None:
            raise errors.KeyExists(key)
        return self._put(key, value, created=self._revision + 1, ttl=ttl)

    async def update(
        self,
        key: str,
        value: bytes,
        expected_revision: int,
        *,
        ttl: int = 0,
        guard: Guard | None = None,
    ) -> int:
        await self.check()
        self._heed(guard)
        created = self._expected(key, expected_revision).create_revision
        return self._put(key, value, created=created, ttl=ttl)

    async def delete(self, key: str, expected_revision: int, *, guard: Guard | None = None) -> int:
        await self.check()
        self._heed(guard)
        return self._remove(self._expected(key, expected_revision))

    async def watch(self, prefix: str, after_revision: int) -> AsyncGenerator[WatchBatch]:
        await self.check()
        self._check_revision(after_revision)
        feed = self._hub.open(prefix, self._feed_bytes_max)
        try:
            past = self._events_after(after_revision, prefix)
            now = self._revision
            while len(past) > REPLAY_EVENTS:
                head, past = past[:REPLAY_EVENTS], past[REPLAY_EVENTS:]
                yield WatchBatch(tuple(head), head[-1].kv.mod_revision)
            yield WatchBatch(tuple(past), now)
            async for batch in feed.batches():
                yield batch
        finally:
            self._hub.close(feed)

    async def nudge(self) -> None:
        await self.check()

    async def compact(self, revision: int) -> None:
        await self.check()
        self._check_revision(revision)
        self._compacted = revision
        kept = bisect_right(self._log, revision, key=lambda record: record.kv.mod_revision)
        touched = {record.kv.key for record in self._log[:kept]}
        del self._log[:kept]
        for number, key in enumerate(touched):
            self._forget(key, revision)
            if number % REPLAY_EVENTS == 0:
                await asyncio.sleep(0)

    # --- the steps ----------------------------------------------------------------------------

    def _current(self, key: str) -> KeyValue | None:
        history = self._history.get(key)
        return None if not history or history[-1].deleted else history[-1].kv

    def _at(self, key: str, revision: int) -> KeyValue | None:
        history = self._history[key]
        after = bisect_right(history, revision, key=lambda record: record.kv.mod_revision)
        return None if after == 0 or history[after - 1].deleted else history[after - 1].kv

    def _expected(self, key: str, revision: int) -> KeyValue:
        current = self._current(key)
        if current is None:
            raise errors.KeyMissing(key)
        if current.mod_revision != revision:
            raise errors.RevisionConflict(key, revision, current.mod_revision)
        return current

    def _heed(self, guard: Guard | None) -> None:
        if guard is None:
            return
        current = self._current(guard.key)
        actual = current.mod_revision if current is not None else 0
        if actual != guard.revision:
            raise errors.GuardFailed(guard.key, guard.revision, actual)

    def _check_revision(self, revision: int) -> None:
        if revision > self._revision:
            raise errors.FutureRevision(revision, self._revision)
        if revision < self._compacted:
            raise errors.Compacted(revision, self._compacted)

    def _put(self, key: str, value: bytes, *, created: int, ttl: int) -> int:
        revision = self._revision + 1
        self._append(_Record(KeyValue(key, compact(value), revision, created), deleted=False))
        if ttl:
            self._expiry.add(self._clock.now() + ttl, key, revision)
        return revision

    def _remove(self, last: KeyValue) -> int:
        revision = self._revision + 1
        tomb = KeyValue(last.key, last.value, revision, last.create_revision)
        self._append(_Record(tomb, deleted=True))
        return revision

    def _append(self, record: _Record) -> None:
        history = self._history.get(record.kv.key)
        if history is None:
            history = self._history[record.kv.key] = []
            insort(self._keys, record.kv.key)
        history.append(record)
        self._log.append(record)
        self._revision = record.kv.mod_revision
        self._hub.publish([_event(record)], self._revision)

    def _events_after(self, revision: int, prefix: str) -> Sequence[Event]:
        first = bisect_right(self._log, revision, key=lambda record: record.kv.mod_revision)
        return [_event(r) for r in self._log[first:] if r.kv.key.startswith(prefix)]

    def _forget(self, key: str, revision: int) -> None:
        """Drop what later writes replaced at `revision`; the key too if it was deleted."""
        history = self._history.get(key)
        if history is None:
            return
        after = bisect_right(history, revision, key=lambda record: record.kv.mod_revision)
        del history[: max(0, after if after and history[after - 1].deleted else after - 1)]
        if not history:
            del self._history[key]
            del self._keys[bisect_left(self._keys, key)]

    def _expire(self, due: Sequence[tuple[str, int]]) -> None:
        for key, revision in due:
            current = self._current(key)
            if current is not None and current.mod_revision == revision:
                self._remove(current)


def _event(record: _Record) -> Event:
    return Event(EventType.DELETE if record.deleted else EventType.PUT, record.kv)
