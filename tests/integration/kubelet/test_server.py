"""The agent's HTTPS server, spoken to as the API server does."""

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from apiserver.identity.pki import Pki, Subject
from kubelet.options import Serving
from kubelet.runtime.config import ContainerConfig
from kubelet.runtime.fake import Behaviour, FakeDriver
from kubelet.runtime.interface import ExecResult

from .conftest import World, is_ready, phase, waiting


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def run(argv: Any) -> ExecResult:
    return ExecResult(7 if "fail" in argv else 0, b"out", b"err")


def behave(config: ContainerConfig) -> Behaviour:
    if config.command == ("crash",):
        return Behaviour(run_for=0.0, exit_code=1, stdout="last words")
    return Behaviour(stdout="one\ntwo", run=run)


@dataclass
class Caller:
    url: str
    session: aiohttp.ClientSession

    async def text(self, path: str) -> tuple[int, str]:
        async with self.session.get(self.url + path) as response:
            return response.status, await response.text()


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path / "pki")


def context(pki: Pki, subject: Subject | None) -> ssl.SSLContext:
    result = ssl.create_default_context(cafile=str(pki.ca.cert))
    if subject is not None:
        pair = pki.client("caller", subject)
        result.load_cert_chain(pair.cert, pair.key)
    return result


@contextlib.asynccontextmanager
async def calling(pki: Pki, serving: Serving, subject: Subject | None) -> AsyncIterator[Caller]:
    connector = aiohttp.TCPConnector(ssl=context(pki, subject))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Caller(f"https://127.0.0.1:{serving.port}", session)


@pytest.fixture
async def serving(world: World, pki: Pki) -> Serving:
    world.machine.behaviour = behave
    pair = pki.kubelet_server("node-1", ["127.0.0.1"])
    result = Serving(pair.cert, pair.key, pki.ca.cert, "127.0.0.1", free_port())
    await world.start_agent(serving=result)
    async with asyncio.timeout(30):
        while not await listens(result.port):
            await asyncio.sleep(0.01)
    return result


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.fixture
async def caller(pki: Pki, serving: Serving) -> AsyncIterator[Caller]:
    subject = Subject("kube-apiserver-kubelet-client", ("system:masters",))
    async with calling(pki, serving, subject) as result:
        yield result


async def test_strangers_are_kept_out(pki: Pki, serving: Serving) -> None:
    async with calling(pki, serving, Subject("someone", ("system:nodes",))) as stranger:
        assert (await stranger.text("/pods"))[0] == 403
    async with calling(pki, serving, None) as nobody:
        with pytest.raises(aiohttp.ClientError):
            await nobody.text("/healthz")


async def test_the_agent_tells_how_it_is_set_up(caller: Caller) -> None:
    code, body = await caller.text("/configz")
    found = json.loads(body)["kubeletconfig"]
    assert (code, found["clusterDomain"], found["nodeLeaseDurationSeconds"]) == (
        200, "cluster.local", 40,
    )  # fmt: skip
    assert found["evictionHard"] == {
        "memory.available": "100Mi",
        "nodefs.available": "10%", "nodefs.inodesFree": "5%",
        "imagefs.available": "15%", "imagefs.inodesFree": "5%",
        "pid.available": "5%",
    }  # fmt: skip


async def test_plain_answers(world: World, caller: Caller) -> None:
    assert await caller.text("/healthz") == (200, "ok")
    assert await caller.text("/healthz/syncloop") == (200, "ok")
    await world.pod()
    await world.until(is_ready)
    code, body = await caller.text("/pods")
    assert code == 200
    assert [p["metadata"]["name"] for p in json.loads(body)["items"]] == ["web"]
    assert (
        'kubelet_running_containers{container_state="running"} 1'
        in (await caller.text("/metrics"))[1]
    )
    summary = json.loads((await caller.text("/stats/summary"))[1])
    assert summary["pods"][0]["podRef"]["name"] == "web"
    assert summary["pods"][0]["containers"][0]["memory"]["workingSetBytes"] > 0
    assert summary["node"]["cpu"]["usageNanoCores"] > 0
    scraped = (await caller.text("/metrics/resource"))[1]
    assert 'container_cpu_usage_seconds_total{container="app",namespace="default",pod="web"}' in (
        scraped
    )
    assert "\nresource_scrape_error 0\n" in scraped


async def test_logs(world: World, caller: Caller) -> None:
    await world.pod()
    await world.until(is_ready)
    assert await caller.text("/containerLogs/default/web/app") == (200, "one\ntwo\n")
    assert await caller.text("/containerLogs/default/web/app?tailLines=1") == (200, "two\n")
    code, text = await caller.text("/containerLogs/default/web/app?timestamps=true&limitBytes=4")
    assert (code, text) == (200, "20" + text[2:4])


async def test_a_followed_log_ends_with_its_container(world: World, caller: Caller) -> None:
    await world.pod(restartPolicy="Never")
    await world.until(is_ready)

    async def follow() -> tuple[int, str]:
        return await caller.text("/containerLogs/default/web/app?follow=true")

    task = asyncio.create_task(follow())
    await asyncio.sleep(0.1)
    assert not task.done()
    world.machine.kill(world.named("app")[0])
    async with asyncio.timeout(30):
        assert await task == (200, "one\ntwo\n")


