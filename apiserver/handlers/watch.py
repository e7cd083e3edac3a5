"""WATCH: a stream of changes, one JSON object a line, or one protobuf frame after the other.

Kubernetes' rules for where a watch starts are decided here; order and completeness are the
cache's promise. Neighbours: `apiserver.cache.watcher` gives batches, `render` and `tables` the
forms other than plain JSON. A stream ends when its time is over, when the reader was too slow or
when the server stops; clients watch on from the last revision that they saw.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import orjson

from apimachinery import status, table, wire
from apimachinery.fields import FieldSelector
from apimachinery.labels import Selector
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from apiserver import conversion, encoding, negotiation
from apiserver.cache import Watcher, WatchItem
from apiserver.core import Core
from apiserver.handlers import converted, query, render, tables
from apiserver.negotiation import Accepted, Transform
from apiserver.routes import Route

NOT_OLDER = "NotOlderThan"
MATCH = "resourceVersionMatch"
INITIAL_END = "k8s.io/initial-events-end"

MAX_SECONDS = 24 * 3600
"""Longest watch: clients come back anyway, and timers do not count for ever."""

Render = Callable[[WatchItem], bytes]
Convert = Callable[[Sequence[WatchItem]], Awaitable[Sequence[WatchItem]]]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a watch begins."""

    after: int | None
    """Changes after this revision; None for the present state first."""
    wait_for: int
    """The cache must have reached this revision first; -1 = what the store has now."""
    end_bookmark: bool = False
    from_now: bool = False
    """No initial events: from the cache's revision on."""


def start(found: dict[str, str]) -> Start:
    """Read and check resourceVersion, resourceVersionMatch and sendInitialEvents."""
    version = found.get("resourceVersion", "")
    match = found.get(MATCH, "")
    initial = "sendInitialEvents" in found
    errors = []
    if initial and match != NOT_OLDER:
        errors.append(_bad_match("sendInitialEvents requires setting %s to NotOlderThan"))
    if match and not initial:
        errors.append(_bad_match("%s is forbidden for watch unless sendInitialEvents is provided"))
    if match and match != NOT_OLDER:
        errors.append(status.not_supported(MATCH, match, [NOT_OLDER]))
    if match and found.get("continue"):
        errors.append(_bad_match("%s is forbidden when continue is provided"))
    if errors:
        raise status.invalid("ListOptions", "", errors, "meta.k8s.io")
    revision = query.revision(version)
    if initial:
        reach = revision if version else -1
        if query.truth(found["sendInitialEvents"]):
            wanted = query.truth(found.get("allowWatchBookmarks"))
            return Start(None, reach, end_bookmark=wanted)
        return Start(None, reach, from_now=True) if version in ("", "0") else Start(revision, reach)
    if version == "0":
        return Start(None, 0)
    if not version:
        return Start(None, -1)
    return Start(revision, revision)


def _bad_match(detail: str) -> status.FieldError:
    return status.forbidden_field(MATCH, detail % MATCH)


