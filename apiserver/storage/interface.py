"""What the API server asks of a store, as prose first.

A store maps keys to byte values and gives every successful write one **revision** from one
global counter. The promises below are the whole contract; `tests/conformance/store` runs the
same suite over every backend. Neighbours: `memory`, `sqlite` and `etcd` implement `Store`,
`apiserver.cache` is its main reader. Nobody else touches storage, nothing here knows Kubernetes.

**Revisions.** Each successful create, update and delete gets a revision higher than all before.
They never go back, not even over a crash or a restart. A store that was never written is at
revision 1, as in etcd: 0 is free to mean "none" or "now". Gaps are allowed.

**Writes are compare-and-swap.** `create` succeeds only where the key is absent (`KeyExists`);
`update` and `delete` only if the key was last written at `expected_revision` (`KeyMissing`,
`RevisionConflict`). When a write returns, it survives the death of the process (memory excepted)
and every later read sees it. When it raises anything but `UnknownOutcome` or `Unavailable`,
nothing was written; `UnknownOutcome` says that it may have been. **A cancelled caller cancels
nothing**: the write goes on, is atomic, and the caller does not learn how it ended.

**Guards.** A write with a `guard` happens only if that other key, too, was last written at the
revision that the guard names, both compared in the one step that writes (`GuardFailed`; which of
two failing comparisons is told is open). So a writer whose lease went to another can write nothing.

**Reads.** `get`, `list` and `current_revision` are linearizable: they see every write that was
acknowledged before they were called. `list(revision=N)` sees the state as it was at N, as long
as N is neither compacted (`Compacted`) nor ahead of the store (`FutureRevision`). Items come in
byte order of their keys.

**Watches.** `watch(prefix, after)` yields every event with a revision > `after`, each exactly
once, in revision order, first those of the past, then live. Where that is impossible it raises
`Compacted` (the past is gone: list again) and never skips. Events are not merged: two updates
are two events. A deletion carries the last state of the key with the deletion's revision. A
batch's `revision` says that all events up to it have been yielded; batches without events tell
progress. An event is yielded only once it is durable, and at the latest shortly after its
writer's call returned. A reader that does not keep up is cut with `WatchCut`; it may watch again
from the last revision that it saw. `after` ahead of the store waits for nothing: it raises
`FutureRevision`.

**Leases.** A write with `ttl` seconds makes the key expire that long after this write, unless a
later write replaces it (each write sets its own ttl; none means for ever). Expiry is a deletion
like any other: it has a revision and an event. It comes late rather than early, and also after a
restart.

**Compaction.** `compact(N)` forgets states before N that later writes replaced. Lists at, and
watches after, revisions below N then raise `Compacted`. It does not block writers for long.
"""

from collections.abc import AsyncGenerator
from enum import StrEnum
from typing import NamedTuple, Protocol

FIRST_REVISION = 1
"""Of a store that was never written."""


class EventType(StrEnum):
    """What happened to a key. A create is a PUT whose two revisions are equal."""

    PUT = "PUT"
    DELETE = "DELETE"


# Named tuples: one of each is made for every write, and a frozen dataclass takes three times as long.


class KeyValue(NamedTuple):
    """A key's state, with the revisions of its last write and of its creation."""

    key: str
    value: bytes
    mod_revision: int
    create_revision: int


class Event(NamedTuple):
    """One write. For DELETE, `kv` is the last state with the deletion's `mod_revision`."""

    type: EventType
    kv: KeyValue


class WatchBatch(NamedTuple):
    """Events in revision order; none with a revision ≤ `revision` is still to come."""

    events: tuple[Event, ...]
    revision: int


class Listing(NamedTuple):
    """Items in key order, all as of `revision`. `more`: the limit cut the rest off."""

    items: list[KeyValue]
    revision: int
    more: bool


class Guard(NamedTuple):
    """Another key that a write depends on, and the revision of its last write."""

    key: str
    revision: int


class Store(Protocol):
    """See the module's prose: it is the contract."""

    async def start(self) -> None:
        """Open it. Raises StoreError with a sentence that helps."""
        ...

    async def close(self) -> None:
        """Finish writes under way, release everything. Watches end with `Unavailable`."""
        ...

    async def check(self) -> None:
        """Health: return if the store can take a write now, else raise `Unavailable`."""
        ...

    async def current_revision(self) -> int:
        """The revision of the last write of anybody."""
        ...

    async def get(self, key: str) -> KeyValue | None: ...

    async def list(
        self, prefix: str, *, revision: int = 0, limit: int = 0, start_after: str = ""
    ) -> Listing:
        """Keys that start with `prefix` and are greater than `start_after`.

        `revision` 0 is now; `limit` 0 is everything.
        """
        ...

    async def create(
        self, key: str, value: bytes, *, ttl: int = 0, guard: Guard | None = None
    ) -> int:
        """Write an absent key; the new revision."""
        ...

    async def update(
        self,
        key: str,
        value: bytes,
        expected_revision: int,
        *,
        ttl: int = 0,
        guard: Guard | None = None,
    ) -> int:
        """Replace the state written at `expected_revision`; the new revision."""
        ...

    async def delete(self, key: str, expected_revision: int, *, guard: Guard | None = None) -> int:
        """Remove the state written at `expected_revision`; the deletion's revision."""
        ...

    def watch(self, prefix: str, after_revision: int) -> AsyncGenerator[WatchBatch]:
        """Every event after a revision. The first batch comes at once, even if it is empty.

        Close it (`contextlib.aclosing`) when done.
        """
        ...

    async def nudge(self) -> None:
        """Make every open watch tell a revision that is at least the current one.

        A store whose watches learn of every write anyway does nothing. Elsewhere (an etcd that
        others write to, outside the prefixes watched here) it may cost a write.
        """
        ...

    async def compact(self, revision: int) -> None: ...
