"""Server-side printing: Tables of cached entries and of parsed objects.

Neighbours: `apimachinery.table` prints, `apiserver.printing` keeps rows, `apiserver.handlers.render`
and `watch` ask.
"""

from collections.abc import Iterator, Sequence

import orjson

from apimachinery import status, table, wire
from apimachinery.resource import Resource
from apimachinery.table import IncludeObject, Printer
from apimachinery.wire import JsonObject
from apiserver import conversion
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.negotiation import Accepted

CHUNK = 100
"""Rows that are printed in one go: a row that is not kept costs a parse and 30 µs."""


def included(request: wire.Request) -> IncludeObject:
    """The query parameter includeObject."""
    text = request.param("includeObject") if request.query else ""
    if not text:
        return IncludeObject.METADATA
    try:
        return IncludeObject(text)
    except ValueError:
        raise status.bad_request(f"unrecognized includeObject value: {text!r}") from None


def printer_of(core: Core, resource: Resource) -> Printer:
    """How objects of a resource are printed."""
    if resource.custom is not None:
        return resource.custom.printer
    if resource.stored_as is not None:
        resource = core.scheme.storage_resource(resource)
    return table.printer(resource.group, resource.kind)


def row_bytes(
    core: Core, resource: Resource, printer: Printer, entry: Entry, include: IncludeObject
) -> bytes:
    """One row of an entry, as JSON."""
    row = core.rows.get(resource, printer, entry)
    carried = b""
    if include is IncludeObject.METADATA:
        carried = row.partial
    elif include is IncludeObject.OBJECT:
        carried = entry.raw
        if not conversion.as_is(resource):
            carried = conversion.raw(resource, entry.raw)
    return table.row_json(row.cells, core.clock.now(), carried)


def pieces(
    core: Core,
    form: Accepted,
    resource: Resource,
    entries: Sequence[Entry],
    request: wire.Request,
    metadata: JsonObject,
) -> Iterator[bytes]:
    """A Table of stored objects, in pieces of CHUNK rows."""
    include = included(request)
    printer = printer_of(core, resource)
    head, tail = table.table_ends(printer, metadata)
    head = versioned(head, form)

    def rows() -> Iterator[bytes]:
        """Lazy: the query is checked before the answer begins."""
        before = head
        for start in range(0, len(entries), CHUNK):
            part = entries[start : start + CHUNK]
            yield before + b",".join(
                [row_bytes(core, resource, printer, entry, include) for entry in part]
            )
            before = b","
        yield tail if entries else head + tail

    return rows()


def of_objects(
    core: Core,
    form: Accepted,
    resource: Resource,
    objects: Sequence[JsonObject],
    request: wire.Request,
    metadata: JsonObject,
) -> bytes:
    """A Table of parsed objects; its metadata takes the list's (or the one object's) version."""
    include = included(request)
    printer = printer_of(core, resource)
    now = core.clock.now()
    rows = [table.row(printer.cells(obj), now, obj, include) for obj in objects]
    own: JsonObject = {
        key: metadata[key]
        for key in ("resourceVersion", "continue", "remainingItemCount")
        if key in metadata
    }
    return versioned(orjson.dumps(table.table(printer, rows, own)), form)


def versioned(body: bytes, form: Accepted) -> bytes:
    """The Table in the version that was asked for: v1beta1 differs in its name only."""
    if form.version == "v1":
        return body
    wanted = f'"apiVersion":"meta.k8s.io/{form.version}"'.encode()
    return body.replace(b'"apiVersion":"meta.k8s.io/v1"', wanted, 1)
