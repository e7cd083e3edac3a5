"""RecordIO as it may arrive: in any pieces, cut anywhere, with lengths that are none."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery.mesos import recordio
from apimachinery.mesos.schema import Malformed

MOST = 1000
BODIES = (b"{}", b'{"type": "HEARTBEAT"}', b"\n\n7\n", b"x" * 300)
WHOLE = b"".join(recordio.record(body) for body in BODIES)


async def read(*pieces: bytes) -> list[bytes]:
    source = asyncio.StreamReader(limit=512)

    async def feed() -> None:
        for piece in pieces:
            source.feed_data(piece)
            await asyncio.sleep(0)
        source.feed_eof()

    feeding = asyncio.create_task(feed())
    try:
        return [body async for body in recordio.records(source, MOST)]
    finally:
        await feeding


async def test_split_at_each_byte() -> None:
    for at in range(len(WHOLE)):
        assert await read(WHOLE[:at], WHOLE[at:]) == list(BODIES)
    assert await read(*(WHOLE[at : at + 1] for at in range(len(WHOLE)))) == list(BODIES)


async def test_cut_at_each_byte() -> None:
    ends = [sum(len(recordio.record(b)) for b in BODIES[:n]) for n in range(len(BODIES) + 1)]
    for at in range(len(WHOLE)):
        if at in ends:
            assert await read(WHOLE[:at]) == list(BODIES[: ends.index(at)])
        else:
            with pytest.raises(recordio.Truncated):
                await read(WHOLE[:at])


@pytest.mark.parametrize(
    "length",
    [b"0", b"-1", b"+2", b" 2", b"2 ", b"2\r", b"0x2", b"2.0", b"1_0", b"", b"\xd9\xa2", b"two",
     b"%d" % (MOST + 1), b"9" * 18, b"9" * 400, b"9" * 100_000, b"\x00", "２".encode()],
)  # fmt: skip
async def test_a_length_that_is_none(length: bytes) -> None:
    with pytest.raises(Malformed) as problem:
        await read(recordio.record(b"{}") + length + b"\n{}")
    assert not isinstance(problem.value, recordio.Truncated)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
async def test_whatever_comes_is_records_or_malformed(data: bytes, cuts: list[int]) -> None:
    at = [0, *sorted(cuts), max([len(data), *cuts])]
    try:
        found = await read(*(data[a:b] for a, b in pairwise(at)))
    except Malformed:
        return
    assert all(body and body in data for body in found)
