"""Calls to etcd: channels, endpoints, credentials, deadlines, and what its errors mean.

One channel for requests and one for watches per endpoint: etcd starves watches behind large
reads on a shared connection. Requests go to one endpoint until it fails, then to the next.
Neighbours: `store` decides what to send; `messages` has the classes. This module and `store`
are the only ones that know gRPC.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc

from apiserver.storage import errors
from apiserver.storage.etcd import messages
from apiserver.storage.options import StoreOptions

LOG = logging.getLogger(__name__)

CALL_SECONDS = 10.0
"""Deadline of one request: an election takes about a second, a loaded disk some."""
CONNECT_SECONDS = 10.0
"""How long the first contact may take, over all endpoints."""
READ_SECONDS = 2.0
"""How long a read looks for a member that answers: a reconnection takes some tenths."""
RETRY_SECONDS = 0.05
"""Between rounds over the endpoints."""

_CHANNEL_OPTIONS: list[tuple[str, Any]] = [
    # 500 objects of 1.5 KB would not fit into the default of 4 MB.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # A lost member comes back within seconds, not after gRPC's two minutes.
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    # Channels with equal arguments would share a connection.
    ("grpc.use_local_subchannel_pool", 1),
    # A write must not be repeated behind our back.
    ("grpc.enable_retries", 0),
]

_NEVER_SENT = "failed to connect to all addresses"
"""gRPC's words for a request that found no connection: nobody has seen it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a member listens: gRPC's target, and whether to speak TLS."""

    target: str
    tls: bool


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


class CallFailed(Exception):  # noqa: N818  internal: `store` turns it into storage errors
    """A call that etcd or gRPC refused."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code
        self.details = details

    @property
    def never_sent(self) -> bool:
        return self.code is grpc.StatusCode.UNAVAILABLE and _NEVER_SENT in self.details

    @property
    def in_doubt(self) -> bool:
        """A write that failed like this may have happened."""
        return not self.never_sent and self.code in (
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
            grpc.StatusCode.CANCELLED,
            grpc.StatusCode.UNKNOWN,
            grpc.StatusCode.INTERNAL,
        )

    @property
    def elsewhere(self) -> bool:
        """Another endpoint may do better."""
        return self.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class _Member:
    """Channels to one endpoint, opened on first use."""

    def __init__(self, endpoint: Endpoint, credentials: grpc.ChannelCredentials | None) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._calls: dict[str, Any] = {}

    def call(self, name: str) -> Any:
        """The callable of a method; the watch has a channel of its own."""
        found = self._calls.get(name)
        if found is None:
            path, request, response = messages.METHODS[name]
            channel = self._channel("watch" if name == "watch" else "requests")
            make = channel.stream_stream if name == "watch" else channel.unary_unary
            found = self._calls[name] = make(
                path,
                request_serializer=request.SerializeToString,
                response_deserializer=response.FromString,
            )
        return found

    def _channel(self, purpose: str) -> grpc.aio.Channel:
        found = self._channels.get(purpose)
        if found is None:
            target = self._endpoint.target
            if self._endpoint.tls:
                assert self._credentials is not None, "made for https endpoints"
                found = grpc.aio.secure_channel(target, self._credentials, _CHANNEL_OPTIONS)
            else:
                found = grpc.aio.insecure_channel(target, _CHANNEL_OPTIONS)
            self._channels[purpose] = found
        return found

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()


class Client:
    """All members; `call` for requests, `watch` for the stream."""

    def __init__(self, endpoints: Sequence[Endpoint], options: StoreOptions) -> None:
        self._options = options
        self._endpoints = endpoints
        credentials = None
        if any(endpoint.tls for endpoint in endpoints):
            credentials = _credentials(options)
        self._members = [_Member(endpoint, credentials) for endpoint in endpoints]
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
            if error.code is not grpc.StatusCode.UNAUTHENTICATED or not self._options.user:
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
        call = self._members[self._at].call(name)
        metadata = (("token", token),) if token else ()
        try:
            return await call(request, timeout=CALL_SECONDS, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise CallFailed(error.code(), error.details() or "") from error
        except (grpc.aio.UsageError, asyncio.InvalidStateError) as error:
            raise CallFailed(grpc.StatusCode.CANCELLED, "the store was closed") from error

    async def open_watch(self) -> Any:
        """A watch stream at the present member; read and write it as gRPC's stream call."""
        token = await self._current_token("")
        metadata = [("hasleader", "true")]
        if token:
            metadata.append(("token", token))
        return self._members[self._at].call("watch")(metadata=metadata)

    def forget_token(self) -> None:
        """A stream said that the token is bad."""
        self._token = ""

    def leave(self, member: int | None = None) -> None:
        """Go to the next member, unless somebody has already left this one."""
        if member is None or member == self._at:
            self._at = (self._at + 1) % len(self._members)

    async def close(self) -> None:
        for member in self._members:
            await member.close()


def _credentials(options: StoreOptions) -> grpc.ChannelCredentials:
    def read(name: str) -> bytes | None:
        if not name:
            return None
        try:
            return Path(name).read_bytes()
        except OSError as error:
            raise errors.BadStore(f"cannot read {name}: {error.strerror}") from error

    if bool(options.cert_file) is not bool(options.key_file):
        raise errors.BadStore("a client certificate for etcd needs both a certificate and a key")
    return grpc.ssl_channel_credentials(
        read(options.ca_file), read(options.key_file), read(options.cert_file)
    )
