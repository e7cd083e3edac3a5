"""`/openapi/v3`, `/openapi/v3/<group version>`, `/openapi/v2`: the schemas of all kinds.

A document of the core group is more than a megabyte and takes a while to make, so that is done
in a thread, once, when somebody asks. Neighbours: `apimachinery.openapi` makes and keeps the
bytes, `apiserver.documents` answers 304 where the client has them.
"""

import asyncio
from collections.abc import Callable

from apimachinery import status, wire
from apimachinery.openapi.documents import Documents
from apiserver import documents
from apiserver.core import Core

_PREFIX = "/openapi/v3/"
_JSON = "application/json"
_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_PROTOBUF_NAMES = (
    _PROTOBUF,
    _PROTOBUF.replace("v2.v1", "v2@v1"),
    "application/com.github.googleapis.gnostic.OpenAPIv2+protobuf",
)
"""What Go clients ask for: the @ is no character for a media type, so the answer has a dot."""
_IMMUTABLE = {"Cache-Control": "public, immutable"}


async def handle(core: Core, request: wire.Request) -> wire.Response:
    """The index, one document, or everything in the old form."""
    if core.openapi is None:
        core.openapi = Documents(core.scheme)
    made = core.openapi
    match request.path.rstrip("/"):
        case "/openapi/v3":
            return await _whole(request, made.index, _JSON)
        case "/openapi/v2" if _wants_protobuf(request):
            return await _whole(request, made.v2_protobuf, _PROTOBUF)
        case "/openapi/v2":
            return await _whole(request, made.v2, _JSON)
        case path:
            return await _one(made, request, path.removeprefix(_PREFIX))


def _wants_protobuf(request: wire.Request) -> bool:
    first = request.headers.get("accept", "").partition(",")[0]
    return first.partition(";")[0].strip() in _PROTOBUF_NAMES


async def _whole(
    request: wire.Request, make: Callable[[], bytes], content_type: str
) -> wire.Response:
    def document() -> documents.Document:
        body = make()
        return documents.Document(body, content_type, documents.tag(body))

    return documents.answer(request, await asyncio.to_thread(document), {"Vary": "Accept"})


async def _one(made: Documents, request: wire.Request, path: str) -> wire.Response:
    body = await asyncio.to_thread(made.v3, path)
    if body is None:
        raise status.path_not_found()
    tag = made.v3_hash(path)
    # An address with the right hash names these very bytes for ever.
    headers = _IMMUTABLE if request.param("hash") == tag else None
    document = documents.Document(body, _JSON, f'"{tag}"')
    return documents.answer(request, document, headers)
