"""Parts of objects that were found sound lately: the replicas of a workload have equal ones.

Judging a pod's container, its volumes' sources and the rest of its specification takes 45 µs;
spelling them out and looking them up takes 8. Only that there was no error is remembered, so what
is refused is always judged in full. Neighbours: `pods`, `containers` and `volumes` ask.
"""

from collections.abc import Collection, Hashable

import orjson

from apimachinery.compact import compact
from apimachinery.wire import JsonObject

SEEN_MAX = 1024
"""Parts remembered of one sort; the oldest goes first."""
PART_MAX = 4096
"""Bytes of a part that is worth it: so all of one sort stay below 4 MiB."""


class Seen:
    """The sound parts of one sort. What they were judged by besides themselves is the `by`."""

    def __init__(self, without: Collection[str] = ()) -> None:
        """`without` names the members that vary from object to object and are judged apart."""
        self._without = frozenset(without)
        self._parts: dict[tuple[bytes, Hashable], None] = {}

    def key(self, part: JsonObject, *, by: Hashable = None) -> tuple[bytes, Hashable]:
        """What a part is known by."""
        if not self._without.isdisjoint(part):
            part = {key: value for key, value in part.items() if key not in self._without}
        return (orjson.dumps(part), by)

    def __contains__(self, key: tuple[bytes, Hashable]) -> bool:
        return key in self._parts

    def add(self, key: tuple[bytes, Hashable]) -> None:
        """The part was judged, and nothing was wrong with it."""
        if len(key[0]) > PART_MAX:
            return
        self._parts[compact(key[0]), key[1]] = None
        if len(self._parts) > SEEN_MAX:
            del self._parts[next(iter(self._parts))]
