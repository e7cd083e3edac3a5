"""Gives memory back to the system when the objects that it held are gone.

The C library keeps what Python frees for the next request of the same size; after the deletion
of 20,000 pods that were 150 MB. Neighbours: the cache's `freed` tells when there is something to
give back. Elsewhere than on glibc nothing is done.
"""

import asyncio
import logging
from functools import cache
from typing import Any

from apiserver.cache import WatchCache

LOG = logging.getLogger(__name__)

WORTH = 16 * 1024 * 1024
"""Free bytes below which the walk is saved: steady writes use them again."""


AFTERWARDS_SECONDS = 3.0
"""Answers and followers hold what was deleted a little longer than the history."""

MALLINFO2 = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd",
    "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
)  # fmt: skip
"""The fields of glibc's `struct mallinfo2`, each a size_t."""


async def run(watched: WatchCache) -> None:
    """Until cancelled: give back when enough old states have gone, and what follows them."""
    while True:
        await watched.freed.wait()
        give_back()
        await asyncio.sleep(AFTERWARDS_SECONDS)
        give_back()


def give_back() -> None:
    """Return whole free pages: 1 ms for 10 MB. In the loop, since it locks the allocator."""
    libc = _libc()
    if libc is not None and libc.mallinfo2().fordblks >= WORTH:
        libc.malloc_trim(0)


@cache
def _libc() -> Any:
    """The C library, None where it lacks what is needed (glibc before 2.33, musl)."""
    import ctypes  # not at start-up: 3 ms

    class Info(ctypes.Structure):
        _fields_ = tuple((name, ctypes.c_size_t) for name in MALLINFO2)

    libc = ctypes.CDLL(None)
    try:
        libc.mallinfo2.restype = Info
        libc.malloc_trim.argtypes = [ctypes.c_size_t]
    except AttributeError:
        LOG.info("this C library cannot give memory back")
        return None
    return libc
