"""SPDY frames: bytes arrive in any pieces, compression belongs to the connection, all is bounded."""

import hashlib
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiserver.streaming import spdy


class Client:
    """The client's side, as kubectl's library writes frames."""

    def __init__(self) -> None:
        self.deflate = zlib.compressobj(zdict=spdy.DICTIONARY)
        self.inflate = zlib.decompressobj(zdict=spdy.DICTIONARY)

    def block(self, headers: dict[str, str]) -> bytes:
        text = struct.pack(">I", len(headers))
        for name, value in headers.items():
            for part in (name.encode(), value.encode()):
                text += struct.pack(">I", len(part)) + part
        return self.deflate.compress(text) + self.deflate.flush(zlib.Z_SYNC_FLUSH)

    def open(self, stream: int, headers: dict[str, str], *, finished: bool = False) -> bytes:
        payload = struct.pack(">IIH", stream, 0, 0) + self.block(headers)
        return control(1, payload, flags=1 if finished else 0)

    def data(self, stream: int, data: bytes, *, finished: bool = False) -> bytes:
        return struct.pack(">II", stream, (1 if finished else 0) << 24 | len(data)) + data


def control(kind: int, payload: bytes, *, flags: int = 0, version: int = 3) -> bytes:
    return struct.pack(">HHI", 0x8000 | version, kind, flags << 24 | len(payload)) + payload


def test_dictionary_is_the_protocols() -> None:
    # The digest of the dictionary in the SPDY/3 draft: one wrong byte fails every header.
    assert hashlib.sha256(spdy.DICTIONARY).hexdigest() == (
        "51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02"
    )


def test_stream_opens_with_its_headers() -> None:
    frame = Client().open(1, {"StreamType": "data", "port": "80"})
    assert list(spdy.Connection().receive(frame)) == [
        spdy.Opened(1, {"streamtype": "data", "port": "80"}, finished=False)
    ]


def test_second_header_block_needs_the_first_ones_context() -> None:
    client, server = Client(), spdy.Connection()
    list(server.receive(client.open(1, {"a": "b"})))
    assert list(server.receive(client.open(3, {"a": "b"}, finished=True))) == [
        spdy.Opened(3, {"a": "b"}, finished=True)
    ]


@given(
    st.lists(st.tuples(st.binary(max_size=300), st.booleans()), max_size=5),
    st.lists(st.integers(1, 40), min_size=1),
)
def test_pieces_make_no_difference(chunks: list[tuple[bytes, bool]], sizes: list[int]) -> None:
    client = Client()
    sent = client.open(1, {"streamtype": "data"})
    sent += b"".join(client.data(1, data, finished=end) for data, end in chunks)
    server, events, at, turn = spdy.Connection(), [], 0, 0
    while at < len(sent):
        size = sizes[turn % len(sizes)]
        events += list(server.receive(sent[at : at + size]))
        at, turn = at + size, turn + 1
    assert events[1:] == [spdy.Data(1, data, finished=end) for data, end in chunks]


def test_other_frames() -> None:
    sent = control(3, struct.pack(">II", 5, 1)) + control(6, struct.pack(">I", 9))
    sent += control(7, struct.pack(">II", 0, 0)) + control(4, b"\0\0\0\0") + control(9, b"\0" * 8)
    assert list(spdy.Connection().receive(sent)) == [spdy.Reset(5), spdy.Ping(9), spdy.GoAway()]


def test_reply_can_be_inflated_by_the_client() -> None:
    client, server = Client(), spdy.Connection()
    for stream in (1, 3):
        frame = server.reply(stream)
        assert struct.unpack_from(">HHII", frame)[:2] == (0x8003, 2)
        assert client.inflate.decompress(frame[12:]) == struct.pack(">I", 0)


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack(">II", 1, spdy.MAX_FRAME + 1),
        control(1, b"\0" * 8, version=2),
        control(1, b"\0"),
        control(3, b"\0"),
        control(1, b"\0" * 10 + b"no zlib"),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_nonsense_is_an_error(frame: bytes) -> None:
    with pytest.raises(spdy.SpdyError):
        list(spdy.Connection().receive(frame))


def test_headers_that_blow_up_are_refused() -> None:
    frame = Client().open(1, {"a": "x" * (spdy.MAX_HEADERS + 1)})
    with pytest.raises(spdy.SpdyError, match="headers of more than"):
        list(spdy.Connection().receive(frame))


def test_header_longer_than_its_block_is_refused() -> None:
    client = Client()
    text = struct.pack(">II", 1, 100) + b"short"
    block = client.deflate.compress(text) + client.deflate.flush(zlib.Z_SYNC_FLUSH)
    frame = control(1, struct.pack(">IIH", 1, 0, 0) + block)
    with pytest.raises(spdy.SpdyError, match="longer than its block"):
        list(spdy.Connection().receive(frame))
