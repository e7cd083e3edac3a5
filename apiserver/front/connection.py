"""One client connection of the HTTPS front: who is at the other end, and when it leaves.

aiohttp parses HTTP; this module adds to its connection what the API server needs: the client
certificate's user, read once a connection, and a call when the client has gone, so that a watch
ends at once instead of at its next event. Neighbours: `app` (owner),
`apiserver.identity.authn` (reads certificates), `answer` (writes). It knows nothing of requests.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader

from apimachinery import wire
from apiserver.identity.authn import certificate_user

log = logging.getLogger(__name__)

MAX_LINE = 64 * 1024
"""Bytes of a request line: long label selectors and exec commands travel in it."""

MAX_FIELD = 16 * 1024
"""Bytes of one header: a token of an outside issuer with many groups takes a few KiB."""

MAX_HEADERS = 100
"""Headers of a request; clients send fewer than 20."""

IDLE_SECONDS = 180.0
"""A connection without requests is closed: Go's clients keep theirs 90 s."""


class Open:
    """The connections that are not fully closed yet."""

    def __init__(self) -> None:
        self._transports: set[asyncio.Transport] = set()
        self._none = asyncio.Event()
        self._none.set()

    def __len__(self) -> int:
        return len(self._transports)

    def add(self, transport: asyncio.Transport) -> None:
        self._transports.add(transport)
        self._none.clear()

    def discard(self, transport: asyncio.Transport) -> None:
        self._transports.discard(transport)
        if not self._transports:
            self._none.set()

    async def drain(self, seconds: float) -> None:
        """Wait for the goodbyes of TLS, then drop who does not answer (asyncio waits 30 s)."""
        try:
            async with asyncio.timeout(seconds):
                await self._none.wait()
        except TimeoutError:
            for transport in list(self._transports):
                transport.abort()


class Connection(web.RequestHandler):
    """aiohttp's connection, with an identity and a farewell."""

    __slots__ = ("_certificate_read", "_certificate_user", "_open", "_own_transport", "on_lost")

    def __init__(self, manager: web.Server, connections: Open, **options: Any) -> None:
        super().__init__(manager, **options)
        self._open = connections
        self._own_transport: asyncio.Transport | None = None
        self.on_lost: Callable[[], object] | None = None
        """Called once when the client has gone; whoever streams sets it."""
        self._certificate_read = False
        self._certificate_user: wire.UserInfo | None = None

    def certificate_user(self) -> wire.UserInfo | None:
        """The user that the client certificate names, if one was shown."""
        if not self._certificate_read and self.transport is not None:
            self._certificate_user = certificate_user(self.transport.get_extra_info("peercert"))
            self._certificate_read = True
        return self._certificate_user

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._own_transport = cast(asyncio.Transport, transport)
        self._open.add(self._own_transport)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """What is no HTTP is the client's fault: anybody could fill the log with tracebacks."""
        if isinstance(kw.get("exc_info"), HttpProcessingError):
            log.debug("a client sent what is no HTTP", exc_info=kw["exc_info"])
        else:
            super().log_exception(*args, **kw)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self._own_transport is not None:
            self._open.discard(self._own_transport)
        if self.on_lost is not None:
            self.on_lost()
            self.on_lost = None


class ConnectionFactory(web.Server):
    """What a listening socket calls for each new client."""

    def __init__(self, handler: Callable[..., Any], connections: Open, *, max_body: int) -> None:
        super().__init__(handler, request_factory=self._request)
        self._max_body = max_body
        self._open = connections

    def __call__(self) -> Connection:
        return Connection(
            self,
            self._open,
            loop=self._loop,
            access_log=None,
            keepalive_timeout=IDLE_SECONDS,
            max_line_size=MAX_LINE,
            max_field_size=MAX_FIELD,
            max_headers=MAX_HEADERS,
        )

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: Any,
        writer: Any,
        task: Any,
    ) -> web.BaseRequest:
        return web.BaseRequest(
            message, payload, protocol, writer, task, self._loop, client_max_size=self._max_body
        )


def server_context(cert: str, key: str, client_ca: str) -> ssl.SSLContext:
    """TLS 1.2 and newer; a client certificate is optional, but one that is shown must verify."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.load_cert_chain(cert, key)
    context.load_verify_locations(client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    # HTTP/2 is not spoken; without this a Go client would still try HTTP/1.1, but say it.
    context.set_alpn_protocols(["http/1.1"])
    return context
