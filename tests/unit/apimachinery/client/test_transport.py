"""The same requests over a socket and in process."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from apimachinery import scheme, wire
from apimachinery.client import kubeconfig, rest, transport


async def echo(request: web.Request) -> web.StreamResponse:
    if request.path == "/stream":
        response = web.StreamResponse()
        await response.prepare(request)
        for number in range(3):
            await response.write(f"line {number}\n".encode())
        return response
    if request.path == "/cut":
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response
    return web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "token": request.headers.get("Authorization", ""),
            "body": (await request.read()).decode(),
            "peer": str(request.get_extra_info("peername")),
        },
        status=418 if request.path == "/teapot" else 200,
    )


@pytest.fixture
async def address() -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", echo)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


@pytest.fixture
async def http(address: str) -> AsyncIterator[transport.HttpTransport]:
    found = transport.HttpTransport(kubeconfig.Config(address, token="secret"))
    yield found
    await found.close()


async def ask(http: transport.HttpTransport, method: str, path: str, **more: Any) -> Any:
    import orjson

    response = await http.request(wire.Request(method, path, **more))
    assert isinstance(response.body, bytes)
    return response.status, orjson.loads(response.body)


async def test_a_request_arrives_whole(http) -> None:
    code, seen = await ask(
        http, "POST", "/api/v1/a b/ü%", query=[("q", "x&y"), ("q", "z")], body=b"{}"
    )
    assert code == 200
    assert seen["path"] == "/api/v1/a%20b/%C3%BC%25?q=x%26y&q=z"
    assert (seen["method"], seen["body"], seen["token"]) == ("POST", "{}", "Bearer secret")


async def test_error_codes_are_answers(http) -> None:
    code, _ = await ask(http, "GET", "/teapot")
    assert code == 418


async def test_connections_are_kept(http) -> None:
    _, first = await ask(http, "GET", "/")
    _, second = await ask(http, "GET", "/")
    assert first["peer"] == second["peer"]


async def test_a_burst_of_requests_shares_a_few_connections(http) -> None:
    answers = await asyncio.gather(*(ask(http, "GET", "/") for _ in range(200)))
    assert len({seen["peer"] for _, seen in answers}) <= transport.SHORT_MAX


async def test_a_stream_comes_in_chunks(http) -> None:
    response = await http.request(wire.Request("GET", "/stream"), stream=True)
    assert await transport.collect(response.body) == b"line 0\nline 1\nline 2\n"


async def test_a_stream_that_is_cut_is_unreachable(http) -> None:
    response = await http.request(wire.Request("GET", "/cut"), stream=True)
    with pytest.raises(transport.Unreachable):
        await transport.collect(response.body)


async def test_nobody_there_is_unreachable_and_named(unused_tcp_port: int) -> None:
    server = f"http://127.0.0.1:{unused_tcp_port}"
    http = transport.HttpTransport(kubeconfig.Config(server))
    with pytest.raises(transport.Unreachable, match=server):
        await http.request(wire.Request("GET", "/"))
    await http.close()


async def test_an_address_without_host_is_a_config_error() -> None:
    http = transport.HttpTransport(kubeconfig.Config("https:///x"))
    with pytest.raises(kubeconfig.ConfigError, match="names no host"):
        await http.request(wire.Request("GET", "/"))
    await http.close()


async def test_the_direct_way_sets_the_user_and_joins_bodies() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"kind":'
        yield b'"Pod"}'

    seen: list[wire.Request] = []

    async def handle(request: wire.Request) -> wire.Response:
        seen.append(request)
        return wire.Response(200, {}, pieces())

    user = wire.UserInfo("me")
    client = rest.Client(transport.DirectTransport(handle, user))
    assert await client.get(scheme.PODS, "x", "ns") == {"kind": "Pod"}
    assert seen[0].user == user


async def test_a_lost_reader_closes_the_stream(http) -> None:
    response = await http.request(wire.Request("GET", "/stream"), stream=True)
    async with transport.closing(response.body):
        async for _ in response.body:
            break
    await asyncio.sleep(0)
