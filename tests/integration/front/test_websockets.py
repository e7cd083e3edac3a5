"""Logs, watches and commands over WebSocket, as browsers and the conformance tests ask for them."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from .conftest import ADMIN_TOKEN, Cluster
from .fake_agent import LOG, FakeAgent

PODS = "/api/v1/namespaces/default/pods"
CONFIGS = "/api/v1/namespaces/default/configmaps"
SECONDS = 20.0
"""How long a message may take on a busy machine."""


@asynccontextmanager
async def opened(
    cluster: Cluster, path: str, *protocols: str, token: str = ADMIN_TOKEN
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(cluster.url + path, protocols=protocols, ssl=cluster.tls()) as socket,
    ):
        yield socket


async def said(socket: aiohttp.ClientWebSocketResponse) -> list[aiohttp.WSMessage]:
    """All messages until the server closes."""
    async with asyncio.timeout(SECONDS):
        return [message async for message in socket]


@pytest.mark.parametrize("protocol", ["", "binary.k8s.io", "base64.binary.k8s.io"])
async def test_a_log(cluster: Cluster, agent: FakeAgent, protocol: str) -> None:
    offered = (protocol,) if protocol else ()
    async with opened(cluster, f"{PODS}/one/log?container=app&tailLines=3", *offered) as socket:
        assert (socket.protocol or "") == protocol
        messages = await said(socket)
    text = protocol.startswith("base64")
    kind = aiohttp.WSMsgType.TEXT if text else aiohttp.WSMsgType.BINARY
    assert {message.type for message in messages} == {kind}
    parts = [base64.b64decode(one.data) if text else one.data for one in messages]
    assert b"".join(parts).decode().splitlines() == LOG[-3:]


async def test_a_log_that_is_refused_stays_a_plain_answer(
    cluster: Cluster, agent: FakeAgent
) -> None:
    for path, token, code in (
        (f"{PODS}/none/log", ADMIN_TOKEN, 404),
        (f"{PODS}/one/log", "janes-token", 403),
        (f"{CONFIGS}?watch=true", "janes-token", 403),
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with opened(cluster, path, token=token):
                pass
        assert refused.value.status == code


async def test_a_watch_gives_an_event_a_message(cluster: Cluster) -> None:
    code, listed = await cluster.send("GET", CONFIGS)
    assert code == 200
    start = listed["metadata"]["resourceVersion"]
    async with opened(cluster, f"{CONFIGS}?watch=1&resourceVersion={start}") as socket:
        for name in ("a", "b"):
            code, _ = await cluster.send("POST", CONFIGS, {"metadata": {"name": name}})
            assert code == 201
        events = [json.loads(await socket.receive_str(timeout=SECONDS)) for _ in range(2)]
    assert [(one["type"], one["object"]["metadata"]["name"]) for one in events] == [
        ("ADDED", "a"), ("ADDED", "b"),
    ]  # fmt: skip


async def test_a_watch_over_a_websocket_ends_in_time(cluster: Cluster) -> None:
    async with opened(cluster, f"{CONFIGS}?watch=1&timeoutSeconds=1") as socket:
        await said(socket)
        assert socket.close_code == 1000


@pytest.mark.parametrize(
    ("command", "last"),
    [("true", b""), ("false", b"\3command terminated with non-zero exit code: exit status 1")],
)
async def test_the_first_protocol_tells_failures_in_words(
    cluster: Cluster, agent: FakeAgent, command: str, last: bytes
) -> None:
    path = f"{PODS}/one/exec?stdout=1&command={command}"
    async with opened(cluster, path, "channel.k8s.io") as socket:
        messages = await said(socket)
    assert b"".join(message.data for message in messages) == last
