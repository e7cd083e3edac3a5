"""States that paged lists hold on to: at most so many, for at most so long.

A pin shares its blocks with the cache, so what it costs is what has been replaced since: after an
hour's writes all of a resource once more. So the last page lets go of it, when as many lists have
ended at a revision as began there, and the oldest unused goes first. Neighbours: `watch_cache` pins and looks up; `history` can rebuild
recent states that were dropped here.
"""

import asyncio
from collections import Counter, OrderedDict

from apiserver.cache.blocks import View

PINS_MAX = 64
"""Paged lists under way at once; each may hold every object twice in the worst case."""
KEEP_SECONDS = 300.0
"""How long a client may take from one page to the next: Kubernetes' five minutes."""

PinKey = tuple[str, str, int]
"""Group, plural, revision."""


class Pins:
    """An LRU with deadlines; the timer runs only while there are pins."""

    def __init__(self) -> None:
        self._pins: OrderedDict[PinKey, tuple[float, View]] = OrderedDict()
        self._readers: Counter[PinKey] = Counter()
        """Lists that began at a pin and have not come to their end."""
        self._timer: asyncio.TimerHandle | None = None

    def get(self, key: PinKey) -> View | None:
        found = self._pins.get(key)
        return found[1] if found is not None else None

    def begin(self, key: PinKey, view: View) -> None:
        """A list has more to come: pin its state."""
        self._readers[key] += 1
        self.keep(key, view)

    def end(self, key: PinKey) -> None:
        """A list has come to its end.

        A reader who asks for the last page twice ends it for another one too, whose state is then
        rebuilt from the history.
        """
        self._readers[key] -= 1
        if self._readers[key] <= 0:
            self._drop(key)

    def _drop(self, key: PinKey) -> None:
        del self._readers[key]
        self._pins.pop(key, None)

    def keep(self, key: PinKey, view: View) -> None:
        """Pin a view, or renew the pin that is there."""
        loop = asyncio.get_running_loop()
        self._pins.pop(key, None)
        self._pins[key] = (loop.time() + KEEP_SECONDS, view)
        if len(self._pins) > PINS_MAX:
            self._drop(next(iter(self._pins)))
        if self._timer is None:
            self._timer = loop.call_later(KEEP_SECONDS, self._drop_old)

    def clear(self) -> None:
        self._pins.clear()
        self._readers.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drop_old(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._pins:
            key, (deadline, _) = next(iter(self._pins.items()))
            if deadline > loop.time():
                self._timer = loop.call_at(deadline, self._drop_old)
                return
            self._drop(key)

    def __len__(self) -> int:
        return len(self._pins)
