"""The operating system's randomness, fetched a page at a time.

A call of `os.urandom` is a system call of some 5 µs, and a create needs two: a uid and the suffix
of a name. Neighbours: `apiserver.registry` and admission draw from it. Not for keys and tokens:
those are few, and ask the system themselves.
"""

import os
import random
import uuid

PAGE = 4096
"""Bytes fetched at once: for 200 objects."""


class _Pool:
    def __init__(self) -> None:
        self._page = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        """Bytes that nobody has been given before."""
        if self._at + count > len(self._page):
            self._page, self._at = os.urandom(max(PAGE, count)), 0
        start, self._at = self._at, self._at + count
        return self._page[start : self._at]


_POOL = _Pool()


def uid() -> str:
    """A new object's uid: a random UUID."""
    return str(uuid.UUID(bytes=_POOL.take(16), version=4))


class Entropy(random.SystemRandom):
    """`random.SystemRandom` over the pool."""

    def getrandbits(self, k: int, /) -> int:
        count = (k + 7) // 8
        return int.from_bytes(_POOL.take(count)) >> (count * 8 - k)

    def random(self) -> float:
        return self.getrandbits(53) * 2.0**-53
