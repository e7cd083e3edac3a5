"""The last changes of one resource, for watches that start in the past and lists of old states.

A ring bounded by count and bytes. `floor` is the newest revision whose successor may be missing:
whoever asks for less gets `Expired`. Entries are shared with the cache and with watchers, so a
change costs what the replaced object held. Neighbours: `shelf` appends, watchers replay.
"""

from bisect import bisect_right
from typing import NamedTuple

from apimachinery import status
from apiserver.cache.entry import Entry
from apiserver.cache.freed import Freed

CHANGES_MAX = 8192
"""Per resource: a client that was away for a rollout of 2,000 pods still resumes."""
BYTES_MAX = 16 * 1024 * 1024
"""Per resource: about 6,000 changes of typical pods."""
OLD_BYTES_MAX = 1024 * 1024
"""Of what is older than the store's own past: a quiet resource's watches resume for long, and a rush
of yesterday does not hold its memory for ever."""
CHANGE_OVERHEAD = 400
"""What a change holds beside the bytes: two entries' slots and the change itself."""


class Change(NamedTuple):
    """One write of one object: the state before, the state after, the deletion's last word."""

    revision: int
    old: Entry | None
    new: Entry | None
    """None for a deletion."""

    @property
    def bytes(self) -> int:
        kept = self.new if self.new is not None else self.old
        return CHANGE_OVERHEAD + (len(kept.raw) if kept is not None else 0)


class History:
    """Changes in revision order."""

    def __init__(
        self,
        floor: int,
        freed: Freed,
        *,
        changes_max: int = CHANGES_MAX,
        bytes_max: int = BYTES_MAX,
    ) -> None:
        self.floor = floor
        self._freed = freed
        self._changes_max = changes_max
        self._bytes_max = bytes_max
        self._changes: list[Change] = []
        self._head = 0
        """Changes before it have been dropped; the list is cut when they are the larger half."""
        self._bytes = 0

    def append(self, change: Change) -> None:
        self._changes.append(change)
        self._bytes += change.bytes
        while len(self._changes) - self._head > self._changes_max or self._bytes > self._bytes_max:
            self._drop()
        self._cut()

    def forget(self, revision: int) -> None:
        """What came up to then is old: little of it is kept."""
        while self._bytes > OLD_BYTES_MAX and self._changes[self._head].revision <= revision:
            self._drop()
        self._cut()

    def _drop(self) -> None:
        dropped = self._changes[self._head]
        self._head += 1
        self._bytes -= dropped.bytes
        self._freed.add(dropped.bytes)
        self.floor = dropped.revision

    def _cut(self) -> None:
        if self._head * 2 > len(self._changes):
            del self._changes[: self._head]
            self._head = 0

    @property
    def last(self) -> int:
        """The revision of the newest change, of the floor where there is none."""
        return self._changes[-1].revision if self._changes else self.floor

    def since(self, revision: int) -> list[Change]:
        """Every change after a revision; raises `status.Expired` if some are gone."""
        if revision < self.floor:
            raise status.expired(f"too old resource version: {revision} ({self.floor})")
        first = bisect_right(
            self._changes, revision, lo=self._head, key=lambda change: change.revision
        )
        return self._changes[first:]
