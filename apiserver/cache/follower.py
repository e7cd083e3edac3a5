"""Keeps the shelves as the store is: loads once, then applies one watch of the whole registry.

The revision moves only after every event up to it is applied and offered. A watch that breaks is
resumed from there; where the store cannot go on from there (compacted, restored from a backup)
everything is loaded anew and all watchers are cut. Neighbours: `shelf` holds what is loaded,
`watch_cache` asks; `compactor` keeps the store's past short.
"""

import asyncio
import contextlib
import heapq
import logging
from collections.abc import Callable
from contextlib import aclosing
from itertools import count

import orjson

from apimachinery.aio import tasks
from apimachinery.aio.backoff import Backoff
from apiserver.cache import splice
from apiserver.cache.entry import Entry, Facts, facts
from apiserver.cache.freed import Freed
from apiserver.cache.shelf import Shelf
from apiserver.storage import errors, keys
from apiserver.storage.compactor import Compactor
from apiserver.storage.interface import (
    FIRST_REVISION,
    Event,
    EventType,
    KeyValue,
    Store,
    WatchBatch,
)

LOG = logging.getLogger(__name__)

LOAD_PAGE = 2000
"""Objects in one read while loading: bounds what is held twice."""
HISTORY_AT_START = 2000
"""A cache starts this many revisions ago, where the store still knows them, and follows: so the
clients of a server that was restarted resume their watches instead of listing everything."""
NUDGE_SECONDS = 0.1
"""A store whose last write was not ours (an etcd shared with others) sends us no event for it;
after this long without one the store is asked to make its watch move."""
EXPECTED_MAX = 4096
"""Writes under way whose facts are remembered; one that is lost costs a parse."""
LEFT_OUT_LOGGED = 10
"""Keys without an object that are named in the log."""
SLICE_SECONDS = 0.005
"""Events are applied for this long before others may run."""
RESUME = Backoff(initial=0.05, maximum=2.0)
"""Between attempts to watch again; reads are stale meanwhile, so it does not back off far."""


