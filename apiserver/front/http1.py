"""HTTP/1.1 as the API server's clients write it nearly always: heads parsed and made, purely.

A request that is in any way unusual (chunked, compressed, upgrading, repeated headers, folded
lines, other versions) is not refused here: `parse` says that it is not plain, and `lean` hands the
connection to aiohttp, which knows all of HTTP. So this can stay strict and small. Neighbour:
`lean`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus

MAX_HEAD = 96 * 1024
"""Bytes of a request's head; beyond it aiohttp says what is too long."""

HEADS_REMEMBERED = 1024
"""Header blocks whose parse is kept: a client sends the same one with each request."""

METHODS = frozenset({b"GET", b"POST", b"PUT", b"PATCH", b"DELETE"})

_UNUSUAL = frozenset(
    {"connection", "content-encoding", "expect", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that change how a message or a connection is read."""

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")

_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Headers:
    """A parsed header block."""

    fields: Mapping[str, str]
    """Names in lower case, each once."""
    length: int
    """Of the body."""


@dataclass(frozen=True, slots=True)
class Head:
    """A plain request without its body."""

    method: str
    target: str
    headers: Headers
    size: int
    """Bytes of the head itself."""


class NotPlain(Exception):  # noqa: N818 - no error: a message for somebody else
    """The request needs a full HTTP implementation."""


def parse(buffer: bytearray) -> Head | None:
    """The head at the start of what has arrived; None while it is not complete.

    Raises:
        NotPlain: it is there, or too long, and unusual.
    """
    end = buffer.find(b"\r\n\r\n", 0, MAX_HEAD)
    if end < 0:
        if len(buffer) >= MAX_HEAD:
            raise NotPlain
        return None
    line_end = buffer.find(b"\r\n")
    parts = bytes(buffer[:line_end]).split(b" ")
    if len(parts) != 3 or parts[2] != b"HTTP/1.1" or parts[0] not in METHODS:
        raise NotPlain
    target = parts[1]
    if not target.startswith(b"/") or not target.isascii() or not target.decode().isprintable():
        raise NotPlain
    headers = parse_headers(bytes(buffer[line_end + 2 : end]))
    if headers is None:
        raise NotPlain
    return Head(parts[0].decode(), target.decode(), headers, end + 4)


@lru_cache(maxsize=HEADS_REMEMBERED)
def parse_headers(block: bytes) -> Headers | None:
    """Header lines without the last line end; None where they are not plain."""
    fields: dict[str, str] = {}
    text = block.decode("latin-1")
    for line in text.split("\r\n") if text else ():
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not name or not _TOKEN.issuperset(name) or name in fields:
            return None
        value = value.strip(" \t")
        if "\n" in value or "\r" in value or "\0" in value:
            return None
        fields[name] = value
    if not _UNUSUAL.isdisjoint(fields) and set(fields) & _UNUSUAL != {"connection"}:
        return None
    if fields.get("connection", "keep-alive").lower() != "keep-alive" or "host" not in fields:
        return None
    length = fields.get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) < 12):
        return None
    return Headers(fields, int(length))


def head(status: int, headers: Mapping[str, str], body: int | None, date: str) -> bytes:
    """The head of an answer; `body` is its length, None for a chunked one."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in headers.items()]
    if body is None:
        lines.append("Transfer-Encoding: chunked\r\n")
    elif status not in (204, 304):
        lines.append(f"Content-Length: {body}\r\n")
    lines.append(f"Date: {date}\r\n\r\n")
    text = "".join(lines)
    if text.count("\n") != len(lines) + 1 or text.count("\r") != len(lines) + 1:
        # A value with a line end in it (a warning that quotes the client) would split the answer.
        safe = {
            name: value.replace("\r", " ").replace("\n", " ") for name, value in headers.items()
        }
        return head(status, safe, body, date)
    return text.encode(errors="replace")


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
