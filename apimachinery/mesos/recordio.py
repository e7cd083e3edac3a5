"""RecordIO: a length in decimal, a newline, that many bytes; again and again.

The framing of every stream of the API. Neighbours: `stream` sends events in it, `kubelet.mesos.calls`
takes input in it, `offers.sdk` reads what a master sends. What is in a record they know.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from aiohttp.http_exceptions import LineTooLong

from apimachinery.mesos.schema import Malformed

DIGITS_MAX = 18
"""Of a length: more would be beyond any bound, and beyond what Python turns into a number."""


class Truncated(Malformed):
    """The stream ended within a record."""


class Source(Protocol):
    """Where records come from: the body of an HTTP message."""

    async def readline(self) -> bytes: ...
    async def readexactly(self, n: int, /) -> bytes: ...


def record(body: bytes) -> bytes:
    """One record."""
    return b"%d\n%s" % (len(body), body)


async def records(source: Source, most: int) -> AsyncIterator[bytes]:
    """What is in each record, none longer than `most` bytes; Malformed where it is no RecordIO."""
    while line := await _length(source):
        digits = line.removesuffix(b"\n")
        if not digits.isdigit() or len(digits) > DIGITS_MAX or not 0 < int(digits) <= most:
            raise Malformed(f"Failed to decode RecordIO: no length of a record: {line[:40]!r}")
        if digits == line:
            raise Truncated("Failed to decode RecordIO: it ends within a length")
        try:
            yield await source.readexactly(int(digits))
        except asyncio.IncompleteReadError as error:
            raise Truncated("Failed to decode RecordIO: it ends within a record") from error


async def _length(source: Source) -> bytes:
    try:
        return await source.readline()
    except (ValueError, LineTooLong) as error:  # longer than asyncio, or aiohttp, buffers
        raise Malformed("Failed to decode RecordIO: a line without an end") from error
