"""One reader's stream of changes: filtered, bounded, cut when it does not keep up.

The cache calls `Watcher.offer` for every change that might concern the reader; the reader iterates
batches. Items are shared by all watchers, and so is what they are rendered to. Neighbours:
`watch_cache` creates and feeds watchers, handlers iterate them. No serialization is decided here:
a shape is rendered by whoever asks first.
"""

from collections.abc import AsyncIterator, Callable, Hashable
from typing import Literal, Self

from apiserver.cache.entry import Entry

WatchType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]


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
        self.type = type_
        self.entry = entry
        self.revision = revision
        self.initial_events_end = initial_events_end
        self._shapes: dict[Hashable, bytes] = {}

    def line(self) -> bytes:
        """The JSON watch line of an item with an entry; made once for all its readers."""
        raise NotImplementedError

    def shaped(self, shape: Hashable, render: Callable[["WatchItem"], bytes]) -> bytes:
        """What `render` makes of the item (a Table line, a bookmark), once for each shape."""
        raise NotImplementedError


class Watcher:
    """`async for batch in watcher` yields lists of items until it is closed or cut.

    Use it as `async with cache.watch(…) as watcher`: leaving the block unregisters it.
    """

    cut: bool
    """The iteration ended because the reader was too slow or the cache was rebuilt."""

    def bookmark(self) -> WatchItem | None:
        """A bookmark for everything that the reader has been given; None while items wait."""
        raise NotImplementedError

    def close(self) -> None:
        """Unregister; a waiting reader's iteration ends."""
        raise NotImplementedError

    def __aiter__(self) -> AsyncIterator[list[WatchItem]]:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
