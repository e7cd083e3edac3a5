"""Answers without an end as messages of a WebSocket: watches and logs for clients such as browsers.

A watch gives one event a text message; a log gives its bytes as they come, in binary messages or,
where `base64.binary.k8s.io` was agreed on, in base64. Neighbours: `service` (who may ask for one),
`channels` (exec and attach, which speak both ways). What the client says is not listened to.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from apimachinery import status, wire
from apiserver import negotiation
from apiserver.front import answer
from apiserver.streaming import channels

BASE64 = "base64.binary.k8s.io"
BYTES = ("binary.k8s.io", BASE64)

Say = Callable[[bytes], Awaitable[None]]


def wanted(request: wire.Request) -> bool:
    """Whether the client asks for a WebSocket."""
    return request.headers.get("upgrade", "").lower() == "websocket"


async def events(
    raw: web.BaseRequest, response: wire.Response
) -> web.StreamResponse | wire.Response:
    """A watch, an event a message; a refusal stays a plain answer.

    Raises:
        ApiError: 406, the events are not JSON.
    """
    body = response.body
    if isinstance(body, bytes):
        return response
    if not response.headers["Content-Type"].startswith(negotiation.JSON):
        await answer.close(body)
        raise status.not_acceptable((negotiation.JSON,))
    client = channels.socket((), warned(response))

    async def say(batch: bytes) -> None:
        for line in batch.splitlines():
            await client.send_str(line.decode())

    return await _relay(raw, client, body, say)


async def content(
    raw: web.BaseRequest, response: wire.Response
) -> web.StreamResponse | wire.Response:
    """A log, as bytes or base64."""
    body = response.body
    if isinstance(body, bytes):
        return response
    client = channels.socket(BYTES, warned(response))

    async def say(chunk: bytes) -> None:
        if client.ws_protocol == BASE64:
            await client.send_str(base64.b64encode(chunk).decode())
        else:
            await client.send_bytes(chunk)

    return await _relay(raw, client, body, say)


def warned(response: wire.Response) -> dict[str, str]:
    """What the answer warns of, for the one that the client sees in its place."""
    return {key: value for key, value in response.headers.items() if key == "Warning"}


async def _relay(
    raw: web.BaseRequest, client: web.WebSocketResponse, body: AsyncIterator[bytes], say: Say
) -> web.WebSocketResponse:
    """Until the answer ends or the client goes."""
    try:
        await client.prepare(raw)
        down = asyncio.create_task(_tell(body, say), name="messages-down")
        up = asyncio.create_task(_ignore(client), name="messages-up")
        await channels.first_of(down, up)
    finally:
        await answer.close(body)
    await client.close()
    return client


async def _tell(body: AsyncIterator[bytes], say: Say) -> None:
    async for chunk in body:
        await say(chunk)


async def _ignore(client: web.WebSocketResponse) -> None:
    async for _ in client:
        pass