async def test_what_logs_refuse(world: World, caller: Caller) -> None:
    world.missing.add("none:1")
    await world.pod(container={"image": "none:1"})
    await world.until(waiting("ErrImagePull"))
    assert await caller.text("/containerLogs/default/web/app") == (
        400,
        'container "app" in pod "web" is waiting to start: trying and failing to pull image',
    )
    assert (await caller.text("/containerLogs/default/web/nope"))[0] == 404
    assert (await caller.text("/containerLogs/default/nope/app"))[0] == 404
    assert (await caller.text("/containerLogs/default/web/app?tailLines=x"))[0] == 400


async def test_the_log_of_the_run_before(world: World, caller: Caller) -> None:
    await world.pod("up")
    await world.until(is_ready, "up")
    code, text = await caller.text("/containerLogs/default/up/app?previous=true")
    assert (code, text) == (400, 'previous terminated container "app" in pod "up" not found')
    await world.pod(container={"command": ["crash"]})
    await world.until(waiting("CrashLoopBackOff"))
    assert await caller.text("/containerLogs/default/web/app?previous=true") == (
        200, "last words\n",
    )  # fmt: skip


async def messages(socket_: aiohttp.ClientWebSocketResponse) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    async with asyncio.timeout(30):
        async for message in socket_:
            if message.type is aiohttp.WSMsgType.BINARY:
                found[message.data[0]] = found.get(message.data[0], b"") + message.data[1:]
    return found


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("ls", {"metadata": {}, "status": "Success"}),
        (
            "fail",
            {
                "metadata": {},
                "status": "Failure",
                "message": "command terminated with exit code 7",
                "reason": "NonZeroExitCode",
                "details": {"causes": [{"reason": "ExitCode", "message": "7"}]},
            },
        ),
    ],
)
async def test_exec(world: World, caller: Caller, command: str, status: dict[str, Any]) -> None:
    await world.pod()
    await world.until(is_ready)
    url = f"{caller.url}/exec/default/web/app?command={command}&output=1&error=1"
    async with caller.session.ws_connect(url, protocols=("v5.channel.k8s.io",)) as socket_:
        assert socket_.protocol == "v5.channel.k8s.io"
        found = await messages(socket_)
        assert socket_.close_code == 1000
    assert (found[1], found[2]) == (b"out", b"err")
    assert json.loads(found[3]) == status


async def test_input_comes_back_and_ends(world: World, caller: Caller) -> None:
    world.machine.behaviour = lambda _: Behaviour()
    await world.pod()
    await world.until(is_ready)
    url = f"{caller.url}/exec/default/web/app?command=cat&input=1&output=1"
    async with caller.session.ws_connect(url, protocols=("v5.channel.k8s.io",)) as socket_:
        await socket_.send_bytes(b"\0hello ")
        await socket_.send_bytes(b"\0you")
        await socket_.send_bytes(bytes((255, 0)))
        found = await messages(socket_)
    assert found[1] == b"hello you"
    assert json.loads(found[3])["status"] == "Success"


async def test_a_client_that_leaves_ends_the_stream(world: World, caller: Caller) -> None:
    world.machine.behaviour = lambda _: Behaviour()
    await world.pod()
    await world.until(is_ready)
    url = f"{caller.url}/exec/default/web/app?command=cat&input=1&output=1"
    async with caller.session.ws_connect(url, protocols=("v5.channel.k8s.io",)) as socket_:
        await socket_.send_bytes(b"\0x")
        await socket_.receive_bytes()
    # The server is idle again: stopping the agent does not wait for the stream.
    async with asyncio.timeout(30):
        await world.stop_agent()


async def test_streams_into_what_does_not_run_are_refused(world: World, caller: Caller) -> None:
    await world.pod(restartPolicy="Never", container={"command": ["crash"]})
    await world.until(phase("Failed"))
    url = f"{caller.url}/exec/default/web/app?command=ls"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await caller.session.ws_connect(url)
    assert refused.value.status == 400
    assert refused.value.headers is not None
    assert refused.value.headers["X-Kubelet-Error"] == (
        "container app in pod web_default is not running"
    )


async def test_port_forward_carries_bytes_both_ways_and_half_closes(
    world: World, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.read()
        writer.write(b"got " + request)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()

    async def open_port(self: FakeDriver, sandbox_id: str, port: int) -> socket.socket:
        del self, sandbox_id
        assert port == 8080
        sock = socket.create_connection(address)
        sock.setblocking(False)
        return sock

    monkeypatch.setattr(FakeDriver, "open_port", open_port)
    await world.pod()
    await world.until(is_ready)
    got = b""
    async with caller.session.ws_connect(f"{caller.url}/portForward/default/web?port=8080") as ws:
        await ws.send_bytes(b"request")
        await ws.send_bytes(b"")
        async with asyncio.timeout(30):
            async for message in ws:
                got += message.data
    assert got == b"got request"
    server.close()
    await server.wait_closed()


async def test_a_port_that_nobody_listens_on_is_said_before_the_upgrade(
    world: World, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(self: FakeDriver, sandbox_id: str, port: int) -> socket.socket:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(FakeDriver, "open_port", refuse)
    await world.pod()
    await world.until(is_ready)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await caller.session.ws_connect(f"{caller.url}/portForward/default/web?port=1")
    assert refused.value.status == 502
