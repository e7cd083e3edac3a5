"""Upgrades that are passed on: WebSockets and other protocols to pods, services, nodes and servers of groups."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from apiserver.streaming import proxy

from .conftest import ADMIN_TOKEN, KUBECTL, Cluster
from .fake_agent import FakeAgent
from .test_aggregation import STATIONS, Backend, available, backend, register
from .test_connect import GROUP

__all__ = ["backend"]

PODS = "/api/v1/namespaces/default/pods"
ADDRESS, POD_ADDRESS = "127.0.0.1", "192.0.2.7"
BIG = 3 * 1024 * 1024
SECONDS = 20.0
"""How long anything may take on a busy machine."""


async def echo(request: web.BaseRequest) -> web.StreamResponse:
    """A WebSocket that says what it hears; `/raw` speaks bytes, `/no` refuses."""
    if request.path == "/no":
        return web.Response(status=418, text="no tea", headers={"X-Why": "pot"})
    made = web.WebSocketResponse(protocols=("talk",), max_msg_size=2 * BIG)
    made.headers["X-Seen"] = ",".join(sorted(key.lower() for key in request.headers))
    await made.prepare(request)
    async for message in made:
        if message.data == "bye":
            break
        if message.type is aiohttp.WSMsgType.TEXT:
            await made.send_str(message.data)
        else:
            await made.send_bytes(message.data)
    await made.close(code=4001)
    return made


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Agrees to any protocol, says hello in the same packet, then answers in capitals."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"upgrade: shout/1" in head.lower(), head
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout/1\r\n\r\nHELLO "
    )
    while data := await reader.read(65536):
        writer.write(data.upper())
        await writer.drain()
    writer.close()


@pytest.fixture(autouse=True)
def pods_on_the_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is no address for a pod, and the only one that every machine has."""
    monkeypatch.setattr(proxy, "allowed", {POD_ADDRESS: ADDRESS}.__getitem__)


