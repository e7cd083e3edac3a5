"""POST to a collection: a new object.

Decode, default, mutate, then the registry's course (prepare, validate, admit, store). Neighbours:
`apiserver.handlers.writing`, `apiserver.registry.generic`. Kinds that are answered and not stored
(reviews, bindings) have handlers of their own, see `apiserver.dispatch`.
"""

from apimachinery import defaults, status, wire
from apimachinery.wire import JsonObject
from apiserver.admission import chain
from apiserver.core import Core
from apiserver.handlers import body, converted, managed, render, writing
from apiserver.handlers.writing import Write
from apiserver.registry import metadata
from apiserver.registry.generic import Written
from apiserver.routes import Route


async def handle(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """Answer 201 with the object as it was stored."""
    form = render.form_of(request, route)
    write = writing.begin(core, request, route, "CreateOptions")
    obj = body.parse(request, core.scheme, write.resource.kind)
    resource = write.resource
    body.check_kind(
        obj,
        core.scheme,
        group=resource.group,
        version=resource.version,
        kind=resource.kind,
    )
    written = await create(write, obj, raw=write.raw)
    raw = await converted.raw(core, resource, written.raw)
    return render.raw_object(core, form, resource, raw, request, code=201)


async def create(
    write: Write, obj: JsonObject, *, raw: bytes | None = None, tracked: bool = False
) -> Written:
    """Store an object whose kind has been checked; `tracked` if its managedFields are made."""
    if write.resource.stored_as is not None:
        body.structured(write.resource, obj, write.options.validation, write.context.warnings, raw)
        defaults.apply(write.resource, obj)
        obj, raw = await converted.inward(write.core, write.resource, obj), None
    obj = writing.fit(write, obj, raw, () if tracked else write.doubled())
    resource = write.registry.resource
    if resource.namespaced and not write.route.namespace:
        raise status.bad_request("an empty namespace may not be set during creation")
    metadata.match_request(resource, obj, write.route.namespace)
    if not tracked:
        managed.track(write.context, resource, obj, None)
    name = obj["metadata"].get("name", "")
    await write.core.admission.mutate(writing.attempt(write, chain.CREATE, obj, None, name))
    return await write.registry.create(
        obj, write.context, admit=writing.validator(write, chain.CREATE)
    )
