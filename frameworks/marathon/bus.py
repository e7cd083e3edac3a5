"""Events for whoever listens to `/v2/events`.

Subscribers have bounded queues: one that reads too slowly is cut, and may come back and look at
the state anew. Nothing is kept for those who come later. Neighbours: `engine` and the handlers
publish, `http.events` streams.
"""

import asyncio
from collections.abc import Callable, Collection

from frameworks.marathon import times
from frameworks.marathon.base import JsonObject

BACKLOG_MAX = 1000
"""Events that wait for one subscriber."""
SUBSCRIBERS_MAX = 50
"""Marathon's own bound."""


class Subscriber:
    """One listener's queue."""

    def __init__(self, types: Collection[str]) -> None:
        self._types = frozenset(types)
        self._queue: asyncio.Queue[JsonObject | None] = asyncio.Queue(BACKLOG_MAX)

    def offer(self, event: JsonObject) -> bool:
        """Queue it if it is wanted; False where there is no room."""
        if self._types and event["eventType"] not in self._types:
            return True
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            return False
        return True

    def cut(self) -> None:
        """Nothing more comes."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def next(self) -> JsonObject | None:
        """The next event; None at the end."""
        return await self._queue.get()


class Bus:
    """Publishes to all subscribers."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._subscribers: set[Subscriber] = set()

    def publish(self, kind: str, **body: object) -> None:
        event = {"eventType": kind, "timestamp": times.stamp(self._now()), **body}
        for one in tuple(self._subscribers):
            if not one.offer(event):
                self.leave(one)
                one.cut()

    def join(self, types: Collection[str]) -> Subscriber | None:
        """A new subscriber for these types (all, if none); None where there are too many."""
        if len(self._subscribers) >= SUBSCRIBERS_MAX:
            return None
        made = Subscriber(types)
        self._subscribers.add(made)
        return made

    def leave(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)

    def close(self) -> None:
        for one in tuple(self._subscribers):
            self.leave(one)
            one.cut()
