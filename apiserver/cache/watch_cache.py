"""The API server's view of the store: every object in memory, kept up to date by one watch.

Reads never touch the store's values and never parse. The rules:

- A write returns when this cache has reached its revision, so a writer sees its own write.
- `await fresh()` before a read makes it linearizable (resourceVersion unset); without it the read
  is as of `revision` (resourceVersion=0). `await wait_for(N)` makes it "not older than N".
- A list is one state at one revision. A list with more to come pins that state; `position` goes
  on in it. When it is gone, `status.Expired` is raised.
- A watch gets every change after its start, in order, once. Bookmarks say how far it is.

Neighbours: `shelf` (one resource's state), `follower` (the store's watch), `pins`, `bookmarks`;
`apiserver.storage` below. Errors are `apimachinery.status` errors, except for writes: those raise
`storage.errors`.
"""

import logging
from dataclasses import dataclass
from typing import Protocol

import orjson

from apimachinery import status
from apimachinery.fields import FieldSelector
from apimachinery.labels import Selector
from apimachinery.wire import JsonObject
from apiserver.cache import selectable, splice
from apiserver.cache.blocks import View
from apiserver.cache.bookmarks import Bookmarks
from apiserver.cache.entry import Entry, Facts, facts
from apiserver.cache.follower import NUDGE_SECONDS, Follower
from apiserver.cache.freed import Freed
from apiserver.cache.pins import Pins
from apiserver.cache.selection import Selection, compile_selection
from apiserver.cache.shelf import Shelf
from apiserver.cache.watcher import Watcher
from apiserver.storage import errors, keys
from apiserver.storage.interface import Guard, Store

LOG = logging.getLogger(__name__)

WAIT_SECONDS = 3.0
"""How long a read waits for a revision before it is told that it is too large."""


