"""Sorted entries in blocks, so that an insert is cheap and a frozen copy costs next to nothing.

A `View` is an immutable state that shares its blocks with the `Blocks` it was taken from; a
write copies the one block that it touches, if a view holds it. A page of a list at 150,000
objects costs what the page holds. Neighbours: `shelf` keeps one per resource. Keys are those of
`Entry.key`; nothing here knows what they mean.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from apiserver.cache.entry import Entry

BLOCK_MAX = 512
"""Entries in a block: a copy takes some microseconds, 150,000 objects make 300–600 blocks."""

LAST = "\U0010ffff"
"""Sorts after every key: the end of an unbounded range."""


class _Block:
    __slots__ = ("entries", "epoch", "keys")

    def __init__(self, keys: list[str], entries: list[Entry], epoch: int) -> None:
        self.keys = keys
        self.entries = entries
        self.epoch = epoch
        """Blocks of an older epoch belong to a view too and are copied before a write."""


class View:
    """Entries in key order; ranges are [first, end) on keys."""

    def __init__(self, blocks: list[_Block], maxima: list[str]) -> None:
        self._blocks = blocks
        self._maxima = maxima
        """The greatest key of each block; no block is empty."""

    def entries(self, first: str = "", end: str = LAST) -> list[Entry]:
        """Everything in a range, at once."""
        found: list[Entry] = []
        for part in self.parts(first, end):
            found += part
        return found

    def parts(self, first: str = "", end: str = LAST) -> Iterator[list[Entry]]:
        """A range in pieces of at most a block."""
        for index in range(bisect_left(self._maxima, first), len(self._blocks)):
            block = self._blocks[index]
            start = bisect_left(block.keys, first) if block.keys[0] < first else 0
            stop = len(block.keys)
            if block.keys[-1] >= end:
                stop = bisect_left(block.keys, end)
            if start < stop:
                yield block.entries[start:stop]
            if stop < len(block.keys):
                return

    def page(self, first: str, end: str, limit: int) -> list[Entry]:
        """The first entries of a range, one more than `limit` if there is one."""
        found: list[Entry] = []
        for part in self.parts(first, end):
            found += part
            if len(found) > limit:
                return found[: limit + 1]
        return found

    def count(self, first: str = "", end: str = LAST) -> int:
        """How many entries lie in a range, without touching them."""
        return self._rank(end) - self._rank(first)

    def _rank(self, key: str) -> int:
        """How many keys are less than `key`."""
        index = bisect_left(self._maxima, key)
        before = sum([len(block.keys) for block in self._blocks[:index]])
        if index == len(self._blocks):
            return before
        return before + bisect_left(self._blocks[index].keys, key)


class Blocks(View):
    """The changing side: `put` and `remove`, and `freeze` for a view of now."""

    def __init__(self) -> None:
        super().__init__([], [])
        self._epoch = 0

    @classmethod
    def thaw(cls, view: View) -> "Blocks":
        """A changing copy of a view, sharing its blocks until they are written."""
        copy = cls()
        copy._blocks = list(view._blocks)
        copy._maxima = list(view._maxima)
        copy._epoch = max((block.epoch for block in view._blocks), default=0) + 1
        return copy

    def freeze(self) -> View:
        self._epoch += 1
        return View(list(self._blocks), list(self._maxima))

    def put(self, key: str, entry: Entry) -> None:
        """Insert or replace."""
        if not self._blocks:
            self._blocks.append(_Block([key], [entry], self._epoch))
            self._maxima.append(key)
            return
        index = min(bisect_left(self._maxima, key), len(self._blocks) - 1)
        block = self._own(index)
        at = bisect_left(block.keys, key)
        if at < len(block.keys) and block.keys[at] == key:
            block.entries[at] = entry
            return
        block.keys.insert(at, key)
        block.entries.insert(at, entry)
        self._maxima[index] = block.keys[-1]
        if len(block.keys) > BLOCK_MAX:
            self._split(index, appending=at == BLOCK_MAX)

    def remove(self, key: str) -> None:
        """Remove a key that is there."""
        index = bisect_left(self._maxima, key)
        block = self._own(index)
        at = bisect_right(block.keys, key) - 1
        assert block.keys[at] == key, f"{key} is not here"
        del block.keys[at]
        del block.entries[at]
        if block.keys:
            self._maxima[index] = block.keys[-1]
        else:
            del self._blocks[index]
            del self._maxima[index]

    def _own(self, index: int) -> _Block:
        block = self._blocks[index]
        if block.epoch != self._epoch:
            block = _Block(list(block.keys), list(block.entries), self._epoch)
            self._blocks[index] = block
        return block

    def _split(self, index: int, *, appending: bool) -> None:
        """In the middle; at the end for keys that arrive in order, so that blocks stay full."""
        block = self._blocks[index]
        at = BLOCK_MAX if appending else len(block.keys) // 2
        tail = _Block(block.keys[at:], block.entries[at:], self._epoch)
        del block.keys[at:]
        del block.entries[at:]
        self._blocks.insert(index + 1, tail)
        self._maxima[index] = block.keys[-1]
        self._maxima.insert(index + 1, tail.keys[-1])