async def handle(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """Answer with a stream."""
    resource = route.resource
    assert resource is not None, "the dispatcher resolved it"
    form = render.form_of(request, route)
    if form.media_type == negotiation.YAML:
        raise status.not_acceptable((negotiation.JSON, negotiation.PROTOBUF))
    found = query.params(request)
    begin = start(found)
    query.number("limit", found.get("limit", ""))
    seconds = min(query.number("timeoutSeconds", found.get("timeoutSeconds", "")), MAX_SECONDS)
    if not seconds:
        minimum = core.options.watch_timeout_min
        seconds = minimum + int(minimum * core.entropy.random())
    labels = query.label_selector(found.get("labelSelector", ""))
    fields = query.field_selector(found.get("fieldSelector", ""))
    if route.name and fields is None:
        fields = query.field_selector(f"metadata.name={route.name}")
    if begin.wait_for < 0:
        await core.cache.fresh()
    else:
        await core.cache.wait_for(begin.wait_for)
    shape = _shape(core, request, resource, form)
    convert = partial(converted.items, core, resource) if converted.needed(resource) else None
    try:
        watcher = _open(core, route, found, begin, labels, fields)
    except status.Expired as problem:
        return wire.Response(200, _headers(form), _only(_error(form, problem)))
    return wire.Response(200, _headers(form), _stream(watcher, shape, seconds, form, convert))


def _open(
    core: Core,
    route: Route,
    found: dict[str, str],
    begin: Start,
    labels: Selector | None,
    fields: FieldSelector | None,
) -> Watcher:
    assert route.resource is not None, "the dispatcher resolved it"
    return core.cache.watch(
        core.scheme.storage_resource(route.resource),
        route.namespace,
        labels=labels,
        fields=fields,
        after=core.cache.revision if begin.from_now else begin.after,
        bookmarks=query.truth(found.get("allowWatchBookmarks")),
        end_bookmark=begin.end_bookmark,
    )


def _headers(form: Accepted) -> dict[str, str]:
    binary = form.media_type == negotiation.PROTOBUF
    return {"Content-Type": f"{form.media_type};stream=watch" if binary else form.media_type}


async def _only(line: bytes) -> AsyncIterator[bytes]:
    yield line


async def _stream(
    watcher: Watcher, shape: Render, seconds: int, form: Accepted, convert: Convert | None
) -> AsyncIterator[bytes]:
    """Lines as they come, a batch in one write, until the time is over."""
    loop = asyncio.get_running_loop()
    async with watcher:
        # The watcher ends its own iteration when it is closed: no timeout around each step.
        timer = loop.call_later(seconds, watcher.close)
        try:
            async for batch in watcher:
                shown = batch if convert is None else await convert(batch)
                yield b"".join([shape(item) for item in shown])
        except status.ApiError as failed:
            # The converting webhook did not answer: the stream cannot go on without a gap.
            yield _error(form, failed)
            return
        finally:
            timer.cancel()
    if watcher.cut:
        problem = status.expired("too old resource version: the reader was too slow")
        yield _error(form, problem)


def _error(form: Accepted, problem: status.ApiError) -> bytes:
    """An ERROR event: how a stream that has begun reports."""
    return _event(form, "ERROR", problem.to_status())


def _shape(core: Core, request: wire.Request, resource: Resource, form: Accepted) -> Render:
    """How items become lines for this reader; shared between readers of the same form."""
    if form.transform is Transform.TABLE:
        return _TableLines(core, request, resource, form)
    key = (resource.gvr, form)
    if form.media_type == negotiation.PROTOBUF and form.transform is Transform.NONE:
        return lambda item: item.shaped(key, lambda one: _frame(resource, one))
    if form.transform is Transform.NONE and conversion.as_is(resource):
        return lambda item: (
            item.line() if item.entry is not None else _bookmark(key, item, resource)
        )
    if form.transform is Transform.NONE:
        return lambda item: _versioned(key, item, resource)
    return lambda item: item.shaped(key, lambda one: _partial(resource, form, one))


def _bookmark(key: tuple[object, ...], item: WatchItem, resource: Resource) -> bytes:
    return item.shaped(key, lambda one: _line("BOOKMARK", bookmark_object(one, resource)))


def bookmark_object(item: WatchItem, resource: Resource) -> JsonObject:
    """An object of the watched kind that holds a revision only."""
    metadata: JsonObject = {"resourceVersion": str(item.revision), "creationTimestamp": None}
    if item.initial_events_end:
        metadata["annotations"] = {INITIAL_END: "true"}
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}


def _object(item: WatchItem, resource: Resource) -> JsonObject:
    if item.entry is None:
        return bookmark_object(item, resource)
    return conversion.from_stored(resource, item.entry.parse())


def _versioned(key: tuple[object, ...], item: WatchItem, resource: Resource) -> bytes:
    """An object of another version, or the shared line where its bytes are the same."""
    if item.entry is None:
        return _bookmark(key, item, resource)
    raw = conversion.raw(resource, item.entry.raw)
    if raw is item.entry.raw:
        return item.line()
    return item.shaped(key, lambda one: b'{"type":"%b","object":%b}\n' % (one.type.encode(), raw))


def _partial(resource: Resource, form: Accepted, item: WatchItem) -> bytes:
    return _event(form, item.type, render.partial(_object(item, resource), form.version))


def _frame(resource: Resource, item: WatchItem) -> bytes:
    return encoding.protobuf_frame(item.type, _object(item, resource))


def _event(form: Accepted, kind: str, obj: JsonObject) -> bytes:
    if form.media_type == negotiation.PROTOBUF:
        return encoding.protobuf_frame(kind, obj)
    return _line(kind, obj)


def _line(kind: str, obj: JsonObject) -> bytes:
    return b'{"type":"%b","object":%b}\n' % (kind.encode(), orjson.dumps(obj))


class _TableLines:
    """Each event as a Table of one row; the first one brings the columns."""

    def __init__(
        self, core: Core, request: wire.Request, resource: Resource, form: Accepted
    ) -> None:
        self._core = core
        self._resource = resource
        self._form = form
        self._include = tables.included(request)
        self._printer = tables.printer_of(core, resource)
        self._columns = True

    def __call__(self, item: WatchItem) -> bytes:
        rows = []
        metadata: JsonObject = {"resourceVersion": str(item.revision)}
        if item.entry is not None:
            rows.append(
                tables.row_bytes(
                    self._core, self._resource, self._printer, item.entry, self._include
                )
            )
        else:
            bookmark = bookmark_object(item, self._resource)["metadata"]
            metadata = {key: value for key, value in bookmark.items() if value is not None}
            rows.append(_bookmark_row(len(self._printer.columns), bookmark))
        body = table.table_json(self._printer, rows, metadata, with_columns=self._columns)
        self._columns = False
        return b'{"type":"%b","object":%b}\n' % (
            item.type.encode(),
            tables.versioned(body, self._form),
        )


def _bookmark_row(columns: int, metadata: JsonObject) -> bytes:
    """Clients read a bookmark's revision from its row's object."""
    carried = {"kind": "PartialObjectMetadata", "apiVersion": table.API_VERSION}
    row = {"cells": [None] * columns, "object": {**carried, "metadata": metadata}}
    return orjson.dumps(row)
