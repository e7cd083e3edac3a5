"""gRPC's calls over an HTTP/2 connection: one message for one, or one for a stream of them.

Neighbours: `http2` carries the bytes, `client` chooses the connection and what to do about
failures. Messages are bytes here, each with gRPC's five bytes in front; none is compressed.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from enum import IntEnum
from urllib.parse import unquote

from apiserver.storage.etcd.http2 import Connection, Headers, header_block

CALL_SECONDS = 10.0
"""Deadline of one request: an election takes about a second, a loaded disk some."""
QUEUED_MAX = 4 * 1024 * 1024
"""Bytes of a stream that wait for its reader, before the socket is left alone for a while."""
PREFIX = 5


class Code(IntEnum):
    """How a call ended, in gRPC's numbers."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class CallFailed(Exception):  # noqa: N818  internal: `store` turns it into storage errors
    """A call that etcd refused, or that did not come through."""

    def __init__(self, code: Code, details: str, *, never_sent: bool = False) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code
        self.details = details
        self.never_sent = never_sent
        """Nobody has looked at the request."""

    @property
    def in_doubt(self) -> bool:
        """A write that failed like this may have happened."""
        return not self.never_sent and self.code in (
            Code.UNAVAILABLE,
            Code.DEADLINE_EXCEEDED,
            Code.CANCELLED,
            Code.UNKNOWN,
            Code.INTERNAL,
        )

    @property
    def elsewhere(self) -> bool:
        """Another endpoint may do better."""
        return self.code in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)


def request_headers(path: str, authority: str, *, tls: bool, more: Mapping[str, str]) -> bytes:
    """The header block of a call; the same for every call of a method."""
    return header_block(
        {
            ":method": "POST",
            ":scheme": "https" if tls else "http",
            ":path": path,
            ":authority": authority,
            "te": "trailers",
            "content-type": "application/grpc",
            **more,
        }
    )


def _framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def _failure(fields: Headers, details: str) -> CallFailed | None:
    """What the last headers say; None: it went well."""
    status = fields.get("grpc-status")
    if status is None:
        # Something between us and etcd answered (a proxy), or etcd before it knew gRPC.
        code = Code.UNAVAILABLE if fields.get(":status", "5")[0] == "5" else Code.UNKNOWN
        return CallFailed(code, f"HTTP {fields.get(':status')} {details}")
    if status == "0":
        return None
    try:
        code = Code(int(status))
    except ValueError:
        code = Code.UNKNOWN
    return CallFailed(code, unquote(fields.get("grpc-message", "")))


class _Answer:
    """Receives one message."""

    def __init__(self, future: "asyncio.Future[bytes]") -> None:
        self._future = future
        self._pieces: list[bytes] = []

    def data(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def headers(self, fields: Headers, *, last: bool) -> None:
        if not last or self._future.done():
            return
        data = b"".join(self._pieces)
        failure = _failure(fields, data[:100].decode(errors="replace"))
        if failure is None and data[:1] != b"\0":
            failure = CallFailed(Code.INTERNAL, "an answer that holds no message")
        if failure is not None:
            self._future.set_exception(failure)
        else:
            self._future.set_result(data[PREFIX:])

    def lost(self, reason: str, *, unseen: bool) -> None:
        if not self._future.done():
            self._future.set_exception(CallFailed(Code.UNAVAILABLE, reason, never_sent=unseen))

    def expire(self) -> None:
        if not self._future.done():
            reason = f"no answer within {CALL_SECONDS:g} s"
            self._future.set_exception(CallFailed(Code.DEADLINE_EXCEEDED, reason))


async def unary(connection: Connection, block: bytes, message: bytes) -> bytes:
    """One message for one; raises CallFailed."""
    await _usable(connection)
    loop = asyncio.get_running_loop()
    future: asyncio.Future[bytes] = loop.create_future()
    answer = _Answer(future)
    timer = loop.call_later(CALL_SECONDS, answer.expire)
    number = connection.open(block, answer, _framed(message), last=True)
    try:
        return await future
    finally:
        timer.cancel()
        # Of a stream that has ended nothing is known any more, and this does nothing.
        connection.reset(number)


async def stream(connection: Connection, block: bytes, message: bytes) -> "Messages":
    """One message for many, on a connection of its own; raises CallFailed."""
    await _usable(connection)
    messages = Messages(connection)
    connection.open(block, messages, _framed(message), last=False)
    return messages


async def _usable(connection: Connection) -> None:
    await connection.room()
    if not connection.usable:
        raise CallFailed(Code.UNAVAILABLE, "the connection ended", never_sent=True)


class Messages:
    """What a stream of messages brings. One reader; while it is slow, the socket is not read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rest = bytearray()
        self._messages: deque[bytes] = deque()
        self._queued = 0
        self._end: CallFailed | None = None
        self._ended = False
        self._wake = asyncio.Event()

    def data(self, piece: bytes) -> None:
        self._rest += piece
        while len(self._rest) >= PREFIX:
            end = PREFIX + int.from_bytes(self._rest[1:PREFIX], "big")
            if len(self._rest) < end:
                break
            self._messages.append(bytes(self._rest[PREFIX:end]))
            self._queued += end
            del self._rest[:end]
        if self._queued > QUEUED_MAX:
            self._connection.pause()
        self._wake.set()

    def headers(self, fields: Headers, *, last: bool) -> None:
        if last:
            self._finish(_failure(fields, ""))

    def lost(self, reason: str, *, unseen: bool) -> None:
        self._finish(CallFailed(Code.UNAVAILABLE, reason, never_sent=unseen))

    def cancel(self) -> None:
        """Nobody reads on; a reader that waits is told."""
        self._finish(CallFailed(Code.CANCELLED, "it was closed"))
        self._connection.close()

    def _finish(self, failure: CallFailed | None) -> None:
        if not self._ended:
            self._ended, self._end = True, failure
            self._wake.set()

    async def read(self) -> bytes | None:
        """The next message, None at the end; raises CallFailed where that is none."""
        while not self._messages:
            if self._end is not None:
                raise self._end
            if self._ended:
                return None
            self._wake.clear()
            await self._wake.wait()
        message = self._messages.popleft()
        self._queued -= PREFIX + len(message)
        if not self._messages:
            self._connection.resume()
        return message
