"""Writes the state's changes: many waiters, one transaction.

`written()` returns when all that was changed before is on disk. A write that fails ends the
framework: what is in memory is then ahead of the disk, and a restart is the way back. Neighbours:
`state` notes the changes, `store` writes them.
"""

import asyncio
from collections.abc import Sequence

from frameworks.marathon.state import State
from frameworks.marathon.store import Store
from frameworks.marathon.table import Change


class Journal:
    """One state's writer."""

    def __init__(self, state: State, store: Store) -> None:
        self._state, self._store = state, store
        self._wanted = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            waiting, self._waiting = self._waiting, []
            changes = self._state.flush()
            if changes:
                await self._write(changes)
            for one in waiting:
                if not one.done():
                    one.set_result(None)

    async def _write(self, changes: Sequence[Change]) -> None:
        """A write that has begun ends, even if its waiter is cancelled: then the file is closed."""
        writing = asyncio.get_running_loop().run_in_executor(None, self._store.write, changes)
        try:
            await asyncio.shield(writing)
        finally:
            if not writing.done():
                await writing

    async def written(self) -> None:
        """Wait until all changes up to now are on disk."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._wanted.set()
        await done
