"""Keeps the status of resource quotas true: what may be used, what is used.

Neighbours: `apiserver.registry.quotas` enforces and tells which namespaces have changed;
`apiserver.server` starts this. It decides nothing: what it writes is for people to read.
"""

import asyncio
import contextlib

from apimachinery import scheme, status, wire
from apimachinery.wire import JsonObject
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.registry.strategy import Context

SETTLE_SECONDS = 0.1
"""Changes come in bursts; people look at quotas less often than that."""

USER = wire.UserInfo("system:apiserver", groups=("system:masters",))


async def run(core: Core) -> None:
    """Follow until cancelled. Everything is looked at once at the start."""
    quotas = core.registries.quotas
    for entry in core.cache.list(scheme.RESOURCEQUOTAS).entries:
        quotas.note(entry.namespace)
    while True:
        await quotas.changed.wait()
        quotas.changed.clear()
        await asyncio.sleep(SETTLE_SECONDS)
        while quotas.dirty:
            await _refresh(core, quotas.dirty.pop())


async def _refresh(core: Core, namespace: str) -> None:
    stored = [row for row in core.scheme.all() if row.namespaced and row.stored_as is None]
    registry = core.registries.of(scheme.RESOURCEQUOTAS)
    context = Context(user=USER, now=core.clock.now(), subresource="status")
    for quota in core.registries.quotas.of(namespace):
        wanted = core.registries.quotas.status_of(quota, stored)
        if quota.get("status") == wanted:
            continue

        async def change(old: JsonObject, entry: Entry, wanted: JsonObject = wanted) -> JsonObject:
            del old
            return {**entry.parse(), "status": wanted}

        with contextlib.suppress(status.NotFound, status.Conflict):
            await registry.update(namespace, quota["metadata"]["name"], change, context, retry=True)
