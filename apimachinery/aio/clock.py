"""Where time comes from, so that tests and simulations can bring their own.

Everything that reads the time takes a `Clock`; everything that waits uses the event loop's own
timers, which a virtual loop (looptime) turns into virtual time. `LoopClock` joins the two. This
module does not sleep and does not format: see `apimachinery.meta` for timestamps.
"""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Two readings: wall time for what users see, monotonic time for durations."""

    def now(self) -> float:
        """Seconds since the epoch. May jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since some unknown start. Never goes back."""
        ...


class SystemClock:
    """The machine's clock."""

    __slots__ = ()

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class LoopClock:
    """Wall time that advances with the running event loop: virtual under a virtual loop."""

    __slots__ = ("_epoch",)

    def __init__(self, epoch: float = 1_700_000_000.0) -> None:
        self._epoch = epoch

    def now(self) -> float:
        return self._epoch + asyncio.get_running_loop().time()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()
