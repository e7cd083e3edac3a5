"""Puts the roles and bindings that exist from the start into a store, and back what was taken away.

Runs at every start, as Kubernetes does: missing objects are made, and rules or subjects that are
missing from existing ones are added unless the object opts out by its autoupdate annotation. What
people added stays. Neighbours: `apiserver.server` calls it after `bootstrap`.
"""

import asyncio

from apimachinery import scheme, status, wire
from apimachinery.resource import Resource
from apiserver.access import default_roles
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.registry.strategy import Context

_RESOURCES = {
    resource.kind: resource
    for resource in (
        scheme.CLUSTERROLES,
        scheme.CLUSTERROLEBINDINGS,
        scheme.RBAC_ROLES,
        scheme.ROLEBINDINGS,
    )
}
_USER = wire.UserInfo("system:apiserver", groups=("system:masters",))
_AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"


async def ensure(core: Core) -> None:
    """Create or complete all of them, together: the store commits them in a few transactions."""
    await asyncio.gather(*(_ensure(core, wanted) for wanted in default_roles.objects()))


async def _ensure(core: Core, wanted: wire.JsonObject) -> None:
    resource = _RESOURCES[wanted["kind"]]
    metadata = wanted["metadata"]
    entry = core.cache.get(resource, metadata.get("namespace", ""), metadata["name"])
    context = Context(user=_USER, now=core.clock.now())
    if entry is None:
        try:
            await core.registries.of(resource).create(wanted, context)
        except status.AlreadyExists:
            return  # another server of the same store was faster
    elif completed(entry.parse(), wanted) is not None:
        await _complete(core, resource, wanted, context)


async def _complete(
    core: Core, resource: Resource, wanted: wire.JsonObject, context: Context
) -> None:
    async def change(old: wire.JsonObject, entry: Entry) -> wire.JsonObject:  # noqa: ARG001  shape of Change
        return completed(old, wanted) or old

    metadata = wanted["metadata"]
    registry = core.registries.of(resource)
    await registry.update(metadata.get("namespace", ""), metadata["name"], change, context)


def completed(found: wire.JsonObject, wanted: wire.JsonObject) -> wire.JsonObject | None:
    """The object with what it lacks of `wanted`; None when it lacks nothing or opts out."""
    annotations = found["metadata"].get("annotations") or {}
    if annotations.get(_AUTOUPDATE) == "false":
        return None
    added = {}
    for part in ("rules", "subjects"):
        have = found.get(part) or []
        lacking = [one for one in wanted.get(part) or () if one not in have]
        if lacking:
            added[part] = [*have, *lacking]
    return {**found, **added} if added else None
