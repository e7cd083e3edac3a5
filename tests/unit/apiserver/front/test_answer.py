"""How answers are compressed on their way out."""

import gzip
from collections.abc import AsyncIterator

from apimachinery import wire
from apiserver.front import answer

REMOTE = ("192.0.2.7", 4711)


async def letters() -> AsyncIterator[bytes]:
    for letter in b"abc":
        yield bytes([letter]) * 100_000


def test_only_clients_elsewhere_are_sent_gzip():
    asks = {"accept-encoding": "gzip, deflate"}
    assert answer.takes_gzip(asks, REMOTE)
    assert not answer.takes_gzip(asks, ("127.0.0.1", 4711))
    assert not answer.takes_gzip({}, REMOTE)


async def test_a_finite_stream_is_compressed_piece_by_piece():
    response = wire.Response(200, {"Content-Type": "application/json"}, letters(), finite=True)
    answer.compress_stream(response)
    assert response.headers["Content-Encoding"] == "gzip"
    assert not isinstance(response.body, bytes)
    packed = b"".join([piece async for piece in response.body])
    assert gzip.decompress(packed) == b"a" * 100_000 + b"b" * 100_000 + b"c" * 100_000
