"""Sends every watcher that asked for it a bookmark about once a minute.

Watchers are dealt to one slot per second, so that 25,000 of them do not wake in the same moment.
Neighbours: `watch_cache` adds watchers and tells the revision; handlers render the items. The
timer runs only while somebody wants bookmarks.
"""

import asyncio
from collections.abc import Callable

from apiserver.cache.watcher import Watcher, WatchItem

PERIOD_SECONDS = 60
"""Kubernetes' interval: clients resume without a replay of more than a minute."""


class Bookmarks:
    """One slot for each second of the period."""

    def __init__(self, reached: Callable[[], int]) -> None:
        self._reached = reached
        self._slots: list[set[Watcher]] = [set() for _ in range(PERIOD_SECONDS)]
        self._slot_of: dict[Watcher, int] = {}
        self._next_slot = 0
        self._dealt = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, watcher: Watcher) -> None:
        slot = self._dealt = (self._dealt + 1) % PERIOD_SECONDS
        self._slots[slot].add(watcher)
        self._slot_of[watcher] = slot
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(1.0, self._tick)

    def discard(self, watcher: Watcher) -> None:
        slot = self._slot_of.pop(watcher, None)
        if slot is not None:
            self._slots[slot].discard(watcher)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        if not self._slot_of:
            return
        item = WatchItem("BOOKMARK", None, self._reached())
        for watcher in tuple(self._slots[self._next_slot]):
            watcher.push(item)
        self._next_slot = (self._next_slot + 1) % PERIOD_SECONDS
        self._timer = asyncio.get_running_loop().call_later(1.0, self._tick)
