"""Leases for keys with a ttl, shared: a thousand events of one minute hang on one lease.

Keys on a shared lease expire up to a minute late, which the contract allows. Neighbours: `store`
attaches them to puts, `client` grants them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

SHARE_SECONDS_MAX = 60.0
"""A lease takes keys for this long at most, and for a twentieth of its ttl at most: it is granted
for that much longer, so that the last key lives its time."""
SHARE_KEYS_MAX = 1000
"""Keys on one lease: when it ends, etcd deletes them in one transaction."""


@dataclass(slots=True)
class _Lease:
    id: int
    until: float
    """Loop time until which it takes keys."""
    keys: int = 0


class Leases:
    """The open lease of each ttl."""

    def __init__(self, grant: Callable[[int], Awaitable[int]]) -> None:
        """`grant` asks etcd for a lease of so many seconds; its id."""
        self._grant = grant
        self._open: dict[int, _Lease] = {}
        self._granting = asyncio.Lock()

    async def lease_for(self, ttl: int) -> int:
        """A lease on which a key lives for at least `ttl` seconds."""
        async with self._granting:
            found = self._open.get(ttl)
            now = asyncio.get_running_loop().time()
            if found is None or found.until < now or found.keys >= SHARE_KEYS_MAX:
                window = int(min(SHARE_SECONDS_MAX, ttl / 20))
                found = self._open[ttl] = _Lease(await self._grant(ttl + window), now + window)
            found.keys += 1
            return found.id

    def forget(self, lease: int) -> None:
        """A lease that etcd does not know any more."""
        self._open = {ttl: one for ttl, one in self._open.items() if one.id != lease}
