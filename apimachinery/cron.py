"""When a cron schedule is due: five fields or a name, in a time zone. Pure.

`CronSim` computes the fields, with Debian's rules for daylight saving; the names (`@daily`,
`@every 90m`) are those that Kubernetes takes. Neighbours: validation refuses what `parse` refuses,
the CronJob controller asks `next` and `latest`. Times are epoch seconds.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
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
MONTHS = 12


class _Bounds(NamedTuple):
    """What a field may be."""

    low: int
    high: int
    names: tuple[str, ...] = ()


_BOUNDS = (
    _Bounds(0, 59),
    _Bounds(0, 23),
    _Bounds(1, 31),
    _Bounds(
        1,
        MONTHS,
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    ),
    _Bounds(0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
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
    if not text:
        raise CronError("empty spec string")
    fields = text.split()
    if len(fields) != FIELDS:
        raise CronError(
            f"expected exactly {FIELDS} fields, found {len(fields)}: [{' '.join(fields)}]"
        )
    for field, bounds in zip(fields, _BOUNDS, strict=True):
        for part in field.split(","):
            if part:
                _check_range(part, bounds)
    expression = " ".join(
        ",".join(part for part in field.replace("?", "*").split(",") if part) for field in fields
    )
    try:
        CronSim(expression, _START)
    except CronSimError as error:
        problem = str(error)
        raise CronError(f"{problem[:1].lower()}{problem[1:]} in {text!r}") from error
    return Schedule(expression, place)


def _check_range(text: str, bounds: _Bounds) -> None:
    """`5`, `1-5`, `*/2`, `mon-fri`: within its bounds, and in the words that users know."""
    span, *steps = text.split("/")
    low, *rest = span.split("-")
    if low in ("*", "?"):
        start, end = bounds.low, bounds.high
    else:
        start = end = _number(low, bounds.names)
        if len(rest) > 1:
            raise CronError(f"too many hyphens: {text}")
        if rest:
            end = _number(rest[0], bounds.names)
    if len(steps) > 1:
        raise CronError(f"too many slashes: {text}")
    step = _number(steps[0], ()) if steps else 1
    if steps and not rest:
        end = bounds.high
    if start < bounds.low:
        raise CronError(f"beginning of range ({start}) below minimum ({bounds.low}): {text}")
    if end > bounds.high:
        raise CronError(f"end of range ({end}) above maximum ({bounds.high}): {text}")
    if start > end:
        raise CronError(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if not step:
        raise CronError(f"step of range should be a positive number: {text}")


def _number(text: str, known: tuple[str, ...]) -> int:
    if text.lower() in known:
        return known.index(text.lower()) + (1 if len(known) == MONTHS else 0)
    if not re.fullmatch("[+-]?[0-9]{1,9}", text):
        detail = f'strconv.Atoi: parsing "{text}": invalid syntax'
        raise CronError(f"failed to parse int from {text}: {detail}")
    if int(text) < 0:
        raise CronError(f"negative number ({int(text)}) not allowed: {text}")
    return int(text)


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
