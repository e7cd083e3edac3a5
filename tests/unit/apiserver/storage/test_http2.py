"""Our end of HTTP/2 and of gRPC's calls, against the library h2, in memory."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest

from apiserver.storage.etcd import calls, http2
from apiserver.storage.etcd.calls import CallFailed, Code
from apiserver.storage.etcd.http2 import Connection

BLOCK = calls.request_headers("/a.B/C", "localhost", tls=False, more={"token": "t" * 300})
PATIENCE = 10.0
Fields = list[tuple[str, str]]
FINE: Fields = [("grpc-status", "0"), ("grpc-message", "")]


class Wire(asyncio.Transport):
    """Carries bytes to the other side, which answers when `turn` is called."""

    def __init__(self, connection: Connection, streams: int = 100) -> None:
        super().__init__()
        self.connection = connection
        self.far = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        most = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: streams}
        self.far.local_settings = h2.settings.Settings(client=False, initial_values=most)
        self.far.initiate_connection()
        self.sent = b""
        self.reads: list[bool] = []
        """When reading was stopped, and went on."""
        self.requests: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytes] = {}
        self.resets: list[int] = []
        self.pings = 0
        self.credits = True
        """Whether windows are opened again as data arrives."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def abort(self) -> None:
        self.sent = b""

    def pause_reading(self) -> None:
        self.reads.append(False)

    def resume_reading(self) -> None:
        self.reads.append(True)

    async def turn(self) -> None:
        """All that is under way arrives, in both directions."""
        for _ in range(3):
            await asyncio.sleep(0)
            data, self.sent = self.sent, b""
            for event in self.far.receive_data(data):
                self._heard(event)
            self.connection.data_received(self.far.data_to_send())

    def _heard(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived(stream_id=number, headers=headers):
                assert number is not None
                assert headers is not None
                self.requests[number] = {str(k): str(v) for k, v in _texts(headers)}
                self.bodies[number] = b""
            case h2.events.DataReceived(stream_id=number, data=data, flow_controlled_length=size):
                assert number is not None
                assert size is not None
                self.bodies[number] += data
                if self.credits:
                    self.far.acknowledge_received_data(size, number)
            case h2.events.StreamReset(stream_id=number):
                self.resets.append(number)
            case h2.events.PingReceived():
                self.pings += 1
            case _:
                pass

    def answer(self, number: int, data: bytes, trailers: Fields = FINE, padding: int = 0) -> None:
        self.far.send_headers(number, [(":status", "200"), ("content-type", "application/grpc")])
        self.data(number, calls._framed(data), padding)
        self.far.send_headers(number, trailers, end_stream=True)

    def data(self, number: int, data: bytes, padding: int = 0) -> None:
        for at in range(0, len(data), 16_000):
            self.far.send_data(number, data[at : at + 16_000], pad_length=padding or None)


def _texts(headers: object) -> Iterator[tuple[str, str]]:
    for name, value in headers:  # type: ignore[attr-defined]  # h2 says less than it gives
        yield name.decode(), value.decode()


async def connect(streams: int = 100) -> Wire:
    connection = Connection()
    wire = Wire(connection, streams)
    connection.connection_made(wire)
    await wire.turn()
    await connection.ready
    return wire


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    made = await connect()
    yield made
    made.connection.close()


async def begin(wire: Wire, message: bytes = b"ask") -> "tuple[asyncio.Task[bytes], int]":
    """A call that has arrived, and its stream."""
    task = asyncio.create_task(calls.unary(wire.connection, BLOCK, message))
    await wire.turn()
    return task, max(wire.requests, default=0)


async def test_calls(wire: Wire) -> None:
    for turn in range(3):  # new headers, then those that only refer to them
        task, number = await begin(wire)
        assert wire.requests[number][":path"] == "/a.B/C"
        assert wire.requests[number]["token"] == "t" * 300
        assert wire.bodies[number] == b"\0\0\0\0\3ask"
        wire.answer(number, b"answer %d" % turn)
        await wire.turn()
        assert await task == b"answer %d" % turn


async def test_a_refusal_says_what_etcd_said(wire: Wire) -> None:
    for text in ("first", "other words", "first"):
        task, number = await begin(wire)
        trailers = [(":status", "200"), ("grpc-status", "11"), ("grpc-message", f"{text}%21")]
        wire.far.send_headers(number, trailers, end_stream=True)
        await wire.turn()
        with pytest.raises(CallFailed, match=f"{text}!") as failed:
            await task
        assert failed.value.code is Code.OUT_OF_RANGE
        assert not failed.value.in_doubt


@pytest.mark.parametrize(("status", "code"), [("503", Code.UNAVAILABLE), ("404", Code.UNKNOWN)])
async def test_what_is_no_grpc(wire: Wire, status: str, code: Code) -> None:
    task, number = await begin(wire)
    wire.far.send_headers(number, [(":status", status)], end_stream=True)
    await wire.turn()
    with pytest.raises(CallFailed, match=f"HTTP {status}") as failed:
        await task
    assert failed.value.code is code


async def test_windows_bound_what_is_sent(wire: Wire) -> None:
    wire.credits = False
    first = asyncio.create_task(calls.unary(wire.connection, BLOCK, b"x" * 200_000))
    second = asyncio.create_task(calls.unary(wire.connection, BLOCK, b"y" * 10))
    await wire.turn()
    assert [len(body) for body in wire.bodies.values()] == [65_535, 0]
    for _ in range(3):
        wire.far.increment_flow_control_window(65_535)
        wire.far.increment_flow_control_window(65_535, 1)
        await wire.turn()
    assert [len(body) for body in wire.bodies.values()] == [200_005, 15]
    for number in (1, 3):
        wire.answer(number, b"")
    await wire.turn()
    assert await first == await second == b""


async def test_long_answers_are_given_room(wire: Wire) -> None:
    data = b"z" * (3 * http2.CREDIT)
    task, number = await begin(wire)
    wire.answer(number, data, padding=7)
    await wire.turn()
    assert await task == data
    assert wire.far.outbound_flow_control_window > http2.WINDOW - 2 * http2.CREDIT


async def test_no_more_streams_than_allowed() -> None:
    wire = await connect(streams=2)
    tasks = [asyncio.create_task(calls.unary(wire.connection, BLOCK, b"")) for _ in range(5)]
    await wire.turn()
    assert list(wire.requests) == [1, 3]
    tasks[2].cancel()  # one that waits
    wire.answer(3, b"")
    await wire.turn()
    assert list(wire.requests) == [1, 3, 5]
    wire.answer(1, b"")
    await wire.turn()
    wire.answer(5, b"")
    wire.answer(7, b"")
    await wire.turn()
    assert [task.cancelled() for task in tasks] == [False, False, True, False, False]
    assert [await task for task in tasks if not task.cancelled()] == [b""] * 4
    wire.connection.close()


async def test_who_goes_away_has_not_looked_at_what_came_late(wire: Wire) -> None:
    old, number = await begin(wire)
    late, _ = await begin(wire)
    wire.far.close_connection(last_stream_id=number)
    wire.connection.data_received(wire.far.data_to_send())
    with pytest.raises(CallFailed) as failed:
        await late
    assert failed.value.never_sent
    assert not failed.value.in_doubt
    assert not old.done()
    with pytest.raises(CallFailed, match="the connection ended") as failed:
        await calls.unary(wire.connection, BLOCK, b"")
    assert failed.value.never_sent
    wire.connection.close()
    with pytest.raises(CallFailed):
        await old


@pytest.mark.parametrize(("code", "never_sent"), [(7, True), (2, False)])
async def test_a_stream_that_is_reset(wire: Wire, code: int, never_sent: bool) -> None:
    task, number = await begin(wire)
    wire.far.reset_stream(number, error_code=code)
    await wire.turn()
    with pytest.raises(CallFailed) as failed:
        await task
    assert failed.value.never_sent is never_sent
    assert failed.value.in_doubt is not never_sent


async def test_a_lost_connection_leaves_doubt(wire: Wire) -> None:
    task, _ = await begin(wire)
    wire.connection.connection_lost(ConnectionResetError("gone"))
    with pytest.raises(CallFailed, match="gone") as failed:
        await task
    assert failed.value.in_doubt


async def test_a_caller_that_leaves_ends_the_stream(wire: Wire) -> None:
    task, number = await begin(wire)
    task.cancel()
    await asyncio.wait([task])
    await wire.turn()
    assert wire.resets == [number]


@pytest.mark.looptime
async def test_a_call_has_its_time(wire: Wire) -> None:
    wire.connection._heard = True
    task, _ = await begin(wire)
    await asyncio.sleep(calls.CALL_SECONDS - 1)
    wire.connection._heard = True
    await asyncio.sleep(2)
    with pytest.raises(CallFailed) as failed:
        await task
    assert failed.value.code is Code.DEADLINE_EXCEEDED
    assert failed.value.in_doubt


@pytest.mark.looptime
async def test_silence_is_asked_about_and_ended() -> None:
    wire = await connect()
    stream = await calls.stream(wire.connection, BLOCK, b"watch")
    reading = asyncio.create_task(stream.read())
    await wire.turn()
    await asyncio.sleep(2 * http2.KEEPALIVE_SECONDS + 1)
    await wire.turn()
    assert wire.pings == 1
    await asyncio.sleep(3 * http2.KEEPALIVE_SECONDS)  # it answered; now it is asked again
    with pytest.raises(CallFailed, match="silent"):
        await reading
    stream.cancel()


async def test_a_slow_reader_stops_the_socket(wire: Wire) -> None:
    stream = await calls.stream(wire.connection, BLOCK, b"watch")
    await wire.turn()
    wire.far.send_headers(1, [(":status", "200")])
    messages = [bytes([number]) * (calls.QUEUED_MAX // 3) for number in range(4)]
    for message in messages:
        wire.data(1, calls._framed(message))
    wire.connection.data_received(wire.far.data_to_send())
    assert wire.reads == [False]
    assert [await stream.read() for _ in messages] == messages
    assert wire.reads == [False, True]
    wire.far.send_headers(1, FINE, end_stream=True)
    wire.connection.data_received(wire.far.data_to_send())
    assert await stream.read() is None


async def test_a_closed_stream_tells_its_reader(wire: Wire) -> None:
    stream = await calls.stream(wire.connection, BLOCK, b"watch")
    reading = asyncio.create_task(stream.read())
    await wire.turn()
    stream.cancel()
    with pytest.raises(CallFailed, match="closed"):
        await reading


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        http2.frame(http2.HEADERS, http2.END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"),
        http2.frame(http2.DATA, http2.PADDED, 1, b""),
        http2.frame(http2.DATA, http2.PADDED, 1, b"\x05ab"),
        http2.frame(http2.PUSH_PROMISE, 0, 1, bytes(8)),
        http2.frame(http2.CONTINUATION, 0, 1, b""),
        http2.frame(http2.HEADERS, 0, 1, b"") + http2.frame(http2.PING, 0, 0, bytes(8)),
        b"\xff\xff\xff" + bytes(6),
    ],
)
async def test_nonsense_ends_the_connection(wire: Wire, garbage: bytes) -> None:
    task, _ = await begin(wire)
    wire.connection.data_received(garbage)
    with pytest.raises(CallFailed, match="no HTTP/2") as failed:
        await task
    assert failed.value.in_doubt
    assert not wire.connection.usable


async def test_frames_in_any_pieces(wire: Wire) -> None:
    task, number = await begin(wire)
    wire.answer(number, b"whole")
    data = wire.far.data_to_send()
    unknown = http2.frame(42, 0, 0, b"to be skipped")
    for byte in unknown + data:
        wire.connection.data_received(bytes([byte]))
    assert await task == b"whole"


async def test_headers_in_several_frames(wire: Wire) -> None:
    task, number = await begin(wire)
    block = http2.header_block({":status": "200", "grpc-status": "5", "grpc-message": "no"})
    wire.connection.data_received(
        http2.frame(http2.HEADERS, http2.END_STREAM, number, block[:9])
        + http2.frame(http2.CONTINUATION, 0, number, block[9:20])
        + http2.frame(http2.CONTINUATION, http2.END_HEADERS, number, block[20:])
    )
    with pytest.raises(CallFailed) as failed:
        await task
    assert failed.value.code is Code.NOT_FOUND
