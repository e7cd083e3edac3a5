"""SPDY/3.1 frames: what kubectl speaks for port-forward, and old clients for exec.

Sans-IO: `Connection.receive` turns bytes into events, its other methods make bytes to send. Only
the server's side of what Kubernetes' clients use: streams that the client opens, data, resets,
pings. Flow control is not part of their dialect: window updates are ignored on both sides.
Neighbours: `sessions` moves the bytes. Compression contexts belong to a connection, not a frame.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_FRAME = 1024 * 1024
"""Bytes of one frame; clients send 32 KiB of data at most, headers are a few hundred bytes."""

MAX_HEADERS = 64 * 1024
"""Bytes of a header block once inflated: a few bytes can blow up to megabytes."""

_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY = 1, 2, 3, 6, 7
_VERSION = 3
_FIN = 0x01
_CONTROL = 0x8000
_ID_MASK = 0x7FFFFFFF

PROTOCOL_ERROR = 1
REFUSED_STREAM = 3
CANCEL = 5

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language "
    "accept-ranges age allow authorization cache-control connection content-base "
    "content-encoding content-language content-length content-location content-md5 "
    "content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location "
    "max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after "
    "server te trailer transfer-encoding upgrade user-agent vary via warning "
    "www-authenticate method get status|200 OK|version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
_TEXT = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
    "401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
    "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, "
    "Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
    "application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age="
    "gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _dictionary() -> bytes:
    """The text that both sides' zlib starts from; a constant of the protocol."""
    words: list[str] = []
    for part in _WORDS.split("|"):
        words += [part] if part == "200 OK" else part.split()
    prefixed = b"".join(struct.pack(">I", len(word)) + word.encode() for word in words)
    return prefixed + _TEXT.encode()


DICTIONARY = _dictionary()


class SpdyError(Exception):
    """The other side broke the protocol; the connection is of no more use."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The client opened a stream."""

    stream: int
    headers: Mapping[str, str]
    """Names in lower case."""
    finished: bool


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of a stream; `finished` says that the client sends no more on it."""

    stream: int
    data: bytes
    finished: bool


@dataclass(frozen=True, slots=True)
class Reset:
    """The client gave a stream up, in both directions."""

    stream: int


@dataclass(frozen=True, slots=True)
class Ping:
    """To be answered with `Connection.pong`."""

    number: int


@dataclass(frozen=True, slots=True)
class GoAway:
    """The client opens no more streams."""


Event = Opened | Data | Reset | Ping | GoAway


class Connection:
    """The state of one connection: what has arrived in part, and both compressors."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def receive(self, data: bytes) -> Iterator[Event]:
        """The events that these bytes complete.

        Raises:
            SpdyError: the bytes are no SPDY, or exceed a bound.
        """
        self._buffer += data
        while len(self._buffer) >= 8:
            first, length = struct.unpack_from(">II", self._buffer)
            flags, length = length >> 24, length & 0xFFFFFF
            if length > MAX_FRAME:
                raise SpdyError(f"a frame of {length} bytes; the limit is {MAX_FRAME}")
            if len(self._buffer) < 8 + length:
                return
            payload = bytes(self._buffer[8 : 8 + length])
            del self._buffer[: 8 + length]
            if not first >> 16 & _CONTROL:
                yield Data(first & _ID_MASK, payload, bool(flags & _FIN))
                continue
            if (version := first >> 16 & 0x7FFF) != _VERSION:
                raise SpdyError(f"SPDY version {version}; only 3 is spoken")
            event = self._control(first & 0xFFFF, flags, payload)
            if event is not None:
                yield event

    def reply(self, stream: int) -> bytes:
        """Accept a stream: SYN_REPLY without headers."""
        block = self._deflate.compress(struct.pack(">I", 0))
        block += self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control_frame(_SYN_REPLY, 0, struct.pack(">I", stream) + block)

    def data(self, stream: int, data: bytes, *, finished: bool = False) -> bytes:
        """Bytes for a stream; with `finished` the last ones."""
        flags = _FIN if finished else 0
        return struct.pack(">II", stream, flags << 24 | len(data)) + data

    def reset(self, stream: int, code: int) -> bytes:
        """Give a stream up."""
        return _control_frame(_RST_STREAM, 0, struct.pack(">II", stream, code))

    def pong(self, number: int) -> bytes:
        """Answer a ping."""
        return _control_frame(_PING, 0, struct.pack(">I", number))

    def go_away(self) -> bytes:
        """Say that the connection ends."""
        return _control_frame(_GOAWAY, 0, struct.pack(">II", 0, 0))

    def _control(self, kind: int, flags: int, payload: bytes) -> Event | None:
        try:
            match kind:
                case 1:  # SYN_STREAM
                    stream = struct.unpack_from(">I", payload)[0] & _ID_MASK
                    return Opened(stream, self._headers(payload[10:]), bool(flags & _FIN))
                case 3:  # RST_STREAM
                    return Reset(struct.unpack_from(">I", payload)[0] & _ID_MASK)
                case 6:  # PING
                    return Ping(struct.unpack_from(">I", payload)[0])
                case 7:  # GOAWAY
                    return GoAway()
                case 2 | 8:  # SYN_REPLY, HEADERS: nobody needs them, but the inflater must see them
                    self._headers(payload[4:])
                    return None
                case _:  # SETTINGS, WINDOW_UPDATE, and what a later version may add
                    return None
        except struct.error as problem:
            raise SpdyError(f"a frame of type {kind} is too short") from problem

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            text = self._inflate.decompress(block, MAX_HEADERS)
        except zlib.error as problem:
            raise SpdyError(f"headers cannot be inflated: {problem}") from problem
        if self._inflate.unconsumed_tail:
            raise SpdyError(f"headers of more than {MAX_HEADERS} bytes")
        (count,) = struct.unpack_from(">I", text)
        headers, at = {}, 4
        for _ in range(count):
            name, at = _string(text, at)
            value, at = _string(text, at)
            headers[name.lower()] = value
        return headers


def _string(text: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">I", text, at)
    end = at + 4 + length
    if end > len(text):
        raise SpdyError("a header is longer than its block")
    return text[at + 4 : end].decode("latin-1"), end


def _control_frame(kind: int, flags: int, payload: bytes) -> bytes:
    first = (_CONTROL | _VERSION) << 16 | kind
    return struct.pack(">II", first, flags << 24 | len(payload)) + payload
