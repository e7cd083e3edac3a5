"""A request that goes on to somebody else's server: what is sent there, and what comes back.

An answer streams as it comes. Where both sides agree to speak something else than HTTP (a
WebSocket, SPDY), it is a `Tunnel`: bytes both ways, in the body's place, until one side ends.
Neighbours: `apiserver.streaming` (nodes, pods and services; it joins a tunnel to its client) and
`apiserver.aggregation` (servers of other groups). Who may ask and whom, they decide.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

import aiohttp
from aiohttp.http import StreamWriter

from apimachinery import status, wire
from apiserver.identity import authn

HIGH_WATER = 512 * 1024
"""Bytes that wait to be read before whoever sends them is made to wait."""

_NOT_PASSED = frozenset(
    {
        "authorization", "connection", "content-length", "cookie", "expect", "host", "keep-alive",
        "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
        "upgrade",
    }
)  # fmt: skip
"""Headers that belong to one connection, or to the API server alone."""

_NOT_RETURNED = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


def upgrade_of(headers: Mapping[str, str]) -> str:
    """What the sender wants to speak instead of HTTP; empty where it stays with it."""
    named = {part.strip().lower() for part in headers.get("connection", "").split(",")}
    return headers.get("upgrade", "") if "upgrade" in named else ""


def headers_of(request: wire.Request) -> list[tuple[str, str]]:
    """What is sent on: the headers without credentials and without those of the connection."""
    sent = [
        (key, _without_token(value) if key.lower() == authn.PROTOCOLS else value)
        for key, value in request.headers.items()
        if key.lower() not in _NOT_PASSED
    ]
    if wanted := upgrade_of(request.headers):
        sent += [("Connection", "Upgrade"), ("Upgrade", wanted)]
    return sent


def _without_token(protocols: str) -> str:
    offered = [one.strip() for one in protocols.split(",")]
    return ", ".join(one for one in offered if not one.startswith(authn.BEARER_PROTOCOL))


def unreachable(problem: Exception) -> status.ApiError:
    """503: whoever is meant does not answer."""
    reason = str(problem) or type(problem).__name__
    return status.service_unavailable(f"error trying to reach service: {reason}")


def answer_of(response: aiohttp.ClientResponse) -> wire.Response:
    """What came back, to be streamed or, after an upgrade, tunnelled.

    Raises:
        ApiError: 503, the other side agreed to an upgrade and was gone at once.
    """
    returned = {
        key: value for key, value in response.headers.items() if key.lower() not in _NOT_RETURNED
    }
    upgraded = response.status == 101
    return wire.Response(
        response.status, returned, Tunnel(response) if upgraded else Chunks(response)
    )


class Chunks(AsyncIterator[bytes]):
    """A body as it comes. No generator: one that was never begun could not hang up."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._response.content.readany()
        except aiohttp.ClientError as problem:
            raise ConnectionResetError("the other server has gone") from problem
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Hang up."""
        self._response.close()


class Incoming:
    """The bytes that arrive on one of aiohttp's connections after an upgrade, with back-pressure.

    It stands where aiohttp's own WebSocket code puts its parser (`set_parser`): no documented
    interface, so it is used here and in `streaming.upgrade` only, and tests talk through it.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._waiting = bytearray()
        self._more = asyncio.Event()
        self._ended = False
        self._paused = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """aiohttp: bytes have arrived."""
        self._waiting += data
        self._more.set()
        if len(self._waiting) > HIGH_WATER and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        return False, b""

    def feed_eof(self) -> None:
        """aiohttp: the connection is gone."""
        self._ended = True
        self._more.set()

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:  # noqa: ARG002 - aiohttp's shape
        """aiohttp: the connection broke."""
        self.feed_eof()

    async def read(self) -> bytes:
        """What has arrived; empty at the end."""
        while not self._waiting and not self._ended:
            self._more.clear()
            await self._more.wait()
        data = bytes(self._waiting)
        self._waiting.clear()
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return data


class Tunnel(Chunks):
    """The other side of an upgrade: what it says by iteration, what it is told by `write`."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        super().__init__(response)
        protocol = response.connection.protocol if response.connection is not None else None
        if protocol is None or protocol.transport is None:
            response.close()
            raise unreachable(ConnectionResetError("it hung up after its upgrade"))
        self._incoming = Incoming(protocol.transport)
        protocol.set_parser(self._incoming, None)
        self._writer = StreamWriter(protocol, asyncio.get_running_loop())

    async def __anext__(self) -> bytes:
        data = await self._incoming.read()
        if not data:
            raise StopAsyncIteration
        return data

    async def write(self, data: bytes) -> None:
        """Send, waiting while the other side is slow. Raises ConnectionError when it is gone."""
        await self._writer.write(data)
