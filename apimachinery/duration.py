"""Durations as Go spells them: `1h30m`, `15.5s`, `250ms`. Pure.

The API uses them where it is oldest: windows of metrics, `@every` of cron schedules, timeouts of
configuration; messages of node agents hold them. Neighbours: `apimachinery.cron`, `protobuf_scalars`.
"""

import re

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)")
_WHOLE = re.compile(rf"([+-]?)((?:{_PART.pattern})+|0)")


def seconds(text: str) -> float:
    """Raises ValueError for what is no duration."""
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise ValueError(f"invalid duration {text!r}")
    total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(found[2]))
    return -total if found[1] == "-" else total


def spelt(seconds: float) -> str:
    """To the millisecond: `0s`, `313ms`, `1.661s`, `1m20s`, `1h0m0s`."""
    thousandths = round(seconds * 1000)
    if 0 < thousandths < 1000:
        return f"{thousandths}ms"
    minutes, rest = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:g}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
