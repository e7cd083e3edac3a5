"""Calls to etcd: connections, endpoints, credentials, and where to try again.

One connection for requests and one for each watch: etcd starves watches behind large reads on a
shared one. Requests go to one endpoint until it fails, then to the next. Neighbours: `store`
decides what to send; `messages` has the classes, `calls` and `http2` bring them there.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from apiserver.storage import errors
from apiserver.storage.etcd import calls, messages
from apiserver.storage.etcd.calls import CallFailed, Code
from apiserver.storage.etcd.http2 import Connection
from apiserver.storage.options import StoreOptions

CONNECT_SECONDS = 10.0
"""How long the first contact may take, over all endpoints."""
ENDPOINT_SECONDS = 3.0
"""How long one endpoint may take to be reached: one try again of TCP, and TLS."""
READ_SECONDS = 2.0
"""How long a read looks for a member that answers: a reconnection takes some tenths."""
RETRY_SECONDS = 0.05
"""Between rounds over the endpoints."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a member listens: HOST:PORT or unix:PATH, and whether to speak TLS."""

    target: str
    tls: bool

    async def connect(self, context: ssl.SSLContext | None) -> Connection:
        """A connection that may be used; raises CallFailed."""
        loop = asyncio.get_running_loop()
        made = None
        try:
            async with asyncio.timeout(ENDPOINT_SECONDS):
                if self.target.startswith("unix:"):
                    path = self.target.removeprefix("unix:")
                    _, made = await loop.create_unix_connection(Connection, path)
                else:
                    host, _, port = self.target.rpartition(":")
                    tls = context if self.tls else None
                    where = (host.strip("[]"), int(port))
                    _, made = await loop.create_connection(Connection, *where, ssl=tls)
                await made.ready
        except (OSError, TimeoutError) as error:
            reason = f"cannot connect to {self.target}: {str(error) or 'no answer in time'}"
            raise CallFailed(Code.UNAVAILABLE, reason, never_sent=True) from error
        finally:
            if made is not None and not (made.ready.done() and made.usable):
                made.close()
        return made


def parse_endpoints(address: str) -> tuple[Endpoint, ...]:
    """`http(s)://HOST:PORT[,HOST:PORT…]`, each with or without the scheme, or `unix:PATH`."""
    if address.startswith("unix:"):
        return (Endpoint("unix:" + address.removeprefix("unix:").removeprefix("//"), tls=False),)
    scheme = address.partition("://")[0]
    found = []
    for part in address.split(","):
        url = urlsplit(part if "://" in part else f"{scheme}://{part}")
        try:
            port = url.port
        except ValueError:
            port = None
        if url.scheme not in ("http", "https") or not url.hostname or port is None:
            raise errors.BadStore(
                f"etcd endpoint {part!r} is not HOST:PORT with http:// or https:// in front"
            )
        if url.path not in ("", "/") or url.query or url.username:
            raise errors.BadStore(f"etcd endpoint {part!r} has more than a host and a port")
        host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
        found.append(Endpoint(f"{host}:{port}", url.scheme == "https"))
    return tuple(found)


class _Member:
    """One endpoint, and the connection for requests, opened on first use."""

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext | None) -> None:
        self._endpoint = endpoint
        self._context = context
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None
        self._blocks: dict[tuple[str, str], bytes] = {}

    def block(self, name: str, token: str) -> bytes:
        """The header block of a method's calls with a token."""
        found = self._blocks.get((name, token))
        if found is None:
            more = {"hasleader": "true"} if name == "watch" else {"grpc-timeout": _TIMEOUT}
            if token:
                # Tokens come and go: those that went are of no use.
                self._blocks = {key: value for key, value in self._blocks.items() if not key[1]}
                more["token"] = token
            target, tls = self._endpoint.target, self._endpoint.tls
            authority = "localhost" if target.startswith("unix:") else target
            path = messages.METHODS[name][0]
            found = calls.request_headers(path, authority, tls=tls, more=more)
            self._blocks[name, token] = found
        return found

    async def connection(self) -> Connection:
        """The one for requests; all who need it while it is being made wait for the same."""
        if self._connection is not None and self._connection.usable:
            return self._connection
        if self._connecting is None:
            self._connecting = asyncio.create_task(self.connect())
            self._connecting.add_done_callback(self._connected)
        return await asyncio.shield(self._connecting)

    def _connected(self, task: "asyncio.Task[Connection]") -> None:
        self._connecting = None
        if not task.cancelled() and task.exception() is None:
            self._connection = task.result()

    async def connect(self) -> Connection:
        """A new one."""
        return await self._endpoint.connect(self._context)

    async def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._connection is not None:
            self._connection.close()


_TIMEOUT = f"{calls.CALL_SECONDS:g}S"
"""A call's deadline in gRPC's words."""


