"""A live SPDY connection: streams that the client opens, read and written like pipes.

The bytes come through a `Duplex`: the raw connection after `101 Switching Protocols`, or
WebSocket messages (kubectl's tunnel). One task reads and deals out; it waits when a stream's
reader is slow, so a connection buffers little, and one slow stream slows its neighbours (the
dialect has no flow control of its own). Neighbours: `spdy` (frames), `upgrade` (the raw duplex),
`commands` and `forwards` (what the streams mean).
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Protocol

import aiohttp
from aiohttp import web

from apiserver.streaming import spdy

MAX_STREAMS = 2048
"""Open streams of one connection: a busy port-forward opens two for each TCP connection."""

MAX_UNACCEPTED = 64
"""Streams that wait to be looked at."""

MAX_CHUNKS = 16
"""Chunks (of up to 32 KiB) that a stream holds for its reader."""

WRITE_BYTES = 32 * 1024
"""Bytes of a data frame that is sent: what Kubernetes' clients send themselves."""


class Duplex(Protocol):
    """Bytes in both directions."""

    async def read(self) -> bytes:
        """The next bytes; empty at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Send, waiting while the other side is slow. Raises ConnectionError when it is gone."""
        ...


class WebSocketDuplex:
    """SPDY inside binary WebSocket messages."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def read(self) -> bytes:
        while True:
            message = await self._socket.receive()
            if message.type is aiohttp.WSMsgType.BINARY:
                if message.data:
                    return bytes(message.data)
            elif message.type is not aiohttp.WSMsgType.TEXT:
                return b""

    async def write(self, data: bytes) -> None:
        await self._socket.send_bytes(data)


class Stream:
    """One stream of a session. Reading ends with empty bytes, also when it was reset."""

    def __init__(self, session: "Session", number: int, headers: Mapping[str, str]) -> None:
        self.number = number
        self.headers = headers
        self._session = session
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue(MAX_CHUNKS)
        self._ended = False
        """Nothing comes after what the queue holds."""
        self._finished = False
        """We have sent our last bytes."""
        self.broken = False
        """The client has gone or gave the stream up: nobody reads what we send."""

    async def read(self) -> bytes:
        """The next bytes from the client; empty when it sends no more."""
        if self._ended and self._chunks.empty():
            return b""
        return await self._chunks.get()

    async def write(self, data: bytes) -> None:
        """Send bytes to the client, waiting while it is slow."""
        for start in range(0, len(data), WRITE_BYTES):
            if self._finished:
                raise ConnectionResetError("the stream was given up")
            await self._session.send_data(self.number, data[start : start + WRITE_BYTES])

    async def finish(self) -> None:
        """Say that no more comes; the client may still send."""
        if not self._finished:
            self._finished = True
            await self._session.send_data(self.number, b"", finished=True)
            self._forget_if_over()

    async def reset(self) -> None:
        """Give the stream up in both directions, if it is not over anyway."""
        if self._ended and self._finished:
            return
        self.break_off()
        self._session.forget(self.number)
        await self._session.send_reset(self.number)

    async def feed(self, data: bytes, *, finished: bool) -> None:
        """For the session: bytes that have arrived; waits for a slow reader."""
        if data and not self._ended:
            await self._chunks.put(data)
        if finished:
            self._end()
            self._forget_if_over()

    def break_off(self) -> None:
        """For the session: the client has gone or gave the stream up."""
        while not self._chunks.empty():
            # Also wakes a session that waits for room.
            self._chunks.get_nowait()
        self._finished = self.broken = True
        self._end()

    def _end(self) -> None:
        self._ended = True
        if self._chunks.empty():
            # Wakes a waiting reader; one that still has chunks sees `_ended` after them.
            self._chunks.put_nowait(b"")

    def _forget_if_over(self) -> None:
        if self._ended and self._finished:
            self._session.forget(self.number)


class Session:
    """The server's side of one connection. Run `run` beside whoever accepts streams."""

    def __init__(self, duplex: Duplex) -> None:
        self._duplex = duplex
        self._connection = spdy.Connection()
        self._streams: dict[int, Stream] = {}
        self._unaccepted: asyncio.Queue[Stream | None] = asyncio.Queue(MAX_UNACCEPTED)

    async def run(self) -> None:
        """Read until the client has gone; then every stream ends and `accept` returns None.

        Raises:
            SpdyError: the client speaks something else.
        """
        try:
            while data := await self._duplex.read():
                for event in self._connection.receive(data):
                    await self._handle(event)
        finally:
            for stream in list(self._streams.values()):
                stream.break_off()
            self._streams.clear()
            with contextlib.suppress(asyncio.QueueFull):
                self._unaccepted.put_nowait(None)

    async def accept(self) -> Stream | None:
        """The next stream that the client opens; None when the connection has ended."""
        return await self._unaccepted.get()

    async def send_data(self, number: int, data: bytes, *, finished: bool = False) -> None:
        """For streams: one data frame."""
        await self._duplex.write(self._connection.data(number, data, finished=finished))

    async def send_reset(self, number: int) -> None:
        """For streams: give it up."""
        await self._duplex.write(self._connection.reset(number, spdy.CANCEL))

    def forget(self, number: int) -> None:
        """For streams: nothing comes any more in either direction."""
        self._streams.pop(number, None)

    async def _handle(self, event: spdy.Event) -> None:
        match event:
            case spdy.Opened():
                await self._open(event)
            case spdy.Data(number, data, finished):
                if (stream := self._streams.get(number)) is not None:
                    await stream.feed(data, finished=finished)
            case spdy.Reset(number):
                if (stream := self._streams.pop(number, None)) is not None:
                    stream.break_off()
            case spdy.Ping(number):
                await self._duplex.write(self._connection.pong(number))
            case spdy.GoAway():
                pass  # the streams that are open go on; the connection's end follows

    async def _open(self, event: spdy.Opened) -> None:
        if event.stream in self._streams:
            raise spdy.SpdyError(f"stream {event.stream} was opened twice")
        if len(self._streams) >= MAX_STREAMS:
            await self._duplex.write(self._connection.reset(event.stream, spdy.REFUSED_STREAM))
            return
        stream = Stream(self, event.stream, event.headers)
        self._streams[event.stream] = stream
        await self._duplex.write(self._connection.reply(event.stream))
        if event.finished:
            await stream.feed(b"", finished=True)
        await self._unaccepted.put(stream)
