"""A server that answers by script: what a test queued, in order, remembering what was asked."""

import asyncio
import random
from collections.abc import AsyncIterator

import orjson
import pytest

from apimachinery import status, wire
from apimachinery.client import rest, transport


class Stream:
    """A watch answer that the test feeds."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.closed = False

    def send(self, kind: str, obj: wire.JsonObject) -> None:
        self.raw(orjson.dumps({"type": kind, "object": obj}) + b"\n")

    def raw(self, data: bytes) -> None:
        self._items.put_nowait(data)

    def end(self) -> None:
        self._items.put_nowait(None)

    def fail(self, error: Exception) -> None:
        self._items.put_nowait(error)

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            while (item := await self._items.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.closed = True


class ScriptedServer:
    def __init__(self) -> None:
        self.requests: list[wire.Request] = []
        self._answers: asyncio.Queue[wire.Response | Exception] = asyncio.Queue()

    def answer(self, code: int, obj: object = None, headers: dict[str, str] | None = None) -> None:
        body = b"" if obj is None else orjson.dumps(obj)
        self._answers.put_nowait(wire.Response(code, headers or {}, body))

    def raw(self, code: int, body: bytes) -> None:
        self._answers.put_nowait(wire.Response(code, {}, body))

    def refuse(self, error: status.ApiError) -> None:
        self.answer(error.code, error.to_status(), error.headers)

    def lose(self) -> None:
        self._answers.put_nowait(transport.Unreachable("the wire is cut"))

    def stream(self) -> Stream:
        stream = Stream()
        self._answers.put_nowait(wire.Response(200, {}, stream.chunks()))
        return stream

    async def handle(self, request: wire.Request) -> wire.Response:
        self.requests.append(request)
        answer = await self._answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def queries(self) -> list[dict[str, str]]:
        return [dict(request.query) for request in self.requests]


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer()


@pytest.fixture
def client(server: ScriptedServer) -> rest.Client:
    direct = transport.DirectTransport(server.handle, wire.UserInfo("tester"))
    return rest.Client(direct, rng=random.Random(1))
