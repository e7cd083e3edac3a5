"""The `scale` subresource: replicas of any workload through one small kind.

GET shows a Scale, PUT and PATCH change it; what is written is `spec.replicas` of the workload, by
the same course as any update. Neighbours: `apiserver.handlers.patch` reads patches.
"""

import copy

from apimachinery import labels, meta, status, wire
from apimachinery.patch import apply as rules
from apimachinery.resource import Resource
from apimachinery.schema.kind import ScalePaths
from apimachinery.wire import JsonObject
from apiserver import negotiation
from apiserver.admission import chain
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.handlers import apply, get, managed, patch, render, special, writing
from apiserver.handlers.writing import Write
from apiserver.routes import Route

MAX_REPLICAS = 2**31 - 1


async def handle(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """Answer with the Scale as it now is."""
    form = negotiation.accepted(request.headers.get("accept", ""))
    assert route.resource is not None, "the dispatcher resolved it"
    if route.verb == "get":
        entry = await get.read(core, route, request.param("resourceVersion"))
        return _answer(core, form, scale_of(entry.parse(), route.resource), request)
    write = writing.begin(
        core, request, route, "PatchOptions" if route.verb == "patch" else "UpdateOptions"
    )
    applying = negotiation.body_type(request.headers.get("content-type", "")) == patch.APPLY_PATCH
    config = special.fit(write, apply.read(write)) if applying else None
    wanted = _wanted(write) if config is None else _laid_over(config)

    async def change(old: JsonObject, entry: Entry) -> JsonObject:
        new = entry.parse()
        if config is not None:
            new = _applied(write, new, config)
        before = scale_of(old, route.resource)
        scale = wanted(copy.deepcopy(before))
        await core.admission.mutate(writing.attempt(write, chain.UPDATE, scale, before))
        _put(write, new, scale)
        if config is None:
            managed.track(write.context, write.registry.resource, new, old)
        return new

    async def admit(new: JsonObject, old: JsonObject | None) -> None:
        assert old is not None, "a scale is changed, never made"
        scales = (scale_of(new, route.resource), scale_of(old, route.resource))
        found = writing.attempt(write, chain.UPDATE, *scales)
        found.stored = (new, old)
        await core.admission.validate(found)

    written = await write.registry.update(
        route.namespace,
        route.name,
        change,
        write.context,
        admit=admit,
        retry=route.verb == "patch",
    )
    return _answer(core, form, scale_of(written.parse(), route.resource), request)


def _laid_over(config: JsonObject) -> patch.Patcher:
    """What an applied Scale says, over the one that is; its owners are `_applied`'s business."""
    return lambda scale: {
        **scale,
        "metadata": {**scale["metadata"], **config["metadata"]},
        "spec": {**scale["spec"], **(config.get("spec") or {})},
    }


def _applied(write: Write, live: JsonObject, config: JsonObject) -> JsonObject:
    """The workload after an apply that says nothing but its replicas; 409 where another owns them."""
    resource = write.resource
    wanted: JsonObject = {"apiVersion": resource.api_version, "kind": resource.kind}
    if (replicas := (config.get("spec") or {}).get("replicas")) is not None:
        _set_replicas(wanted, resource, replicas)
    who = managed.writer(write.context, resource)
    return rules.apply(live, wanted, rules.rule_of(resource), who, force=write.options.force)


def _wanted(write: Write) -> patch.Patcher:
    """From the Scale that is to the one that is asked for: a value of its own at each call."""
    if write.route.verb == "update":
        obj = special.read(write)
        return lambda _: copy.deepcopy(obj)
    kind = negotiation.body_type(write.request.headers.get("content-type", ""))
    patcher = patch.make_patcher(write.request, kind, _no_strategic)
    return lambda scale: special.fit(write, patcher(scale))


def _no_strategic(obj: JsonObject, change: object) -> JsonObject:
    """A Scale has no lists to merge: strategic is the same as merge."""
    from apimachinery.patch import merge

    return merge.patch(obj, change)


def scale_of(obj: JsonObject, resource: Resource | None = None) -> JsonObject:
    """The Scale of a workload."""
    if resource is not None and resource.custom is not None:
        return _custom_scale(obj, resource.custom.scale)
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    selector = spec.get("selector") or {}
    if obj.get("kind") == "ReplicationController":
        text = str(labels.from_set(selector))
    else:
        text = str(labels.from_label_selector(selector))
    return _scale(obj, spec.get("replicas"), state.get("replicas", 0), text)


def _scale(obj: JsonObject, wanted: int | None, current: int, selector: str) -> JsonObject:
    found = obj["metadata"]
    metadata = {
        key: found[key]
        for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        if key in found
    }
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": wanted} if wanted else {},
        "status": {"replicas": current, **({"selector": selector} if selector else {})},
    }


def _custom_scale(obj: JsonObject, paths: ScalePaths | None) -> JsonObject:
    """The Scale of a custom resource, from where its definition says."""
    assert paths is not None, "only resources with a scale have the subresource"
    wanted, current = meta.dig(obj, *paths.spec), meta.dig(obj, *paths.status)
    selector = meta.dig(obj, *paths.selector) if paths.selector else ""
    # Where the schema lets anything be there, only numbers and texts are shown.
    return _scale(
        obj,
        wanted if type(wanted) is int else None,
        current if type(current) is int else 0,
        selector if isinstance(selector, str) else "",
    )


def _set_replicas(obj: JsonObject, resource: Resource | None, replicas: int) -> None:
    custom = resource.custom if resource is not None else None
    path = custom.scale.spec if custom is not None and custom.scale else ("spec", "replicas")
    for key in path[:-1]:
        if not isinstance(obj.get(key), dict):
            obj[key] = {}
        obj = obj[key]
    obj[path[-1]] = replicas


def _put(write: Write, obj: JsonObject, scale: JsonObject) -> None:
    """Take over what a Scale may change; 4xx where it does not fit."""
    route, found, given = write.route, obj["metadata"], scale.get("metadata") or {}
    name = given.get("name", route.name)
    if name != route.name:
        raise status.bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({route.name})"
        )
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not 0 <= replicas <= MAX_REPLICAS:
        error = status.invalid_value(
            "spec.replicas", replicas, "must be greater than or equal to 0"
        )
        raise status.invalid("Scale", route.name, [error], "autoscaling")
    if given.get("uid") and given["uid"] != found.get("uid"):
        raise write.registry.conflict(
            route.name,
            f"Precondition failed: UID in precondition: {given['uid']}, UID in object meta: "
            f"{found.get('uid')}",
        )
    if given.get("resourceVersion"):
        found["resourceVersion"] = given["resourceVersion"]
    else:
        found.pop("resourceVersion", None)
    _set_replicas(obj, route.resource, replicas)


def _answer(
    core: Core, form: negotiation.Accepted, scale: JsonObject, request: wire.Request
) -> wire.Response:
    return render.kind_object(core, form, "autoscaling", "Scale", scale, request)
