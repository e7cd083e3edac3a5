"""Keeps the scheme as the stored definitions say, and empties resources whose definition goes.

`load` before the first request; `run` then follows the definitions, for those that other servers
of the same store have written and for deletions: the objects of a resource are deleted first, then
the definition's finalizer is taken away. Neighbours: `apiserver.registry.definitions` (rows,
status), `apiserver.server` (starts it).
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from apimachinery import scheme, status, wire
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.registry import deletion
from apiserver.registry.definitions import CLEANUP, Rows, rows_of
from apiserver.registry.strategy import Context

LOG = logging.getLogger(__name__)

USER = wire.UserInfo("system:apiserver", groups=("system:masters",))
SLICE = 50
"""Objects deleted in a row before others may run."""


class CustomResources:
    """See the module."""

    def __init__(self, core: Core, rows: Rows) -> None:
        self._core = core
        self._rows = rows
        self._emptying: dict[str, asyncio.Task[None]] = {}
        rows.on_change = self._index
        rows.on_remove = core.cache.finish

    def load(self) -> None:
        """Make the rows of all stored definitions."""
        for entry in self._core.cache.list(scheme.CUSTOMRESOURCEDEFINITIONS).entries:
            self._apply(entry)

    def _apply(self, entry: Entry) -> None:
        """One definition that cannot be used must not keep the others, or the server, from work."""
        try:
            self._rows.apply(entry.parse(), entry.revision)
        except Exception:
            LOG.exception("the definition %s is left out: it cannot be used", entry.name)

    async def run(self) -> None:
        """Follow the definitions until cancelled."""
        try:
            while True:
                async with self._core.cache.watch(scheme.CUSTOMRESOURCEDEFINITIONS) as watcher:
                    self._forget()
                    async for batch in watcher:
                        for item in batch:
                            if item.entry is not None:
                                await self._changed(item.type, item.entry)
        finally:
            for task in self._emptying.values():
                task.cancel()

    def _forget(self) -> None:
        """Definitions that went while nobody was looking."""
        cache = self._core.cache
        for name in self._rows.names():
            if cache.get(scheme.CUSTOMRESOURCEDEFINITIONS, "", name) is None:
                self._rows.remove(name)

    async def _changed(self, kind: str, entry: Entry) -> None:
        definition, name = entry.parse(), entry.name
        if kind == "DELETED":
            if self._core.cache.get(scheme.CUSTOMRESOURCEDEFINITIONS, "", name) is None:
                self._rows.remove(name)
            await self._judge_again(definition["spec"]["group"])
            return
        self._apply(entry)
        if definition["metadata"].get("deletionTimestamp") and name not in self._emptying:
            task = asyncio.get_running_loop().create_task(self._end(name, definition))
            self._emptying[name] = task
            task.add_done_callback(lambda _: self._emptying.pop(name, None))

    def _index(self, row: Resource) -> None:
        assert row.custom is not None, "rows of definitions are custom"
        self._core.cache.index(row, row.custom.selectable)

    # --- names that have become free ---------------------------------------------------------

    async def _judge_again(self, group: str) -> None:
        """Definitions that had to wait for a name: writing them decides anew."""
        for entry in self._core.cache.list(scheme.CUSTOMRESOURCEDEFINITIONS).entries:
            definition = entry.parse()
            conditions = (definition.get("status") or {}).get("conditions") or ()
            refused = any(
                one.get("type") == "NamesAccepted" and one.get("status") == "False"
                for one in conditions
            )
            if refused and definition["spec"].get("group") == group:
                with contextlib.suppress(status.ApiError):
                    await self._update(entry.name, lambda obj: obj)

    async def _update(self, name: str, change: Callable[[JsonObject], JsonObject]) -> None:
        async def apply(old: JsonObject, entry: Entry) -> JsonObject:
            del old
            return change(entry.parse())

        registry = self._core.registries.of(scheme.CUSTOMRESOURCEDEFINITIONS)
        await registry.update("", name, apply, self._context(), retry=True)

    def _context(self) -> Context:
        return Context(user=USER, now=self._core.clock.now())

    # --- deletion ----------------------------------------------------------------------------

    async def _end(self, name: str, definition: JsonObject) -> None:
        """Delete all objects, wait until they are gone, let the definition go."""
        rows = rows_of(definition)
        if rows and CLEANUP in (definition["metadata"].get("finalizers") or ()):
            try:
                await self._empty(rows[0])
                with contextlib.suppress(status.NotFound):
                    await self._update(name, _without_finalizer)
            except status.ApiError as error:
                LOG.warning("the definition %s cannot be removed yet: %s", name, error)

    async def _empty(self, row: Resource) -> None:
        cache = self._core.cache
        stored = self._core.scheme.by_plural(*row.gvr) or row
        async with cache.watch(stored) as watcher:
            await self._delete_all(stored)
            if not cache.count(stored):
                return
            async for _ in watcher:
                # Those that finalizers had held; what came in between is deleted as well.
                await self._delete_all(stored)
                if not cache.count(stored):
                    return

    async def _delete_all(self, row: Resource) -> None:
        registry = self._core.registries.of(row)
        options = deletion.Options(propagation="Background")
        for index, entry in enumerate(self._core.cache.list(row).entries):
            if entry.parse()["metadata"].get("deletionTimestamp"):
                continue
            with contextlib.suppress(status.NotFound):
                await deletion.delete(
                    registry, entry.namespace, entry.name, options, self._context()
                )
            if index % SLICE == SLICE - 1:
                await asyncio.sleep(0)


def _without_finalizer(definition: JsonObject) -> JsonObject:
    found = definition["metadata"]
    found["finalizers"] = [one for one in found.get("finalizers") or () if one != CLEANUP]
    if not found["finalizers"]:
        del found["finalizers"]
    return definition
