"""Delays between attempts: exponential, capped, jittered. Values only; nobody sleeps here.

Neighbours: `aio.tasks` (restarts), `client.rest` (retries), `client.workqueue` (per-key delays).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """`initial * factor**attempt`, at most `maximum`, shortened by up to `jitter` of itself.

    Jitter shortens and never lengthens, so `maximum` is a promise that callers may rely on.
    """

    initial: float
    maximum: float
    factor: float = 2.0
    jitter: float = 0.5

    def delay(self, attempt: int, draw: Callable[[], float] = random.random) -> float:
        """Seconds to wait after failure number `attempt` (the first is 0).

        `draw` gives a number in [0, 1); tests pass a constant.
        """
        # Past this power the cap has long been reached; larger ones overflow a float.
        power = min(attempt, 64)
        whole = min(self.initial * self.factor**power, self.maximum)
        return whole * (1 - self.jitter * draw())


RECONNECT = Backoff(initial=0.1, maximum=5.0)
"""Towards a server that is away: quick at first (a restart takes under a second), then gentle."""
