"""The errors of storage, one tree for all backends.

    StoreError
    ├── KeyExists           create of a present key
    ├── KeyMissing          update or delete of an absent key
    ├── RevisionConflict    the key was written since the expected revision
    ├── GuardFailed         a key that the write depends on was written meanwhile
    ├── Compacted           that part of the past is gone: list again
    ├── FutureRevision      a revision that the store has not reached
    ├── WatchCut            a reader was too slow; it may watch on from where it was
    ├── ValueTooLarge       more bytes than the store takes in one value
    ├── Unavailable         cannot reach or use the store now; nothing was written
    │   └── UnknownOutcome  a write may have happened: read before trying again
    └── BadStore            it cannot be opened as it is (locked, newer format, bad address)

Backends translate their libraries' errors into these and keep the cause. Handlers turn them into
API errors (`KeyExists` → 409 AlreadyExists, `Compacted` → 410, …); this module knows no HTTP.
"""


class StoreError(Exception):
    """Anything that a store reports; the message is for people."""


class KeyExists(StoreError):  # noqa: N818  named as what happened, like the rest of the tree
    """Create of a key that is there."""

    def __init__(self, key: str) -> None:
        super().__init__(f"key {key} exists")
        self.key = key


class KeyMissing(StoreError):  # noqa: N818  see KeyExists
    """Update or delete of a key that is not there."""

    def __init__(self, key: str) -> None:
        super().__init__(f"key {key} does not exist")
        self.key = key


class RevisionConflict(StoreError):  # noqa: N818  see KeyExists
    """The key's last write is another than the caller expected."""

    def __init__(self, key: str, expected: int, actual: int) -> None:
        super().__init__(f"key {key} is at revision {actual}, not {expected}")
        self.key = key
        self.expected = expected
        self.actual = actual


class GuardFailed(StoreError):  # noqa: N818  see KeyExists
    """The key on which a write depends is not as the writer knew it; nothing was written."""

    def __init__(self, key: str, expected: int, actual: int) -> None:
        super().__init__(f"the guard {key} is at revision {actual}, not {expected}")
        self.key = key
        self.expected = expected
        self.actual = actual
        """0 where the key is not there."""


class Compacted(StoreError):  # noqa: N818  see KeyExists
    """The revision asked for lies before the compaction."""

    def __init__(self, revision: int, compacted: int) -> None:
        super().__init__(f"revision {revision} has been compacted (oldest is {compacted})")
        self.revision = revision
        self.compacted = compacted


class FutureRevision(StoreError):  # noqa: N818  see KeyExists
    """The revision asked for has not been reached."""

    def __init__(self, revision: int, current: int) -> None:
        super().__init__(f"revision {revision} is ahead of the store's {current}")
        self.revision = revision
        self.current = current


class WatchCut(StoreError):  # noqa: N818  see KeyExists
    """The watch's reader did not keep up."""


class ValueTooLarge(StoreError):  # noqa: N818  see KeyExists
    """The store does not take a value of that size (etcd: 1.5 MB unless configured)."""


class Unavailable(StoreError):  # noqa: N818  see KeyExists
    """The store does not answer or cannot write; the request had no effect."""


class UnknownOutcome(Unavailable):
    """The store went away during a write; whether it happened is not known."""


class BadStore(StoreError):  # noqa: N818  see KeyExists
    """The store cannot be opened: the message says what to do."""
