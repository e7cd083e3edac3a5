"""The keys that exist, in memory: what the log's compare-and-swap is decided upon.

Neighbours: `store` keeps it up to date with every write, before the write is on disk, and undoes
in thought what a reader must not see yet. Values are not here. Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import NamedTuple


class Revisions(NamedTuple):
    """Of a key's last write and of its creation."""

    modified: int
    created: int


class Index:
    """Key → revisions, and the keys in order when a list asks for them."""

    def __init__(self) -> None:
        self._keys: dict[str, Revisions] = {}
        self._sorted: list[str] | None = None

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, key: str) -> Revisions | None:
        return self._keys.get(key)

    def put(self, key: str, modified: int, created: int) -> None:
        if key not in self._keys:
            self._sorted = None
        self._keys[key] = Revisions(modified, created)

    def remove(self, key: str) -> None:
        """Forget a key; no error where it is not there."""
        if self._keys.pop(key, None) is not None:
            self._sorted = None

    def clear(self) -> None:
        self._keys.clear()
        self._sorted = None

    def range(
        self, prefix: str, start_after: str, limit: int, undone: Mapping[str, int]
    ) -> list[int]:
        """Revisions of the keys of a list, in key order: at most one more than `limit` (0: all).

        `undone` gives the revision of keys that were written after the state asked for, as it
        was then; 0 for one that did not exist.
        """
        if self._sorted is None:
            self._sorted = sorted(self._keys)
        keys = self._sorted
        if gone := [key for key in undone if key not in self._keys]:
            keys = sorted([*keys, *gone])
        first = bisect_left(keys, prefix)
        if start_after >= prefix:
            first = bisect_right(keys, start_after)
        found: list[int] = []
        for position in range(first, len(keys)):
            key = keys[position]
            if not key.startswith(prefix) or (limit and len(found) > limit):
                break
            then = undone[key] if key in undone else self._keys[key].modified
            if then:
                found.append(then)
        return found