class Follower:
    """The shelves and how far they are."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.freed = Freed()
        self.revision = 0
        self.ready = False
        self.on_rebuild: Callable[[], None] | None = None
        self._shelves: dict[tuple[str, str], Shelf] = {}
        self._floor = 0
        self._expected: dict[bytes, Facts] = {}
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        """Heap of (revision, ticket, future)."""
        self._tickets = count()
        self._task: asyncio.Task[None] | None = None
        self._left_out = 0
        """Keys under the registry that hold no object."""
        self._compactor = Compactor(store, self._forget)
        self._compacting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        now = await self._store.current_revision()
        try:
            await self._load(max(FIRST_REVISION, now - HISTORY_AT_START))
        except errors.Compacted as error:
            await self._load(error.compacted)
        self._task = asyncio.create_task(self._follow(), name="watch cache")
        self._task.add_done_callback(self._ended)
        self._compacting = asyncio.create_task(self._compactor.run(), name="store compactor")
        await self._reach_present(now)
        self.ready = True

    async def _reach_present(self, revision: int) -> None:
        try:
            await self.reach(revision, NUDGE_SECONDS)
        except TimeoutError:
            # The last writes may have been outside the registry: no event comes of them.
            await self._store.nudge()
            await self.reach(revision)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Stopped, or a bug: who waits for it is told, and /readyz says so."""
        self.ready = False
        for _, _, future in self._waiting:
            if not future.done():
                future.set_exception(errors.Unavailable("the watch cache has stopped"))
        self._waiting.clear()
        if not task.cancelled() and (error := task.exception()) is not None:
            LOG.critical("the watch cache stopped following the store", exc_info=error)

    async def stop(self) -> None:
        self.ready = False
        if self._task is not None and self._compacting is not None:
            await tasks.stop(self._task, self._compacting)
            self._task = self._compacting = None
        for shelf in self._shelves.values():
            shelf.cut_all()

    def shelf(self, group: str, plural: str) -> Shelf:
        found = self._shelves.get((group, plural))
        if found is None:
            found = self._shelves[group, plural] = Shelf(group, plural, self._floor, self.freed)
        return found

    async def reach(self, revision: int, seconds: float | None = None) -> None:
        """Wait until the shelves are at a revision or beyond; TimeoutError after `seconds`."""
        if self.revision >= revision:
            return
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        waiting = (revision, next(self._tickets), future)
        heapq.heappush(self._waiting, waiting)
        # Writes wait here: `asyncio.timeout` would cost them 10 µs, a timer costs 2.
        timer = loop.call_later(seconds, _late, future) if seconds is not None else None
        try:
            await future
        except (asyncio.CancelledError, TimeoutError):
            if waiting in self._waiting:
                self._waiting.remove(waiting)
                heapq.heapify(self._waiting)
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def expect(self, value: bytes, known: Facts) -> None:
        """A write of these bytes (without a resourceVersion) is under way; spares the parse."""
        self._expected[value] = known
        if len(self._expected) > EXPECTED_MAX:
            del self._expected[next(iter(self._expected))]

    def forget(self, value: bytes) -> None:
        self._expected.pop(value, None)

    def _forget(self, revision: int) -> None:
        for shelf in self._shelves.values():
            shelf.history.forget(revision)

    # --- loading ------------------------------------------------------------------------------

    async def _load(self, revision: int = 0) -> None:
        """Read everything at one revision (0: now) into new shelves, then swap."""
        shelves: dict[tuple[str, str], Shelf] = {}
        page = await self._store.list(keys.ROOT, revision=revision, limit=LOAD_PAGE)
        revision = page.revision
        while True:
            for item in page.items:
                self._place(shelves, item, revision)
            if not page.more:
                break
            page = await self._store.list(
                keys.ROOT, revision=revision, limit=LOAD_PAGE, start_after=page.items[-1].key
            )
        before, self._shelves = self._shelves, shelves
        self._floor = revision
        self._advance(revision)
        for shelf in before.values():
            shelf.cut_all()

    def _place(self, shelves: dict[tuple[str, str], Shelf], item: KeyValue, floor: int) -> None:
        found = keys.parse(item.key)
        if found is None:
            return
        shelf = shelves.get((found.group, found.plural))
        if shelf is None:
            shelf = Shelf(found.group, found.plural, floor, self.freed)
            shelves[found.group, found.plural] = shelf
        entry = self._entry(shelf, found, item)
        if entry is not None:
            shelf.load(entry)

    def _entry(self, shelf: Shelf, key: keys.ObjectKey, item: KeyValue) -> Entry | None:
        """An entry from stored bytes; None (and a warning) for bytes that are no object."""
        try:
            known = self._expected.pop(item.value, None)
            raw = splice.with_revision(item.value, item.mod_revision, clean=known is not None)
            if known is None:
                known = facts(orjson.loads(item.value), shelf.getters)
        except (splice.NotAnObject, orjson.JSONDecodeError) as error:
            self._leave_out(item.key, error)
            return None
        path = f"{key.namespace}/{key.name}" if key.namespace else key.name
        return Entry(path, key.namespace, raw, item.mod_revision, item.create_revision, known)

    def _leave_out(self, key: str, error: ValueError) -> None:
        """Say which key; a store full of another program's data must not fill the log."""
        self._left_out += 1
        if self._left_out <= LEFT_OUT_LOGGED:
            LOG.warning("key %s holds no API object, left out: %s", key, error)
        if self._left_out == LEFT_OUT_LOGGED:
            LOG.warning("further keys without an API object are left out silently")

    # --- following ----------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Watch, and watch again, until cancelled."""
        attempt = 0
        while True:
            try:
                async with aclosing(self._store.watch(keys.ROOT, self.revision)) as stream:
                    async for batch in stream:
                        await self._apply(batch)
                        attempt = 0
                        self.ready = True
            except (errors.Compacted, errors.FutureRevision) as error:
                LOG.warning(
                    "the store cannot go on from %d, loading anew: %s", self.revision, error
                )
                await self._rebuild()
            except errors.StoreError as error:
                self.ready = False
                delay = RESUME.delay(attempt)
                attempt += 1
                LOG.warning("the store's watch broke, again in %.2f s: %s", delay, error)
                await asyncio.sleep(delay)

    async def _rebuild(self) -> None:
        with contextlib.suppress(errors.StoreError):
            await self._load()
            if self.on_rebuild is not None:
                self.on_rebuild()

    async def _apply(self, batch: WatchBatch) -> None:
        """Apply and offer events; a long batch lets others run now and then."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        after = [event.kv.mod_revision for event in batch.events[1:]]
        after.append(batch.revision + 1)
        for event, following in zip(batch.events, after, strict=False):
            self._apply_one(event)
            if following == event.kv.mod_revision:
                # A transaction: its events are one state, nobody may look in between.
                continue
            self._advance(event.kv.mod_revision)
            if loop.time() - began > SLICE_SECONDS:
                await asyncio.sleep(0)
                began = loop.time()
        self._advance(batch.revision)
        self._compactor.note(batch.revision)

    def _apply_one(self, event: Event) -> None:
        key = keys.parse(event.kv.key)
        if key is None:
            return
        shelf = self.shelf(key.group, key.plural)
        entry: Entry | None = None
        if event.type is EventType.PUT:
            entry = self._entry(shelf, key, event.kv)
        if entry is not None:
            shelf.put(entry)
            return
        # A deletion, or bytes that are no object any more: gone for our readers.
        path = f"{key.namespace}/{key.name}" if key.namespace else key.name
        shelf.remove(path, event.kv.mod_revision)

    def _advance(self, revision: int) -> None:
        self.revision = revision
        while self._waiting and self._waiting[0][0] <= revision:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(None)


def _late(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())
