"""The state on disk: one table of records in SQLite, written through.

Each `write` is one transaction that is on disk when it returns. Blocking: `journal` calls it in a
thread. Neighbours: `state` says what the records are.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from frameworks.marathon.table import Change

FORMAT = 1
"""Of the file: one that a later release has written is refused."""


class StoreError(Exception):
    """The file can't be used; the text says why and what to do."""


class Store:
    """Opened for one process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._migrate()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path} can't be used ({error}): name another file") from error

    def _migrate(self) -> None:
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            raise StoreError(f"{self._path} is of a later release (format {found}): use that one")
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS records"
            " (kind TEXT, id TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, id))"
        )
        self._db.execute(f"PRAGMA user_version={FORMAT}")
        self._db.execute("COMMIT")

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """All records, in the order in which they were first written."""
        yield from self._db.execute("SELECT kind, id, body FROM records ORDER BY rowid")

    def write(self, changes: Sequence[Change]) -> None:
        """Write or remove records; all of them or none."""
        gone = [(kind, key) for kind, key, body in changes if body is None]
        kept = [change for change in changes if change[2] is not None]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("DELETE FROM records WHERE kind=? AND id=?", gone)
            self._db.executemany(
                "INSERT INTO records VALUES (?, ?, ?)"
                " ON CONFLICT (kind, id) DO UPDATE SET body=excluded.body",
                kept,
            )
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
