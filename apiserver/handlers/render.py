"""Answers in the form that the client accepts: JSON as stored, YAML, partial metadata, Tables.

The plain JSON of the stored version is never parsed; every other form is made from the parsed
object. Neighbours: `apiserver.negotiation` chose the form, `apimachinery.table` prints Tables,
`apiserver.encoding` makes the bytes, `apiserver.conversion` turns stored objects into those of
another version of their API.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

import orjson

from apimachinery import status, table, wire
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from apiserver import conversion, encoding, negotiation
from apiserver.cache import CacheList, Entry
from apiserver.core import Core
from apiserver.handlers import tables
from apiserver.negotiation import JSON, PROTOBUF, YAML, Accepted, Transform
from apiserver.routes import Route

STREAM_FROM = 250
"""Objects from which a list is sent in pieces, neither held in memory twice nor made in one go."""

CHUNK = 125
"""Objects in one piece: about 256 KiB, which the allocator reuses instead of mapping fresh pages,
and well under the 5 ms that one task may hold the loop."""

_JSON_HEADERS = {"Content-Type": "application/json"}


def form_of(request: wire.Request, route: Route, *, single: bool = True) -> Accepted:
    """The form of the answer; 406 where the client takes none that the resource has."""
    form = negotiation.accepted(request.headers.get("accept", ""), single=single)
    if form.media_type == PROTOBUF and form.transform is Transform.NONE:
        assert route.resource is not None, "the dispatcher resolved it"
        if not encoding.has_protobuf(route.resource):
            raise status.not_acceptable((JSON, YAML))
    return form


def response(
    form: Accepted, body: bytes, request: wire.Request, *, code: int = 200
) -> wire.Response:
    """JSON bytes as an answer, indented or as YAML where that was asked for."""
    if form.media_type == YAML:
        found = encoding.encode(YAML, orjson.loads(body))
        return wire.Response(code, {"Content-Type": YAML}, found)
    if request.query and request.param("pretty") in ("true", "1"):
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2) + b"\n"
    return wire.Response(code, dict(_JSON_HEADERS), body)


def one(
    core: Core,
    form: Accepted,
    resource: Resource,
    entry: Entry,
    request: wire.Request,
    *,
    code: int = 200,
) -> wire.Response:
    """A stored object."""
    if form.transform is Transform.NONE and form.media_type != PROTOBUF:
        raw = entry.raw if conversion.as_is(resource) else conversion.raw(resource, entry.raw)
        return response(form, raw, request, code=code)
    return one_object(core, form, resource, entry.parse(), request, code=code)


def raw_object(
    core: Core,
    form: Accepted,
    resource: Resource,
    raw: bytes,
    request: wire.Request,
    *,
    code: int = 200,
) -> wire.Response:
    """The bytes of a stored object that a write returned."""
    if form.transform is Transform.NONE and form.media_type != PROTOBUF:
        raw = raw if conversion.as_is(resource) else conversion.raw(resource, raw)
        return response(form, raw, request, code=code)
    return one_object(core, form, resource, orjson.loads(raw), request, code=code)


def one_object(
    core: Core,
    form: Accepted,
    resource: Resource,
    obj: JsonObject,
    request: wire.Request,
    *,
    code: int = 200,
) -> wire.Response:
    """A parsed object of the stored version."""
    if form.transform is Transform.TABLE:
        printed = tables.of_objects(core, form, resource, [obj], request, obj["metadata"])
        return response(form, printed, request, code=code)
    if not conversion.as_is(resource):
        obj = conversion.from_stored(resource, obj)
    if form.transform is not Transform.NONE:
        obj = partial(obj, form.version)
    return plain(form, obj, request, code)


def plain(form: Accepted, obj: JsonObject, request: wire.Request, code: int = 200) -> wire.Response:
    """An object as it is: a Status, a review, one that is already what was asked for."""
    if form.media_type == PROTOBUF:
        return wire.Response(code, {"Content-Type": PROTOBUF}, encoding.encode(PROTOBUF, obj))
    return response(form, orjson.dumps(obj), request, code=code)


def kind_object(
    core: Core,
    form: Accepted,
    group: str,
    kind: str,
    obj: JsonObject,
    request: wire.Request,
    code: int = 200,
) -> wire.Response:
    """An object of a kind that is no resource, as a Table too where that is wanted."""
    if form.transform is Transform.TABLE:
        now, printer = core.clock.now(), table.printer(group, kind)
        row = table.row(printer.cells(obj), now, obj, tables.included(request))
        version = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        obj = table.table(printer, [row], version)
    elif form.transform is not Transform.NONE:
        obj = partial(obj, form.version)
    return plain(form, obj, request, code)


def partial(obj: JsonObject, version: str = "v1") -> JsonObject:
    """Only the metadata, as PartialObjectMetadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": obj.get("metadata", {}),
    }


async def many(
    core: Core,
    form: Accepted,
    resource: Resource,
    page: CacheList,
    metadata: JsonObject,
    request: wire.Request,
) -> wire.Response:
    """One page of a list; a long one lets other work run in between."""
    is_table = form.transform is Transform.TABLE
    if is_table or (form.transform is Transform.NONE and form.media_type != PROTOBUF):
        if is_table:
            pieces = tables.pieces(core, form, resource, page.entries, request, metadata)
        else:
            pieces = _pieces(resource, page.entries, metadata)
        streams = len(page.entries) > STREAM_FROM and form.media_type == JSON
        if streams and not request.param("pretty"):
            return wire.Response(200, dict(_JSON_HEADERS), pace(pieces), finite=True)
        return response(form, b"".join(pieces), request)
    objects = []
    for index, entry in enumerate(page.entries):
        if index % CHUNK == CHUNK - 1:
            await asyncio.sleep(0)
        objects.append(entry.parse())
    return many_objects(core, form, resource, objects, metadata, request)


def _pieces(resource: Resource, entries: Sequence[Entry], metadata: JsonObject) -> Iterator[bytes]:
    """A list as it is stored, in pieces of CHUNK objects."""
    head = _head(resource, metadata)
    for start in range(0, len(entries), CHUNK):
        raws = [entry.raw for entry in entries[start : start + CHUNK]]
        if not conversion.as_is(resource):
            raws = [conversion.raw(resource, raw) for raw in raws]
        yield head + b",".join(raws)
        head = b","
    yield b"]}" if entries else head + b"]}"


async def pace(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Pieces one by one, with a turn for everybody else in between."""
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)


def _head(resource: Resource, metadata: JsonObject) -> bytes:
    """A list object up to its first item."""
    return b'{"kind":"%b","apiVersion":"%b","metadata":%b,"items":[' % (
        resource.list_name.encode(),
        resource.api_version.encode(),
        orjson.dumps(metadata),
    )


def many_objects(
    core: Core,
    form: Accepted,
    resource: Resource,
    objects: Sequence[JsonObject],
    metadata: JsonObject,
    request: wire.Request,
) -> wire.Response:
    """A list of parsed objects of the stored version."""
    if form.transform is Transform.TABLE:
        printed = tables.of_objects(core, form, resource, objects, request, metadata)
        return response(form, printed, request)
    if not conversion.as_is(resource):
        objects = [conversion.from_stored(resource, obj) for obj in objects]
    kind, api_version = resource.list_name, resource.api_version
    if form.transform is not Transform.NONE:
        objects = [partial(obj, form.version) for obj in objects]
        kind, api_version = "PartialObjectMetadataList", f"meta.k8s.io/{form.version}"
    listing = {"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": objects}
    return plain(form, listing, request)
