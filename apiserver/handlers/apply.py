"""Server-side apply: a PATCH that says what its manager wants, and creates what is not there.

Neighbours: `apimachinery.patch.apply` merges and keeps account of owners; the rest is the course of
any create or update.
"""

import asyncio
import contextlib
from typing import Any

from apimachinery import decode, fields, status
from apimachinery.patch import apply as rules
from apimachinery.patch import structured
from apimachinery.wire import JsonObject
from apiserver.admission import chain
from apiserver.cache import Entry
from apiserver.handlers import body, converted, create, managed, writing
from apiserver.handlers.writing import Write
from apiserver.options import MAX_BODY
from apiserver.registry.generic import Written

ATTEMPTS = 5
"""Rounds of create and update, if the object comes and goes meanwhile."""

APPEAR_SECONDS = 1.0
"""A commit takes milliseconds; after a second the winner has failed, and it is our turn."""


async def apply(write: Write) -> Written:
    """Apply the configuration in the request's body."""
    config = _read(write)
    for _ in range(ATTEMPTS):
        try:
            return await _update(write, config)
        except status.NotFound:
            if write.route.subresource or await _exists(write):
                raise
        try:
            return await _create(write, config)
        except status.AlreadyExists:
            await _appears(write)  # somebody else was faster: apply to theirs
    raise write.registry.conflict(write.route.name)


def read(write: Write) -> JsonObject:
    """The object in the body, whatever its kind, from a manager that has a name."""
    if not write.options.manager:
        error = status.required("fieldManager", "is required for apply patch")
        raise status.invalid("PatchOptions", "", [error], "meta.k8s.io")
    if len(write.request.body) > MAX_BODY:
        raise status.entity_too_large(MAX_BODY)
    try:
        config = body.parse_yaml(write.request.body)
    except status.BadRequest as problem:
        raise status.bad_request(f"error decoding YAML: {problem.message}") from problem
    if not isinstance(config, dict):
        raise status.bad_request("error decoding patch: an apply patch must be an object")
    for key in ("apiVersion", "kind"):
        if not config.get(key):
            raise status.bad_request(f"invalid object type: {key} must be set in an apply patch")
    return config


def _read(write: Write) -> JsonObject:
    """The configuration, checked against URL and query."""
    config = read(write)
    resource = write.resource
    body.expect(
        config,
        write.core.scheme,
        group=resource.group,
        version=resource.version,
        kind=resource.kind,
    )
    _match_name(write, config.get("metadata"))
    body.report(resource, write.doubled(), write.options.validation, write.context.warnings)
    pruned, unknown = decode.structure(resource, config)
    if unknown:
        rule = rules.rule_of(resource)
        places = [structured.place(config, rule, path) for path in decode.places_of(unknown)]
        problems = [f"{place}: field not declared in schema" for place in places]
        raise rules.unfit(config, [*problems, *structured.problems_of(pruned, rule)])
    return pruned


def _match_name(write: Write, metadata: Any) -> None:
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if name is not None and name != write.route.name:
        raise status.bad_request(
            f"the name of the object ({name}) does not match the name on the URL "
            f"({write.route.name})"
        )


async def _appears(write: Write) -> None:
    """Wait until the cache shows the object: a create that won may not be on disk yet."""
    registry, route = write.registry, write.route
    named = fields.from_set({"metadata.name": route.name})
    watcher = registry.cache.watch(registry.resource, route.namespace, fields=named)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(APPEAR_SECONDS), watcher:
            async for _ in watcher:
                return


async def _exists(write: Write) -> bool:
    return await write.registry.find(write.route.namespace, write.route.name) is not None


async def _create(write: Write, config: JsonObject) -> Written:
    uid = (config.get("metadata") or {}).get("uid")
    if uid:
        raise write.registry.conflict(
            write.route.name,
            f"uid mismatch: the provided object specified uid {uid}, and no existing object was "
            "found",
        )
    who = managed.writer(write.context, write.resource)
    obj = rules.apply(None, config, rules.rule_of(write.resource), who)
    obj.setdefault("metadata", {}).setdefault("name", write.route.name)
    return await create.create(write, obj, tracked=True)


async def _update(write: Write, config: JsonObject) -> Written:
    resource, core = write.resource, write.core
    who = managed.writer(write.context, resource)
    rule = rules.rule_of(resource)
    warnings = list(write.context.warnings)

    async def change(old: JsonObject, entry: Entry) -> JsonObject:
        write.context.warnings[:] = warnings
        live = await converted.outward(core, resource, entry)
        new = rules.apply(live, config, rule, who, force=write.options.force)
        new = writing.fit(write, await converted.inward(core, resource, new))
        await core.admission.mutate(writing.attempt(write, chain.UPDATE, new, old))
        return new

    return await write.registry.update(
        write.route.namespace,
        write.route.name,
        change,
        write.context,
        admit=writing.validator(write, chain.UPDATE),
        retry=True,
    )