class Stored(Protocol):
    """What the cache reads of a `scheme.Resource`; give the one that objects are stored as."""

    @property
    def group(self) -> str: ...
    @property
    def plural(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Position:
    """Where a list goes on: after the entry `start_after` ("namespace/name" or "name")."""

    revision: int
    """The state to go on in; -1 for the current one ("inconsistent continue")."""
    start_after: str


@dataclass(frozen=True, slots=True)
class CacheList:
    """One page of a list."""

    entries: list[Entry]
    revision: int
    next: Position | None
    """Where the next page starts; None on the last one."""
    remaining: int | None
    """How many come after this page; None where only a scan would tell (selectors)."""


class WatchCache:
    """See the module's prose. One per API server process; start it before use."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._follower = Follower(store)
        self._pins = Pins()
        self._bookmarks = Bookmarks(lambda: self.revision)
        self._follower.on_rebuild = self._pins.clear

    async def start(self) -> None:
        """Load everything and follow. Raises StoreError if the store cannot be read."""
        await self._follower.start()

    async def stop(self) -> None:
        """Stop following; watchers end."""
        self._bookmarks.stop()
        self._pins.clear()
        await self._follower.stop()

    @property
    def revision(self) -> int:
        """Every change up to it is applied and offered to the watchers."""
        return self._follower.revision

    @property
    def freed(self) -> Freed:
        """What old states held that have gone."""
        return self._follower.freed

    @property
    def ready(self) -> bool:
        """Loaded and following (for /readyz)."""
        return self._follower.ready

    # --- how fresh ----------------------------------------------------------------------------

    async def wait_for(self, revision: int, timeout: float = WAIT_SECONDS) -> None:
        """Return when `revision` is reached, else raise `status.too_large_resource_version`."""
        if self.revision >= revision:
            return
        try:
            await self._follower.reach(revision, timeout)
        except TimeoutError:
            raise status.too_large_resource_version(revision, self.revision) from None

    async def fresh(self) -> int:
        """Reach what the store has now; returns a revision that all reads from here include."""
        revision = await self.store.current_revision()
        if self.revision >= revision:
            return revision
        try:
            await self._follower.reach(revision, NUDGE_SECONDS)
        except TimeoutError:
            await self.store.nudge()
            await self.wait_for(revision)
        return revision

    # --- reads --------------------------------------------------------------------------------

    def get(self, resource: Stored, namespace: str, name: str) -> Entry | None:
        key = f"{namespace}/{name}" if namespace else name
        return self._shelf(resource).by_key.get(key)

    def list(
        self,
        resource: Stored,
        namespace: str = "",
        *,
        labels: Selector | None = None,
        fields: FieldSelector | None = None,
        limit: int = 0,
        position: Position | None = None,
        exact: int = 0,
    ) -> CacheList:
        """Entries in key order. `exact` asks for the state at that revision.

        Raises `status.Expired` where the state is gone, `status.BadRequest` for a field that
        cannot be selected.
        """
        shelf = self._shelf(resource)
        selection = _selection(shelf, namespace, labels, fields)
        at = exact
        if position is not None and position.revision > 0:
            at = position.revision
        if position is None and not at:
            found = shelf.narrow(selection)
            if found is not None and not 0 < limit < len(found):
                return CacheList(found, self.revision, None, None)
        view = self._view(shelf, at)
        first = selection.first
        if position is not None:
            first = max(first, position.start_after + "\0")
        entries, more = _select(view, selection, first, limit)
        revision = at or self.revision
        pin = (shelf.group, shelf.plural, revision)
        goes_on = position is not None and position.revision > 0
        if not more:
            if goes_on:
                self._pins.end(pin)
            return CacheList(entries, revision, None, None)
        pinned = shelf.sorted.freeze() if view is shelf.sorted else view
        if goes_on:
            self._pins.keep(pin, pinned)
        else:
            self._pins.begin(pin, pinned)
        last = entries[-1].key
        remaining = pinned.count(last + "\0", selection.end) if selection.everything else None
        return CacheList(entries, revision, Position(revision, last), remaining)

    def _view(self, shelf: Shelf, at: int) -> View:
        """The state at a revision; 0 is now, as it is until the next change."""
        if not at:
            return shelf.sorted
        if at > self.revision:
            raise status.too_large_resource_version(at, self.revision)
        pinned = self._pins.get((shelf.group, shelf.plural, at))
        return pinned if pinned is not None else shelf.view_at(at)

    def count(self, resource: Stored) -> int:
        """How many objects of a resource there are (for metrics)."""
        return len(self._shelf(resource).by_key)

    def changed(self, resource: Stored) -> int:
        """A revision that differs whenever any object of the resource has."""
        return self._shelf(resource).history.last

    def finish(self, resource: Stored) -> None:
        """There is no such resource any more: its watches end."""
        self._shelf(resource).finish_all()

    def index(self, resource: Stored, paths: tuple[str, ...]) -> None:
        """Let selectors name these fields of a custom resource (and no others)."""
        self._shelf(resource).reindex(selectable.at_paths(paths))

    # --- watches ------------------------------------------------------------------------------

    def watch(
        self,
        resource: Stored,
        namespace: str = "",
        *,
        labels: Selector | None = None,
        fields: FieldSelector | None = None,
        after: int | None = None,
        bookmarks: bool = False,
        end_bookmark: bool = False,
    ) -> Watcher:
        """Changes after the revision `after`.

        Without `after` the present state comes first, as ADDED, and with `end_bookmark` a
        bookmark that marks its end. `bookmarks` asks for one about every minute. Raises
        `status.Expired` when `after` is too old, `status.Timeout` when it is ahead.
        """
        shelf = self._shelf(resource)
        selection = _selection(shelf, namespace, labels, fields)
        if after is None:
            watcher = shelf.watch_present(selection, self._reached, end_bookmark=end_bookmark)
        elif after > self.revision:
            raise status.too_large_resource_version(after, self.revision)
        else:
            watcher = shelf.watch_after(selection, self._reached, after)
        if bookmarks:
            self._bookmarks.add(watcher)
            watcher.on_close.append(self._bookmarks.discard)
        return watcher

    def _reached(self) -> int:
        return self.revision

    def _shelf(self, resource: Stored) -> Shelf:
        return self._follower.shelf(resource.group, resource.plural)

    # --- writes -------------------------------------------------------------------------------

    async def create(
        self,
        resource: Stored,
        namespace: str,
        name: str,
        obj: JsonObject,
        *,
        ttl: int = 0,
        guard: Guard | None = None,
    ) -> Entry:
        """Store a new object; it is serialized here, once. Drops obj's resourceVersion.

        Raises `KeyExists` and other StoreErrors. A cancelled caller does not undo the write.
        """
        key = keys.object_key(resource.group, resource.plural, namespace, name)
        value, known = self._serialize(resource, obj)
        try:
            revision = await self.store.create(key, value, ttl=ttl, guard=guard)
            # The follower needs the facts until the write's event has come round.
            await self._settle(revision)
        finally:
            self._follower.forget(value)
        return self._written(resource, namespace, name, value, known, revision, revision)

    async def update(
        self,
        resource: Stored,
        namespace: str,
        name: str,
        obj: JsonObject,
        expected_revision: int,
        *,
        ttl: int = 0,
        guard: Guard | None = None,
    ) -> Entry:
        """Replace the object last written at `expected_revision`; drops obj's resourceVersion."""
        key = keys.object_key(resource.group, resource.plural, namespace, name)
        value, known = self._serialize(resource, obj)
        old = self.get(resource, namespace, name)
        try:
            revision = await self.store.update(key, value, expected_revision, ttl=ttl, guard=guard)
            # The follower needs the facts until the write's event has come round.
            await self._settle(revision)
        finally:
            self._follower.forget(value)
        created = old.created if old is not None else 0
        return self._written(resource, namespace, name, value, known, revision, created)

    async def delete(
        self,
        resource: Stored,
        namespace: str,
        name: str,
        expected_revision: int,
        *,
        guard: Guard | None = None,
    ) -> Entry:
        """Remove it; the last state, with the deletion's resourceVersion."""
        key = keys.object_key(resource.group, resource.plural, namespace, name)
        old = self.get(resource, namespace, name)
        if old is None or old.revision != expected_revision:
            await self.fresh()
            old = self.get(resource, namespace, name)
        if old is None:
            raise errors.KeyMissing(key)
        if old.revision != expected_revision:
            raise errors.RevisionConflict(key, expected_revision, old.revision)
        revision = await self.store.delete(key, expected_revision, guard=guard)
        await self._settle(revision)
        return old.at(revision)

    def _serialize(self, resource: Stored, obj: JsonObject) -> tuple[bytes, Facts]:
        """The bytes to store; what the cache needs to know is read from the dict now."""
        obj["metadata"].pop("resourceVersion", None)
        value = orjson.dumps(obj)
        known = facts(obj, self._shelf(resource).getters)
        self._follower.expect(value, known)
        return value, known

    async def _settle(self, revision: int) -> None:
        """Wait until the cache shows a write of ours; it stands even if that takes too long."""
        try:
            await self.wait_for(revision)
        except status.Timeout:
            LOG.warning("revision %d is written, but the cache is behind", revision)

    def _written(
        self,
        resource: Stored,
        namespace: str,
        name: str,
        value: bytes,
        known: Facts,
        revision: int,
        created: int,
    ) -> Entry:
        """The cache's entry of a write; made anew if somebody has written over it already."""
        found = self.get(resource, namespace, name)
        if found is not None and found.revision == revision:
            return found
        key = f"{namespace}/{name}" if namespace else name
        raw = splice.with_revision(value, revision, clean=True)
        return Entry(key, namespace, raw, revision, created, known)


def _selection(
    shelf: Shelf, namespace: str, labels: Selector | None, fields: FieldSelector | None
) -> Selection:
    return compile_selection(
        shelf.group, shelf.plural, namespace, labels, fields, known=shelf.getters
    )


def _select(view: View, selection: Selection, first: str, limit: int) -> tuple[list[Entry], bool]:
    """The first `limit` (0: all) selected entries, and whether there are more."""
    if selection.everything:
        if not limit:
            return view.entries(first, selection.end), False
        page = view.page(first, selection.end, limit)
        return page[:limit], len(page) > limit
    found: list[Entry] = []
    for part in view.parts(first, selection.end):
        found += [entry for entry in part if selection.matches(entry)]
        if limit and len(found) > limit:
            return found[:limit], True
    return found, False
