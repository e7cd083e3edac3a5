"""Moving one request to the API server and its answer back.

`HttpTransport` goes over a socket, `DirectTransport` calls the server's handler in this process.
Both take and give the values of `apimachinery.wire`, so nobody above knows which one is used.
They do not retry, parse or interpret: that is `client.rest`.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlencode

from apimachinery import status, wire
from apimachinery.client import kubeconfig

if TYPE_CHECKING:
    import aiohttp
    import yarl

LOG = logging.getLogger(__name__)

CONNECTIONS_MAX = 512
"""Sockets of one transport. Each watch holds one; the rest is shared by short requests."""

SHORT_MAX = 32
"""Short requests under way at once. More would not be answered sooner by a server that works on
one core, and each beyond the kept connections would cost a TLS handshake on both sides."""

CONNECT_SECONDS = 10.0
"""A server on a working network answers a connect in milliseconds; this covers a lost SYN or two."""

REQUEST_SECONDS = 60.0
"""The server gives up on a short request after a minute; so do we."""

AUTHENTICATED = "system:authenticated"
"""The group of everybody who is known."""

STREAM_IDLE_SECONDS = 660.0
"""Longer than any watch that we ask for: only a peer that vanished silently is quiet that long."""


class Unreachable(status.ServiceUnavailable):
    """No answer came. For a write the outcome is unknown: it may have happened."""


class Transport(Protocol):
    """One request in, one response out.

    With `stream` the response's body is an async iterator of chunks, which the caller closes;
    without it the body is whole bytes. Answers of any HTTP code are returned; only the absence
    of an answer raises, as `Unreachable`. Safe to call from many tasks at once.
    """

    async def request(self, request: wire.Request, *, stream: bool = False) -> wire.Response: ...

    async def close(self) -> None: ...


class DirectTransport:
    """Calls the API server's handler in this process, as the given user.

    In another's name too, unasked: what runs in this process could be anybody anyway.
    """

    __slots__ = ("_handle", "_user")

    def __init__(
        self, handle: Callable[[wire.Request], Awaitable[wire.Response]], user: wire.UserInfo
    ) -> None:
        self._handle = handle
        self._user = user

    async def request(self, request: wire.Request, *, stream: bool = False) -> wire.Response:
        request.user = self._user
        if (acted := _acted(request)) is not None:
            request.user, request.impersonator = acted, wire.Impersonator(self._user)
        response = await self._handle(request)
        if stream and isinstance(response.body, bytes):
            response.body = _one_chunk(response.body)
        elif not stream and not isinstance(response.body, bytes):
            response.body = await collect(response.body)
        return response

    async def close(self) -> None:
        """Nothing is held."""


def _acted(request: wire.Request) -> wire.UserInfo | None:
    """In whose name a request is made, if not in one's own."""
    name = request.headers.get(wire.ACT_AS)
    if name is None:
        return None
    return wire.UserInfo(name, groups=(request.headers[wire.ACT_AS_GROUP], AUTHENTICATED))


class HttpTransport:
    """Keep-alive connections to one server, by client certificate or bearer token."""

    def __init__(self, config: kubeconfig.Config) -> None:
        self.config = config
        self._session: aiohttp.ClientSession | None = None
        self._ssl: ssl.SSLContext | None = None
        self._gate = asyncio.Semaphore(SHORT_MAX)

    async def request(self, request: wire.Request, *, stream: bool = False) -> wire.Response:
        import aiohttp

        session = self._session or self._open()
        try:
            if stream:
                answer = await self._send(session, request, _stream_timeout())
                return wire.Response(answer.status, dict(answer.headers), self._chunks(answer))
            async with self._gate:
                answer = await self._send(session, request, _short_timeout())
                async with answer:
                    return wire.Response(answer.status, dict(answer.headers), await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(error) from error

    async def _send(
        self,
        session: "aiohttp.ClientSession",
        request: wire.Request,
        timeout: "aiohttp.ClientTimeout",
    ) -> "aiohttp.ClientResponse":
        return await session.request(
            request.method,
            _url(self.config.server, request),
            headers=self._headers(request),
            data=request.body or None,
            timeout=timeout,
            allow_redirects=False,
        )

    async def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp
        import yarl

        if self._ssl is None and self.config.server.startswith("https:"):
            self._ssl = self.config.ssl_context()
        connector = aiohttp.TCPConnector(
            limit=CONNECTIONS_MAX, ssl=self._ssl if self._ssl is not None else True
        )
        # Prove at once that the address is one, in words that name it.
        if not yarl.URL(self.config.server).host:
            raise kubeconfig.ConfigError(f"the server address {self.config.server!r} names no host")
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=True)
        return self._session

    def _headers(self, request: wire.Request) -> dict[str, str]:
        headers = dict(request.headers)
        if token := self.config.current_token():
            headers["authorization"] = f"Bearer {token}"
        return headers

    async def _chunks(self, answer: "aiohttp.ClientResponse") -> AsyncIterator[bytes]:
        import aiohttp

        try:
            async for chunk in answer.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(error) from error
        finally:
            # A stream that we leave half read cannot be reused: drop its connection.
            answer.close()

    def _unreachable(self, error: Exception) -> Unreachable:
        cause = str(error) or type(error).__name__
        return Unreachable(f"cannot reach the API server at {self.config.server}: {cause}")


async def collect(chunks: AsyncIterator[bytes]) -> bytes:
    """All chunks of a body as one; closes the iterator."""
    parts = []
    async with closing(chunks):
        async for chunk in chunks:
            parts.append(chunk)  # noqa: PERF401  an async comprehension would not close it
    return b"".join(parts)


@contextlib.asynccontextmanager
async def closing(chunks: AsyncIterator[bytes]) -> AsyncIterator[None]:
    """Close an async iterator at the end, if it can be closed."""
    try:
        yield
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


async def _one_chunk(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


def _url(server: str, request: wire.Request) -> "yarl.URL":
    import yarl

    target = server.rstrip("/") + quote(request.path, safe="/:@!$&'()*+,;=-._~")
    if request.query:
        target += "?" + urlencode(request.query)
    return yarl.URL(target, encoded=True)


def _short_timeout() -> "aiohttp.ClientTimeout":
    import aiohttp

    return aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)


def _stream_timeout() -> "aiohttp.ClientTimeout":
    import aiohttp

    return aiohttp.ClientTimeout(
        total=None, sock_connect=CONNECT_SECONDS, sock_read=STREAM_IDLE_SECONDS
    )
