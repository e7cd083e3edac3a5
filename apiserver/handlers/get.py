"""GET of one object: bytes from the cache, shown in the form that the client accepts.

Neighbours: `apiserver.cache` has the bytes, `apiserver.handlers.render` the forms.
"""

from collections.abc import Iterable

from apimachinery import status, wire
from apimachinery.wire import JsonObject
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.handlers import converted, query, render
from apiserver.routes import Route


async def handle(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """Answer with the object: as of now, or as cached where resourceVersion=0."""
    assert route.resource is not None, "the dispatcher resolved it"
    form = render.form_of(request, route)
    if (live := core.live.get(route.resource.gr)) is not None:
        obj = _live(await live.objects(route.namespace, route.name), route)
        return render.one_object(core, form, route.resource, obj, request)
    entry = await read(core, route, request.param("resourceVersion") if request.query else "")
    entry = await converted.entry(core, route.resource, entry)
    return render.one(core, form, route.resource, entry, request)


async def read(core: Core, route: Route, version: str = "") -> Entry:
    """The entry that a route names, not older than `version`; 404 if there is none."""
    assert route.resource is not None, "the dispatcher resolved it"
    stored = core.scheme.storage_resource(route.resource)
    if not version:
        await core.cache.fresh()
    elif version != "0":
        await core.cache.wait_for(query.revision(version))
    entry = core.cache.get(stored, route.namespace, route.name)
    if entry is None:
        raise status.not_found(route.resource.plural, route.name, route.resource.group)
    return entry


def _live(objects: Iterable[JsonObject], route: Route) -> JsonObject:
    assert route.resource is not None, "the dispatcher resolved it"
    for obj in objects:
        if obj["metadata"]["name"] == route.name:
            return obj
    raise status.not_found(route.resource.plural, route.name, route.resource.group)
