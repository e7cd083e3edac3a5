"""What differs between two values, in lines for people, as refusals of updates list it."""

from typing import Any

MAX_SHOWN = 10
"""Changed fields that a refusal lists."""


def lines(old: Any, new: Any, path: str) -> list[str]:
    """Paths that differ, with both values."""
    if isinstance(old, dict) and isinstance(new, dict):
        found: list[str] = []
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                found += lines(old.get(key), new.get(key), f"{path}.{key}")
        return found[:MAX_SHOWN]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        found = []
        for index, (was, now) in enumerate(zip(old, new, strict=True)):
            if was != now:
                found += lines(was, now, f"{path}[{index}]")
        return found[:MAX_SHOWN]
    return [f"  {path}: {old!r} → {new!r}"]
