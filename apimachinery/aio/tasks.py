"""Long-lived tasks that nobody can lose: started in a group, named, logged, restarted.

`Supervisor` is an `asyncio.TaskGroup` with two kinds of task. `start`: its failure is a bug and
takes the whole group down. `keep`: its failure is an operating error; it is logged and the task
runs again after a delay. Neighbours: `aio.backoff` for the delays. No knowledge of what runs.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from apimachinery.aio import backoff as backoffs

LOG = logging.getLogger(__name__)

STEADY_SECONDS = 60.0
"""A task that ran this long before it failed starts its delays from the beginning."""


class Supervisor:
    """A task group that can be stopped from inside and restarts what may fail."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.stop()
        await self._group.__aexit__(kind, error, traceback)

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run `work` once. If it raises, the group is cancelled and raises too."""
        task = self._group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def keep(
        self,
        factory: Callable[[], Awaitable[Any]],
        *,
        name: str,
        backoff: backoffs.Backoff = backoffs.RECONNECT,
    ) -> asyncio.Task[Any]:
        """Run `factory()` again and again while it fails; done when it returns."""
        return self.start(keep_running(factory, name=name, backoff=backoff), name=name)

    def stop(self) -> None:
        """Cancel every task of the group; leaving the `async with` then waits for them."""
        for task in tuple(self._tasks):
            task.cancel()


async def keep_running(
    factory: Callable[[], Awaitable[Any]],
    *,
    name: str,
    backoff: backoffs.Backoff = backoffs.RECONNECT,
) -> None:
    """Await `factory()` until it returns; after an exception log it, wait, and try again."""
    loop = asyncio.get_running_loop()
    attempt = 0
    while True:
        began = loop.time()
        try:
            await factory()
        except Exception as error:
            if loop.time() - began > STEADY_SECONDS:
                attempt = 0
            delay = backoff.delay(attempt)
            attempt += 1
            LOG.warning("%s failed, again in %.1f s: %r", name, delay, error, exc_info=error)
            await asyncio.sleep(delay)
        else:
            return


async def stop(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended; an error of their own is raised."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