class Client:
    """All members; `call` for requests, `watch` for the stream."""

    def __init__(self, endpoints: Sequence[Endpoint], options: StoreOptions) -> None:
        self._options = options
        self._endpoints = endpoints
        context = None
        if any(endpoint.tls for endpoint in endpoints):
            context = _tls(options)
        self._members = [_Member(endpoint, context) for endpoint in endpoints]
        self._at = 0
        """Index of the member that requests go to."""
        self._token = ""
        self._authenticating: asyncio.Lock = asyncio.Lock()

    @property
    def where(self) -> str:
        return ",".join([endpoint.target for endpoint in self._endpoints])

    async def connect(self) -> str:
        """The server's version, from the first member that answers. Raises BadStore."""
        try:
            response = await self.call("status", messages.StatusRequest(), patience=CONNECT_SECONDS)
        except CallFailed as error:
            if error.elsewhere:
                raise errors.BadStore(
                    f"no etcd answers at {self.where}: {error.details}: is it running, and "
                    "are the address and the certificates right?"
                ) from error
            raise errors.BadStore(
                f"etcd at {self.where} refuses us: {error.details}: check user and password"
            ) from error
        return str(response.version)

    async def call(
        self, name: str, request: Any, *, safe: bool = True, patience: float = READ_SECONDS
    ) -> Any:
        """One request; raises CallFailed.

        A `safe` one (a read) is tried at each member, and again for `patience` seconds. Another
        is sent on only if it was never sent: whether a lost write happened is for the caller to
        find out.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        for attempt in count(1):
            member = self._at
            try:
                return await self._authenticated(name, request)
            except CallFailed as error:
                if error.elsewhere:
                    self.leave(member)
                if not (error.never_sent or (safe and error.elsewhere)):
                    raise
                if attempt % len(self._members) == 0:
                    if not safe or loop.time() > deadline:
                        raise
                    await asyncio.sleep(RETRY_SECONDS)
        raise AssertionError("count does not end")

    async def _authenticated(self, name: str, request: Any) -> Any:
        token = await self._current_token("")
        try:
            return await self._once(name, request, token)
        except CallFailed as error:
            if error.code is not Code.UNAUTHENTICATED or not self._options.user:
                raise
        # Tokens expire; a request with a bad one was not looked at.
        return await self._once(name, request, await self._current_token(token))

    async def _current_token(self, rejected: str) -> str:
        """The token to use, a new one if `rejected` is what we have."""
        if not self._options.user:
            return ""
        async with self._authenticating:
            if not self._token or self._token == rejected:
                request = messages.AuthenticateRequest(
                    name=self._options.user, password=self._options.password
                )
                self._token = str((await self._once("authenticate", request, "")).token)
            return self._token

    async def _once(self, name: str, request: Any, token: str) -> Any:
        member = self._members[self._at]
        connection = await member.connection()
        block = member.block(name, token)
        answer = await calls.unary(connection, block, request.SerializeToString())
        return messages.METHODS[name][2].FromString(answer)

    async def open_watch(self, request: Any) -> "Watch":
        """A watch at the present member; raises CallFailed."""
        token = await self._current_token("")
        at = self._at
        member = self._members[at]
        try:
            connection = await member.connect()
            block = member.block("watch", token)
            stream = await calls.stream(connection, block, request.SerializeToString())
        except CallFailed:
            self.leave(at)
            raise
        return Watch(self, at, stream)

    def forget_token(self) -> None:
        """A stream said that the token is bad."""
        self._token = ""

    def leave(self, member: int) -> None:
        """Go to the next member, unless somebody has already left this one."""
        if member == self._at:
            self._at = (self._at + 1) % len(self._members)

    async def close(self) -> None:
        for member in self._members:
            await member.close()


class Watch:
    """A watch stream: etcd's responses, until it ends."""

    def __init__(self, client: Client, member: int, stream: calls.Messages) -> None:
        self._client = client
        self._member = member
        self._stream = stream

    async def read(self) -> Any:
        """The next response; raises CallFailed at the end. Then another member has its turn."""
        try:
            message = await self._stream.read()
        except CallFailed as error:
            if error.code is Code.UNAUTHENTICATED:
                self._client.forget_token()
            self._client.leave(self._member)
            raise
        if message is None:
            self._client.leave(self._member)
            raise CallFailed(Code.UNAVAILABLE, "it ended")
        return messages.METHODS["watch"][2].FromString(message)

    def cancel(self) -> None:
        """End it, from either side."""
        self._stream.cancel()


def _tls(options: StoreOptions) -> ssl.SSLContext:
    if bool(options.cert_file) is not bool(options.key_file):
        raise errors.BadStore("a client certificate for etcd needs both a certificate and a key")
    for name in filter(None, (options.ca_file, options.cert_file, options.key_file)):
        try:
            Path(name).read_bytes()
        except OSError as error:
            raise errors.BadStore(f"cannot read {name}: {error.strerror}") from error
    try:
        context = ssl.create_default_context(cafile=options.ca_file or None)
        if options.cert_file:
            context.load_cert_chain(options.cert_file, options.key_file)
    except ssl.SSLError as error:
        raise errors.BadStore(f"the certificates for etcd make no sense: {error}") from error
    context.set_alpn_protocols(["h2"])
    return context
