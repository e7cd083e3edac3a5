"""Live events from a store in this process to its watches: in order, bounded, cut when slow.

`Hub.publish` is called by a backend for each committed batch, in revision order; each open `Feed`
gets what lies under its prefix. Neighbours: `memory` and `sqlite` own a hub each; etcd has its
own streams. The past (replay) is the backend's business.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

from apiserver.storage import errors
from apiserver.storage.interface import Event, WatchBatch

FEED_BYTES_MAX = 64 * 1024 * 1024
"""A reader in this process that is so far behind has hung; its memory is worth more."""
EVENT_OVERHEAD = 400
"""What an event costs beside its value: key, numbers, tuples."""


class Feed:
    """One watch's live part: filled by the hub, drained by `batches`."""

    def __init__(self, prefix: str, limit: int = FEED_BYTES_MAX) -> None:
        self.prefix = prefix
        self._limit = limit
        self._events: list[Event] = []
        self._revision = 0
        self._bytes = 0
        self._wake = asyncio.Event()
        self._failure: errors.StoreError | None = None

    def put(self, events: Sequence[Event], revision: int) -> None:
        """Queue what concerns this feed; too much of it cuts the feed."""
        if self._failure is not None:
            return
        mine = [event for event in events if event.kv.key.startswith(self.prefix)]
        self._events += mine
        self._revision = revision
        self._bytes += sum([len(event.kv.value) + EVENT_OVERHEAD for event in mine])
        if self._bytes > self._limit:
            self.fail(errors.WatchCut(f"a watch of {self.prefix} fell {self._bytes} bytes behind"))
        self._wake.set()

    def fail(self, error: errors.StoreError) -> None:
        """End the watch with an error, dropping what is queued."""
        self._failure = error
        self._events = []
        self._bytes = 0
        self._wake.set()

    async def batches(self) -> AsyncIterator[WatchBatch]:
        """What arrived since the last round, as one batch each time; raises the failure."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._failure is not None:
                raise self._failure
            batch = WatchBatch(tuple(self._events), self._revision)
            self._events = []
            self._bytes = 0
            yield batch


class Hub:
    """The open feeds of one store."""

    def __init__(self) -> None:
        self._feeds: set[Feed] = set()

    def open(self, prefix: str, limit: int = FEED_BYTES_MAX) -> Feed:
        feed = Feed(prefix, limit)
        self._feeds.add(feed)
        return feed

    def close(self, feed: Feed) -> None:
        self._feeds.discard(feed)

    def publish(self, events: Sequence[Event], revision: int) -> None:
        for feed in self._feeds:
            feed.put(events, revision)

    def fail(self, error: errors.StoreError) -> None:
        for feed in self._feeds:
            feed.fail(error)
