"""The real kubectl against the front: discovery, permissions, and the streams to a node."""

import asyncio
import hashlib
import os
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from .conftest import KUBECTL, Cluster
from .fake_agent import FakeAgent

OLD_EXEC = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false"}
OLD_FORWARD = {"KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}
WAYS = pytest.mark.parametrize("way", [{}, OLD_EXEC], ids=["websocket", "spdy"])


async def test_version(cluster: Cluster) -> None:
    code, output, errors = await cluster.kubectl("version")
    assert code == 0, errors
    assert "Server Version: v1.36.0+bireme." in output


async def test_api_resources(cluster: Cluster) -> None:
    code, output, errors = await cluster.kubectl("api-resources")
    assert code == 0, errors
    assert re.search(r"^deployments +deploy +apps/v1 +true +Deployment$", output, re.MULTILINE)


async def test_api_versions(cluster: Cluster) -> None:
    _, output, _ = await cluster.kubectl("api-versions")
    assert {"v1", "apps/v1", "batch/v1"} <= set(output.split())


async def test_whoami(cluster: Cluster) -> None:
    _, output, _ = await cluster.kubectl(
        "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"
    )
    assert output == "kubernetes-admin"


async def test_can_i(cluster: Cluster) -> None:
    assert (await cluster.kubectl("auth", "can-i", "create", "pods"))[:2] == (0, "yes\n")
    answer = await cluster.kubectl("auth", "can-i", "create", "pods", "--as", "jane")
    assert answer[:2] == (1, "no\n")


async def test_can_i_list(cluster: Cluster) -> None:
    code, output, errors = await cluster.kubectl("auth", "can-i", "--list", "--as", "jane")
    assert code == 0, errors
    assert "selfsubjectaccessreviews.authorization.k8s.io" in output


async def test_logs(cluster: Cluster, agent: FakeAgent) -> None:
    code, output, errors = await cluster.kubectl("logs", "one", "--tail", "2")
    assert code == 0, errors
    assert output == "line 3\nline 4\n"


async def test_logs_of_a_waiting_container(cluster: Cluster, agent: FakeAgent) -> None:
    code, _, errors = await cluster.kubectl("logs", "web", "-c", "waiting")
    assert code == 1
    assert 'container "waiting" in pod "web" is waiting to start: ContainerCreating' in errors


@WAYS
async def test_exec_tells_output_errors_and_exit_code(
    cluster: Cluster, agent: FakeAgent, way: dict[str, str]
) -> None:
    code, output, errors = await cluster.kubectl(
        "exec", "one", "--", "sh", "-c", "echo out; echo err >&2; exit 7", **way
    )
    assert (code, output) == (7, "out\n")
    assert errors == "err\ncommand terminated with exit code 7\n"


@WAYS
async def test_exec_takes_megabytes_of_input(
    cluster: Cluster, agent: FakeAgent, way: dict[str, str]
) -> None:
    data = os.urandom(3_000_000)
    code, output, errors = await cluster.kubectl(
        "exec", "-i", "one", "--", "sha256sum", stdin=data, **way
    )
    assert code == 0, errors
    assert output.split()[0] == hashlib.sha256(data).hexdigest()


@WAYS
async def test_attach(cluster: Cluster, agent: FakeAgent, way: dict[str, str]) -> None:
    code, output, errors = await cluster.kubectl("attach", "-i", "one", stdin=b"hello\n", **way)
    assert code == 0, errors
    assert output == "hello\n"


async def test_exec_without_the_right_to_create(cluster: Cluster, agent: FakeAgent) -> None:
    code, _, errors = await cluster.kubectl("exec", "one", "--as", "jane", "--", "ls")
    assert code == 1
    assert 'User "jane" cannot' in errors


async def test_exec_on_a_node_that_is_away(cluster: Cluster, agent: FakeAgent) -> None:
    await agent.stop()
    code, _, errors = await cluster.kubectl("exec", "one", "--", "ls")
    assert code == 1
    assert "the kubelet of node n1 at 127.0.0.1:" in errors


@asynccontextmanager
async def forwarded(
    cluster: Cluster, port: int, way: dict[str, str]
) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    process = await asyncio.create_subprocess_exec(
        str(KUBECTL),
        *("--kubeconfig", str(cluster.kubeconfig), "--cache-dir", str(cluster.folder / "cache")),
        *("port-forward", "pod/one", f":{port}", "--address", "127.0.0.1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **way},
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    match = re.search(r"127\.0\.0\.1:(\d+) ->", line)
    assert match, line
    yield int(match[1]), process
    if process.returncode is None:
        process.terminate()
    await process.communicate()


@pytest.mark.parametrize("way", [{}, OLD_FORWARD], ids=["websocket", "spdy"])
async def test_port_forward_carries_connections_side_by_side(
    cluster: Cluster, agent: FakeAgent, way: dict[str, str]
) -> None:
    data = os.urandom(5_000_000)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(1) + data)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, forwarded(cluster, server.sockets[0].getsockname()[1], way) as (port, _):

        async def fetch(letter: bytes) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(letter)
            received = await reader.read()
            writer.close()
            return received

        letters = [b"a", b"b", b"c", b"d"]
        received = await asyncio.gather(*(fetch(letter) for letter in letters))
    assert received == [letter + data for letter in letters]


@pytest.mark.parametrize("way", [{}, OLD_FORWARD], ids=["websocket", "spdy"])
async def test_port_forward_passes_half_closes_on(
    cluster: Cluster, agent: FakeAgent, way: dict[str, str]
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Answers only when the client has said that it sends no more.
        writer.write((await reader.read()).upper())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, forwarded(cluster, server.sockets[0].getsockname()[1], way) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello")
        writer.write_eof()
        async with asyncio.timeout(30):
            assert await reader.read() == b"HELLO"
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("way", [{}, OLD_FORWARD], ids=["websocket", "spdy"])
async def test_port_forward_to_a_closed_port_says_why(
    cluster: Cluster, agent: FakeAgent, way: dict[str, str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with forwarded(cluster, unused.getsockname()[1], way) as (port, process):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b""
            writer.close()
            assert process.stderr is not None
            assert b"[Errno 111]" in await process.stderr.readline()


@pytest.mark.parametrize("way", [{}, OLD_FORWARD], ids=["websocket", "spdy"])
async def test_open_port_forward_does_not_delay_a_shutdown(
    cluster: Cluster, agent: FakeAgent, way: dict[str, str]
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        begun.set()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, forwarded(cluster, server.sockets[0].getsockname()[1], way) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x")
        await begun.wait()
        async with asyncio.timeout(30):
            await cluster.process.front.stop()
            assert await reader.read() == b""
            # The pod's side of the connection has ended as well.
            await ended.wait()
        writer.close()
        await writer.wait_closed()


async def test_port_forward_in_the_channel_dialect(cluster: Cluster, agent: FakeAgent) -> None:
    """What Python's and JavaScript's clients speak: two channels a port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readexactly(5)).upper())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    context = cluster.tls()
    pair = cluster.keys.admin()
    context.load_cert_chain(pair.cert, pair.key)
    async with server, aiohttp.ClientSession() as session:
        url = f"{cluster.url}/api/v1/namespaces/default/pods/one/portforward?ports={port}"
        async with session.ws_connect(url, protocols=("v4.channel.k8s.io",), ssl=context) as ws:
            number = port.to_bytes(2, "little")
            assert [await ws.receive_bytes() for _ in range(2)] == [b"\0" + number, b"\1" + number]
            await ws.send_bytes(b"\0hello")
            assert await ws.receive_bytes() == b"\0HELLO"


async def test_exec_with_pythons_client(cluster: Cluster, agent: FakeAgent) -> None:
    from kubernetes import client, config, stream

    def run() -> str:
        with config.new_client_from_config(str(cluster.kubeconfig)) as connection:
            socket = stream.stream(
                client.CoreV1Api(connection).connect_get_namespaced_pod_exec,
                "one",
                "default",
                command=["echo", "from python"],
                stdout=True,
                stderr=True,
                stdin=False,
                tty=False,
                _preload_content=False,
            )
            socket.run_forever(timeout=5)
            output = str(socket.read_all())
            # Its own close leaves the connection open when the server closed first.
            socket.sock.shutdown()
            return output

    assert await asyncio.to_thread(run) == "from python\n"


@pytest.mark.parametrize(
    ("dialect", "sent", "received"),
    [
        ("v4.channel.k8s.io", "\0words\n", b"\1words\n"),
        ("v5.channel.k8s.io", b"\0words\n", b"\1words\n"),
        ("v4.base64.channel.k8s.io", "0d29yZHMK", "1d29yZHMK"),
    ],
    ids=["text", "bytes", "base64"],
)
async def test_input_in_text_messages_and_in_binary_ones(
    cluster: Cluster, agent: FakeAgent, dialect: str, sent: str | bytes, received: str | bytes
) -> None:
    context = cluster.tls()
    pair = cluster.keys.admin()
    context.load_cert_chain(pair.cert, pair.key)
    path = "/api/v1/namespaces/default/pods/one/exec?command=cat&stdin=1&stdout=1"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{cluster.url}{path}", protocols=(dialect,), ssl=context) as ws,
    ):
        await (ws.send_str(sent) if isinstance(sent, str) else ws.send_bytes(sent))
        # Kubernetes opens each stream with an empty message; ours need not.
        while not (data := (await ws.receive(timeout=20)).data)[1:]:
            pass
        assert data == received
