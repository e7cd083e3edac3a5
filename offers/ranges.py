"""Sets of whole numbers as sorted, disjoint, inclusive ranges: ports. Pure.

Neighbours: `ledger` keeps which ports of a node are taken, `allocator` deals them out.
"""

from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]


def normal(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted, without empty ones, neighbours joined."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if begin > end:
            continue
        if joined and begin <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return tuple(joined)


def size(ranges: Ranges) -> int:
    """How many numbers there are."""
    return sum(end - begin + 1 for begin, end in ranges)


def union(left: Ranges, right: Ranges) -> Ranges:
    return normal((*left, *right))


def subtract(left: Ranges, right: Ranges) -> Ranges:
    """What is in `left` only."""
    rest: list[tuple[int, int]] = []
    taken = normal(right)
    for begin, end in normal(left):
        at = begin
        for low, high in taken:
            if high < at or low > end:
                continue
            if low > at:
                rest.append((at, low - 1))
            at = high + 1
        if at <= end:
            rest.append((at, end))
    return tuple(rest)


def contains(whole: Ranges, part: Ranges) -> bool:
    """Whether every number of `part` is in `whole`."""
    return not subtract(part, whole)


def overlap(left: Ranges, right: Ranges) -> bool:
    return subtract(left, right) != normal(left)


def first(ranges: Ranges, count: int) -> Ranges:
    """The lowest `count` numbers."""
    taken: list[tuple[int, int]] = []
    for begin, end in normal(ranges):
        if count <= 0:
            break
        last = min(end, begin + count - 1)
        taken.append((begin, last))
        count -= last - begin + 1
    return tuple(taken)
