"""The front's fast lane: plain HTTP/1.1 requests straight from the socket to the core.

aiohttp spends two thirds of a GET's CPU on what plain requests do not need: a task, a writer and
several objects for each. A `LeanConnection` serves such requests itself, in one task a
connection; at the first request that is not plain, or that becomes a stream to a node, it hands
the whole connection to aiohttp (`connection`), bytes and all, for good. Neighbours:
`http1` (heads), `app` (`Front` answers), `answer` (compression, ends of streams).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from email.utils import formatdate
from typing import Protocol, cast

from apimachinery import wire
from apiserver.front import answer, http1
from apiserver.front.connection import IDLE_SECONDS, Open
from apiserver.identity.authn import certificate_user

log = logging.getLogger(__name__)

MAX_WAITING = 256 * 1024
"""Bytes that may arrive beyond the request that is being answered; then reading pauses."""

MAX_CONNECTIONS = 20_000
"""Open connections: a fleet of 5,000 nodes with a few each, and an end to what a flood can take."""

JOIN_BELOW = 64 * 1024
"""Bodies up to this size leave in one write with their head: one TLS record, one system call."""

PIECE = 256 * 1024
"""Of a bigger body in one write: what TLS and the socket hold of it in copies of their own."""


class Service(Protocol):
    """What a connection asks of the front."""

    max_body: int

    def is_plain(self, request: wire.Request) -> bool:
        """Whether the core answers it (else it becomes a stream and needs aiohttp)."""
        ...

    def identify(
        self, request: wire.Request, certificate: wire.UserInfo | None
    ) -> wire.Response | None:
        """Set the request's user, or tell why it is refused. Asked before the body is read."""
        ...

    async def respond(self, request: wire.Request) -> wire.Response:
        """The answer, errors included; never raises."""
        ...

    def to_request(self, method: str, target: str, headers: http1.Headers) -> wire.Request:
        """The request without its body; raises NotPlain where it makes no sense."""
        ...


class Dates:
    """The Date header, made once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def now(self, monotonic: float) -> str:
        """`monotonic` is the loop's time; it decides when the text is made anew."""
        if int(monotonic) != self._second:
            self._second = int(monotonic)
            self._text = formatdate(usegmt=True)
        return self._text


class LeanFactory:
    """What a listening socket calls for each new client."""

    def __init__(
        self,
        service: Service,
        fallback: Callable[[], asyncio.Protocol],
        streams: answer.Streams,
        connections: Open,
    ) -> None:
        self.service = service
        self.fallback = fallback
        self.streams = streams
        self.open = connections
        self.dates = Dates()
        self.stopping = False
        self._live: set[LeanConnection] = set()

    def __call__(self) -> "LeanConnection":
        return LeanConnection(self)

    def register(self, connection: "LeanConnection") -> None:
        """For connections: count me."""
        self._live.add(connection)

    def forget(self, connection: "LeanConnection") -> None:
        """For connections: I am gone, or aiohttp's."""
        self._live.discard(connection)

    def stop(self) -> None:
        """Close what is idle; the others close after the answer that they are giving."""
        self.stopping = True
        for connection in list(self._live):
            connection.stop()


