"""Which keys need work: each at most once in the queue, and by one worker at a time.

Three sets tell the whole story. `queue`: waiting, in order of arrival. `processing`: with a
worker now. `dirty`: needs work; a key that turns dirty while it is processed waits until that
worker is done and then comes again. So no change is missed, and no two workers meet on one key.
Invariant: queue ⊆ dirty, and a key is in `queue` and in `processing` never at the same time.

Delays run on the event loop's timers (virtual under a virtual loop). The queue is bounded by the
number of objects, since keys are unique. Neighbours: `client.informer` adds, `controllers.base`
takes. One event loop, no threads.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable

from apimachinery.aio import backoff as backoffs

KEY_RETRY = backoffs.Backoff(initial=0.005, maximum=60.0, jitter=0.1)
"""Per failing key. First retries are nearly immediate: most failures are write conflicts."""


class WorkQueue:
    """See the module's docstring for the life of a key."""

    def __init__(
        self,
        *,
        backoff: backoffs.Backoff = KEY_RETRY,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._backoff = backoff
        self._draw = draw
        self._queue: deque[str] = deque()
        self._dirty: set[str] = set()
        self._processing: set[str] = set()
        self._failures: dict[str, int] = {}
        self._timers: dict[str, tuple[float, asyncio.Handle]] = {}
        """When (loop time) and the call. uvloop's handles for delays below 1 ms have no `when`."""
        self._getters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def __len__(self) -> int:
        """Keys that wait for a worker now, delayed ones not counted."""
        return len(self._queue)

    @property
    def idle(self) -> bool:
        """Nothing waits, nothing runs, nothing is delayed."""
        return not (self._queue or self._processing or self._timers or self._dirty)

    def add(self, key: str) -> None:
        """This key needs work, now."""
        if self._closed:
            return
        self._cancel_timer(key)
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._processing:
            self._queue.append(key)
            self._wake()

    def add_after(self, key: str, delay: float) -> None:
        """This key needs work in `delay` seconds; of several delays the soonest counts."""
        if self._closed:
            return
        if delay <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        timer = self._timers.get(key)
        if timer is not None and timer[0] <= due:
            return
        self._cancel_timer(key)
        self._timers[key] = (due, loop.call_at(due, self._due, key))

    def retry(self, key: str) -> float:
        """Work on this key failed: come again, later each time. Answers the delay."""
        attempt = self._failures.get(key, 0)
        self._failures[key] = attempt + 1
        delay = self._backoff.delay(attempt, self._draw)
        self.add_after(key, delay)
        return delay

    def forget(self, key: str) -> None:
        """Work on this key succeeded: its next failure counts as the first."""
        self._failures.pop(key, None)

    def failures(self, key: str) -> int:
        return self._failures.get(key, 0)

    async def get(self) -> str | None:
        """The next key, to be given back with `done`; None once the queue is closed."""
        while not self._queue:
            if self._closed:
                return None
            getter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if getter.done() and not getter.cancelled():
                    # We were woken and cancelled at once: pass the wake-up on.
                    self._wake()
                raise
            finally:
                if getter in self._getters:
                    self._getters.remove(getter)
        key = self._queue.popleft()
        self._dirty.discard(key)
        self._processing.add(key)
        return key

    def done(self, key: str) -> None:
        """The worker has finished with this key, successfully or not."""
        self._processing.discard(key)
        if key in self._dirty and not self._closed:
            self._queue.append(key)
            self._wake()

    def close(self) -> None:
        """No more work: waiting workers get None, timers are dropped."""
        self._closed = True
        for key in list(self._timers):
            self._cancel_timer(key)
        self._queue.clear()
        self._dirty.clear()
        while self._getters:
            self._wake()

    def _due(self, key: str) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _cancel_timer(self, key: str) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer[1].cancel()

    def _wake(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return
