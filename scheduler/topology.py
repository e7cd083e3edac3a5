"""The values of node labels as numbers per row, so that domains are compared as arrays. Pure.

A label key gets its column when a pod first asks for it. Neighbours: `snapshot` owns the columns
and tells them of every node; `filters` read them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

KEYS_MAX = 64
"""Label keys with a column; the one asked for longest ago goes first."""
STALE_MIN = 1024
"""A column with this many values more than rows (nodes came and went) is made anew."""


class Column:
    """One label key: per row the number of its value, -1 where a node has none."""

    def __init__(self, rows: int) -> None:
        self.numbers: dict[str, int] = {}
        """Value → number. Values that no node has any more may still be there."""
        self.codes: npt.NDArray[np.int64] = np.full(rows, -1)

    def set(self, row: int, value: str | None) -> None:
        """What a row's node has now."""
        numbers = self.numbers
        self.codes[row] = -1 if value is None else numbers.setdefault(value, len(numbers))

    def rows_with(self, values: Iterable[str]) -> npt.NDArray[np.bool_]:
        """The rows that have one of the values."""
        wanted = np.zeros(len(self.numbers) + 1, np.bool_)
        for value in values:
            wanted[self.numbers.get(value, -1)] = True
        wanted[-1] = False
        found: npt.NDArray[np.bool_] = wanted[self.codes]
        return found

    def domains(self, rows: npt.NDArray[np.int64]) -> int:
        """How many values there are among these rows."""
        return int(np.count_nonzero(np.bincount(self.codes[rows] + 1)[1:]))

    def sums(self, counts: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Counts added up by domain; the last entry is for no domain and always 0."""
        placed = self.codes >= 0
        whole = np.bincount(
            self.codes[placed], weights=counts[placed], minlength=len(self.numbers) + 1
        )
        return whole.astype(np.int64)


class Columns:
    """The columns of the label keys in use."""

    def __init__(self) -> None:
        self._by_key: dict[str, Column] = {}

    def column(self, key: str, nodes: Iterable[tuple[int, Mapping[str, str]]], rows: int) -> Column:
        """A key's column; `nodes` (row, labels) are only gone through to make it."""
        column = self._by_key.pop(key, None)
        if column is None or len(column.numbers) > rows + STALE_MIN:
            column = Column(rows)
            for row, labels in nodes:
                column.set(row, labels.get(key))
            while len(self._by_key) >= KEYS_MAX:
                del self._by_key[next(iter(self._by_key))]
        self._by_key[key] = column
        return column

    def set(self, row: int, labels: Mapping[str, str]) -> None:
        """A row's node has these labels now (none: there is no node)."""
        for key, column in self._by_key.items():
            column.set(row, labels.get(key))

    def clear(self) -> None:
        """The number of rows has changed."""
        self._by_key.clear()
