"""Fences: writes that hold only while their writer's term as a leader lasts.

A leader names its Lease and its epoch (the Lease's `leaseTransitions`) in a header of each write.
The write is done in the store only if the Lease is as it was when its epoch was compared here, in
the same step; where it was renewed meanwhile, it is compared again. So a leader that was paused, or
cut off, while another one took over can write nothing more. Neighbours: `generic` and `deletion`
write through here; `apimachinery.client.rest` sends the header.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import orjson

from apimachinery import scheme, status
from apimachinery.wire import FENCE
from apiserver.cache import WatchCache
from apiserver.storage import keys
from apiserver.storage.errors import GuardFailed
from apiserver.storage.interface import Guard

T = TypeVar("T")

ATTEMPTS = 20
"""A Lease is renewed every few seconds: to lose this race twice takes a very slow store."""


@dataclass(frozen=True, slots=True)
class Fence:
    """A term: the Lease and its epoch."""

    namespace: str
    name: str
    epoch: int

    def over(self, detail: str) -> status.Conflict:
        """The error of a write that came too late."""
        lease = f"{self.namespace}/{self.name}"
        return status.conflict(
            "leases", self.name, f"term {self.epoch} of lease {lease} is over: {detail}",
            "coordination.k8s.io",
        )  # fmt: skip


def read(header: str) -> Fence | None:
    """What a request says: `namespace/name/epoch`; None without a header."""
    if not header:
        return None
    parts = header.split("/")
    if len(parts) != 3 or not all(parts) or not (parts[2].isascii() and parts[2].isdecimal()):
        raise status.bad_request(f"{FENCE}: {header[:100]!r} is not namespace/name/epoch")
    return Fence(parts[0], parts[1], int(parts[2]))


async def within(
    fence: Fence | None, cache: WatchCache, write: Callable[[Guard | None], Awaitable[T]]
) -> T:
    """Do a write under its fence, if it has one. Raises Conflict when the term is over."""
    if fence is None:
        return await write(None)
    for _ in range(ATTEMPTS):
        guard = _guard(fence, cache)
        try:
            return await write(guard)
        except GuardFailed as problem:
            if not problem.actual:
                raise fence.over("the lease is gone") from problem
            await cache.wait_for(problem.actual)
    raise fence.over("the lease changes too fast")


def _guard(fence: Fence, cache: WatchCache) -> Guard:
    """The Lease as this server knows it; what it does not know yet, the store's check finds."""
    entry = cache.get(scheme.LEASES, fence.namespace, fence.name)
    if entry is None:
        raise fence.over("there is no such lease")
    epoch = (orjson.loads(entry.raw).get("spec") or {}).get("leaseTransitions") or 0
    if epoch != fence.epoch:
        raise fence.over(f"term {epoch} has begun")
    key = keys.object_key(scheme.LEASES.group, scheme.LEASES.plural, fence.namespace, fence.name)
    return Guard(key, entry.revision)
