"""Documents that change rarely: ETag, 304, and the memory that keeps them.

Neighbours: `apiserver.handlers.discovery` and `openapi`. A `Memo` belongs to one server
(`Core.memo`): what is derived from the scheme is made once for each of its generations. Nothing
here knows what is in a document.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from apimachinery import wire
from apimachinery.compact import compact


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes, what they are, and the tag that tells versions apart."""

    body: bytes
    content_type: str
    etag: str


class Memo:
    """Documents by name, thrown away when the scheme has changed."""

    def __init__(self) -> None:
        self._generation = -1
        self._documents: dict[str, Document] = {}

    def document(
        self, generation: int, name: str, content_type: str, make: Callable[[], bytes]
    ) -> Document:
        """The document of this name, made now if it is not there or stale."""
        if generation != self._generation:
            self._documents.clear()
            self._generation = generation
        found = self._documents.get(name)
        if found is None:
            body = compact(make())
            found = self._documents[name] = Document(body, content_type, tag(body))
        return found


def tag(body: bytes) -> str:
    """The ETag of bytes."""
    return f'"{hashlib.sha512(body).hexdigest().upper()}"'


def answer(
    request: wire.Request, document: Document, headers: dict[str, str] | None = None
) -> wire.Response:
    """The document, or 304 when the client has this very version."""
    sent = {"ETag": document.etag, "Cache-Control": "public", **(headers or {})}
    if matches(request.headers.get("if-none-match", ""), document.etag):
        return wire.Response(304, sent)
    return wire.Response(200, {"Content-Type": document.content_type, **sent}, document.body)


def matches(header: str, etag: str) -> bool:
    """Whether an If-None-Match header names the tag (weakly or not)."""
    if not header:
        return False
    return any(one.strip().removeprefix("W/") in (etag, "*") for one in header.split(","))
