"""PUT: the wanted state of an object (or of its status) in whole.

Neighbours: `apiserver.handlers.writing`, `apiserver.registry.generic` (compare-and-swap loop).
"""

import orjson

from apimachinery import defaults, wire
from apimachinery.wire import JsonObject
from apiserver.admission import chain
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.handlers import body, converted, create, managed, render, writing
from apiserver.handlers.writing import Write
from apiserver.registry import metadata
from apiserver.registry.generic import Written
from apiserver.routes import Route


async def handle(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """Answer with the object as it is now stored."""
    form = render.form_of(request, route)
    write = writing.begin(core, request, route, "UpdateOptions")
    obj = body.parse(request, core.scheme, write.resource.kind)
    resource = write.resource
    body.check_kind(
        obj, core.scheme, group=resource.group, version=resource.version, kind=resource.kind
    )
    written = await update(write, obj)
    raw = await converted.raw(core, resource, written.raw)
    return render.raw_object(
        core, form, resource, raw, request, code=201 if written.created else 200
    )


async def update(write: Write, obj: JsonObject) -> Written:
    """Replace the stored object by one whose kind has been checked."""
    route, registry = write.route, write.registry
    raw = write.raw
    if write.resource.stored_as is not None:
        body.structured(write.resource, obj, write.options.validation, write.context.warnings, raw)
        defaults.apply(write.resource, obj)
        obj, raw = await converted.inward(write.core, write.resource, obj), None
    obj = writing.fit(write, obj, raw, write.doubled())
    metadata.match_request(registry.resource, obj, route.namespace, route.name)
    if registry.strategy.create_on_update and not route.subresource:
        found = await registry.find(route.namespace, route.name)
        if found is None and not obj["metadata"].get("resourceVersion"):
            return await create.create(write, obj)
    wanted = orjson.dumps(obj)

    async def change(old: JsonObject, entry: Entry) -> JsonObject:  # noqa: ARG001  shape of Change
        # Every round needs a copy of its own: admission and strategies change it.
        new: JsonObject = orjson.loads(wanted)
        managed.track(write.context, registry.resource, new, old)
        await write.core.admission.mutate(writing.attempt(write, chain.UPDATE, new, old))
        return new

    return await registry.update(
        route.namespace,
        route.name,
        change,
        write.context,
        admit=writing.validator(write, chain.UPDATE),
    )
