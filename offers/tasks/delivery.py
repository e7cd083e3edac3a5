"""Status updates on their way to frameworks: one of a task at a time, again until acknowledged.

Neighbours: `record` orders a task's updates and says what is pending; `service` writes them down
before they are sent here. Nothing is kept: a new master sends what its Task objects tell.
"""

import asyncio
from collections.abc import Callable

from apimachinery.aio.backoff import Backoff
from offers.framework import Framework
from offers.tasks.record import Task

RETRY = Backoff(initial=10.0, maximum=600.0, jitter=0.0)
"""Mesos' own: 10 s, doubling to 10 minutes."""


class Deliveries:
    """Sends the first pending update of each task."""

    def __init__(self, framework: Callable[[str], Framework | None]) -> None:
        self._framework = framework
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._sent: dict[tuple[str, str], tuple[str, int]] = {}
        """Task → uuid of the update that was sent last, and how often."""

    def send(self, task: Task) -> None:
        """Send what is first in line, unless it is on its way already."""
        if task.pending and self._sent.get(_key(task), ("", 0))[0] != task.pending[0]["uuid"]:
            self._attempt(task)

    def again(self, task: Task) -> None:
        """Send what is first in line, whatever was sent on an earlier connection."""
        self._sent.pop(_key(task), None)
        if task.pending and task.written >= task.sequence - len(task.pending) + 1:
            self._attempt(task)

    def acknowledged(self, task: Task) -> None:
        """The first has arrived: the next one's turn, if it is on record."""
        self.forget(task)
        if task.pending and task.written >= task.sequence:
            self._attempt(task)

    def forget(self, task: Task) -> None:
        if (timer := self._timers.pop(_key(task), None)) is not None:
            timer.cancel()
        self._sent.pop(_key(task), None)

    def _attempt(self, task: Task) -> None:
        key = _key(task)
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        framework = self._framework(task.framework_id)
        if not task.pending or framework is None:
            return
        update = task.pending[0]
        if not framework.send({"type": "UPDATE", "update": {"status": update}}):
            self._sent.pop(key, None)
            return  # it will be sent when the framework is back
        task.forwarded = update
        last, count = self._sent.get(key, ("", 0))
        count = count + 1 if last == update["uuid"] else 0
        self._sent[key] = (update["uuid"], count)
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(RETRY.delay(count), self._attempt, task)


def _key(task: Task) -> tuple[str, str]:
    return task.framework_id, task.task_id
