"""DELETE of one object, and of a collection.

DeleteOptions come in the body (JSON, YAML or protobuf) or in the query. Neighbours:
`apiserver.registry.deletion` decides what goes at once and what is only marked.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from apimachinery import status, wire
from apimachinery.wire import JsonObject
from apiserver.admission import chain
from apiserver.cache import CacheList, Entry
from apiserver.core import Core
from apiserver.handlers import body, converted, query, render, writing
from apiserver.handlers import list as lists
from apiserver.handlers.writing import Write
from apiserver.registry import deletion
from apiserver.registry.generic import Preconditions
from apiserver.routes import Route

_TOLD = ("gracePeriodSeconds", "orphanDependents", "preconditions", "propagationPolicy")
"""What admission sees of DeleteOptions."""
PROPAGATIONS = ("Foreground", "Background", "Orphan")
AT_ONCE = 16
"""Objects of a collection that are deleted side by side. They share commits: one after the other
took 0.28 ms of CPU a pod and a wait for the disk each."""


async def handle(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """Answer with a Status, or with the object where it is still there (or the kind is so made)."""
    form = render.form_of(request, route)
    write = writing.begin(core, request, route, "DeleteOptions")
    options = read_options(write)
    done = await remove(write, route.namespace, route.name, options)
    resource = write.resource
    if done.gone and not write.registry.strategy.returns_deleted:
        answer = status.success(resource.plural, route.name, done.uid, resource.group)
        return render.plain(form, answer, request)
    raw = await converted.raw(core, resource, done.entry.raw)
    return render.raw_object(core, form, resource, raw, request)


async def remove(
    write: Write, namespace: str, name: str, options: deletion.Options
) -> deletion.Deleted:
    """Delete one object under admission."""

    async def admit(obj: JsonObject, old: JsonObject | None) -> None:  # noqa: ARG001  shape of Admit
        found = writing.attempt(write, chain.DELETE, None, old, name)
        found.namespace = namespace
        await write.core.admission.mutate(found)
        await write.core.admission.validate(found)

    return await deletion.delete(
        write.registry, namespace, name, options, write.context, admit=admit
    )


async def handle_collection(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """Delete every object that the selectors match; answer with the list of them."""
    form = render.form_of(request, route, single=False)
    write = writing.begin(core, request, route, "DeleteOptions")
    options = read_options(write)
    page = await lists.read(core, route, query.params(request))
    done: list[Entry] = []
    for start in range(0, len(page.entries), AT_ONCE):
        done += await _remove_all(write, page.entries[start : start + AT_ONCE], options)
    gone = CacheList(done, page.revision, None, None)
    metadata = lists.list_metadata(gone)
    gone = await converted.page(core, write.resource, gone)
    return await render.many(core, form, write.resource, gone, metadata, request)


async def _remove_all(
    write: Write, entries: Sequence[Entry], options: deletion.Options
) -> list[Entry]:
    """Delete these at once; what became of them. Raises the first refusal when all have ended."""
    removals = [remove(write, entry.namespace, entry.name, options) for entry in entries]
    done: list[Entry] = []
    for outcome in await asyncio.gather(*removals, return_exceptions=True):
        match outcome:
            case deletion.Deleted():
                done.append(outcome.entry)
            case status.NotFound():
                pass  # somebody else was faster: what was wanted has happened
            case BaseException():
                raise outcome
    return done


def read_options(write: Write) -> deletion.Options:
    """DeleteOptions from the body, else from the query; 4xx for anything odd."""
    request = write.request
    if request.body:
        found = body.parse(request, write.core.scheme)
        _check_kind(found)
        if found.get("dryRun"):
            _check_dry_run(found["dryRun"])
            write.context.dry_run = True
    else:
        found = _from_query(query.params(request) if request.query else {})
    dry_run = {"dryRun": ["All"]} if write.context.dry_run else {}
    write.told = {**dry_run, **{key: found[key] for key in _TOLD if found.get(key) is not None}}
    return options_of(found)


def _check_kind(found: JsonObject) -> None:
    kind = found.get("kind", "DeleteOptions")
    if kind != "DeleteOptions":
        raise status.bad_request(
            f'{kind} in version "{found.get("apiVersion", "v1")}" cannot be handled as a '
            "DeleteOptions: unknown conversion"
        )


def _check_dry_run(value: Any) -> None:
    if value != ["All"]:
        raise _invalid(status.not_supported("dryRun", value, ["All"]))


def _from_query(found: dict[str, str]) -> JsonObject:
    out: JsonObject = {}
    if "gracePeriodSeconds" in found:
        try:
            out["gracePeriodSeconds"] = int(found["gracePeriodSeconds"])
        except ValueError:
            raise status.bad_request(
                f'strconv.ParseInt: parsing "{found["gracePeriodSeconds"]}": invalid syntax'
            ) from None
    if found.get("propagationPolicy"):
        out["propagationPolicy"] = found["propagationPolicy"]
    if "orphanDependents" in found:
        out["orphanDependents"] = query.truth(found["orphanDependents"])
    return out


def options_of(found: JsonObject) -> deletion.Options:
    """DeleteOptions, checked."""
    grace = found.get("gracePeriodSeconds")
    if grace is not None and (type(grace) is not int or abs(grace) >= 2**63):
        raise status.bad_request("gracePeriodSeconds: not a 64 bit number")
    propagation = found.get("propagationPolicy") or ""
    orphan = found.get("orphanDependents")
    if orphan is not None and type(orphan) is not bool:
        raise status.bad_request("orphanDependents: not a boolean")
    if propagation and orphan is not None:
        raise _invalid(
            status.invalid_value(
                "propagationPolicy",
                propagation,
                "orphanDependents and deletionPropagation cannot be both set",
            )
        )
    if propagation and propagation not in PROPAGATIONS:
        raise _invalid(
            status.not_supported("propagationPolicy", propagation, [*PROPAGATIONS, "nil"])
        )
    if orphan is not None:
        propagation = "Orphan" if orphan else "Background"
    return deletion.Options(
        # A negative grace period means the shortest that is not "at once", as in Kubernetes.
        grace_period=1 if grace is not None and grace < 0 else grace,
        propagation=propagation,
        preconditions=_preconditions(found.get("preconditions")),
    )


def _preconditions(found: Any) -> Preconditions | None:
    if found is None:
        return None
    if not isinstance(found, dict):
        raise status.bad_request("preconditions: not an object")
    uid, version = found.get("uid") or "", found.get("resourceVersion") or ""
    if not isinstance(uid, str) or not isinstance(version, str):
        raise status.bad_request("preconditions: uid and resourceVersion are strings")
    return Preconditions(uid, version) if uid or version else None


def _invalid(error: status.FieldError) -> status.ApiError:
    return status.invalid("DeleteOptions", "", [error], "meta.k8s.io")
