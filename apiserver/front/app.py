"""The HTTPS front of the API server: sockets and TLS on one side, `wire` values on the other.

A request is read whole and bounded, its sender identified, and handed to the core; the answer
is sent back. Requests that turn into something else than HTTP (exec, attach, port-forward) and
the streams of kubelets (logs, proxy) go to `apiserver.streaming` after the same checks. Two lanes
lead here: plain requests by `lean`, all others by aiohttp.
Neighbours: `apiserver.identity.authn` (who asks), `apiserver.server` (core), `bireme.cli` (starts
it). It does not know what a resource is.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from apimachinery import status, wire
from apiserver import errors
from apiserver.fairness import Gate
from apiserver.front import answer, http1
from apiserver.front.connection import Connection, ConnectionFactory, Open
from apiserver.front.lean import LeanFactory
from apiserver.identity.authn import Authenticator

MAX_BODY = 3 * 1024 * 1024
"""Bytes of a request's body, Kubernetes' limit; also after decompression."""

MAX_PARAMETERS = 1000
"""Query parameters of a request; exec sends one for each word of the command."""

BACKLOG = 1024
"""Connections that may wait for accept: a fleet that reconnects at once fits in."""

STOP_SECONDS = 3.0
"""How long open requests may go on at shutdown; the whole process has 5 s."""

HANDSHAKE_SECONDS = 10.0
"""Who has not shown who he is by then is dropped."""

GOODBYE_SECONDS = 0.5
"""How long a closed connection waits for the other side's TLS goodbye (asyncio: 30 s)."""


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


@dataclass(slots=True)
class Listening:
    """What there is between `start` and `stop`."""

    lean: LeanFactory
    runner: web.ServerRunner
    """Of aiohttp's connections, which come from the lean ones."""
    connections: Open
    servers: list[asyncio.Server] = field(default_factory=list)
    addresses: list[tuple[str, int]] = field(default_factory=list)