@asynccontextmanager
async def echoing() -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(echo), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, ADDRESS, 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.fixture
async def port(cluster: Cluster, agent: FakeAgent) -> AsyncIterator[int]:
    """Of an echo that the pod `one` and the service `talk` lead to."""
    async with echoing() as number:
        _, pod = await cluster.send("GET", f"{PODS}/one")
        pod["status"] |= {"podIP": POD_ADDRESS, "podIPs": [{"ip": POD_ADDRESS}]}
        code, told = await cluster.send("PUT", f"{PODS}/one/status", pod)
        assert code == 200, told
        service = {"metadata": {"name": "talk"}, "spec": {"ports": [{"port": 80}]}}
        slice_ = {
            "metadata": {"name": "talk", "labels": {"kubernetes.io/service-name": "talk"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [POD_ADDRESS]}],
            "ports": [{"port": number}],
        }
        for path, made in (
            ("/api/v1/namespaces/default/services", service),
            ("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice_),
        ):
            code, told = await cluster.send("POST", path, made)
            assert code == 201, told
        yield number


@asynccontextmanager
async def talking(
    cluster: Cluster, path: str, *protocols: str, token: str = ADMIN_TOKEN
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        asyncio.timeout(SECONDS),
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(
            cluster.url + path, protocols=protocols, ssl=cluster.tls(), max_msg_size=2 * BIG
        ) as found,
    ):
        yield found


async def test_a_websocket_to_a_pod_and_to_a_service(cluster: Cluster, port: int) -> None:
    for path in (f"{PODS}/one:{port}/proxy", "/api/v1/namespaces/default/services/talk/proxy/x"):
        async with talking(cluster, path, "other", "talk") as found:
            assert found.protocol == "talk"
            seen = found._response.headers["X-Seen"].split(",")
            assert "authorization" not in seen
            await found.send_str("hi")
            assert await found.receive_str() == "hi"
            big = os.urandom(BIG)
            await found.send_bytes(big)
            assert await found.receive_bytes() == big
            await found.send_str("bye")
            closing = await found.receive()
            assert (closing.type, closing.data) == (aiohttp.WSMsgType.CLOSE, 4001)


async def test_who_leaves_takes_the_tunnel_along(cluster: Cluster, port: int) -> None:
    front = cluster.process.front
    async with talking(cluster, f"{PODS}/one:{port}/proxy/") as found:
        await found.send_str("hi")
        await found.receive_str()
        assert front.open_streams() == 1
    async with asyncio.timeout(SECONDS):
        while front.open_streams():
            await asyncio.sleep(0.02)


async def test_a_refusal_is_passed_on_as_it_is(cluster: Cluster, port: int) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with talking(cluster, f"{PODS}/one:{port}/proxy/no"):
            pass
    assert refused.value.status == 418
    assert refused.value.headers is not None
    assert refused.value.headers["X-Why"] == "pot"
    for path, code in ((f"{PODS}/one:1/proxy/", 503), (f"{PODS}/none/proxy/", 404)):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with talking(cluster, path):
                pass
        assert refused.value.status == code
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with talking(cluster, f"{PODS}/one:{port}/proxy/", token="janes-token"):
            pass
    assert refused.value.status == 403


async def test_a_browser_shows_its_token_as_a_protocol(cluster: Cluster, port: int) -> None:
    coded = base64.urlsafe_b64encode(ADMIN_TOKEN.encode()).decode().rstrip("=")
    token = f"base64url.bearer.authorization.k8s.io.{coded}"
    async with talking(cluster, f"{PODS}/one:{port}/proxy/", token, "talk", token="") as found:
        assert found.protocol == "talk"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with talking(cluster, f"{PODS}/one:{port}/proxy/", token, token=""):
            pass
    assert refused.value.status == 401


async def test_any_protocol_may_be_agreed_on(cluster: Cluster, port: int) -> None:
    server = await asyncio.start_server(shout, ADDRESS, 0)
    number = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(
            cluster.host, cluster.port, ssl=cluster.tls()
        )
        writer.write(
            f"POST {PODS}/one:{number}/proxy/a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
            f"Authorization: Bearer {ADMIN_TOKEN}\r\n"
            "Connection: Upgrade\r\nUpgrade: shout/1\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"upgrade: shout/1" in head.lower()
        writer.write(b"you there")
        assert await reader.readexactly(15) == b"HELLO YOU THERE"
        writer.close()
        await writer.wait_closed()


async def test_a_nodes_agent_is_no_way_around_the_right_to_run_commands(
    cluster: Cluster, agent: FakeAgent
) -> None:
    group = "/apis/rbac.authorization.k8s.io/v1"
    role = {"metadata": {"name": "looks"}, "rules": [
        {"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}]}  # fmt: skip
    bound = {"metadata": {"name": "looks"}, "subjects": [{"kind": "User", "name": "jane",
             "apiGroup": "rbac.authorization.k8s.io"}], "roleRef": {"kind": "ClusterRole",
             "name": "looks", "apiGroup": "rbac.authorization.k8s.io"}}  # fmt: skip
    for plural, made in (("clusterroles", role), ("clusterrolebindings", bound)):
        code, told = await cluster.send("POST", f"{group}/{plural}", made)
        assert code == 201, told
    path = "/api/v1/nodes/n1/proxy"
    async with asyncio.timeout(SECONDS):
        while (await cluster.send("GET", f"{path}/none", token="janes-token"))[0] == 403:
            await asyncio.sleep(0.02)
    run = f"{path}/exec/default/one/app?command=true&output=1"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with talking(cluster, run, token="janes-token"):
            pass
    assert refused.value.status == 403
    async with talking(cluster, run, "v5.channel.k8s.io") as found:
        said = [message.data async for message in found]
    assert b"Success" in said[-1]


async def test_what_admission_warns_of_comes_with_the_upgrade(cluster: Cluster, port: int) -> None:
    rules = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CONNECT"],
             "resources": ["pods/proxy", "pods/exec", "pods/portforward"]}  # fmt: skip
    spec = {"matchConstraints": {"resourceRules": [rules]},
            "validations": [{"expression": "false", "message": "mind the step"}]}  # fmt: skip
    bound = {"policyName": "p", "validationActions": ["Warn"]}
    for plural, made in (
        ("validatingadmissionpolicies", {"metadata": {"name": "p"}, "spec": spec}),
        ("validatingadmissionpolicybindings", {"metadata": {"name": "b"}, "spec": bound}),
    ):
        code, answer = await cluster.send("POST", f"{GROUP}/{plural}", made)
        assert code == 201, answer
    for path, protocol in (
        (f"{PODS}/one:{port}/proxy/", "talk"),
        (f"{PODS}/one/exec?command=true&stdout=1", "v5.channel.k8s.io"),
        (f"{PODS}/one/portforward?ports={port}", "v4.channel.k8s.io"),
        (f"{PODS}/one/portforward", "SPDY/3.1+portforward.k8s.io"),
    ):
        async with talking(cluster, path, protocol) as found:
            assert "mind the step" in found._response.headers["Warning"], path
    async with aiohttp.ClientSession() as session, asyncio.timeout(SECONDS):
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Connection": "Upgrade",
                   "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "v4.channel.k8s.io"}  # fmt: skip
        path = f"{PODS}/one/exec?command=true&stdout=1"
        async with session.post(cluster.url + path, headers=headers, ssl=cluster.tls()) as spdy:
            assert spdy.status == 101
            assert "mind the step" in spdy.headers["Warning"]


async def test_kubectl_proxy_carries_a_websocket(cluster: Cluster, port: int) -> None:
    running = await asyncio.create_subprocess_exec(
        str(KUBECTL), "--kubeconfig", str(cluster.kubeconfig), "proxy", "--port", "0",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        async with asyncio.timeout(SECONDS), aiohttp.ClientSession() as session:
            line = (await running.stdout.readline()).decode()
            where = line.rsplit(" ", 1)[-1].strip()
            url = f"http://{where}{PODS}/one:{port}/proxy/"
            async with session.ws_connect(url) as found:
                await found.send_str("through two proxies")
                assert await found.receive_str() == "through two proxies"
    finally:
        running.terminate()
        await running.wait()


async def test_a_websocket_to_the_server_of_a_group(
    cluster: Cluster, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []

    async def stream(request: web.BaseRequest) -> web.StreamResponse:
        told.append((request.headers["X-Remote-User"], request.headers.get("Authorization")))
        return await echo(request)

    monkeypatch.setattr(backend, "_stream", stream)
    await register(cluster, backend)
    await available(cluster, "True")
    async with talking(cluster, f"{STATIONS}?watch=1", "talk") as found:
        assert found.protocol == "talk"
        await found.send_str("fine weather")
        assert await found.receive_str() == "fine weather"
    assert told == [("admin", None)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with talking(cluster, f"{STATIONS}?watch=1", token="janes-token"):
            pass
    assert refused.value.status == 403


async def test_the_end_of_the_server_ends_the_tunnels(cluster: Cluster) -> None:
    async with echoing() as number:
        pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
        _, made = await cluster.send("POST", PODS, pod)
        made["status"] |= {"podIP": POD_ADDRESS, "podIPs": [{"ip": POD_ADDRESS}]}
        await cluster.send("PUT", f"{PODS}/p/status", made)
        async with talking(cluster, f"{PODS}/p:{number}/proxy/") as found:
            await cluster.process.stop()
            assert (await found.receive()).type in (
                aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR,
            )  # fmt: skip
