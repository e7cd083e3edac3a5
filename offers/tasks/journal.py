"""Tasks in the API: their objects made, brought up to date, deleted.

A Task object is written before what it tells is acted on. Neighbours: `record` says what is
written; `service` and `executors` say when.
"""

import contextlib
from collections.abc import Callable, Iterable

from apimachinery import scheme, status
from apimachinery.client.rest import Client
from offers.framework import Framework
from offers.tasks.record import Task


class Journal:
    """Writes Task objects."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.on_added: Callable[[Task], None] = lambda _: None
        self.on_updated: Callable[[Task], None] = lambda _: None

    async def create(self, tasks: Iterable[Task], framework: Framework) -> None:
        """The records of those that have none yet, before anything runs."""
        for task in tasks:
            if not task.stored:
                await self._create(task, framework)

    async def _create(self, task: Task, framework: Framework) -> None:
        obj = task.to_object(framework.owner)
        try:
            await self._client.create(scheme.TASKS, obj)
        except status.AlreadyExists:
            # Of an earlier task with this id, which is over.
            with contextlib.suppress(status.NotFound):
                await self._client.delete(scheme.TASKS, task.name, task.namespace)
            await self._client.create(scheme.TASKS, obj)
        task.stored = True
        self.on_added(task)

    async def update(self, tasks: Iterable[Task]) -> bool:
        """Write what is news; whether there was any."""
        news = False
        for task in tasks:
            wanted = (task.sequence, len(task.pending))
            if (task.written, task.written_pending) == wanted or (task.over and not task.pending):
                continue
            patch = {"status": task.stored_status()}
            await self._client.patch(
                scheme.TASKS, task.name, patch, task.namespace, kind="merge", subresource="status"
            )
            if task.written != task.sequence:
                news = True
                self.on_updated(task)
            task.written, task.written_pending = wanted
        return news

    async def doom(self, tasks: Iterable[Task]) -> None:
        """The kill, before it is done."""
        for task in tasks:
            if task.kill and not task.over:
                await self._client.patch(
                    scheme.TASKS, task.name, {"spec": {"kill": True}}, task.namespace, kind="merge"
                )

    async def delete(self, task: Task) -> None:
        if task.stored:
            with contextlib.suppress(status.NotFound):
                await self._client.delete(scheme.TASKS, task.name, task.namespace)
