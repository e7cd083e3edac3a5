"""PATCH: JSON patch, merge patch, strategic merge patch and server-side apply.

A patch builds on whatever is stored, so a lost race is simply tried again. Neighbours:
`apimachinery.patch` has the rules, `apiserver.registry.generic` the loop, `apiserver.handlers.apply`
the fourth kind.
"""

from collections.abc import Callable
from typing import Any

import orjson

from apimachinery import status, wire
from apimachinery.patch import json as json_patch
from apimachinery.patch import merge, strategic
from apimachinery.wire import JsonObject
from apiserver import negotiation
from apiserver.admission import chain
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.handlers import body, converted, managed, render, unreadable, writing
from apiserver.handlers.writing import Write
from apiserver.options import MAX_BODY
from apiserver.registry import metadata
from apiserver.registry.generic import Written
from apiserver.routes import Route

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
MEDIA_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)

Patcher = Callable[[JsonObject], JsonObject]
"""The object after the patch; its argument is a copy that may be spent."""


async def handle(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """Answer with the object as it is now stored."""
    form = render.form_of(request, route)
    write = writing.begin(core, request, route, "PatchOptions")
    kind = negotiation.body_type(request.headers.get("content-type", ""))
    if kind == APPLY_PATCH:
        from apiserver.handlers import apply

        written = await apply.apply(write)
    else:
        if request.query and request.param("force"):
            error = status.forbidden_field("force", "may not be specified for non-apply patch")
            raise status.invalid("PatchOptions", "", [error], "meta.k8s.io")
        written = await patch(write, patcher(write, kind))
    code = 201 if written.created else 200
    raw = await converted.raw(core, write.resource, written.raw)
    return render.raw_object(core, form, write.resource, raw, request, code=code)


def patcher(write: Write, kind: str) -> Patcher:
    """Read the patch of the request's body."""
    return make_patcher(write.request, kind, lambda obj, change: _strategic(write, obj, change))


def make_patcher(
    request: wire.Request, kind: str, merge_strategic: Callable[[JsonObject, Any], JsonObject]
) -> Patcher:
    """A patch of any of the three kinds; 415 for another one."""
    if kind not in (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH):
        raise status.unsupported_media_type(MEDIA_TYPES)
    change = _read(request)
    if kind == JSON_PATCH:
        return lambda obj: json_patch.patch(obj, change)
    if kind == MERGE_PATCH:
        return lambda obj: merge.patch(obj, change)
    return lambda obj: _same_kind(obj, merge_strategic(obj, change))


def _same_kind(old: JsonObject, new: JsonObject) -> JsonObject:
    """A strategic patch that names another kind patches this one: Kubernetes reads no kind there.

    Clients rely on it: some send the Deployment's kind with a patch of its Scale.
    """
    return {**new, "apiVersion": old["apiVersion"], "kind": old["kind"]}


def _strategic(write: Write, obj: JsonObject, change: Any) -> JsonObject:
    model = write.resource.load_model()
    if model is None:
        raise status.unsupported_media_type((JSON_PATCH, MERGE_PATCH, APPLY_PATCH))
    return strategic.patch(obj, change, model, own=True)


def _read(request: wire.Request) -> Any:
    if len(request.body) > MAX_BODY:
        raise status.entity_too_large(MAX_BODY)
    try:
        change = orjson.loads(request.body)
    except orjson.JSONDecodeError as problem:
        detail = unreadable.json_problem(request.body, problem)
        raise status.bad_request(f"error decoding patch: {detail}") from problem
    if isinstance(change, dict | list):
        body.check_depth(change)
    return change


async def patch(write: Write, patched: Patcher) -> Written:
    """Apply a patch to the stored object, again after each lost race."""
    resource, registry = write.resource, write.registry
    warnings = list(write.context.warnings)

    async def change(old: JsonObject, entry: Entry) -> JsonObject:
        write.context.warnings[:] = warnings  # of this round only
        new = patched(await converted.outward(write.core, resource, entry))
        if not isinstance(new, dict):
            raise status.bad_request("the patch makes the object something else than an object")
        body.expect(
            new,
            write.core.scheme,
            group=resource.group,
            version=resource.version,
            kind=resource.kind,
        )
        new = writing.fit(write, await converted.inward(write.core, resource, new))
        if new["metadata"].get("name"):
            metadata.match_request(resource, new, write.route.namespace, write.route.name)
        managed.track(write.context, registry.resource, new, old)
        await write.core.admission.mutate(writing.attempt(write, chain.UPDATE, new, old))
        return new

    return await registry.update(
        write.route.namespace,
        write.route.name,
        change,
        write.context,
        admit=writing.validator(write, chain.UPDATE),
        retry=True,
    )
