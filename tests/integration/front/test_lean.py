"""The lean lane: many requests on a connection, and the change to aiohttp in the middle."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from apimachinery import wire
from apiserver.attributes import AlwaysAllow
from apiserver.front import app, lean
from apiserver.identity.authn import Authenticator, digests

HEAD = "Host: x\r\nAuthorization: Bearer t\r\n"


class Echo:
    """Answers with what it was asked; `/big` and `/stream` with more."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def handle(self, request: wire.Request) -> wire.Response:
        if request.path == "/big":
            return wire.Response(200, {}, b"x" * 1_000_000)
        if request.path == "/stream":
            return wire.Response(200, {}, self._stream())
        if request.path == "/fault":
            raise RuntimeError("a bug")
        return wire.Response(200, {}, f"{request.method} {request.path}".encode() + request.body)

    async def _stream(self) -> AsyncIterator[bytes]:
        try:
            yield b"one"
            yield b""
            yield b"two"
            await asyncio.Event().wait()
        finally:
            self.ended.set()


class Nothing:
    def object(self, *_: object) -> None:
        return None


class Wire:
    """A raw client connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, line: str, headers: str = "", body: bytes = b"") -> None:
        self.writer.write(f"{line} HTTP/1.1\r\n{HEAD}{headers}\r\n".encode() + body)

    async def answer(self) -> tuple[int, bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        return int(head.split()[1]), await self.reader.readexactly(length)


@pytest.fixture
async def echo() -> Echo:
    return Echo()


@pytest.fixture
async def front(echo: Echo) -> AsyncIterator[app.Front]:
    users = digests({"t": wire.UserInfo("u")})
    made = app.Front(echo, Authenticator(Nothing(), AlwaysAllow(), lambda: 0.0, static=users), None)
    await made.start([("127.0.0.1", 0)])
    yield made
    await made.stop()


@pytest.fixture
async def client(front: app.Front) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection(*front.addresses[0])
    yield Wire(reader, writer)
    writer.close()
    await writer.wait_closed()


async def test_requests_that_arrive_together_are_answered_in_order(client: Wire) -> None:
    for number in range(5):
        client.send(f"GET /{number}")
    assert [await client.answer() for _ in range(5)] == [
        (200, f"GET /{number}".encode()) for number in range(5)
    ]


async def test_request_in_pieces(client: Wire) -> None:
    whole = f"POST /a%20b?x=1 HTTP/1.1\r\n{HEAD}Content-Length: 4\r\n\r\nbody".encode()
    for at in range(len(whole)):
        client.writer.write(whole[at : at + 1])
        await asyncio.sleep(0)
    assert await client.answer() == (200, b"POST /a bbody")


async def test_unusual_request_changes_the_lane_with_nothing_lost(client: Wire) -> None:
    client.send("GET /first")
    client.send("POST /second", "Transfer-Encoding: chunked\r\n", b"4\r\nbody\r\n0\r\n\r\n")
    client.send("GET /third")
    assert [await client.answer() for _ in range(3)] == [
        (200, b"GET /first"),
        (200, b"POST /secondbody"),
        (200, b"GET /third"),
    ]


async def test_body_that_is_too_long_is_refused(client: Wire) -> None:
    client.send("POST /", f"Content-Length: {app.MAX_BODY + 1}\r\n")
    client.writer.write(b"x" * (app.MAX_BODY + 1))
    status, _ = await client.answer()
    assert status == 413


async def test_strangers_are_refused_before_their_bodies(client: Wire) -> None:
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n")
    assert (await client.answer())[0] == 401
    assert await client.reader.read() == b""


async def test_refusal_does_not_end_the_connection(client: Wire) -> None:
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
    client.send("GET /after")
    assert (await client.answer())[0] == 401
    assert await client.answer() == (200, b"GET /after")


async def test_bug_answers_and_the_connection_goes_on(client: Wire) -> None:
    client.send("GET /fault")
    client.send("GET /after")
    assert (await client.answer())[0] == 500
    assert await client.answer() == (200, b"GET /after")


async def test_big_answer_to_a_slow_reader(client: Wire) -> None:
    for _ in range(8):
        client.send("GET /big")
    for _ in range(8):
        await asyncio.sleep(0.01)
        assert len((await client.answer())[1]) == 1_000_000


async def test_stream_skips_empty_chunks_and_ends_with_its_client(client: Wire, echo: Echo) -> None:
    client.send("GET /stream")
    await client.reader.readuntil(b"\r\n\r\n")
    assert await client.reader.readexactly(16) == b"3\r\none\r\n3\r\ntwo\r\n"
    client.writer.close()
    async with asyncio.timeout(30):
        await echo.ended.wait()


async def test_stream_ends_cleanly_at_shutdown(client: Wire, front: app.Front) -> None:
    client.send("GET /stream")
    await client.reader.readuntil(b"two\r\n")
    await front.stop()
    assert await client.reader.read() == b"0\r\n\r\n"


async def test_idle_connections_close_at_shutdown(client: Wire, front: app.Front) -> None:
    client.send("GET /")
    await client.answer()
    await front.stop()
    assert await client.reader.read() == b""


def test_date_is_made_once_a_second() -> None:
    dates = lean.Dates()
    first = dates.now(1.0)
    assert dates.now(1.9) is first
    assert dates.now(2.0) is not first
