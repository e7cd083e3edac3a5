"""Which ports of an offer an instance gets. Pure.

Ports that nobody asked for by number begin at a place drawn from the task's id, so that one that
was just given back is not dealt again at once. Neighbours: `matching`.
"""

import hashlib
from collections.abc import Iterator, Sequence

from frameworks.marathon.spec import App

Ranges = tuple[tuple[int, int], ...]
"""Inclusive."""


def wanted(app: App) -> list[int]:
    """The host's ports by number, 0 for any; one entry for each that is needed."""
    if app.on_host:
        return [one.port if app.require_ports else 0 for one in app.port_definitions]
    return [one.host_port for one in app.mappings if one.host_port is not None]


def deal(app: App, offered: Ranges, *, salt: str) -> tuple[int, ...] | None:
    """A port for each that is wanted; None where there are not enough."""
    asked = wanted(app)
    fixed = [port for port in asked if port]
    if len(set(fixed)) < len(fixed) or not all(_has(offered, port) for port in fixed):
        return None
    free = _from(without(offered, fixed), salt)
    dealt = []
    for port in asked:
        found = port or next(free, 0)
        if not found:
            return None
        dealt.append(found)
    return tuple(dealt)


def without(ranges: Ranges, taken: Sequence[int]) -> Ranges:
    """The ranges that are left."""
    left = list(ranges)
    for port in taken:
        for i, (begin, end) in enumerate(left):
            if begin <= port <= end:
                parts = ((begin, port - 1), (port + 1, end))
                left[i : i + 1] = [(a, b) for a, b in parts if a <= b]
                break
    return tuple(left)


def joined(ports: Sequence[int]) -> Ranges:
    """Single ports as ranges, neighbours in one."""
    found: list[tuple[int, int]] = []
    for port in sorted(ports):
        if found and found[-1][1] + 1 == port:
            found[-1] = (found[-1][0], port)
        else:
            found.append((port, port))
    return tuple(found)


def _has(ranges: Ranges, port: int) -> bool:
    return any(begin <= port <= end for begin, end in ranges)


def _from(ranges: Ranges, salt: str) -> Iterator[int]:
    """All of them once, from a place that the salt names."""
    total = sum(end - begin + 1 for begin, end in ranges)
    if not total:
        return
    start = int.from_bytes(hashlib.sha256(salt.encode()).digest()[:8]) % total
    for step in range(total):
        yield _nth(ranges, (start + step) % total)


def _nth(ranges: Ranges, place: int) -> int:
    for begin, end in ranges:
        if place <= end - begin:
            return begin + place
        place -= end - begin + 1
    raise AssertionError("place is below the total")
