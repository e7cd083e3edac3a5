"""The one shape of a control loop: keys come in, `reconcile(key)` makes them so, failures return.

A controller's handlers put keys into its queue and nothing else; `reconcile` looks at the present
state of that key, decides by a pure plan, and acts. It is idempotent and may run at any time.
What it raises decides only how the failure is reported: the key comes again in every case.

Neighbours: `client.workqueue` below, `controllers.manager` above, one folder per controller.
"""

import abc
import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from apimachinery import status
from apimachinery.aio import clock as clocks
from apimachinery.client import events, rest, workqueue
from controllers import informers

LOG = logging.getLogger(__name__)

T = TypeVar("T")

WORKERS = 8
"""Keys of one controller in work at a time: they mostly wait for the server."""

LOUD_AFTER = 5
"""Failures of one key in a row before they are worth a warning: conflicts pass by themselves."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every controller is given."""

    client: rest.Client
    informers: informers.Informers
    recorder: events.Recorder
    clock: clocks.Clock


class Controller(abc.ABC):
    """A queue of keys and the workers that reconcile them."""

    name: str
    workers: int = WORKERS

    def __init__(self, context: Context) -> None:
        self.context = context
        self.client = context.client
        self.queue = workqueue.WorkQueue()

    @abc.abstractmethod
    async def reconcile(self, key: str) -> None:
        """Make the world agree with `key`'s object, or take one step and return."""

    async def run(self) -> None:
        """Work until cancelled. Call when the mirrors are complete."""
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self.workers):
                    group.create_task(self._work(), name=f"{self.name} {number}")
        finally:
            self.queue.close()

    async def _work(self) -> None:
        while (key := await self.queue.get()) is not None:
            try:
                await self.reconcile(key)
            except Exception as error:  # noqa: BLE001  whatever failed, the key comes again
                self._failed(key, error)
            else:
                self.queue.forget(key)
            finally:
                self.queue.done(key)

    def _failed(self, key: str, error: Exception) -> None:
        delay = self.queue.retry(key)
        if not isinstance(error, status.ApiError):
            LOG.error("%s: a bug met %s, again in %.1f s", self.name, key, delay, exc_info=error)
            return
        loud = self.queue.failures(key) >= LOUD_AFTER
        LOG.log(
            logging.WARNING if loud else logging.INFO,
            "%s: %s failed, again in %.1f s: %s",
            self.name,
            key,
            delay,
            error.message,
        )


async def slow_start(
    items: Sequence[T], act: Callable[[T], Awaitable[None]], *, initial: int = 1
) -> int:
    """Act on items in parallel batches of 1, 2, 4, 8 …; stop after a batch with a failure.

    If the server refuses (quota, admission), it refuses once and not five hundred times. Answers
    how many items were tried; raises the first failure of the batch that had one.
    """
    done, size = 0, initial
    while done < len(items):
        batch = items[done : done + size]
        outcomes = await asyncio.gather(*map(act, batch), return_exceptions=True)
        done += len(batch)
        size *= 2
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
    return done


async def in_parallel(items: Sequence[T], act: Callable[[T], Awaitable[None]]) -> None:
    """Act on all items at once; raise the first failure when all are through."""
    outcomes = await asyncio.gather(*map(act, items), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
