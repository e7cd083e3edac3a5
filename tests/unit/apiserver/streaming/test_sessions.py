"""Streams of a SPDY session: they end when the client ends, resets or leaves; readers set the pace."""

import asyncio
import struct
import zlib

import pytest

from apiserver.streaming import sessions, spdy


class Pipe:
    """A duplex whose other end is the test."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[bytes] = asyncio.Queue()
        self.sent = b""

    async def read(self) -> bytes:
        return await self.incoming.get()

    async def write(self, data: bytes) -> None:
        self.sent += data


class Kubectl:
    """Opens streams and sends data."""

    def __init__(self) -> None:
        self.deflate = zlib.compressobj(zdict=spdy.DICTIONARY)

    def open(self, stream: int) -> bytes:
        text = struct.pack(">I", 0)
        block = self.deflate.compress(text) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        payload = struct.pack(">IIH", stream, 0, 0) + block
        return struct.pack(">HHI", 0x8003, 1, len(payload)) + payload

    def data(self, stream: int, data: bytes, *, finished: bool = False) -> bytes:
        return struct.pack(">II", stream, finished << 24 | len(data)) + data

    def reset(self, stream: int) -> bytes:
        return struct.pack(">HHIII", 0x8003, 3, 8, stream, 5)


@pytest.fixture
async def pipe() -> Pipe:
    return Pipe()


async def opened(
    pipe: Pipe,
) -> tuple[sessions.Session, asyncio.Task[None], sessions.Stream, Kubectl]:
    session, client = sessions.Session(pipe), Kubectl()
    running = asyncio.create_task(session.run())
    pipe.incoming.put_nowait(client.open(1))
    stream = await session.accept()
    assert stream is not None
    return session, running, stream, client


async def finish(pipe: Pipe, running: asyncio.Task[None]) -> None:
    pipe.incoming.put_nowait(b"")
    await running


async def test_data_arrives_in_order_and_ends(pipe: Pipe) -> None:
    _, running, stream, client = await opened(pipe)
    pipe.incoming.put_nowait(client.data(1, b"a") + client.data(1, b"b", finished=True))
    assert [await stream.read() for _ in range(3)] == [b"a", b"b", b""]
    assert await stream.read() == b""
    assert not stream.broken
    await finish(pipe, running)


async def test_reset_ends_a_waiting_reader(pipe: Pipe) -> None:
    _, running, stream, client = await opened(pipe)
    reading = asyncio.create_task(stream.read())
    await asyncio.sleep(0)
    pipe.incoming.put_nowait(client.reset(1))
    assert await reading == b""
    assert stream.broken
    with pytest.raises(ConnectionResetError):
        await stream.write(b"x")
    await finish(pipe, running)


async def test_client_that_leaves_ends_everything(pipe: Pipe) -> None:
    session, running, stream, _ = await opened(pipe)
    reading = asyncio.create_task(stream.read())
    await asyncio.sleep(0)
    await finish(pipe, running)
    assert await reading == b""
    assert await session.accept() is None


async def test_slow_reader_stops_the_connection(pipe: Pipe) -> None:
    _, running, stream, client = await opened(pipe)
    for _ in range(sessions.MAX_CHUNKS + 5):
        pipe.incoming.put_nowait(client.data(1, b"x"))
    for _ in range(50):
        await asyncio.sleep(0)
    assert pipe.incoming.qsize() == 4
    received = [await stream.read() for _ in range(sessions.MAX_CHUNKS + 5)]
    assert received == [b"x"] * len(received)
    await finish(pipe, running)


async def test_giving_a_stream_up_frees_the_connection(pipe: Pipe) -> None:
    session, running, stream, client = await opened(pipe)
    for _ in range(sessions.MAX_CHUNKS + 5):
        pipe.incoming.put_nowait(client.data(1, b"x"))
    for _ in range(50):
        await asyncio.sleep(0)
    await stream.reset()
    pipe.incoming.put_nowait(client.open(3))
    other = await session.accept()
    assert other is not None
    assert other.number == 3
    await finish(pipe, running)


async def test_long_writes_are_cut_into_frames(pipe: Pipe) -> None:
    _, running, stream, _ = await opened(pipe)
    pipe.sent = b""
    await stream.write(b"x" * (sessions.WRITE_BYTES + 1))
    assert len(pipe.sent) == sessions.WRITE_BYTES + 1 + 2 * 8
    await finish(pipe, running)


async def test_finish_is_said_once(pipe: Pipe) -> None:
    _, running, stream, _ = await opened(pipe)
    pipe.sent = b""
    await stream.finish()
    await stream.finish()
    assert pipe.sent == struct.pack(">II", 1, 1 << 24)
    await finish(pipe, running)


async def test_stream_opened_twice_breaks_the_connection(pipe: Pipe) -> None:
    _, running, _, client = await opened(pipe)
    pipe.incoming.put_nowait(client.open(1))
    with pytest.raises(spdy.SpdyError, match="opened twice"):
        await running
