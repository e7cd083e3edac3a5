"""Which rows changed, in order: so that what was computed per row is mended, not made anew. Pure.

Whoever keeps something per row remembers the version at which it was true, and later asks for the
rows noted since. Neighbours: `snapshot` notes, `placement` mends its masks and scores.
"""

NOTES_MAX = 8192
"""Older notes are dropped: who is that far behind is better off to compute all rows."""


class Journal:
    """Row numbers with consecutive versions."""

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._first = 0
        """The version before the first note that is kept."""

    @property
    def version(self) -> int:
        return self._first + len(self._rows)

    def note(self, row: int) -> None:
        """A row has changed."""
        if len(self._rows) >= NOTES_MAX:
            del self._rows[: NOTES_MAX // 2]
            self._first += NOTES_MAX // 2
        self._rows.append(row)

    def since(self, version: int) -> list[int] | None:
        """The rows noted after a version; None if that is too long ago to say."""
        if version < self._first:
            return None
        return self._rows[version - self._first :]
