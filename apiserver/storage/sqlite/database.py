"""The file: its format, its lock, and what is read from it.

One table, `log`, holds a row for each write; the rowid is the revision. A row with a NULL value
is a deletion. `prev` is the revision of the same key's write before (0 for none): it gives the
state before a write, and what a compaction may drop, without any index. `meta` holds how far
compaction has come. Neighbours: `writer` owns the connection that writes, `store` calls the
reads here, in the event loop: a read of one row takes some microseconds, long ones come in chunks.

Format 1. A newer format is refused; an older one would be upgraded by `_upgrade` on opening.
"""

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from apiserver.storage.errors import BadStore, Unavailable
from apiserver.storage.interface import Event, EventType, KeyValue

FORMAT = 1
"""`PRAGMA user_version` of files written by this version."""
APPLICATION = 0x42495245
""" "BIRE", as `file(1)` and sqlite3 show it: tells our files from other databases."""
READ_ROWS = 500
"""Rows read at once: a few milliseconds of the event loop."""
CHECKPOINT_PAGES = 4000
"""The WAL is folded into the file when it has 16 MB: a quarter of the pauses of SQLite's 4 MB."""
LOAD_ROWS = 10_000
"""Rows of the index read at once while it is built."""

_SCHEMA = """
CREATE TABLE log (
    rev INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    created INTEGER NOT NULL,
    prev INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    value BLOB
);
CREATE TABLE meta (name TEXT PRIMARY KEY, number INTEGER NOT NULL);
INSERT INTO meta VALUES ('compacted', 0), ('swept', 0);
"""

_EVENTS = """
SELECT log.rev, log.key, log.created, log.value, before.value, log.value IS NULL
FROM log LEFT JOIN log AS before ON before.rev = log.prev AND log.value IS NULL
WHERE log.rev > ? AND log.rev <= ? ORDER BY log.rev LIMIT ?
"""
_ROWS = """
SELECT rev, key, created, value IS NULL, expires FROM log WHERE rev > ? ORDER BY rev LIMIT ?
"""
# Of several writes of a key the oldest comes last and stays.
_REPLACED = "SELECT key, prev FROM log WHERE rev > ? AND rev <= ? ORDER BY rev DESC"


class Row(NamedTuple):
    """What the index needs of a row."""

    revision: int
    key: str
    created: int
    deleted: int
    expires: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far compaction is: readers are refused below `compacted`, rows dropped to `swept`."""

    compacted: int
    swept: int


class Database:
    """An opened and locked file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = _lock(path)
        try:
            self.writing = _connect(path)
            try:
                self.reading = _open(path, self.writing)
            except BaseException:
                self.writing.close()
                raise
        except BaseException as error:
            os.close(self._lock)
            if isinstance(error, sqlite3.Error):
                raise BadStore(f"cannot open the store {path}: {error}") from error
            raise

    def close(self) -> None:
        """Close both connections (the last one folds the WAL in), then let others open it."""
        self.reading.close()
        self.writing.close()
        os.close(self._lock)

    # --- reads --------------------------------------------------------------------------------

    def _fetch(self, query: str, parameters: Sequence[int] = ()) -> list[Any]:
        try:
            return self.reading.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(f"cannot read the store {self.path}: {error}") from error

    def progress(self) -> Progress:
        numbers = dict(self._fetch("SELECT name, number FROM meta"))
        return Progress(numbers["compacted"], numbers["swept"])

    def rows(self, after: int) -> list[Row]:
        """The next LOAD_ROWS rows without their values, oldest first."""
        return [Row(*row) for row in self._fetch(_ROWS, (after, LOAD_ROWS))]

    def values(self, revisions: Sequence[int]) -> list[KeyValue]:
        """The rows of these revisions, in any order; rows that are gone are left out."""
        marks = ",".join("?" * len(revisions))
        found = self._fetch(
            f"SELECT key, value, rev, created FROM log WHERE rev IN ({marks})",  # noqa: S608  only question marks go in
            revisions,
        )
        return [KeyValue(*row) for row in found]

    def value(self, revision: int) -> KeyValue | None:
        found = self._fetch("SELECT key, value, rev, created FROM log WHERE rev = ?", (revision,))
        return KeyValue(*found[0]) if found else None

    def events(self, after: int, until: int) -> list[Event]:
        """The first READ_ROWS events in (after, until]; a deletion brings the last value."""
        return [
            Event(EventType.DELETE, KeyValue(key, before or b"", revision, created))
            if deleted
            else Event(EventType.PUT, KeyValue(key, value, revision, created))
            for revision, key, created, value, before, deleted in self._fetch(
                _EVENTS, (after, until, READ_ROWS)
            )
        ]

    def replaced(self, after: int, until: int) -> dict[str, int]:
        """Keys written in (after, until] → the revision that each had at `after` (0: none)."""
        return dict(self._fetch(_REPLACED, (after, until)))


# --- opening -------------------------------------------------------------------------------------


def _lock(path: Path) -> int:
    """Hold PATH.lock until closed or dead; its content tells who."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        held = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadStore(f"cannot open the store {path}: {error.strerror}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.pread(held, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(held)
        raise BadStore(
            f"the store {path} is in use by another server (process {owner}): "
            "stop that one, or choose another data directory"
        ) from error
    os.ftruncate(held, 0)
    os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
    return held


def _connect(path: Path) -> sqlite3.Connection:
    # SQLite gives the WAL and its index the mode of the file: it must exist before.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def _open(path: Path, writing: sqlite3.Connection) -> sqlite3.Connection:
    """Check or make the format; the connection for reading."""
    # Takes effect in an empty file only: freed pages are given back in small steps.
    writing.execute("PRAGMA auto_vacuum = INCREMENTAL")
    version = writing.execute("PRAGMA user_version").fetchone()[0]
    application = writing.execute("PRAGMA application_id").fetchone()[0]
    tables = writing.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and application != APPLICATION:
        raise BadStore(f"{path} is a database of another program: choose another file")
    if version > FORMAT:
        raise BadStore(
            f"the store {path} has format {version}, this version of Bireme knows formats up to "
            f"{FORMAT}: use the newer version that wrote it, or choose another data directory"
        )
    writing.execute("PRAGMA journal_mode = WAL")
    writing.execute("PRAGMA synchronous = FULL")
    writing.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    if not tables:
        writing.executescript(
            f"BEGIN; {_SCHEMA} PRAGMA user_version = {FORMAT}; "
            f"PRAGMA application_id = {APPLICATION}; COMMIT;"
        )
    reading = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    reading.execute("PRAGMA query_only = ON")
    return reading
