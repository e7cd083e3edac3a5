"""The mirror: complete, in step, resumed, started over."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import meta, scheme, status, wire
from apimachinery.client import informer as informers
from apimachinery.client import transport

pytestmark = pytest.mark.looptime

END = {informers.INITIAL_EVENTS_END: "true"}


def pod(name: str, version: int, node: str = "") -> wire.JsonObject:
    metadata = {"name": name, "namespace": "ns", "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": {"nodeName": node}}


def bookmark(version: int, *, end: bool = False) -> wire.JsonObject:
    return {"metadata": {"resourceVersion": str(version)} | ({"annotations": END} if end else {})}


def node_of(obj: wire.JsonObject) -> str:
    return str(obj["spec"]["nodeName"])


class Watched:
    def __init__(self, client) -> None:
        self.informer = informers.Informer(
            client,
            scheme.PODS,
            node_of,
            indexers={"node": lambda node: [node] if node else []},
            rng=random.Random(1),
        )
        self.changes: list[tuple[str, str | None, str | None]] = []
        self.informer.add_handler(lambda *change: self.changes.append(change))


@pytest.fixture
async def watched(client) -> AsyncIterator[Watched]:
    watched = Watched(client)
    task = asyncio.create_task(watched.informer.run())
    yield watched
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def settle() -> None:
    """Let every ready task run until all of them wait."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_is_synced_only_when_the_initial_state_is_complete(watched, server) -> None:
    stream = server.stream()
    stream.send("ADDED", pod("a", 5))
    await settle()
    assert not watched.informer.has_synced
    assert watched.informer.get("ns/a") is None
    stream.send("BOOKMARK", bookmark(7, end=True))
    await watched.informer.synced()
    assert watched.informer.get("ns/a") == ""


async def test_changes_are_told_with_old_and_new(watched, server) -> None:
    stream = server.stream()
    stream.send("BOOKMARK", bookmark(7, end=True))
    stream.send("ADDED", pod("a", 8))
    stream.send("MODIFIED", pod("a", 9, "n1"))
    stream.send("DELETED", pod("a", 10, "n1"))
    await settle()
    assert watched.changes == [("ns/a", None, ""), ("ns/a", "", "n1"), ("ns/a", "n1", None)]


async def test_the_index_follows(watched, server) -> None:
    stream = server.stream()
    stream.send("BOOKMARK", bookmark(7, end=True))
    stream.send("ADDED", pod("a", 8, "n1"))
    stream.send("ADDED", pod("b", 9, "n1"))
    stream.send("MODIFIED", pod("a", 10, "n2"))
    await settle()
    assert watched.informer.keys_by_index("node", "n1") == ["ns/b"]
    assert watched.informer.keys_by_index("node", "n2") == ["ns/a"]


async def test_resumes_from_the_last_bookmark(watched, server) -> None:
    stream = server.stream()
    stream.send("BOOKMARK", bookmark(7, end=True))
    stream.send("BOOKMARK", bookmark(42))
    await settle()
    server.stream()
    stream.end()
    await settle()
    assert server.queries()[-1]["resourceVersion"] == "42"
    assert "sendInitialEvents" not in server.queries()[-1]


async def test_resumes_from_the_last_event_after_a_cut(watched, server) -> None:
    stream = server.stream()
    stream.send("BOOKMARK", bookmark(7, end=True))
    stream.send("ADDED", pod("a", 8))
    stream.fail(transport.Unreachable("cut"))
    await settle()
    server.stream()
    await asyncio.sleep(60)
    assert server.queries()[1]["resourceVersion"] == "8"


@pytest.mark.parametrize("in_stream", [True, False])
async def test_starts_over_when_too_old_and_tells_only_differences(
    watched, server, in_stream: bool
) -> None:
    stream = server.stream()
    for name in "abc":
        stream.send("ADDED", pod(name, 5))
    stream.send("BOOKMARK", bookmark(7, end=True))
    await settle()
    watched.changes.clear()
    if in_stream:
        stream.send("ERROR", status.expired("too old").to_status())
    else:
        server.refuse(status.expired("too old"))
        stream.end()
    await settle()
    second = server.stream()
    second.send("ADDED", pod("a", 5))
    second.send("ADDED", pod("b", 9, "n1"))
    second.send("BOOKMARK", bookmark(10, end=True))
    await asyncio.sleep(60)
    assert watched.changes == [("ns/c", "", None), ("ns/b", "", "n1")]


async def test_a_state_cut_before_its_end_is_not_taken(watched, server) -> None:
    first = server.stream()
    first.send("ADDED", pod("a", 5))
    first.end()
    await settle()
    second = server.stream()
    second.send("ADDED", pod("b", 6))
    second.send("BOOKMARK", bookmark(7, end=True))
    await watched.informer.synced()
    assert list(watched.informer.keys()) == ["ns/b"]


async def test_lists_where_the_server_knows_no_initial_events(watched, server) -> None:
    server.refuse(status.invalid("ListOptions", "", [status.forbidden_field("x", "no")]))
    server.answer(
        200, {"metadata": {"resourceVersion": "9", "continue": "t"}, "items": [pod("a", 3)]}
    )
    server.answer(200, {"metadata": {"resourceVersion": "9"}, "items": [pod("b", 4)]})
    server.stream()
    await watched.informer.synced()
    await settle()
    assert sorted(watched.informer.keys()) == ["ns/a", "ns/b"]
    assert server.queries()[2]["continue"] == "t"
    assert server.queries()[3]["resourceVersion"] == "9"


async def test_quiet_watches_reconnect_without_growing_delays(watched, server) -> None:
    loop = asyncio.get_running_loop()
    stream = server.stream()
    stream.send("BOOKMARK", bookmark(7, end=True))
    await settle()
    for _ in range(5):
        following = server.stream()
        await asyncio.sleep(300)
        stream.end()
        before = loop.time()
        await settle()
        assert loop.time() == before
        stream = following
    assert len(server.requests) == 6


async def test_a_late_handler_hears_of_what_is_there(watched, server) -> None:
    stream = server.stream()
    stream.send("ADDED", pod("a", 5))
    stream.send("BOOKMARK", bookmark(7, end=True))
    await watched.informer.synced()
    heard: list[object] = []
    watched.informer.add_handler(lambda *change: heard.append(change))
    assert heard == [("ns/a", None, "")]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sets(st.sampled_from("xyz")) | st.none()), max_size=30
    )
)
def test_indexes_equal_a_scan(steps: list[tuple[str, set[str] | None]]) -> None:
    mirror = informers._Mirror[set[str]]({"by": lambda value: value})
    for number, (key, value) in enumerate(steps):
        if value is None:
            mirror.remove(key)
        else:
            mirror.put(key, str(number), value)
    scan: dict[str, set[str]] = {}
    for key, value in mirror.values.items():
        for item in value:
            scan.setdefault(item, set()).add(key)
    assert {value: set(keys) for value, keys in mirror.indexes["by"].items()} == scan


def test_keys_say_the_namespace() -> None:
    assert meta.key(pod("a", 1)) == "ns/a"
