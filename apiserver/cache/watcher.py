"""One reader's stream of changes: filtered, bounded, cut when it does not keep up.

The cache offers a watcher every change that might concern it; the reader iterates batches. What
came before its start (the present state, or changes of the past) is made up lazily, so that a
thousand readers of a big list cost nothing before they read. Items are shared by all watchers,
and so is what they are rendered to. Neighbours: `shelf` creates and feeds watchers, handlers
iterate them. A shape is rendered by whoever asks first.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterator
from typing import Literal, Self

from apiserver.cache.entry import Entry
from apiserver.cache.history import Change
from apiserver.cache.selection import Selection

WatchType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]

BUFFER_BYTES_MAX = 16 * 1024 * 1024
"""Waiting for one reader. The bytes are shared with the cache, but old states live on for it."""
BUFFER_ITEMS_MAX = 20_000
"""The same in items: a burst of every pod of a big rollout fits, a dead reader does not."""

_JSON = "json"


class WatchItem:
    """One event for one kind of reader.

    `entry` is the object to show: for DELETED the last state with the deletion's revision. A
    BOOKMARK has no entry, only `revision`; `initial_events_end` marks the one that ends the
    initial events (`k8s.io/initial-events-end: "true"`).
    """

    __slots__ = ("_shapes", "entry", "initial_events_end", "revision", "type")

    def __init__(
        self,
        type_: WatchType,
        entry: Entry | None,
        revision: int,
        *,
        initial_events_end: bool = False,
    ) -> None:
        self.type: WatchType = type_
        self.entry = entry
        self.revision = revision
        self.initial_events_end = initial_events_end
        self._shapes: dict[Hashable, bytes] | None = None

    def line(self) -> bytes:
        """The JSON watch line of an item with an entry; made once for all its readers."""
        return self.shaped(_JSON, _json_line)

    def shaped(self, shape: Hashable, render: Callable[["WatchItem"], bytes]) -> bytes:
        """What `render` makes of the item (a Table line, a bookmark), once for each shape."""
        if self._shapes is None:
            self._shapes = {}
        found = self._shapes.get(shape)
        if found is None:
            found = self._shapes[shape] = render(self)
        return found


def _json_line(item: WatchItem) -> bytes:
    assert item.entry is not None, "bookmarks are rendered by who knows the kind"
    return b'{"type":"%b","object":%b}\n' % (item.type.encode(), item.entry.raw)


class Fanout:
    """One change on its way to its watchers: each of its at most four items is made once."""

    __slots__ = ("_items", "change")

    def __init__(self, change: Change) -> None:
        self.change = change
        self._items: dict[WatchType, WatchItem] = {}

    def item(self, type_: WatchType) -> WatchItem:
        found = self._items.get(type_)
        if found is None:
            found = self._items[type_] = WatchItem(type_, self._entry(type_), self.change.revision)
        return found

    def _entry(self, type_: WatchType) -> Entry | None:
        """A reader that loses sight of an object gets the state that it knew."""
        if type_ != "DELETED":
            return self.change.new
        return self.change.old.at(self.change.revision) if self.change.old is not None else None

    def seen_by(self, selection: Selection) -> WatchItem | None:
        """What a reader with this selection sees: match(old) x match(new)."""
        old, new = self.change.old, self.change.new
        before = old is not None and selection.matches(old)
        after = new is not None and selection.matches(new)
        if after:
            return self.item("MODIFIED" if before else "ADDED")
        return self.item("DELETED") if before else None


Past = Iterator[list[WatchItem]]


class Watcher:
    """`async for batch in watcher` yields lists of items until it is closed or cut.

    Use it as `async with cache.watch(…) as watcher`: leaving the block unregisters it.
    Invariant: whatever is in the buffer has a revision greater than all of the past.
    """

    def __init__(
        self,
        selection: Selection,
        past: Past,
        reached: Callable[[], int],
        *,
        end_bookmark: bool = False,
    ) -> None:
        self.selection = selection
        self.cut = False
        """The iteration ended because the reader was too slow or the cache was rebuilt."""
        self.on_close: list[Callable[[Watcher], None]] = []
        """Who keeps the watcher in a register and wants to know."""
        self._past: Past | None = past
        self._start = reached()
        """The revision at which the past ends and the buffer begins."""
        self._reached = reached
        self._end_bookmark = end_bookmark
        self._items: list[WatchItem] = []
        self._bytes = 0
        self._closed = False
        self._wake: asyncio.Future[None] | None = None

    def offer(self, fanout: Fanout) -> None:
        """A change that might concern this reader."""
        item = fanout.seen_by(self.selection)
        if item is not None:
            self.push(item)

    def push(self, item: WatchItem) -> None:
        self._items.append(item)
        if item.entry is not None:
            self._bytes += len(item.entry.raw)
        if self._bytes > BUFFER_BYTES_MAX or len(self._items) > BUFFER_ITEMS_MAX:
            self.end(cut=True)
        self._notify()

    def end(self, *, cut: bool) -> None:
        """Stop: a cut drops what waits (the reader resumes from what it saw), a close too."""
        self.cut = self.cut or cut
        self._closed = True
        self._items = []
        self._past = None
        self._bytes = 0
        for tell in self.on_close:
            tell(self)
        self.on_close = []
        self._notify()

    def close(self) -> None:
        """Unregister; a waiting reader's iteration ends."""
        self.end(cut=False)

    def finish(self) -> None:
        """Nothing more will come: the reader takes what waits, then its iteration ends."""
        self._closed = True
        for tell in self.on_close:
            tell(self)
        self.on_close = []
        self._notify()

    def bookmark(self) -> WatchItem | None:
        """A bookmark for everything that the reader has been given; None while items wait."""
        if self._past is not None or self._items or self._closed:
            return None
        return WatchItem("BOOKMARK", None, self._reached())

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[WatchItem]:
        while self._past is not None:
            batch = next(self._past, None)
            if batch:
                return batch
            if batch is None:
                self._past = None
                if self._end_bookmark:
                    return [WatchItem("BOOKMARK", None, self._start, initial_events_end=True)]
            else:
                # A long stretch without a match: let others run.
                await asyncio.sleep(0)
        while not self._items:
            if self._closed:
                raise StopAsyncIteration
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        items, self._items = self._items, []
        self._bytes = 0
        return items

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
