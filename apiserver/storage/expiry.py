"""Deadlines of leased keys: one heap, one timer, a callback when some are due.

The callback deletes by compare-and-swap, so a deadline of a state that was replaced since does
nothing. Neighbours: `memory` and `sqlite` (etcd has leases of its own). Deadlines are wall time,
because they outlive the process; the timer looks again at least every `LOOK_AGAIN_SECONDS`, for
clocks that jump.
"""

import asyncio
import heapq
from collections.abc import Callable, Sequence

from apimachinery.aio.clock import Clock

LOOK_AGAIN_SECONDS = 60.0
"""A jump of the wall clock delays expiry by no more than this."""


class Expiry:
    """Calls `expire([(key, revision), …])` once their deadlines have passed."""

    def __init__(self, clock: Clock, expire: Callable[[Sequence[tuple[str, int]]], None]) -> None:
        self._clock = clock
        self._expire = expire
        self._heap: list[tuple[float, int, str]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def add(self, deadline: float, key: str, revision: int) -> None:
        heapq.heappush(self._heap, (deadline, revision, key))
        if self._heap[0][1] == revision:
            self._arm()

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._closed or not self._heap:
            return
        delay = max(0.0, self._heap[0][0] - self._clock.now())
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(min(delay, LOOK_AGAIN_SECONDS), self._due)

    def _due(self) -> None:
        self._timer = None
        now = self._clock.now()
        due: list[tuple[str, int]] = []
        while self._heap and self._heap[0][0] <= now:
            _, revision, key = heapq.heappop(self._heap)
            due.append((key, revision))
        if due:
            self._expire(due)
        self._arm()
