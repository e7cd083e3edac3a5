"""When a cron schedule is due: five fields or a name, in a time zone. Pure.

`CronSim` computes the fields, with Debian's rules for daylight saving; the names (`@daily`,
`@every 90m`) are those that Kubernetes takes. Neighbours: validation refuses what `parse` refuses,
the CronJob controller asks `next` and `latest`. Times are epoch seconds.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from apimachinery import duration

FIELDS = 5

_NAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_FIELD = re.compile(r"[0-9A-Za-z*,/-]+")
"""Without what only CronSim knows: `#`, and L and W, which are caught by their letters below."""
_ONLY_CRONSIM = re.compile(r"(?<![A-Za-z])\d*[LW](?![A-Za-z])", re.IGNORECASE)
_START = datetime(2024, 1, 1, tzinfo=UTC)
"""Any moment does for looking whether an expression is one."""


class CronError(ValueError):
    """Not a schedule, or not a time zone; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule in its zone. Either `expression` or `every` is set."""

    expression: str
    zone: tzinfo
    every: float = 0.0
    """Whole seconds from one time to the next, at least 1."""

    def next(self, after: float) -> float:
        """The first time after that moment."""
        if self.every:
            return float(int(after)) + self.every
        return next(CronSim(self.expression, self._at(after))).timestamp()

    def latest(self, now: float, since: float) -> float | None:
        """The last time after `since`, up to and with `now`; None where there was none."""
        if self.every:
            steps = int((now - int(since)) // self.every)
            return int(since) + steps * self.every if steps > 0 else None
        # Backwards it looks strictly before, and knows no parts of a second.
        found = next(CronSim(self.expression, self._at(int(now) + 1), reverse=True)).timestamp()
        return found if found > since else None

    def _at(self, moment: float) -> datetime:
        return datetime.fromtimestamp(moment, self.zone)


def parse(text: str, zone: str = "") -> Schedule:
    """A schedule; `zone` is a name of the IANA database, UTC where it is empty.

    Raises:
        CronError
    """
    place = zone_of(zone)
    if text.startswith(_EVERY):
        return Schedule("", place, _seconds(text.removeprefix(_EVERY)))
    if text.startswith("@"):
        if text not in _NAMES:
            raise CronError(f"unrecognized descriptor: {text}")
        return Schedule(_NAMES[text], place)
    fields = text.split()
    if len(fields) != FIELDS:
        raise CronError(f"expected exactly {FIELDS} fields, found {len(fields)}: {fields}")
    expression = " ".join("*" if field == "?" else field for field in fields)
    for field in expression.split():
        if not _FIELD.fullmatch(field) or _ONLY_CRONSIM.search(field):
            raise CronError(f"failed to parse field {field!r}")
    try:
        CronSim(expression, _START)
    except CronSimError as error:
        problem = str(error)
        raise CronError(f"{problem[:1].lower()}{problem[1:]} in {text!r}") from error
    return Schedule(expression, place)


def zone_of(name: str) -> tzinfo:
    """The zone of that name. Raises CronError."""
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        # No such file, a path that leaves the database, a directory of it.
        raise CronError(f"unknown time zone {name}") from error


def _seconds(text: str) -> float:
    try:
        found = duration.seconds(text.strip())
    except ValueError as error:
        raise CronError(str(error)) from error
    return float(max(int(found), 1))
