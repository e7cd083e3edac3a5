"""From an HTTP request to a raw connection: `101 Switching Protocols` for SPDY/3.1 and for proxies.

aiohttp knows one upgrade, WebSocket, and would read what follows ours as HTTP; so its connection
is given another parser before the 101 leaves (the client says nothing until then). Neighbours:
`sessions` reads and writes SPDY through the result; `apiserver.passing` has the other end of a
tunnel, which nobody here looks into.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from aiohttp import web

from apimachinery import wire
from apiserver.passing import Incoming, Tunnel
from apiserver.streaming.channels import first_of


class RawDuplex(Incoming):
    """The bytes of a connection after the upgrade, both ways, with back-pressure."""

    def __init__(self, raw: web.BaseRequest, answer: web.StreamResponse) -> None:
        super().__init__(cast(asyncio.Transport, raw.transport))
        self._answer = answer

    async def write(self, data: bytes) -> None:
        """Send, waiting while the client is slow."""
        await self._answer.write(data)


async def switch(
    raw: web.BaseRequest, headers: Mapping[str, str]
) -> tuple[web.StreamResponse, RawDuplex]:
    """Answer 101; from then on the connection's bytes are the duplex's."""
    answer = web.StreamResponse(status=101, headers={**headers, "Connection": "Upgrade"})
    duplex = RawDuplex(raw, answer)
    # It asks for these three methods only, whatever its annotation says.
    raw.protocol.set_parser(cast(Any, duplex))
    raw.protocol.keep_alive(False)
    await answer.prepare(raw)
    return answer, duplex


async def to_spdy(
    raw: web.BaseRequest, protocol: str, headers: Mapping[str, str]
) -> tuple[web.StreamResponse, RawDuplex]:
    """Answer with SPDY/3.1 and the protocol inside it."""
    spdy = {"Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": protocol}
    return await switch(raw, {**headers, **spdy})


async def tunnel(
    raw: web.BaseRequest, response: wire.Response, other: Tunnel
) -> web.StreamResponse:
    """Join the client to the other side of an agreed upgrade until one of them ends."""
    try:
        answer, client = await switch(raw, response.headers)

        async def up() -> None:
            while data := await client.read():
                await other.write(data)

        async def down() -> None:
            async for data in other:
                await client.write(data)

        await first_of(
            asyncio.create_task(down(), name="tunnel-down"),
            asyncio.create_task(up(), name="tunnel-up"),
        )
    finally:
        await other.aclose()
    return answer
