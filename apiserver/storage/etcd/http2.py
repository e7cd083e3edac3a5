"""One HTTP/2 connection, as far as gRPC needs it: streams out, frames in, windows, pings.

Written for the event loop that all else runs in: gRPC's own core hands each answer from thread to
thread, which cost four times as much (`docs/design/0008`). Neighbours: `calls` sends messages over
streams, `client` opens connections and gives them up. Header blocks are decoded by `hpack`; nothing
here knows etcd. What breaks the protocol ends the connection: there is always another.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol, cast

import hpack

KEEPALIVE_SECONDS = 10.0
"""A connection with open streams that is silent for so long is pinged (etcd allows one in 5 s)."""
PONG_SECONDS = 5.0
"""One that is silent for so much longer is dead."""
WINDOW = 1 << 30
"""What the other side may send unasked, by stream and in all: whoever reads slowly pauses the
socket instead (`pause`)."""
CREDIT = 1 << 20
"""Received bytes after which the window is opened again."""
FIRST_WINDOW = 65_535
FRAME_MAX = 16_384
"""Both as the protocol begins (RFC 9113); the other side may say otherwise for what we send."""
HEADERS_MAX = 64 * 1024
"""Bytes of one header block: more is no answer of etcd's."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE = range(9)
CONTINUATION = 9
ACK, END_STREAM, END_HEADERS, PADDED, PRIORITIZED = 0x1, 0x1, 0x4, 0x8, 0x20
ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 2, 3, 4, 5
REFUSED_STREAM, CANCEL = 7, 8

Headers = Mapping[str, str]


class Receiver(Protocol):
    """Whom a stream's frames go to."""

    def data(self, piece: bytes) -> None: ...

    def headers(self, fields: Headers, *, last: bool) -> None:
        """Those before the data, and (`last`) those that end the stream."""
        ...

    def lost(self, reason: str, *, unseen: bool) -> None:
        """The stream ended in another way. `unseen`: the other side says that it did nothing."""
        ...


class _Stream:
    """One exchange, until both its ends are known."""

    __slots__ = ("ending", "received", "receiver", "unsent", "window")

    def __init__(self, receiver: Receiver, window: int) -> None:
        self.receiver = receiver
        self.window = window
        self.unsent = b""
        self.ending = False
        """Nothing comes after `unsent`."""
        self.received = 0


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return b"%b%c%c%b%b" % (
        len(body).to_bytes(3, "big"), kind, flags, stream.to_bytes(4, "big"), body,
    )  # fmt: skip


def header_block(fields: Mapping[str, str]) -> bytes:
    """Names and values as they stand: a call's are made once, and compressing would need a state."""
    return b"".join([b"\0" + _text(name) + _text(value) for name, value in fields.items()])


def _text(text: str) -> bytes:
    """A string, with its length in front as HPACK counts it (7 bits, then 7 a byte)."""
    raw = text.encode("latin-1")
    if len(raw) < 127:
        return bytes((len(raw),)) + raw
    size, rest = bytearray((127,)), len(raw) - 127
    while rest > 127:
        size.append(rest & 127 | 128)
        rest >>= 7
    size.append(rest)
    return bytes(size) + raw


def _settings(values: Mapping[int, int]) -> bytes:
    return b"".join(
        [key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in values.items()]
    )


class ProtocolBroken(Exception):  # noqa: N818  named as what happened
    """The other side sent what nobody may send."""


