"""Points in time as the API writes them: UTC, milliseconds, `Z`. Pure.

They double as versions: being of one length, they sort as text. Neighbours: all that is stored.
"""

from datetime import UTC, datetime

EPOCH = "1970-01-01T00:00:00.000Z"


def stamp(now: float) -> str:
    """Seconds since the epoch as `2026-01-31T12:00:00.000Z`."""
    whole = datetime.fromtimestamp(now, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{whole.microsecond // 1000:03d}Z"


def later(now: float, *than: str) -> str:
    """The stamp of now, or one that is later than all those given if the clock is behind."""
    made = stamp(now)
    last = max(than, default="")
    return made if made > last else stamp(seconds(last) + 0.0015)


def seconds(text: str) -> float:
    """Back to seconds; ValueError where it is no stamp."""
    return datetime.fromisoformat(text).timestamp()


def optional(now: float | None) -> str | None:
    return None if now is None else stamp(now)
