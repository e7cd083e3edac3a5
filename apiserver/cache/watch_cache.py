"""The API server's view of the store: every object in memory, kept up to date by one watch.

Reads never touch the store's values and never parse. The rules:

- A write returns when this cache has reached its revision, so a writer sees its own write.
- `await fresh()` before a read makes it linearizable (resourceVersion unset); without it the read
  is as of `revision` (resourceVersion=0). `await wait_for(N)` makes it "not older than N".
- A list is one state at one revision. A list with more to come pins that state; `position` goes
  on in it. When it is gone, `status.Expired` is raised.
- A watch gets every change after its start, in order, once. Bookmarks say how far it is.

Neighbours: `entry`, `blocks` (sorted entries), `history`, `watcher`; `apiserver.storage` below.
Errors are `apimachinery.status` errors, except for writes: those raise `storage.errors`.
"""

import builtins
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from apimachinery.wire import JsonObject
from apiserver.cache.entry import Entry
from apiserver.cache.watcher import Watcher
from apiserver.storage.interface import Store

WAIT_SECONDS = 3.0
"""How long a read waits for a revision before it is told that it is too large."""


class Stored(Protocol):
    """What the cache reads of a `scheme.Resource`; give the one that objects are stored as."""

    @property
    def group(self) -> str: ...
    @property
    def plural(self) -> str: ...


class LabelSelector(Protocol):
    """`apimachinery.labels.Selector`."""

    def matches(self, labels: Mapping[str, str], /) -> bool: ...


class FieldSelector(Protocol):
    """`apimachinery.fields.FieldSelector`."""

    def matches(self, get: Callable[[str], str], /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Position:
    """Where a list goes on: after the entry `start_after` ("namespace/name" or "name")."""

    revision: int
    """The state to go on in; -1 for the current one ("inconsistent continue")."""
    start_after: str


@dataclass(frozen=True, slots=True)
class CacheList:
    """One page of a list."""

    entries: list[Entry]
    revision: int
    next: Position | None
    """Where the next page starts; None on the last one."""
    remaining: int | None
    """How many come after this page; None where only a scan would tell (selectors)."""


class WatchCache:
    """See the module's prose. One per API server process; start it before use."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def start(self) -> None:
        """Load everything and follow. Raises StoreError if the store cannot be read."""

    async def stop(self) -> None:
        """Stop following; watchers end."""

    @property
    def revision(self) -> int:
        """Every change up to it is applied and offered to the watchers."""
        raise NotImplementedError

    @property
    def ready(self) -> bool:
        """Loaded and following (for /readyz)."""
        raise NotImplementedError

    async def wait_for(self, revision: int, timeout: float = WAIT_SECONDS) -> None:
        """Return when `revision` is reached, else raise `status.too_large_resource_version`."""

    async def fresh(self) -> int:
        """Reach what the store has now; returns a revision that all reads from here include."""
        raise NotImplementedError

    def get(self, resource: Stored, namespace: str, name: str) -> Entry | None:
        raise NotImplementedError

    def list(
        self,
        resource: Stored,
        namespace: str = "",
        *,
        labels: LabelSelector | None = None,
        fields: FieldSelector | None = None,
        limit: int = 0,
        position: Position | None = None,
        exact: int = 0,
    ) -> CacheList:
        """Entries in key order. `exact` asks for the state at that revision.

        Raises `status.Expired` where the state is gone, `status.BadRequest` for a field that
        cannot be selected.
        """
        raise NotImplementedError

    def owned_by(self, uid: str) -> builtins.list[tuple[str, str, Entry]]:
        """(group, plural, entry) of all objects that name `uid` as an owner."""
        raise NotImplementedError

    def watch(
        self,
        resource: Stored,
        namespace: str = "",
        *,
        labels: LabelSelector | None = None,
        fields: FieldSelector | None = None,
        after: int | None = None,
        bookmarks: bool = False,
        end_bookmark: bool = False,
    ) -> Watcher:
        """Changes after the revision `after`.

        Without `after` the present state comes first, as ADDED, and with `end_bookmark` a
        bookmark that marks its end. `bookmarks` asks for one about every minute. Raises
        `status.Expired` when `after` is too old, `status.Timeout` when it is ahead.
        """
        raise NotImplementedError

    async def create(
        self, resource: Stored, namespace: str, name: str, obj: JsonObject, *, ttl: int = 0
    ) -> Entry:
        """Store a new object; it is serialized here, once. Drops obj's resourceVersion.

        Raises `KeyExists` and other StoreErrors. A cancelled caller does not undo the write.
        """
        raise NotImplementedError

    async def update(
        self,
        resource: Stored,
        namespace: str,
        name: str,
        obj: JsonObject,
        expected_revision: int,
        *,
        ttl: int = 0,
    ) -> Entry:
        """Replace the object last written at `expected_revision`; drops obj's resourceVersion."""
        raise NotImplementedError

    async def delete(
        self, resource: Stored, namespace: str, name: str, expected_revision: int
    ) -> Entry:
        """Remove it; the last state, with the deletion's resourceVersion."""
        raise NotImplementedError
