"""exec and attach over WebSocket: the client's dialect on one side, the agent's on the other.

The agent speaks `v5.channel.k8s.io` with binary messages. Clients may speak that, its older
versions, or their base64 forms (browsers); messages are the same but for the encoding and what
ends stdin, so they are passed through, one at a time, with the slower side setting the pace.
Neighbours: `kubelet` opens the agent's side, `commands` decides what runs.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Iterable, Mapping
from typing import cast

import aiohttp
import orjson
from aiohttp import web

from apiserver.streaming.kubelet import HEARTBEAT_SECONDS, MAX_MESSAGE

BINARY = ("v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io")
BASE64 = ("v4.base64.channel.k8s.io", "base64.channel.k8s.io")
PROTOCOLS = (*BINARY, *BASE64)
_FIRST = (None, "", "channel.k8s.io", "base64.channel.k8s.io")
"""Before v4: success is silent, what failed is told in words and not as a Status."""

STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255

END_OF_STDIN = bytes((CLOSE, STDIN))

BROKEN = (ConnectionError, aiohttp.ClientError, TimeoutError)
"""What a connection raises when the other side has gone."""

LINGER_SECONDS = 5.0
"""How long the client may take to read the last words after the process has ended."""


async def relay(
    raw: web.BaseRequest, agent: aiohttp.ClientWebSocketResponse, headers: Mapping[str, str]
) -> web.WebSocketResponse:
    """Join the client's WebSocket and the agent's until one of them ends."""
    client = socket(PROTOCOLS, headers)
    await client.prepare(raw)
    text = client.ws_protocol in BASE64
    down = asyncio.create_task(_to_client(agent, client, text=text), name="exec-to-client")
    up = asyncio.create_task(_to_agent(client, agent, text=text), name="exec-to-agent")
    await first_of(down, up)
    await client.close()
    return client


def socket(protocols: Iterable[str], headers: Mapping[str, str]) -> web.WebSocketResponse:
    """A client's WebSocket, not yet agreed to; `headers` go with the agreement."""
    made = web.WebSocketResponse(
        protocols=protocols,
        heartbeat=HEARTBEAT_SECONDS,
        max_msg_size=MAX_MESSAGE,
        compress=False,
        timeout=LINGER_SECONDS,
    )
    made.headers.update(headers)
    return made


async def first_of(*tasks: asyncio.Task[None]) -> None:
    """Wait for one of the tasks, then end the others.

    A broken connection is an end like any other; anything else that went wrong is raised.
    """
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, BROKEN):
            raise result


async def _to_client(
    agent: aiohttp.ClientWebSocketResponse, client: web.WebSocketResponse, *, text: bool
) -> None:
    silent = client.ws_protocol in _FIRST
    async for message in agent:
        if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
            continue
        data = message.data
        if silent and data[0] == STATUS:
            data = _in_words(data)
        if data:
            await _send(client, data, text=text)


def _in_words(message: bytes) -> bytes:
    ending = orjson.loads(message[1:])
    if ending.get("status") == "Success":
        return b""
    return message[:1] + str(ending.get("message", "")).encode()


async def _to_agent(
    client: web.WebSocketResponse, agent: aiohttp.ClientWebSocketResponse, *, text: bool
) -> None:
    async for message in client:
        data = decoded(message, text=text)
        if data:
            await agent.send_bytes(data)


def _send(client: web.WebSocketResponse, data: bytes, *, text: bool) -> Awaitable[None]:
    if not text:
        return client.send_bytes(data)
    return client.send_str(encoded(data))


def encoded(data: bytes) -> str:
    """A message in the base64 dialect: the channel as a digit, then base64."""
    return f"{data[0]}{base64.b64encode(data[1:]).decode()}"


def decoded(message: aiohttp.WSMessage, *, text: bool) -> bytes:
    """A client's message as the agent takes it; nothing for what makes no sense.

    `text`: the base64 dialect was agreed on. In the others Python's client sends what it is given
    as text in text messages, channel and all: to Kubernetes bytes are bytes.
    """
    if message.type is aiohttp.WSMsgType.BINARY:
        return bytes(message.data)
    if message.type is not aiohttp.WSMsgType.TEXT or not message.data:
        return b""
    if not text:
        return cast(str, message.data).encode()
    channel, content = message.data[0], message.data[1:]
    try:
        return bytes((int(channel),)) + base64.b64decode(content, validate=True)
    except (ValueError, binascii.Error):
        return b""
