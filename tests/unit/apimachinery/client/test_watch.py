"""Watch lines: cut out, understood in any layout, errors raised."""

import itertools
from collections.abc import AsyncIterator

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import status
from apimachinery.client import watch

POD = {"kind": "Pod", "metadata": {"name": "a}\n", "labels": {"x": '"'}}}


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def test_our_servers_layout_is_cut_out_without_parsing() -> None:
    raw = orjson.dumps(POD)
    event = watch.parse_line(b'{"type":"ADDED","object":' + raw + b"}")
    assert (event.type, event.raw) == ("ADDED", raw)


def test_other_layouts_are_understood() -> None:
    event = watch.parse_line(b'{ "object": {"kind": "Pod"}, "type": "DELETED" }')
    assert (event.type, event.object()) == ("DELETED", {"kind": "Pod"})


def test_an_error_event_is_raised_as_what_it_carries() -> None:
    line = orjson.dumps({"type": "ERROR", "object": status.expired("too old").to_status()})
    with pytest.raises(status.Expired, match="too old"):
        watch.parse_line(line)


def test_rubbish_is_an_internal_error() -> None:
    with pytest.raises(status.InternalError, match="no watch event"):
        watch.parse_line(b"<html>")


@given(st.lists(st.binary(max_size=5).map(lambda b: b.replace(b"\n", b"")), max_size=5), st.data())
async def test_lines_do_not_depend_on_where_chunks_end(
    lines: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    edges = [0, *cuts, len(whole)]
    parts = [whole[a:b] for a, b in itertools.pairwise(edges)]

    split = [line async for line in watch.lines(chunks(*parts))]
    assert split == [line for line in lines if line]


async def test_an_unfinished_last_line_is_dropped() -> None:
    assert [line async for line in watch.lines(chunks(b"one\ntw"))] == [b"one"]


async def test_an_endless_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LINE_MAX", 10)
    with pytest.raises(status.InternalError, match="longer than"):
        [line async for line in watch.lines(chunks(b"x" * 8, b"x" * 8))]
