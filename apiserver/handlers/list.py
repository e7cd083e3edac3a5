"""LIST: pages of one state, from the cache.

Kubernetes' rules for resourceVersion, resourceVersionMatch, limit and continue are decided here
(`Wanted`); the cache keeps the states. Neighbours: `apiserver.handlers.render` shows the page.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from apimachinery import status, wire
from apimachinery.wire import JsonObject
from apiserver import negotiation
from apiserver.cache import CacheList, Position
from apiserver.core import Core
from apiserver.handlers import converted, query, render, unreadable
from apiserver.routes import Route

EXACT, NOT_OLDER = "Exact", "NotOlderThan"

EXPIRED_PAGE = (
    "The provided continue parameter is too old to display a consistent list result. You can "
    "start a new list without the continue parameter, or use the continue token in this response "
    "to retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list."
)

_TOKEN_MAX = 4096
"""Bytes of a continue token: a revision and a key, never more."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which state of the list, and which part of it."""

    version: str
    match: str
    limit: int
    position: Position | None


def wanted(found: dict[str, str]) -> Wanted:
    """Read and check the query."""
    version = found.get("resourceVersion", "")
    match = found.get("resourceVersionMatch", "")
    token = found.get("continue", "")
    errors = []
    if match:
        if not version:
            errors.append(_forbidden_match("is forbidden unless resourceVersion is provided"))
        if token:
            errors.append(_forbidden_match("is forbidden when continue is provided"))
        if match not in (EXACT, NOT_OLDER):
            errors.append(
                status.not_supported("resourceVersionMatch", match, [EXACT, NOT_OLDER, ""])
            )
        elif match == EXACT and version == "0":
            errors.append(
                status.forbidden_field(
                    "resourceVersionMatch",
                    'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
                )
            )
    if "sendInitialEvents" in found:
        problem = "sendInitialEvents is forbidden for list"
        errors.append(status.forbidden_field("sendInitialEvents", problem))
    if errors:
        raise status.invalid("ListOptions", "", errors, "meta.k8s.io")
    if token and version not in ("", "0"):
        raise status.bad_request("specifying resource version is not allowed when using continue")
    limit = query.number("limit", found.get("limit", ""))
    query.number("timeoutSeconds", found.get("timeoutSeconds", ""))
    return Wanted(version, match, limit, decode_token(token) if token else None)


def _forbidden_match(detail: str) -> status.FieldError:
    return status.forbidden_field("resourceVersionMatch", f"resourceVersionMatch {detail}")


async def handle(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """Answer with one page."""
    assert route.resource is not None, "the dispatcher resolved it"
    form = render.form_of(request, route, single=False)
    found = query.params(request) if request.query else {}
    if (live := core.live.get(route.resource.gr)) is not None:
        objects = _selected(await live.objects(route.namespace), found)
        metadata = {"resourceVersion": str(core.cache.revision)}
        return render.many_objects(core, form, route.resource, objects, metadata, request)
    try:
        page = await read(core, route, found)
    except status.Expired as problem:
        if not found.get("continue"):
            raise
        return _expired_page(core, request, found["continue"], problem)
    page = await converted.page(core, route.resource, page)
    return await render.many(core, form, route.resource, page, list_metadata(page), request)


def _selected(objects: Iterable[JsonObject], found: dict[str, str]) -> list[JsonObject]:
    """Those of what is served from memory that the query's selectors match."""
    labels = query.label_selector(found.get("labelSelector", ""))
    fields = query.field_selector(found.get("fieldSelector", ""))

    def matches(obj: JsonObject) -> bool:
        metadata = obj["metadata"]
        known = {f"metadata.{key}": metadata.get(key, "") for key in ("name", "namespace")}
        return (labels is None or labels.matches(metadata.get("labels"))) and (
            fields is None or fields.matches(known.get)
        )

    return [obj for obj in objects if matches(obj)]


async def read(core: Core, route: Route, found: dict[str, str]) -> CacheList:
    """The page that a query asks for."""
    assert route.resource is not None, "the dispatcher resolved it"
    want = wanted(found)
    labels = query.label_selector(found.get("labelSelector", ""))
    fields = query.field_selector(found.get("fieldSelector", ""))
    exact = await _reach(core, want)
    if route.name and fields is None:
        fields = query.field_selector(f"metadata.name={route.name}")
    return core.cache.list(
        core.scheme.storage_resource(route.resource),
        route.namespace,
        labels=labels,
        fields=fields,
        limit=want.limit,
        position=want.position,
        exact=exact,
    )


async def _reach(core: Core, want: Wanted) -> int:
    """Wait until the cache has what is wanted; the exact revision to read at, 0 for the newest."""
    if want.position is not None:
        if want.position.revision > 0:
            await core.cache.wait_for(want.position.revision)
        else:
            await core.cache.fresh()
        return 0
    if not want.version:
        await core.cache.fresh()
        return 0
    if want.version == "0":
        return 0
    revision = query.revision(want.version)
    await core.cache.wait_for(revision)
    exact = want.match == EXACT or (not want.match and want.limit > 0)
    return revision if exact and revision != core.cache.revision else 0


def list_metadata(page: CacheList) -> JsonObject:
    """resourceVersion, and how to go on where there is more."""
    metadata: JsonObject = {"resourceVersion": str(page.revision)}
    if page.next is not None:
        metadata["continue"] = encode_token(page.next)
        if page.remaining:
            metadata["remainingItemCount"] = page.remaining
    return metadata


def _expired_page(
    core: Core, request: wire.Request, token: str, problem: status.Expired
) -> wire.Response:
    """410 with a token that goes on in the present state."""
    position = Position(-1, decode_token(token).start_after)
    told = problem.to_status()
    told["message"] = EXPIRED_PAGE
    told["metadata"] = {
        "resourceVersion": str(core.cache.revision),
        "continue": encode_token(position),
    }
    return render.plain(negotiation.of_error(request.headers.get("accept", "")), told, request, 410)


def encode_token(position: Position) -> str:
    """A continue token in Kubernetes' shape."""
    text = orjson.dumps(
        {"v": "meta.k8s.io/v1", "rv": position.revision, "start": position.start_after + "\x00"}
    )
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def decode_token(token: str) -> Position:
    """The position in a token; 400 for anything that is none."""
    if len(token) > _TOKEN_MAX:
        raise status.bad_request("continue key is not valid: too long")
    try:
        text = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
    except (binascii.Error, ValueError) as problem:
        raise status.bad_request(f"continue key is not valid: {problem}") from problem
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as problem:
        detail = unreadable.json_problem(text, problem)
        raise status.bad_request(f"continue key is not valid: {detail}") from problem
    if not isinstance(found, dict) or found.get("v") != "meta.k8s.io/v1":
        raise status.bad_request(
            "continue key is not valid: server does not recognize this version"
        )
    revision, start = found.get("rv"), found.get("start")
    if type(revision) is not int or not isinstance(start, str):
        raise status.bad_request(
            "continue key is not valid: incorrect encoded start resourceVersion"
        )
    if revision == 0 or revision < -1:
        raise status.bad_request(
            "continue key is not valid: incorrect encoded start resourceVersion (version "
            "meta.k8s.io/v1)"
        )
    if not start.strip("\x00"):
        raise status.bad_request("continue key is not valid: encoded start key empty")
    if {"", ".", ".."} & set(start.rstrip("\x00").removeprefix("/").split("/")):
        raise status.bad_request(f"continue key is not valid: {start}")
    return Position(revision, start.rstrip("\x00").removeprefix("/"))
