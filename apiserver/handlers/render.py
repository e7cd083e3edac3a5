"""Answers in the form that the client accepts: JSON as stored, YAML, partial metadata, Tables.

The plain JSON of the stored version is never parsed; every other form is made from the parsed
object. Neighbours: `apiserver.negotiation` chose the form, `apimachinery.table` prints Tables,
`apiserver.conversion` turns stored objects into those of another version of their API.
"""

from collections.abc import Iterable, Sequence

import orjson

from apimachinery import protobuf, table, wire
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from apiserver import conversion
from apiserver.cache import CacheList, Entry
from apiserver.core import Core
from apiserver.handlers import tables
from apiserver.negotiation import PROTOBUF, YAML, Accepted, Transform

_JSON_HEADERS = {"Content-Type": "application/json"}


def response(
    form: Accepted, body: bytes, request: wire.Request, *, code: int = 200
) -> wire.Response:
    """JSON bytes as an answer, indented or as YAML where that was asked for."""
    if form.media_type == YAML:
        return wire.Response(code, {"Content-Type": YAML}, _yaml(orjson.loads(body)))
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
    elif form.media_type == PROTOBUF:
        return wire.Response(code, {"Content-Type": PROTOBUF}, protobuf.encode(obj, resource))
    return response(form, orjson.dumps(obj), request, code=code)


def plain(form: Accepted, obj: JsonObject, request: wire.Request, code: int = 200) -> wire.Response:
    """An object that is no stored resource (a Status, a Scale, a review)."""
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
    return response(form, orjson.dumps(obj), request, code=code)


def partial(obj: JsonObject, version: str = "v1") -> JsonObject:
    """Only the metadata, as PartialObjectMetadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": obj.get("metadata", {}),
    }


def many(
    core: Core,
    form: Accepted,
    resource: Resource,
    page: CacheList,
    metadata: JsonObject,
    request: wire.Request,
) -> wire.Response:
    """One page of a list."""
    if form.transform is Transform.TABLE:
        return response(
            form, tables.of_entries(core, form, resource, page.entries, request, metadata), request
        )
    if form.transform is Transform.NONE and form.media_type != PROTOBUF:
        raws: Iterable[bytes] = [entry.raw for entry in page.entries]
        if not conversion.as_is(resource):
            raws = [conversion.raw(resource, raw) for raw in raws]
        return response(
            form, list_bytes(resource.list_name, resource.api_version, metadata, raws), request
        )
    return many_objects(
        core, form, resource, [entry.parse() for entry in page.entries], metadata, request
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
    if form.media_type == PROTOBUF:
        return wire.Response(200, {"Content-Type": PROTOBUF}, protobuf.encode(listing, resource))
    return response(form, orjson.dumps(listing), request)


def list_bytes(kind: str, api_version: str, metadata: JsonObject, raws: Iterable[bytes]) -> bytes:
    """A list object around items that are bytes already."""
    return b'{"kind":"%b","apiVersion":"%b","metadata":%b,"items":[%b]}' % (
        kind.encode(),
        api_version.encode(),
        orjson.dumps(metadata),
        b",".join(raws),
    )


def _yaml(obj: JsonObject) -> bytes:
    import yaml

    text: bytes = yaml.dump(obj, Dumper=yaml.CSafeDumper, sort_keys=False, encoding="utf-8")
    return text
