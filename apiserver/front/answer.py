"""How a `wire.Response` leaves the server: whole bodies, compressed ones, streams.

Back-pressure is the transport's: a stream's next chunk is asked for only when the last one has
been taken, and a client that takes nothing for `STALL_SECONDS` is cut off. Neighbours:
`app` (calls), `connection` (tells when the client has gone). Nothing here
looks into a body.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import cast

from aiohttp import web

from apimachinery import wire
from apiserver.front.connection import Connection

COMPRESS_FROM = 128 * 1024
"""Bytes from which a body is worth compressing (Kubernetes' own limit)."""

COMPRESS_LEVEL = 1
"""Half of level 6's gain in a sixth of its time, as Kubernetes chose."""

LOOPBACK = frozenset({"127.0.0.1", "::1"})

Send = Callable[[bytes], Awaitable[None]]

STALL_SECONDS = 60.0
"""How long a client may leave a stream's full buffer unread before it is cut off."""


def worth_compressing(headers: Mapping[str, str], body: bytes, peer: object) -> bool:
    """Whether a body is big, and compressing it pays for this client."""
    return len(body) >= COMPRESS_FROM and takes_gzip(headers, peer)


def takes_gzip(headers: Mapping[str, str], peer: object) -> bool:
    """Whether the client takes gzip and is not on this very machine."""
    if "gzip" not in headers.get("accept-encoding", ""):
        return False
    # On the loopback bandwidth costs less than zlib.
    return not (isinstance(peer, tuple) and peer[0] in LOOPBACK)


async def compressed(headers: Mapping[str, str], body: bytes) -> tuple[bytes, dict[str, str]]:
    """The body and its headers with gzip."""
    # zlib releases the interpreter lock: other requests go on meanwhile.
    packed = await asyncio.to_thread(_gzip, body)
    return packed, _gzip_headers(headers)


def compress_stream(response: wire.Response) -> None:
    """Let a response's finite stream leave with gzip, piece by piece."""
    body = response.body
    assert not isinstance(body, bytes), "whole bodies have compressed()"
    response.headers = _gzip_headers(response.headers)
    response.body = _packed(body)


async def _packed(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    packer = _packer()
    try:
        async for piece in body:
            if packed := await asyncio.to_thread(packer.compress, piece):
                yield packed
        yield packer.flush()
    finally:
        await close(body)


async def whole(raw: web.BaseRequest, response: wire.Response, body: bytes) -> web.Response:
    """A complete answer through aiohttp."""
    headers: Mapping[str, str] = response.headers
    if worth_compressing(raw.headers, body, cast(Connection, raw.protocol).peername):
        body, headers = await compressed(headers, body)
    return web.Response(status=response.status, headers=headers, body=body)


class Streams:
    """The answers that have no end of their own, so that a shutdown can give them one."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = False

    @property
    def open(self) -> int:
        """How many there are."""
        return len(self._tasks)

    async def run(
        self, body: AsyncIterator[bytes], send: Send, is_alive: Callable[[], bool]
    ) -> None:
        """Send chunks as they come, until the iterator or the server ends.

        Whoever notices that the client has gone cancels the running task.
        """
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._tasks.add(task)
        try:
            if not self._ending:
                async for chunk in body:
                    await send(chunk)
        except asyncio.CancelledError:
            if not self._ending or not is_alive():
                raise
            # Shutdown: the client shall see the end of the answer, not a broken line.
            task.uncancel()
        finally:
            self._tasks.discard(task)
            await close(body)

    async def send(
        self, raw: web.BaseRequest, response: wire.Response, body: AsyncIterator[bytes]
    ) -> web.StreamResponse:
        """A stream through aiohttp."""
        connection = cast(Connection, raw.protocol)
        if response.finite and takes_gzip(raw.headers, connection.peername):
            compress_stream(response)
            body = cast("AsyncIterator[bytes]", response.body)
        answer = web.StreamResponse(status=response.status, headers=response.headers)
        connection.on_lost = cast("asyncio.Task[None]", asyncio.current_task()).cancel
        try:
            # The headers leave at once: a watch may have nothing to say for minutes.
            await answer.prepare(raw)
            if raw.method == "HEAD":
                await close(body)
            else:
                send = partial(_send, answer)
                await self.run(body, send, lambda: connection.transport is not None)
        finally:
            connection.on_lost = None
        await answer.write_eof()
        return answer

    def end(self) -> None:
        """Finish all streams now; later ones end as soon as they begin."""
        self._ending = True
        for task in self._tasks:
            task.cancel()


async def close(body: object) -> None:
    """Tell an iterator that nobody listens any more, if it can be told."""
    closer = getattr(body, "aclose", None)
    if closer is not None:
        await closer()


async def _send(answer: web.StreamResponse, chunk: bytes) -> None:
    try:
        async with asyncio.timeout(STALL_SECONDS):
            await answer.write(chunk)
    except TimeoutError:
        raise ConnectionResetError("the client stopped reading") from None


def _gzip(body: bytes) -> bytes:
    packer = _packer()
    return packer.compress(body) + packer.flush()


def _packer() -> "zlib._Compress":
    return zlib.compressobj(COMPRESS_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)


def _gzip_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {**headers, "Content-Encoding": "gzip", "Vary": _with_encoding(headers)}


def _with_encoding(headers: Mapping[str, str]) -> str:
    varied = headers.get("Vary", "")
    return f"{varied}, Accept-Encoding" if varied else "Accept-Encoding"
