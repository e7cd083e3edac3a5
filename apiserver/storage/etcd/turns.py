"""Shares one kind of request among all who ask for it at the same time.

A caller may share only a request that was sent after it asked, else it would see the past: while
one is under way, the callers that come in the meantime share the next. So a thousand concurrent
reads of the store's revision cost a handful of requests. Neighbour: `store`.
"""

import asyncio
from collections.abc import Awaitable, Callable


class Turns:
    """At most one request under way and one being waited for."""

    def __init__(self, request: Callable[[], Awaitable[int]]) -> None:
        self._request = request
        self._running: asyncio.Task[int] | None = None
        self._waiting: asyncio.Task[int] | None = None

    async def next(self) -> int:
        """The result of a request that is sent from now on."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(None))
            return await asyncio.shield(self._running)
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._run(self._running))
        return await asyncio.shield(self._waiting)

    async def _run(self, before: asyncio.Task[int] | None) -> int:
        if before is not None:
            await asyncio.wait([before])
            self._running, self._waiting = self._waiting, None
        return await self._request()
