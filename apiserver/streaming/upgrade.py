"""From an HTTP request to a raw connection: `101 Switching Protocols` for SPDY/3.1.

aiohttp knows one upgrade, WebSocket, and would read what follows ours as HTTP; so its connection
is given another parser before the 101 leaves (the client says nothing until then). `set_parser`
is what aiohttp's own WebSocket code calls; it is no documented interface, so it is used here
only, and a test talks SPDY through it. Neighbour: `sessions` reads and writes through the result.
"""

import asyncio
from typing import Any, cast

from aiohttp import web

HIGH_WATER = 512 * 1024
"""Bytes that wait to be read before the client is made to wait."""


class RawDuplex:
    """The bytes of a connection after the upgrade, both ways, with back-pressure."""

    def __init__(self, raw: web.BaseRequest, answer: web.StreamResponse) -> None:
        self._answer = answer
        self._transport = cast(asyncio.Transport, raw.transport)
        self._waiting = bytearray()
        self._more = asyncio.Event()
        self._ended = False
        self._paused = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """aiohttp: bytes have arrived."""
        self._waiting += data
        self._more.set()
        if len(self._waiting) > HIGH_WATER and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        return False, b""

    def feed_eof(self) -> None:
        """aiohttp: the connection is gone."""
        self._ended = True
        self._more.set()

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:  # noqa: ARG002 - aiohttp's shape
        """aiohttp: the connection broke."""
        self.feed_eof()

    async def read(self) -> bytes:
        """What has arrived; empty at the end."""
        while not self._waiting and not self._ended:
            self._more.clear()
            await self._more.wait()
        data = bytes(self._waiting)
        self._waiting.clear()
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        """Send, waiting while the client is slow."""
        await self._answer.write(data)


async def switch(raw: web.BaseRequest, protocol: str) -> tuple[web.StreamResponse, RawDuplex]:
    """Answer 101; from then on the connection's bytes are the duplex's."""
    headers = {"Upgrade": "SPDY/3.1", "Connection": "Upgrade"}
    if protocol:
        headers["X-Stream-Protocol-Version"] = protocol
    answer = web.StreamResponse(status=101, headers=headers)
    duplex = RawDuplex(raw, answer)
    # It asks for these three methods only, whatever its annotation says.
    raw.protocol.set_parser(cast(Any, duplex))
    raw.protocol.keep_alive(False)
    await answer.prepare(raw)
    return answer, duplex
