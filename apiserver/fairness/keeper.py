"""Keeps the gate as the stored flow schemas and priority levels say, and makes those that are missing.

Runs beside the server, not before it: until the objects are there, the same ones count from memory.
Neighbours: `gate`, `defaults`; `apiserver.assembly` starts it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial

from apimachinery import defaults as object_defaults
from apimachinery import meta, scheme, status, wire
from apimachinery.aio import tasks
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.fairness import defaults
from apiserver.fairness.gate import Gate
from apiserver.registry.strategy import Context

USER = wire.UserInfo("system:apiserver", groups=("system:masters",))

SETTLE_SECONDS = 0.2
"""Objects come in bursts (ours at the first start, a chart's later)."""

LIMIT = 1000
"""Objects of a kind that are read: each request may be compared with each schema once."""


class Keeper:
    """The tasks of one server."""

    def __init__(self, core: Core, gate: Gate) -> None:
        self._core = core
        self._gate = gate
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Store the defaults where they are missing, follow what is stored, both beside others."""
        for resource in (scheme.PRIORITYLEVELCONFIGURATIONS, scheme.FLOWSCHEMAS):
            self._keep(partial(self._follow, resource))
        self._keep(self._run)

    async def stop(self) -> None:
        """End all of it; no error where it has not begun."""
        for task in self._tasks:
            await tasks.stop(task)

    def _keep(self, work: Callable[[], Awaitable[None]]) -> None:
        made = tasks.keep_running(work, name="flow schemas")
        self._tasks.append(asyncio.get_running_loop().create_task(made))

    async def _run(self) -> None:
        core = self._core
        for obj in defaults.LEVELS:
            await _create(core, scheme.PRIORITYLEVELCONFIGURATIONS, obj)
        for obj in defaults.SCHEMAS:
            await _create(core, scheme.FLOWSCHEMAS, obj)
        while True:
            await self._changed.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._changed.clear()
            flow_schemas = _objects(core, scheme.FLOWSCHEMAS)
            levels = _objects(core, scheme.PRIORITYLEVELCONFIGURATIONS)
            self._gate.configure(flow_schemas, levels)
            await _tell(core, flow_schemas, {meta.name(level) for level in levels})

    async def _follow(self, resource: Resource) -> None:
        while True:
            async with self._core.cache.watch(resource) as watcher:
                self._changed.set()
                async for _ in watcher:
                    self._changed.set()


def _objects(core: Core, resource: Resource) -> list[JsonObject]:
    return [entry.parse() for entry in core.cache.list(resource, limit=LIMIT).entries]


async def _create(core: Core, resource: Resource, obj: JsonObject) -> None:
    if core.cache.get(resource, "", obj["metadata"]["name"]) is not None:
        return
    full: JsonObject = {"apiVersion": resource.api_version, "kind": resource.kind}
    full |= {"metadata": dict(obj["metadata"]), "spec": dict(obj["spec"])}
    object_defaults.apply(resource, full)
    # Another server of the same store may be faster.
    with contextlib.suppress(status.AlreadyExists):
        await core.registries.of(resource).create(full, _context(core))


async def _tell(core: Core, flow_schemas: list[JsonObject], levels: set[str]) -> None:
    """The condition `Dangling`: the level that a schema names is not there."""
    registry = core.registries.of(scheme.FLOWSCHEMAS)
    for schema in flow_schemas:
        level = schema["spec"].get("priorityLevelConfiguration", {}).get("name", "")
        dangling = _condition(level, found=level in levels)
        present = (schema.get("status") or {}).get("conditions") or []
        found = meta.get_condition(present, "Dangling") or {}
        if found.get("status") == dangling["status"]:
            continue
        conditions = meta.set_condition(present, dangling, core.clock.now())

        async def change(
            old: JsonObject, entry: Entry, conditions: list[JsonObject] = conditions
        ) -> JsonObject:
            del old
            return {**entry.parse(), "status": {"conditions": conditions}}

        with contextlib.suppress(status.NotFound, status.Conflict):
            await registry.update(
                "", meta.name(schema), change, _context(core, "status"), retry=True
            )


def _condition(level: str, *, found: bool) -> JsonObject:
    if found:
        text = f"This FlowSchema references the PriorityLevelConfiguration object named {level}"
        reason = "Found"
    else:
        text = f"This FlowSchema references the PriorityLevelConfiguration object named {level} "
        text, reason = f"{text}but there is no such object", "NotFound"
    return {
        "type": "Dangling",
        "status": "False" if found else "True",
        "reason": reason,
        "message": text,
    }


def _context(core: Core, subresource: str = "") -> Context:
    return Context(user=USER, now=core.clock.now(), subresource=subresource)
