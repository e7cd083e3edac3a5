"""Records of one kind by id, in memory, with a note of which have changed.

Neighbours: `state` has a table for each kind, `store` keeps the records as text.
"""

import json
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Change = tuple[str, str, str | None]
"""Kind, id, and the record as text; None where it is gone."""


class Table(MutableMapping[str, T], Generic[T]):
    """Records of one kind by id; remembers which have changed."""

    def __init__(
        self,
        kind: str,
        write: Callable[[T], Any],
        read: Callable[[Any], T],
        changed: set[tuple[str, str]],
    ) -> None:
        self.kind, self.read = kind, read
        self._write = write
        self._rows: dict[str, T] = {}
        self._changed = changed

    def __getitem__(self, key: str) -> T:
        return self._rows[key]

    def __setitem__(self, key: str, value: T) -> None:
        self._rows[key] = value
        self._changed.add((self.kind, key))

    def __delitem__(self, key: str) -> None:
        del self._rows[key]
        self._changed.add((self.kind, key))

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def load(self, key: str, text: str) -> None:
        """Take a record that is stored already."""
        self._rows[key] = self.read(json.loads(text))

    def text(self, key: str) -> str | None:
        row = self._rows.get(key)
        return None if row is None else json.dumps(self._write(row), separators=(",", ":"))
