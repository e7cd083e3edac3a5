"""The HTTPS front of the API server: sockets and TLS on one side, `wire` values on the other.

A request is read whole and bounded, its sender identified, and handed to the core; the answer
is sent back. Requests that turn into something else than HTTP (exec, attach, port-forward) and
the streams of kubelets (logs, proxy) go to `apiserver.streaming` after the same checks.
Neighbours: `apiserver.authn` (who asks), `apiserver.server` (the core), `bireme.cli` (starts
it). It does not know what a resource is.
"""

import socket
import ssl
from collections.abc import Iterable
from typing import Protocol, cast
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from apimachinery import status, wire
from apiserver import answer, errors
from apiserver.authn import Authenticator
from apiserver.connection import Connection, ConnectionFactory

MAX_BODY = 3 * 1024 * 1024
"""Bytes of a request's body, Kubernetes' limit; also after decompression."""

MAX_PARAMETERS = 1000
"""Query parameters of a request; exec sends one for each word of the command."""

BACKLOG = 1024
"""Connections that may wait for accept: a fleet that reconnects at once fits in."""

STOP_SECONDS = 3.0
"""How long open requests may go on at shutdown; the whole process has 5 s."""

GOODBYE_SECONDS = 0.5
"""How long the last bytes may take to leave once all is answered."""

_LOOPBACK = frozenset({"127.0.0.1", "::1"})


class Core(Protocol):
    """What the front needs of `apiserver.server`."""

    async def handle(self, request: wire.Request) -> wire.Response: ...


class Upgrades(Protocol):
    """What the front needs of `apiserver.streaming`."""

    def takes(self, request: wire.Request) -> bool:
        """Whether this request is one of theirs."""
        ...

    async def serve(
        self, raw: web.BaseRequest, request: wire.Request
    ) -> web.StreamResponse | wire.Response: ...


class Front:
    """The listening side of one API server process."""

    def __init__(
        self,
        core: Core,
        authenticator: Authenticator,
        tls: ssl.SSLContext | None,
        upgrades: Upgrades | None = None,
    ) -> None:
        """`tls` None means plain HTTP: for tests and behind somebody else's TLS on loopback."""
        self._core = core
        self._authenticator = authenticator
        self._tls = tls
        self._upgrades = upgrades
        self._factory: ConnectionFactory | None = None
        self._runner: web.ServerRunner | None = None
        self._streams = answer.Streams()

    async def start(self, addresses: Iterable[tuple[str, int]]) -> None:
        """Listen; port 0 takes a free one. An address in use raises OSError."""
        self._factory = ConnectionFactory(self._serve, max_body=MAX_BODY)
        self._runner = web.ServerRunner(
            self._factory, handle_signals=False, shutdown_timeout=STOP_SECONDS
        )
        await self._runner.setup()
        for host, port in addresses:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            await self.add_socket(
                socket.create_server((host, port), family=family, backlog=BACKLOG)
            )

    async def add_socket(self, listening: socket.socket) -> None:
        """Serve on a socket that somebody else bound (in another network namespace)."""
        assert self._runner is not None, "start() comes first"
        site = web.SockSite(self._runner, listening, ssl_context=self._tls, backlog=BACKLOG)
        await site.start()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens, with the real ports."""
        assert self._runner is not None, "start() comes first"
        return [(str(address[0]), int(address[1])) for address in self._runner.addresses]

    async def stop(self) -> None:
        """Close the sockets, end the streams, let open requests finish within STOP_SECONDS."""
        if self._runner is None:
            return
        for site in list(self._runner.sites):
            await site.stop()
        self._streams.end()
        await self._runner.cleanup()
        assert self._factory is not None, "made with the runner"
        await self._factory.open.drain(GOODBYE_SECONDS)
        self._runner = self._factory = None

    async def _serve(self, raw: web.BaseRequest) -> web.StreamResponse:
        try:
            response = await self._answer(raw)
        except web.HTTPRequestEntityTooLarge:
            response = errors.answer(status.entity_too_large(MAX_BODY))
        except ConnectionError:
            raise
        except Exception as problem:  # noqa: BLE001 - every fault becomes an answer, bugs are logged
            response = errors.answer(problem)
        if isinstance(response, web.StreamResponse):
            return response
        body = response.body
        if isinstance(body, bytes):
            return await answer.whole(response, body, compress=_compress(raw))
        return await self._streams.send(raw, response, body)

    async def _answer(self, raw: web.BaseRequest) -> wire.Response | web.StreamResponse:
        request = await _read(raw)
        connection = raw.protocol
        assert isinstance(connection, Connection)
        request.user = self._authenticator.authenticate(request, connection.certificate_user())
        if self._upgrades is not None and self._upgrades.takes(request):
            return await self._upgrades.serve(raw, request)
        return await self._core.handle(request)


def _compress(raw: web.BaseRequest) -> bool:
    """Whether to compress a big answer: on the loopback bandwidth costs less than zlib."""
    peer = cast(Connection, raw.protocol).peername
    local = isinstance(peer, tuple) and peer[0] in _LOOPBACK
    return not local and "gzip" in raw.headers.get("Accept-Encoding", "")


async def _read(raw: web.BaseRequest) -> wire.Request:
    """The whole request as a value.

    Raises:
        ApiError: the query is too long or the body does not match its headers.
    """
    path, _, query = raw.raw_path.partition("?")
    try:
        body = await raw.read() if raw.can_read_body else b""
    except (web.RequestPayloadError, ValueError) as problem:
        raise status.bad_request(f"the body cannot be read: {problem}") from problem
    return wire.Request(
        raw.method,
        unquote(path) if "%" in path else path,
        parse_query(query) if query else [],
        raw.headers,
        body,
    )


def parse_query(query: str) -> list[tuple[str, str]]:
    """Decoded parameters in order.

    Raises:
        ApiError: more than MAX_PARAMETERS.
    """
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError as problem:
        raise status.bad_request(f"too many query parameters: {problem}") from problem