class LeanConnection(asyncio.Protocol):
    """One client, until it leaves or asks for something that is not plain."""

    def __init__(self, factory: LeanFactory) -> None:
        self._factory = factory
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, None)
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        """Set while the task waits for bytes."""
        self._writable: asyncio.Future[None] | None = None
        """Set while the client does not take what we send."""
        self._streaming = False
        self._lost = False
        self._reading_paused = False
        self._idle: asyncio.TimerHandle | None = None
        self._waiting_since = 0.0
        self._refusal: wire.Response | None = None
        """The answer to the present request, where its sender is refused."""
        self._certificate_read = False
        self._certificate: wire.UserInfo | None = None

    # --- asyncio calls ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if len(self._factory.open) >= MAX_CONNECTIONS:
            log.warning("connection refused: %d are open", MAX_CONNECTIONS)
            self._transport.abort()
            return
        self._factory.open.add(self._transport)
        self._factory.register(self)
        self._task = self._loop.create_task(self._run(), name="connection")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._waiter is not None:
            self._wake()
        elif len(self._buffer) > MAX_WAITING + self._factory.service.max_body:
            self._reading_paused = True
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's shape
        self._lost = True
        self._factory.open.discard(self._transport)
        self._leave()
        self.resume_writing()
        # A write that is under way goes on (its commit does); waiting and streaming end now.
        if self._task is not None and (self._streaming or self._waiter is not None):
            self._task.cancel()

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            if not self._writable.done():
                self._writable.set_result(None)
            self._writable = None

    # --- the front calls -------------------------------------------------------------------------

    def stop(self) -> None:
        """Shutdown: close now if idle, else after the answer."""
        if self._waiter is not None:
            self._transport.close()

    # --- requests --------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            while not (self._lost or self._factory.stopping):
                try:
                    request = await self._next_request()
                except http1.NotPlain:
                    self._hand_over()
                    return
                response = self._refusal or await self._factory.service.respond(request)
                self._refusal = None
                await self._send(request, response)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client has gone; nobody waits for this task
        except Exception:
            # Heads are on their way already: all that can be done is to break the line.
            log.exception("a response failed half-way")
            self._transport.abort()
        if not self._lost:
            self._transport.close()

    async def _next_request(self) -> wire.Request:
        """The next whole request; raises NotPlain with everything still in the buffer."""
        while (head := http1.parse(self._buffer)) is None:
            await self._more()
        service = self._factory.service
        request = service.to_request(head.method, head.target, head.headers)
        if head.headers.length > service.max_body or not service.is_plain(request):
            raise http1.NotPlain
        self._refusal = service.identify(request, self._certificate_user())
        whole = head.size + head.headers.length
        while len(self._buffer) < whole:
            if self._refusal is not None:
                # Strangers get no memory for their bodies.
                await self._send(request, self._refusal)
                raise ConnectionResetError("the rest of the request is not wanted")
            await self._more()
        request.body = bytes(self._buffer[head.size : whole])
        del self._buffer[:whole]
        return request

    async def _more(self) -> None:
        """Wait for bytes; a client that sends none for too long is closed."""
        if self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()
        if self._lost:
            raise ConnectionResetError("the client has gone")
        self._waiter = self._loop.create_future()
        self._waiting_since = self._loop.time()
        if self._idle is None:
            self._idle = self._loop.call_later(IDLE_SECONDS, self._check_idle)
        await self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _check_idle(self) -> None:
        """One timer a connection, not one a request: it looks how long we have waited."""
        left = self._waiting_since + IDLE_SECONDS - self._loop.time()
        self._idle = None
        if self._waiter is not None and left <= 0:
            self._transport.close()
        elif not self._lost:
            self._idle = self._loop.call_later(max(left, 1.0), self._check_idle)

    def _certificate_user(self) -> wire.UserInfo | None:
        if not self._certificate_read:
            self._certificate = certificate_user(self._transport.get_extra_info("peercert"))
            self._certificate_read = True
        return self._certificate

    def _hand_over(self) -> None:
        """Give the connection and what has arrived to aiohttp."""
        if self._lost:
            return
        self._leave()
        self._factory.open.discard(self._transport)
        other = self._factory.fallback()
        self._transport.set_protocol(other)
        other.connection_made(self._transport)
        other.data_received(bytes(self._buffer))
        if self._reading_paused:
            self._transport.resume_reading()

    def _leave(self) -> None:
        self._factory.forget(self)
        if self._idle is not None:
            self._idle.cancel()

    # --- answers ---------------------------------------------------------------------------------

    async def _send(self, request: wire.Request, response: wire.Response) -> None:
        if response.finite and answer.takes_gzip(request.headers, self._peer()):
            answer.compress_stream(response)
        body = response.body
        if not isinstance(body, bytes):
            await self._send_stream(response, body)
            return
        headers = response.headers
        if answer.worth_compressing(request.headers, body, self._peer()):
            body, headers = await answer.compressed(headers, body)
        head = self._head(response.status, headers, len(body))
        if self._lost:
            return
        if len(body) <= JOIN_BELOW:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            await self._send_pieces(body)
        if self._writable is not None:
            await self._drained()

    async def _send_pieces(self, body: bytes) -> None:
        """A big body as the client takes it: TLS and the socket would copy all of it at once."""
        view = memoryview(body)
        for start in range(0, len(body), PIECE):
            if start and self._writable is not None:
                await self._drained()
            if self._lost:
                return
            self._transport.write(view[start : start + PIECE])

    async def _send_stream(self, response: wire.Response, body: AsyncIterator[bytes]) -> None:
        self._streaming = True
        try:
            if self._lost:
                await answer.close(body)
                return
            # The head leaves at once: a watch may have nothing to say for minutes.
            self._transport.write(self._head(response.status, response.headers, None))
            await self._factory.streams.run(body, self._send_chunk, lambda: not self._lost)
        finally:
            self._streaming = False
        self._transport.write(http1.LAST_CHUNK)

    async def _send_chunk(self, data: bytes) -> None:
        if self._lost:
            raise ConnectionResetError("the client has gone")
        if data:
            self._transport.write(http1.chunk(data))
        if self._writable is not None:
            await self._drained()

    async def _drained(self) -> None:
        """Wait until the client has taken enough of what it was sent."""
        writable = self._writable
        if writable is None:
            return
        try:
            async with asyncio.timeout(answer.STALL_SECONDS):
                # Shielded: the future is the transport's, a shutdown cancels only this wait.
                await asyncio.shield(writable)
        except TimeoutError:
            self._transport.abort()
            raise ConnectionResetError("the client stopped reading") from None

    def _head(self, status: int, headers: Mapping[str, str], length: int | None) -> bytes:
        return http1.head(status, headers, length, self._factory.dates.now(self._loop.time()))

    def _peer(self) -> object:
        return self._transport.get_extra_info("peername")
