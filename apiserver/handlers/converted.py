"""Custom objects between the version that a request speaks of and the one that is stored, where a
webhook converts.

Everything else (`apiserver.conversion`) rewrites a few bytes without waiting; here handlers wait,
and then go on with entries that are already of their version. Neighbours:
`apiserver.admission.webhooks.conversions` does it.
"""

from collections.abc import Sequence
from dataclasses import replace

import orjson

from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from apiserver import conversion
from apiserver.cache import CacheList, Entry, WatchItem
from apiserver.core import Core


def needed(resource: Resource) -> bool:
    """Whether a webhook stands between the versions of a resource."""
    return resource.custom is not None and resource.custom.conversion is not None


async def entries(core: Core, resource: Resource, found: Sequence[Entry]) -> list[Entry]:
    """Entries in the version of a resource."""
    foreign = [one for one in found if not conversion.is_of(resource, one.raw)]
    if not foreign or not needed(resource):
        return list(found)
    made = await core.conversions.stored(resource, [one.raw for one in foreign])
    shown = iter([one.shown_as(obj) for one, obj in zip(foreign, made, strict=True)])
    return [one if conversion.is_of(resource, one.raw) else next(shown) for one in found]


async def entry(core: Core, resource: Resource, found: Entry) -> Entry:
    """One entry in the version of a resource."""
    if not needed(resource):
        return found
    return (await entries(core, resource, [found]))[0]


async def page(core: Core, resource: Resource, found: CacheList) -> CacheList:
    """A page of a list in the version of a resource."""
    if not needed(resource):
        return found
    return replace(found, entries=await entries(core, resource, found.entries))


async def raw(core: Core, resource: Resource, stored: bytes) -> bytes:
    """What a write has stored, in the version of a resource."""
    if not needed(resource) or conversion.is_of(resource, stored):
        return stored
    (made,) = await core.conversions.stored(resource, [stored])
    return orjson.dumps(made)


async def items(core: Core, resource: Resource, batch: Sequence[WatchItem]) -> Sequence[WatchItem]:
    """Events of a watch in the version of a resource."""
    shown = [one.entry for one in batch if one.entry is not None]
    made = iter(await entries(core, resource, shown))
    return [
        one
        if one.entry is None
        else WatchItem(
            one.type, next(made), one.revision, initial_events_end=one.initial_events_end
        )
        for one in batch
    ]


async def inward(core: Core, resource: Resource, obj: JsonObject) -> JsonObject:
    """An object of a resource in the version that is stored."""
    if resource.stored_as is None or not needed(resource):
        return conversion.to_stored(resource, obj)
    stored = core.scheme.storage_resource(resource)
    head = {"apiVersion": resource.api_version, "kind": resource.kind}
    (made,) = await core.conversions.converted(stored, [{**obj, **head}])
    return made


async def outward(core: Core, resource: Resource, found: Entry) -> JsonObject:
    """The object of an entry in the version of a resource: a copy."""
    shown = await entry(core, resource, found)
    return conversion.from_stored(resource, shown.parse())
