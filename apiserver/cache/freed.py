"""Counts what old states held when the history let go of them.

Python gives that memory back to the C library, which keeps most of it. Neighbours: `history`
counts, `apiserver.upkeep.memory` waits until it is worth a walk through the free memory.
"""

import asyncio

ENOUGH = 16 * 1024 * 1024
"""Bytes of old states after which giving back is worth it: 5,000 pods, and then 3 ms of work."""


class Freed:
    """One counter for all resources of a cache."""

    def __init__(self, enough: int = ENOUGH) -> None:
        self._enough = enough
        self._bytes = 0
        self._reached = asyncio.Event()

    def add(self, count: int) -> None:
        self._bytes += count
        if self._bytes >= self._enough:
            self._reached.set()

    async def wait(self) -> None:
        """Return when enough has gone since the last return."""
        await self._reached.wait()
        self._reached.clear()
        self._bytes = 0
