"""`/openapi/v3`, `/openapi/v3/<group version>`, `/openapi/v2`: the schemas of all kinds.

A document of the core group is more than a megabyte and takes a while to make, so that is done
in a thread, once, when somebody asks. Neighbours: `apimachinery.openapi` makes and keeps the
bytes, `apiserver.documents` answers 304 where the client has them.
"""

import asyncio

from apimachinery import openapi, status, wire
from apiserver import documents
from apiserver.core import Core

_PREFIX = "/openapi/v3/"
V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""What kubectl asks for when version 3 has nothing on a kind. It can't read JSON there."""
_EMPTY_V2 = b"\x0a\x032.0\x12\x11\x0a\x0aKubernetes\x12\x031.0"
"""A Document with `swagger` and `info` alone: whatever is looked up in it is not there, which is
true for every kind that version 3 does not have."""
_IMMUTABLE = {"Cache-Control": "public, immutable"}


async def handle(core: Core, request: wire.Request) -> wire.Response:
    """The index, one document, or everything in the old form."""
    if core.openapi is None:
        core.openapi = openapi.Documents(core.scheme)
    path = request.path.rstrip("/")
    if path == "/openapi/v3":
        body = await asyncio.to_thread(core.openapi.index)
        return _answer(request, body)
    if path == "/openapi/v2" and "proto-openapi" in request.headers.get("accept", ""):
        return wire.Response(200, {"Content-Type": V2_PROTOBUF, "Vary": "Accept"}, _EMPTY_V2)
    if path == "/openapi/v2":
        body = await asyncio.to_thread(core.openapi.v2)
        return _answer(request, body)
    return await _one(core.openapi, request, path.removeprefix(_PREFIX))


async def _one(made: openapi.Documents, request: wire.Request, path: str) -> wire.Response:
    body = await asyncio.to_thread(made.v3, path)
    if body is None:
        raise status.path_not_found()
    tag = made.v3_hash(path)
    # An address with the right hash names these very bytes for ever.
    headers = _IMMUTABLE if request.param("hash") == tag else None
    document = documents.Document(body, "application/json", f'"{tag}"')
    return documents.answer(request, document, headers)


def _answer(request: wire.Request, body: bytes) -> wire.Response:
    document = documents.Document(body, "application/json", documents.tag(body))
    return documents.answer(request, document)
