"""Fan-out of container exits to subscribers, used by all drivers.

Bounded without losing anything: a subscriber's backlog is keyed by container id, and a container
exits once, so it is never longer than the node's containers.
"""

import asyncio
from collections.abc import AsyncIterator

from kubelet.runtime.interface import ContainerExited


class ExitEvents:
    """Publish synchronously, subscribe by iterating. Lives on one event loop."""

    def __init__(self) -> None:
        self._subscribers: set[_Backlog] = set()

    def publish(self, event: ContainerExited) -> None:
        for subscriber in self._subscribers:
            subscriber.add(event)

    def subscribe(self) -> AsyncIterator[ContainerExited]:
        """Events from this call on, not from the first `__anext__` on."""
        backlog = _Backlog()
        self._subscribers.add(backlog)
        return self._drain(backlog)

    async def _drain(self, backlog: "_Backlog") -> AsyncIterator[ContainerExited]:
        try:
            while True:
                yield await backlog.take()
        finally:
            self._subscribers.discard(backlog)


class _Backlog:
    """What one subscriber has not taken yet."""

    def __init__(self) -> None:
        self._pending: dict[str, ContainerExited] = {}
        self._wake = asyncio.Event()

    def add(self, event: ContainerExited) -> None:
        self._pending[event.container_id] = event
        self._wake.set()

    async def take(self) -> ContainerExited:
        while not self._pending:
            self._wake.clear()
            await self._wake.wait()
        oldest = next(iter(self._pending))
        return self._pending.pop(oldest)
