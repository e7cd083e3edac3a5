"""What waits for offers: how many instances of which app, since when, and why it waits.

Neighbours: `engine` fills it with each decision and takes from it with each offer; `http.queue`
shows it. No I/O; the time comes in with each call.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from frameworks.marathon import delays
from frameworks.marathon.base import JsonObject
from frameworks.marathon.spec import App

UNUSED_MAX = 10
"""Offers remembered for those who ask why an app waits."""


@dataclass(slots=True)
class Waiting:
    """One app's entry."""

    config: str
    count: int
    since: float
    processed: int = 0
    """Offers looked at."""
    unused: int = 0
    """Those of them that did not fit."""
    last_used: float | None = None
    last_unused: float | None = None
    reasons: Counter[str] = field(default_factory=Counter)
    """For which offers did not fit, since the app began to wait."""
    offers: list[JsonObject] = field(default_factory=list)
    """The last that did not fit."""


class LaunchQueue:
    """All that waits, and who has to wait longer because it failed."""

    def __init__(self) -> None:
        self.waiting: dict[str, Waiting] = {}
        self.delays: dict[str, delays.Delay] = {}
        self._asked: dict[str, tuple[str, int]] = {}
        """What offers were last asked for: configuration and number, by app."""

    def want(self, launch: Mapping[str, int], apps: Mapping[str, App], now: float) -> None:
        """From now on these are wanted, and no others."""
        for app_id in self.waiting.keys() - launch.keys():
            del self.waiting[app_id]
        for app_id, count in launch.items():
            app = apps[app_id]
            entry = self.waiting.get(app_id)
            if entry is None or entry.config != app.config:
                self.waiting[app_id] = Waiting(app.config, count, now)
            else:
                entry.count = count
        for app_id in self.delays.keys() - apps.keys():
            del self.delays[app_id]

    def ready(self, apps: Mapping[str, App], now: float) -> list[tuple[App, int]]:
        """What may be launched now; who has waited longest comes first."""
        entries = sorted(self.waiting.items(), key=lambda item: (item[1].since, item[0]))
        return [
            (apps[app_id], entry.count)
            for app_id, entry in entries
            if app_id in apps and entry.count > 0 and not delays.of(self.delays, apps[app_id], now)
        ]

    def grown(self, apps: Mapping[str, App], now: float) -> bool:
        """Whether more is ready than offers were asked for."""
        for app, count in self.ready(apps, now):
            config, asked = self._asked.get(app.id, ("", 0))
            if config != app.config or asked < count:
                return True
        return False

    def asked(self, apps: Mapping[str, App], now: float) -> None:
        """Offers have been asked for what is ready."""
        self._asked = {app.id: (app.config, count) for app, count in self.ready(apps, now)}

    def settle(self, apps: Mapping[str, App], now: float) -> None:
        """What is no longer ready will have to be asked for again."""
        ready = {app.id: (app.config, count) for app, count in self.ready(apps, now)}
        for app_id, (config, count) in list(self._asked.items()):
            if app_id not in ready or ready[app_id][0] != config:
                del self._asked[app_id]
            else:
                self._asked[app_id] = (config, min(count, ready[app_id][1]))

    def used(self, app_id: str, now: float) -> None:
        """An offer took one of them: the next that is wanted has not been asked for."""
        if app_id in self._asked:
            config, asked = self._asked[app_id]
            self._asked[app_id] = (config, asked - 1)
        if (entry := self.waiting.get(app_id)) is not None:
            entry.count -= 1
            entry.processed += 1
            entry.last_used = now

    def unused(self, app_id: str, reason: str, offer: JsonObject, now: float) -> None:
        """An offer was of no use to it."""
        if (entry := self.waiting.get(app_id)) is not None:
            entry.processed += 1
            entry.unused += 1
            entry.last_unused = now
            entry.reasons[reason] += 1
            entry.offers = [*entry.offers, {"offer": offer, "reason": [reason], "at": now}][
                -UNUSED_MAX:
            ]

    def failed(self, app: App, now: float) -> None:
        """One of its instances came to a bad end."""
        self.delays[app.id] = delays.failed(self.delays, app, now)

    def forgive(self, app_id: str) -> None:
        """It may launch at once."""
        self.delays.pop(app_id, None)

    def deadlines(self, apps: Mapping[str, App], now: float) -> Iterator[float]:
        """When something that waits may launch."""
        for app_id in self.waiting.keys() & apps.keys():
            if left := delays.of(self.delays, apps[app_id], now):
                yield now + left
