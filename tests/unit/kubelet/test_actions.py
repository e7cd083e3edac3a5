"""What probes and hooks do, against real small servers and the fake runtime."""

import asyncio
from collections.abc import AsyncIterator

import grpc.aio
import pytest
from aiohttp import web

from kubelet.actions import Actions, Target, port_number
from kubelet.runtime.errors import ExecError, ExecTimeoutError
from kubelet.runtime.interface import ExecResult

LATE = "context deadline exceeded"
HEADERS = "(Client.Timeout exceeded while awaiting headers)"


class Driver:
    """Only what an exec action needs."""

    def __init__(self) -> None:
        self.result: ExecResult | Exception = ExecResult(0, b"fine", b"")

    async def exec_sync(self, container_id, argv, timeout):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
async def driver() -> Driver:
    return Driver()


@pytest.fixture
async def actions(driver: Driver) -> AsyncIterator[Actions]:
    result = Actions(driver)
    yield result
    await result.close()


def target(**spec) -> Target:
    return Target({}, {"name": "app", **spec}, "c1", ("127.0.0.1",))


async def test_exec_answers_by_its_exit_code(driver: Driver, actions: Actions) -> None:
    action = {"exec": {"command": ["true"]}}
    assert (await actions.run(action, target(), 1)).ok
    driver.result = ExecResult(1, b"", b"broken")
    result = await actions.run(action, target(), 1)
    assert (result.ok, result.output) == (False, "broken")
    driver.result = ExecTimeoutError("too slow")
    result = await actions.run({"exec": {"command": ["sleep", "9"]}}, target(), 1)
    assert result.output == 'command timed out: "sleep 9" timed out after 1s'
    assert (result.ok, result.errored) == (False, False)


async def serve(status: int, location: str = "") -> tuple[web.AppRunner, int, list[web.Request]]:
    seen: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request)
        if request.path == "/broken":
            return web.Response(status=500)
        headers = {"Location": location} if location else {}
        return web.Response(status=status, text="body", headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, runner.addresses[0][1], seen


@pytest.mark.parametrize(
    ("status", "ok"),
    [(200, True), (204, True), (304, True), (399, True), (404, False), (500, False)],
)
async def test_http_answers_by_its_code(actions: Actions, status: int, *, ok: bool) -> None:
    runner, port, seen = await serve(status)
    action = {
        "httpGet": {
            "port": port,
            "path": "/a?b=c",
            "httpHeaders": [{"name": "Host", "value": "x.example"}],
        }
    }
    result = await actions.run(action, target(), 1)
    assert result.ok is ok
    assert seen[0].path_qs == "/a?b=c"
    assert seen[0].headers["Host"] == "x.example"
    assert seen[0].headers["User-Agent"].startswith("kube-probe/")
    assert len(seen) == 1
    await runner.cleanup()


@pytest.mark.parametrize(
    ("location", "ok", "warning", "asked"),
    [
        ("/broken", False, False, 2),
        ("broken", False, False, 2),
        ("http://elsewhere.example/", True, True, 1),
        ("/round", False, False, 10),
    ],
)
async def test_a_probe_follows_where_the_same_host_sends_it(
    actions: Actions, location: str, *, ok: bool, warning: bool, asked: int
) -> None:
    runner, port, seen = await serve(302, location)
    result = await actions.run({"httpGet": {"port": port, "path": "/"}}, target(), 5)
    assert (result.ok, result.warning, len(seen)) == (ok, warning, asked)
    await runner.cleanup()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def said(actions: Actions, action: dict, serve, timeout: float) -> str:
    """What a failed action says of a server of that manner, or of none."""
    server = await asyncio.start_server(serve or hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if serve is None:
        server.close()
        await server.wait_closed()
    (kind,) = action
    filled = {kind: {**action[kind], "port": port}}
    result = await actions.run(filled, target(), timeout)
    assert not result.ok
    server.close()
    await server.wait_closed()
    return result.output.replace(str(port), "PORT")


@pytest.mark.parametrize(
    ("action", "serve", "words"),
    [
        (
            {"httpGet": {"path": "/x"}},
            None,
            'Get "http://127.0.0.1:PORT/x": dial tcp 127.0.0.1:PORT: connect: connection refused',
        ),
        ({"httpGet": {"path": "/x"}}, hang_up, 'Get "http://127.0.0.1:PORT/x": EOF'),
        (
            {"httpGet": {"path": "/x"}},
            keep_silent,
            f'Get "http://127.0.0.1:PORT/x": {LATE} {HEADERS}',
        ),
        ({"tcpSocket": {}}, None, "dial tcp 127.0.0.1:PORT: connect: connection refused"),
        (
            {"grpc": {}},
            None,
            f'timeout: failed to connect service "127.0.0.1:PORT" within 300ms: {LATE}',
        ),
    ],
)
async def test_failures_are_told_in_kubernetes_words(
    actions: Actions, action: dict, serve, words: str
) -> None:
    patience = 0.3 if LATE in words else 30
    assert await said(actions, action, serve, patience) == words


async def test_what_cannot_be_tried_is_no_failure_of_the_container(
    driver: Driver, actions: Actions
) -> None:
    result = await actions.run({"httpGet": {"port": "web"}}, target(), 1)
    assert (result.errored, result.output) == (True, 'strconv.Atoi: parsing "web": invalid syntax')
    driver.result = ExecError("no such command")
    result = await actions.run({"exec": {"command": ["nope"]}}, target(), 1)
    assert (result.ok, result.errored, result.output) == (False, True, "no such command")


async def test_tcp_only_asks_for_a_connection(actions: Actions) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    spec = {"ports": [{"name": "main", "containerPort": port}]}
    assert (await actions.run({"tcpSocket": {"port": "main"}}, target(**spec), 1)).ok
    server.close()
    await server.wait_closed()
    assert not (await actions.run({"tcpSocket": {"port": port}}, target(), 1)).ok


@pytest.mark.parametrize(
    ("answer", "ok", "words"),
    [
        (b"\x08\x01", True, "service healthy"),
        (b"\x08\x02", False, 'service unhealthy (responded with "NOT_SERVING")'),
        (b"", False, 'service unhealthy (responded with "UNKNOWN")'),
    ],
)
async def test_grpc_asks_the_health_service(
    actions: Actions, answer: bytes, words: str, *, ok: bool
) -> None:
    asked: list[bytes] = []

    async def check(request: bytes, context) -> bytes:
        asked.append(request)
        return answer

    server = grpc.aio.server()
    handlers = {"Check": grpc.unary_unary_rpc_method_handler(check)}
    service = grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers)
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    action = {"grpc": {"port": port, "service": "shop"}}
    result = await actions.run(action, target(), 2)
    assert result.ok is ok
    assert result.output == words
    assert asked == [b"\x0a\x04shop"]
    await server.stop(None)


async def test_a_slow_action_times_out(actions: Actions) -> None:
    result = await actions.run({"sleep": {"seconds": 5}}, target(), 0.01)
    assert (result.ok, result.output) == (False, "timed out after 10ms")


@pytest.mark.parametrize(("port", "number"), [(80, 80), ("8080", 8080), ("web", 9000)])
def test_ports_by_number_or_name(port: object, number: int) -> None:
    assert port_number(port, {"ports": [{"name": "web", "containerPort": 9000}]}) == number