class Front:
    """The listening side of one API server process."""

    max_body = MAX_BODY

    def __init__(
        self,
        core: Core,
        authenticator: Authenticator,
        tls: ssl.SSLContext | None,
        upgrades: Upgrades | None = None,
        gate: Gate | None = None,
    ) -> None:
        """`tls` None means plain HTTP: for tests and behind somebody else's TLS on loopback."""
        self._core = core
        self._gate = gate
        self._authenticator = authenticator
        self._tls = tls
        self._upgrades = upgrades
        self._listening: Listening | None = None
        self._streams = answer.Streams()
        self._upgrade_tasks: set[asyncio.Task[Any]] = set()

    async def start(self, addresses: Iterable[tuple[str, int]]) -> None:
        """Listen; port 0 takes a free one. An address in use raises OSError."""
        connections = Open()
        factory = ConnectionFactory(self._serve, connections, max_body=MAX_BODY)
        runner = web.ServerRunner(factory, handle_signals=False, shutdown_timeout=STOP_SECONDS)
        await runner.setup()
        lean = LeanFactory(self, factory, self._streams, connections)
        self._listening = Listening(lean, runner, connections)
        for host, port in addresses:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            await self.add_socket(
                socket.create_server((host, port), family=family, backlog=BACKLOG)
            )

    async def add_socket(self, listening: socket.socket) -> None:
        """Serve on a socket that somebody else bound (in another network namespace)."""
        assert self._listening is not None, "start() comes first"
        secure = self._tls is not None
        server = await asyncio.get_running_loop().create_server(
            self._listening.lean,
            sock=listening,
            ssl=self._tls,
            backlog=BACKLOG,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if secure else None,
            ssl_shutdown_timeout=GOODBYE_SECONDS if secure else None,
        )
        self._listening.servers.append(server)
        self._listening.addresses.append(listening.getsockname()[:2])

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens, with the real ports."""
        assert self._listening is not None, "start() comes first"
        return list(self._listening.addresses)

    def open_streams(self) -> int:
        """Watches and other answers without an end, and streams to nodes."""
        return self._streams.open + len(self._upgrade_tasks)

    def open_connections(self) -> int:
        """Clients that are connected."""
        return len(self._listening.connections) if self._listening is not None else 0

    async def stop(self) -> None:
        """Close the sockets, end the streams, let open requests finish within STOP_SECONDS."""
        listening, self._listening = self._listening, None
        if listening is None:
            return
        for server in listening.servers:
            server.close()
        listening.lean.stop()
        self._streams.end()
        for task in list(self._upgrade_tasks):
            task.cancel()
        await listening.runner.cleanup()
        await listening.connections.drain(STOP_SECONDS)

    # --- the lean lane ---------------------------------------------------------------------------

    def to_request(self, method: str, target: str, headers: http1.Headers) -> wire.Request:
        """See `lean.Service`."""
        path, _, query = target.partition("?")
        try:
            parameters = parse_query(query) if query else []
        except status.ApiError as problem:
            raise http1.NotPlain from problem
        decoded = unquote(path) if "%" in path else path
        return wire.Request(method, decoded, parameters, headers.fields)

    def is_plain(self, request: wire.Request) -> bool:
        """See `lean.Service`."""
        return self._upgrades is None or not self._upgrades.takes(request)

    def identify(
        self, request: wire.Request, certificate: wire.UserInfo | None
    ) -> wire.Response | None:
        """See `lean.Service`."""
        try:
            request.user = self._authenticator.authenticate(request, certificate)
        except status.ApiError as problem:
            return errors.answer(problem)
        return None

    async def respond(self, request: wire.Request) -> wire.Response:
        """See `lean.Service`."""
        try:
            return await self._handle(request)
        except Exception as problem:  # noqa: BLE001 - every fault becomes an answer, bugs are logged
            return errors.answer(problem)

    # --- through aiohttp -------------------------------------------------------------------------

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
            return await answer.whole(raw, response, body)
        return await self._streams.send(raw, response, body)

    async def _answer(self, raw: web.BaseRequest) -> wire.Response | web.StreamResponse:
        path, _, query = raw.raw_path.partition("?")
        request = wire.Request(
            raw.method,
            unquote(path) if "%" in path else path,
            parse_query(query) if query else [],
            raw.headers,
        )
        connection = raw.protocol
        assert isinstance(connection, Connection)
        # Before the body: strangers get no memory for theirs.
        request.user = self._authenticator.authenticate(request, connection.certificate_user())
        request.body = await _body(raw)
        if self._upgrades is not None and self._upgrades.takes(request):
            return await self._upgraded(self._upgrades, raw, request)
        return await self._handle(request)

    async def _handle(self, request: wire.Request) -> wire.Response:
        if self._gate is None:
            return await self._core.handle(request)
        return await self._gate.run(request, self._core.handle)

    async def _upgraded(
        self, upgrades: Upgrades, raw: web.BaseRequest, request: wire.Request
    ) -> wire.Response | web.StreamResponse:
        """A stream to a node: it has no end of its own, so a shutdown cancels it."""
        task = asyncio.current_task()
        assert task is not None, "handlers run in tasks"
        self._upgrade_tasks.add(task)
        try:
            return await upgrades.serve(raw, request)
        finally:
            self._upgrade_tasks.discard(task)


async def _body(raw: web.BaseRequest) -> bytes:
    """The whole body; raises ApiError where it does not match its headers."""
    try:
        return await raw.read() if raw.can_read_body else b""
    except (web.RequestPayloadError, ValueError) as problem:
        raise status.bad_request(f"the body cannot be read: {problem}") from problem


def parse_query(query: str) -> list[tuple[str, str]]:
    """Decoded parameters in order.

    Raises:
        ApiError: more than MAX_PARAMETERS.
    """
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError as problem:
        raise status.bad_request(f"too many query parameters: {problem}") from problem