class Connection(asyncio.Protocol):
    """Give it to the loop's `create_connection`, then await `ready`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = self._loop.create_future()
        """Done when the other side has said what it allows; fails if the connection ends before."""
        self.usable = True
        """Whether new streams may begin."""
        self._transport: asyncio.Transport | None = None
        self._streams: dict[int, _Stream] = {}
        self._next = 1
        self._waiting: deque[asyncio.Future[None]] = deque()
        """Who waits until fewer streams are open."""
        self._streams_max = WINDOW
        self._stream_window = FIRST_WINDOW
        self._window = FIRST_WINDOW
        self._frame_max = FRAME_MAX
        self._blocked: dict[int, None] = {}
        """Streams with more to send than the windows allow, in their order."""
        self._out: list[bytes] = []
        self._rest = b""
        self._received = 0
        self._partial: tuple[int, int, bytes] | None = None
        """A header block that goes on: stream, flags, what is there."""
        self._decoder = hpack.Decoder(max_header_list_size=HEADERS_MAX)
        self._known: dict[bytes, Headers] = {}
        """Blocks that refer to the decoder's table only, decoded with the table as it is."""
        self._heard = self._pinged = self._paused = False
        self._timer: asyncio.TimerHandle | None = None

    # --- for `calls` and `client` ---------------------------------------------------------------

    async def room(self) -> None:
        """Wait until another stream may be opened, or the connection is of no use any more."""
        while self.usable and len(self._streams) >= self._streams_max:
            waiting = self._loop.create_future()
            self._waiting.append(waiting)
            try:
                await waiting
            except asyncio.CancelledError:
                self._wake(1)  # perhaps it was our turn: the next one's then
                raise

    def open(self, block: bytes, receiver: Receiver, data: bytes, *, last: bool) -> int:
        """Begin a stream with its headers and first data; its number. Only while `usable`."""
        number = self._next
        self._next += 2
        self._streams[number] = _Stream(receiver, self._stream_window)
        self._send(frame(HEADERS, END_HEADERS, number, block))
        self._send_data(number, data, last=last)
        return number

    def reset(self, number: int) -> None:
        """Of no interest any more; the receiver hears nothing of it."""
        if self._forget(number) is not None:
            self._send(frame(RST_STREAM, 0, number, CANCEL.to_bytes(4, "big")))

    def pause(self) -> None:
        """Leave what comes in the kernel, which slows the other side."""
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and self._paused:
            self._paused = False
            self._transport.resume_reading()

    def close(self, reason: str = "the store was closed") -> None:
        """End it now; the streams are told."""
        self._end(reason)

    # --- the socket -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's own are no subclass of it.
        self._transport = cast("asyncio.Transport", transport)
        settings = _settings({ENABLE_PUSH: 0, INITIAL_WINDOW_SIZE: WINDOW})
        self._send(PREFACE + frame(SETTINGS, 0, 0, settings))
        self._open_window(0, WINDOW - FIRST_WINDOW)
        self._timer = self._loop.call_later(KEEPALIVE_SECONDS, self._look)

    def data_received(self, data: bytes) -> None:
        self._heard = True
        buffer = self._rest + data if self._rest else data
        at, end = 0, len(buffer)
        try:
            while end - at >= 9:
                size = int.from_bytes(buffer[at : at + 3], "big")
                if size > FRAME_MAX:
                    raise ProtocolBroken(f"a frame of {size} bytes")
                if end - at < 9 + size:
                    break
                number = int.from_bytes(buffer[at + 5 : at + 9], "big") & 0x7FFFFFFF
                body = buffer[at + 9 : at + 9 + size]
                self._take(buffer[at + 3], buffer[at + 4], number, body)
                at += 9 + size
        except (ProtocolBroken, hpack.HPACKError, IndexError) as error:
            self._end(f"no HTTP/2: {error}")
            return
        self._rest = buffer[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc or "the connection ended"))

    def _end(self, reason: str) -> None:
        self.usable = False
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        if self._timer is not None:
            self._timer.cancel()
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(reason))
            self.ready.exception()  # perhaps nobody waits for it any more
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.receiver.lost(reason, unseen=False)
        self._wake(len(self._waiting))

    def _look(self) -> None:
        """Is the other side there? Whoever waits for nothing does not ask."""
        silent = bool(self._streams) and not self._heard and not self._paused
        if silent and self._pinged:
            self._end("the other side is silent")
            return
        if silent:
            self._send(frame(PING, 0, 0, bytes(8)))
        self._pinged, self._heard = silent, False
        wait = PONG_SECONDS if silent else KEEPALIVE_SECONDS
        self._timer = self._loop.call_later(wait, self._look)

    # --- sending --------------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        """What is sent in one turn of the loop goes to the socket in one write."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(data)

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._transport is not None:
            self._transport.write(b"".join(out))

    def _send_data(self, number: int, data: bytes, *, last: bool) -> None:
        stream = self._streams[number]
        stream.unsent += data
        stream.ending = last
        self._pump(number, stream)

    def _pump(self, number: int, stream: _Stream) -> None:
        """Send as much as the windows allow."""
        while stream.unsent:
            size = min(len(stream.unsent), stream.window, self._window, self._frame_max)
            if size <= 0:
                self._blocked[number] = None
                return
            piece, stream.unsent = stream.unsent[:size], stream.unsent[size:]
            stream.window -= size
            self._window -= size
            flags = END_STREAM if stream.ending and not stream.unsent else 0
            self._send(frame(DATA, flags, number, piece))

    def _pump_all(self) -> None:
        blocked, self._blocked = self._blocked, {}
        for number in blocked:
            stream = self._streams.get(number)
            if stream is not None:
                self._pump(number, stream)

    def _open_window(self, number: int, more: int) -> None:
        self._send(frame(WINDOW_UPDATE, 0, number, more.to_bytes(4, "big")))

    # --- receiving ------------------------------------------------------------------------------

    def _take(self, kind: int, flags: int, number: int, body: bytes) -> None:
        if self._partial is not None and kind != CONTINUATION:
            raise ProtocolBroken("a header block without its end")
        take = _TAKERS.get(kind)
        # Kinds that nobody knows are to be skipped.
        if take is not None:
            take(self, flags, number, body)

    def _take_data(self, flags: int, number: int, body: bytes) -> None:
        self._received += len(body)
        if self._received >= CREDIT:
            self._open_window(0, self._received)
            self._received = 0
        stream = self._streams.get(number)
        if stream is None:
            return
        stream.received += len(body)
        if stream.received >= CREDIT:
            self._open_window(number, stream.received)
            stream.received = 0
        stream.receiver.data(_unpadded(body) if flags & PADDED else body)
        if flags & END_STREAM and self._forget(number) is not None:
            stream.receiver.lost("an answer without trailers", unseen=False)

    def _take_headers(self, flags: int, number: int, body: bytes) -> None:
        if flags & PADDED:
            body = _unpadded(body)
        if flags & PRIORITIZED:
            body = body[5:]
        self._take_block(flags, number, body)

    def _take_continuation(self, flags: int, number: int, body: bytes) -> None:
        if self._partial is None or self._partial[0] != number:
            raise ProtocolBroken("a header block that goes on but never began")
        _, first, begun = self._partial
        if len(begun) > HEADERS_MAX:
            raise ProtocolBroken("a header block without bounds")
        self._partial = None
        self._take_block(first & END_STREAM | flags & END_HEADERS, number, begun + body)

    def _take_block(self, flags: int, number: int, block: bytes) -> None:
        if not flags & END_HEADERS:
            self._partial = (number, flags, block)
            return
        fields = self._known.get(block)
        if fields is None:
            fields = self._decode(block)
        last = bool(flags & END_STREAM)
        stream = self._forget(number) if last else self._streams.get(number)
        if stream is not None:
            stream.receiver.headers(fields, last=last)

    def _decode(self, block: bytes) -> Headers:
        fields = {str(name): str(value) for name, value in self._decoder.decode(block)}
        # References of one byte change nothing in the table; anything else may.
        if all(128 < byte < 255 for byte in block):
            self._known[block] = fields
        else:
            self._known.clear()
        return fields

    def _take_reset(self, _flags: int, number: int, body: bytes) -> None:
        code = int.from_bytes(body, "big")
        stream = self._forget(number)
        if stream is not None:
            stream.receiver.lost(f"the stream was reset ({code})", unseen=code == REFUSED_STREAM)

    def _take_settings(self, flags: int, _number: int, body: bytes) -> None:
        if flags & ACK:
            return
        for at in range(0, len(body) - 5, 6):
            key = int.from_bytes(body[at : at + 2], "big")
            value = int.from_bytes(body[at + 2 : at + 6], "big")
            if key == MAX_CONCURRENT_STREAMS:
                self._streams_max = value
            elif key == MAX_FRAME_SIZE:
                self._frame_max = value
            elif key == INITIAL_WINDOW_SIZE:
                # It counts for the streams that are open too (RFC 9113, 6.9.2).
                for stream in self._streams.values():
                    stream.window += value - self._stream_window
                self._stream_window = value
        self._send(frame(SETTINGS, ACK, 0, b""))
        self._pump_all()
        self._wake(len(self._waiting))
        if not self.ready.done():
            self.ready.set_result(None)

    def _take_ping(self, flags: int, _number: int, body: bytes) -> None:
        if not flags & ACK:
            self._send(frame(PING, ACK, 0, body))

    def _take_goaway(self, _flags: int, _number: int, body: bytes) -> None:
        """It serves the streams that it has begun with, and no others."""
        self.usable = False
        seen = int.from_bytes(body[:4], "big") & 0x7FFFFFFF
        for number in [number for number in self._streams if number > seen]:
            stream = self._forget(number)
            assert stream is not None, "it was just there"
            stream.receiver.lost("the other side goes away", unseen=True)
        self._wake(len(self._waiting))
        if not self._streams:
            self._end("the other side goes away")

    def _take_window(self, _flags: int, number: int, body: bytes) -> None:
        more = int.from_bytes(body, "big") & 0x7FFFFFFF
        if number == 0:
            self._window += more
        elif (stream := self._streams.get(number)) is not None:
            stream.window += more
        self._pump_all()

    def _take_promise(self, _flags: int, _number: int, _body: bytes) -> None:
        raise ProtocolBroken("a pushed stream, which we forbid")

    def _forget(self, number: int) -> _Stream | None:
        stream = self._streams.pop(number, None)
        if stream is not None:
            self._wake(1)
            if not self.usable and not self._streams:
                # After GOAWAY the last one closes the door.
                self._loop.call_soon(self._end, "the other side goes away")
        return stream

    def _wake(self, count: int) -> None:
        while count and self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                count -= 1


def _unpadded(body: bytes) -> bytes:
    if body[0] >= len(body):
        raise ProtocolBroken("more padding than frame")
    return body[1 : len(body) - body[0]]


_TAKERS: dict[int, Callable[[Connection, int, int, bytes], None]] = {
    DATA: Connection._take_data,
    HEADERS: Connection._take_headers,
    RST_STREAM: Connection._take_reset,
    SETTINGS: Connection._take_settings,
    PUSH_PROMISE: Connection._take_promise,
    PING: Connection._take_ping,
    GOAWAY: Connection._take_goaway,
    WINDOW_UPDATE: Connection._take_window,
    CONTINUATION: Connection._take_continuation,
}
