"""How long an app that fails waits for its next launch. Pure.

Each failure multiplies the delay of its configuration by the app's factor, up to a bound; a new
configuration starts afresh, and so does one that has failed for the last time long ago.
Neighbours: `engine` keeps the delays in memory only: after a restart everyone gets a new chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from frameworks.marathon.spec import App


@dataclass(frozen=True, slots=True)
class Delay:
    """No launch before `until`."""

    config: str
    seconds: float
    until: float


Delays = Mapping[str, Delay]
"""By app."""


def of(delays: Delays, app: App, now: float) -> float:
    """Seconds until the app may launch; 0 if it may at once."""
    delay = delays.get(app.id)
    if delay is None or delay.config != app.config:
        return 0.0
    return max(0.0, delay.until - now)


def failed(delays: Delays, app: App, now: float) -> Delay:
    """The delay after one more failure."""
    old = delays.get(app.id)
    if old is None or old.config != app.config or _stale(old, app, now):
        seconds = min(app.backoff_seconds, app.max_launch_delay_seconds)
    else:
        seconds = min(old.seconds * app.backoff_factor, app.max_launch_delay_seconds)
    return Delay(app.config, seconds, now + seconds)


def _stale(delay: Delay, app: App, now: float) -> bool:
    """What ran for longer than the longest delay did not fail at its start."""
    return now > delay.until + app.max_launch_delay_seconds
