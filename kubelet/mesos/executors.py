"""All custom executors of one node: a mirror of their objects, and the writer of their status.

An executor's update is in its object before it is answered, so nothing that was taken is lost
with this agent. Neighbours: `executor` decides, `server` has the connections.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from apimachinery import meta, scheme
from apimachinery import status as errors
from apimachinery.aio.clock import Clock
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.client.workqueue import WorkQueue
from apimachinery.wire import JsonObject
from kubelet.mesos.executor import Executor

LOG = logging.getLogger(__name__)

WRITERS = 4
"""Executors whose status is written at once."""
SAVE_S = 5.0
"""An answer waits so long for the API server: clients give up after ten seconds."""


class Line(Protocol):
    """An executor's open connection. Calls never wait."""

    def send(self, event: JsonObject, /) -> None: ...
    def end(self) -> None: ...


@dataclass(slots=True)
class _Entry:
    executor: Executor
    saved: asyncio.Event
    line: Line | None = None


class Executors:
    """See the module's docstring."""

    def __init__(self, client: Client, node: str, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._entries: dict[str, _Entry] = {}
        self._queue = WorkQueue()
        self._mirror: Informer[JsonObject] = Informer(
            client, scheme.EXECUTORS, lambda obj: obj, field_selector=f"spec.agentID={node}"
        )
        self._mirror.add_handler(self._changed)
        self.recovered = False
        """False until it is known which executors there are."""

    async def run(self) -> None:
        """Follow and write until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._mirror.run())
            for _ in range(WRITERS):
                group.create_task(self._write())
            await self._mirror.synced()
            self.recovered = True

    def all(self) -> Iterable[Executor]:
        return [entry.executor for entry in self._entries.values()]

    def find(self, framework_id: str, executor_id: str) -> Executor | None:
        """The newest of these ids: an older one may be ending still."""
        found = [
            entry.executor
            for entry in self._entries.values()
            if (entry.executor.framework_id, entry.executor.id) == (framework_id, executor_id)
        ]
        return found[-1] if found else None

    # --- the connections' side

    def connect(
        self, executor: Executor, line: Line, subscribed: JsonObject, call: JsonObject
    ) -> None:
        """A subscription: its first event, then whatever is due."""
        entry = self._entries[executor.key]
        if entry.line is not None:
            entry.line.end()
        entry.line = line
        line.send(subscribed)
        events = executor.subscribe(
            call.get("unacknowledged_tasks") or (),
            call.get("unacknowledged_updates") or (),
            meta.format_micro_time(self._clock.now()),
        )
        self._send(entry, events)

    def disconnect(self, executor: Executor, line: Line) -> None:
        entry = self._entries.get(executor.key)
        if entry is not None and entry.line is line:
            entry.line = None
            executor.disconnect()
            self._queue.add(executor.key)

    async def save(self, executor: Executor) -> None:
        """Until what the executor said is in its object, or for a while."""
        entry = self._entries[executor.key]
        wanted = executor.version
        self._queue.add(executor.key)
        try:
            async with asyncio.timeout(SAVE_S):
                while executor.written < wanted and executor.key in self._entries:
                    await entry.saved.wait()
        except TimeoutError:
            LOG.warning("executor=%s not written yet: the API server is away", executor.key)

    # --- the master's side

    def _changed(self, key: str, old: JsonObject | None, new: JsonObject | None) -> None:
        del old
        entry = self._entries.get(key)
        if new is None:
            if entry is not None:
                del self._entries[key]
                entry.saved.set()
                if entry.line is not None:
                    entry.line.end()
            return
        if entry is None:
            executor = Executor(key, new["spec"])
            executor.resume(new.get("status") or {})
            entry = self._entries[key] = _Entry(executor, asyncio.Event())
        self._send(entry, entry.executor.follow(new["spec"]))

    def _send(self, entry: _Entry, events: list[JsonObject]) -> None:
        if entry.line is not None:
            for event in events:
                entry.line.send(event)
        if entry.executor.version > entry.executor.written:
            self._queue.add(entry.executor.key)

    async def _write(self) -> None:
        while (key := await self._queue.get()) is not None:
            try:
                await self._write_one(key)
            except errors.ApiError as error:
                LOG.info("executor=%s: %s", key, error.message)
                self._queue.retry(key)
            else:
                self._queue.forget(key)
            finally:
                self._queue.done(key)

    async def _write_one(self, key: str) -> None:
        entry = self._entries.get(key)
        if entry is None or entry.executor.written >= entry.executor.version:
            return
        executor, version = entry.executor, entry.executor.version
        namespace, _, name = key.partition("/")
        patch = {"status": executor.status()}
        # One that ended meanwhile is gone: the mirror will tell.
        with contextlib.suppress(errors.NotFound):
            await self._client.patch(
                scheme.EXECUTORS, name, patch, namespace, kind="merge", subresource="status"
            )
        executor.written = version
        entry.saved.set()
        entry.saved = asyncio.Event()
