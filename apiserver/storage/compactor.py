"""Keeps the store's past short: what was replaced some minutes ago is forgotten.

The watch cache serves the past that clients ask for; the store's own is needed only by a cache
that lost its watch for a moment, and by other API servers. So everything older than one interval
goes, and under heavy writes sooner. Neighbours: the cache's follower tells the revision as it
moves. Several API servers on one etcd each run one: the later of two finds nothing to do.
"""

import asyncio
import logging
from collections.abc import Callable

from apiserver.storage import errors
from apiserver.storage.interface import Store

LOG = logging.getLogger(__name__)

INTERVAL_SECONDS = 300.0
"""Kubernetes' interval."""
REVISIONS_MAX = 50_000
"""Of the past; beyond it compaction does not wait for the interval: at 5,000 writes a second the
log would grow by a gigabyte a minute."""
REVISIONS_KEPT = 10_000
"""What such an early compaction leaves: seconds of heavy writes, enough to resume a watch."""


class Compactor:
    """`run` until cancelled; `note` every revision."""

    def __init__(self, store: Store, forgotten: Callable[[int], None]) -> None:
        """`forgotten` is told up to which revision nobody needs the past any more."""
        self._store = store
        self._forgotten = forgotten
        self._revision = 0
        self._compacted = 0
        self._full = asyncio.Event()

    def note(self, revision: int) -> None:
        self._revision = revision
        if revision - self._compacted > REVISIONS_MAX:
            self._full.set()

    async def run(self) -> None:
        self._compacted = self._revision
        while True:
            before = self._revision
            try:
                async with asyncio.timeout(INTERVAL_SECONDS):
                    await self._full.wait()
                target = self._revision - REVISIONS_KEPT
            except TimeoutError:
                target = before
            if target > self._compacted:
                await self._compact(target)
            self._full.clear()

    async def _compact(self, revision: int) -> None:
        # Set first: a store in trouble is asked again at the next turn, not at once.
        self._compacted = revision
        self._forgotten(revision)
        try:
            await self._store.compact(revision)
        except errors.Compacted:
            return  # another server was here
        except errors.StoreError as error:
            LOG.warning("cannot compact the store to revision %d: %s", revision, error)
