"""Watches: the past, the present, selectors that objects enter and leave, bounds, bookmarks."""

import asyncio
import itertools

import orjson
import pytest

from apimachinery import scheme, status
from apimachinery.fields import parse_field_selector
from apimachinery.labels import parse_selector
from apiserver.cache import WatchCache, Watcher, WatchItem
from apiserver.cache import watcher as watcher_module
from apiserver.storage import errors
from apiserver.storage.memory import MemoryStore

from .conftest import pod

PODS = scheme.PODS


def short(item: WatchItem) -> tuple[str, str]:
    return (item.type, item.entry.name if item.entry is not None else "")


async def drain(watcher: Watcher) -> list[tuple[str, str]]:
    """Everything that is there already."""
    found: list[tuple[str, str]] = []
    while True:
        try:
            async with asyncio.timeout(0.01):
                found += [short(item) for item in await anext(watcher)]
        except (TimeoutError, StopAsyncIteration):
            return found


async def put(cache: WatchCache, name: str, **more: object) -> int:
    old = cache.get(PODS, "default", name)
    obj = pod(name, **more)  # type: ignore[arg-type]  # a test's shorthand
    if old is None:
        return (await cache.create(PODS, "default", name, obj)).revision
    return (await cache.update(PODS, "default", name, obj, old.revision)).revision


async def remove(cache: WatchCache, name: str) -> int:
    old = cache.get(PODS, "default", name)
    assert old is not None
    return (await cache.delete(PODS, "default", name, old.revision)).revision


async def test_changes_after_a_revision_past_and_live(cache: WatchCache) -> None:
    start = await put(cache, "a")
    await put(cache, "b")
    await put(cache, "a", node="n1")
    async with cache.watch(PODS, after=start) as watcher:
        await remove(cache, "b")
        assert await drain(watcher) == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]


async def test_the_present_state_comes_first(cache: WatchCache) -> None:
    await put(cache, "b")
    await put(cache, "a")
    async with cache.watch(PODS, end_bookmark=True) as watcher:
        at = cache.revision
        await put(cache, "c")
        assert [short(item) for item in await anext(watcher)] == [("ADDED", "a"), ("ADDED", "b")]
        (bookmark,) = await anext(watcher)
        assert (bookmark.type, bookmark.initial_events_end, bookmark.revision) == (
            "BOOKMARK", True, at
        )  # fmt: skip
        assert await drain(watcher) == [("ADDED", "c")]


async def test_a_present_state_is_as_of_the_start_of_the_watch(cache: WatchCache) -> None:
    await put(cache, "a")
    async with cache.watch(PODS) as watcher:
        await remove(cache, "a")
        assert await drain(watcher) == [("ADDED", "a"), ("DELETED", "a")]


async def test_objects_enter_and_leave_a_selector(cache: WatchCache) -> None:
    async with cache.watch(PODS, labels=parse_selector("app=web")) as watcher:
        await put(cache, "a", labels={"app": "db"})
        assert await drain(watcher) == []
        await put(cache, "a", labels={"app": "web"})
        await put(cache, "a", labels={"app": "web"}, node="n1")
        last = await put(cache, "a", labels={"app": "db"})
        items = await anext(watcher)
        assert [short(item) for item in items] == [
            ("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")
        ]  # fmt: skip
        gone = items[-1].entry
        assert gone is not None
        # The state that the reader knew, at the revision of the change.
        assert gone.parse()["metadata"] == {
            "resourceVersion": str(last), "name": "a", "namespace": "default",
            "labels": {"app": "web"},
        }  # fmt: skip


async def test_a_node_sees_its_pods_only(cache: WatchCache) -> None:
    mine = parse_field_selector("spec.nodeName=n1")
    async with cache.watch(PODS, fields=mine) as watcher:
        await put(cache, "a")
        await put(cache, "b", node="n2")
        await put(cache, "a", node="n1")
        await put(cache, "a", node="n2")
        assert await drain(watcher) == [("ADDED", "a"), ("DELETED", "a")]


@pytest.mark.parametrize(
    ("namespace", "fields", "expected"),
    [
        ("", "", ["a", "b"]),
        ("default", "", ["a"]),
        ("", "metadata.namespace=other", ["b"]),
        ("default", "metadata.name=a", ["a"]),
        ("default", "metadata.name=b", []),
        ("", "metadata.name=b", ["b"]),
        ("none", "", []),
    ],
)
async def test_narrow_watches(
    cache: WatchCache, namespace: str, fields: str, expected: list[str]
) -> None:
    chosen = parse_field_selector(fields)
    async with cache.watch(PODS, namespace, fields=chosen, after=cache.revision) as watcher:
        await cache.create(PODS, "default", "a", pod("a"))
        await cache.create(PODS, "other", "b", pod("b"))
        await cache.create(scheme.CONFIGMAPS, "default", "c", pod("c"))
        assert [name for _, name in await drain(watcher)] == expected


async def test_items_and_lines_are_shared(cache: WatchCache) -> None:
    async with (
        cache.watch(PODS, after=cache.revision) as one,
        cache.watch(PODS, "default", after=cache.revision) as two,
    ):
        await put(cache, "a")
        (first,), (second,) = await anext(one), await anext(two)
    assert first is second
    assert first.line() is second.line()
    assert orjson.loads(first.line())["type"] == "ADDED"
    assert first.shaped("x", lambda _: b"once") is second.shaped("x", lambda _: b"twice")


async def test_a_past_that_is_gone_is_expired(store: MemoryStore) -> None:
    revision = await store.create("/registry/pods/default/a", orjson.dumps(pod("a")))
    await store.compact(revision)
    cache = WatchCache(store)
    await cache.start()
    with pytest.raises(status.Expired, match="too old resource version"):
        cache.watch(PODS, after=0)
    await cache.stop()


async def test_a_start_ahead_is_too_large(cache: WatchCache) -> None:
    with pytest.raises(status.Timeout, match="Too large resource version"):
        cache.watch(PODS, after=cache.revision + 1)


async def test_a_slow_reader_is_cut(cache: WatchCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "BUFFER_ITEMS_MAX", 3)
    async with cache.watch(PODS, after=cache.revision) as watcher:
        for number in range(5):
            await put(cache, f"p{number}")
        assert [item async for batch in watcher for item in batch] == []
        assert watcher.cut


async def test_a_reader_ends_when_its_watch_is_closed(cache: WatchCache) -> None:
    watcher = cache.watch(PODS, after=cache.revision)
    reading = asyncio.create_task(anext(watcher, None))
    await asyncio.sleep(0)
    watcher.close()
    assert await reading is None
    assert not watcher.cut


async def test_stopping_the_cache_ends_watches(cache: WatchCache) -> None:
    watcher = cache.watch(PODS, after=cache.revision)
    await cache.stop()
    assert [batch async for batch in watcher] == []
    assert watcher.cut


@pytest.mark.looptime
async def test_a_bookmark_comes_each_minute(cache: WatchCache) -> None:
    loop = asyncio.get_running_loop()
    async with cache.watch(PODS, after=cache.revision, bookmarks=True) as watcher:
        await put(cache, "a")
        await anext(watcher)
        seen = []
        for _ in range(3):
            (item,) = await anext(watcher)
            assert (item.type, item.revision, item.initial_events_end) == (
                "BOOKMARK", cache.revision, False
            )  # fmt: skip
            seen.append(loop.time())
    assert [round(b - a) for a, b in itertools.pairwise(seen)] == [60, 60]


async def test_a_bookmark_on_demand_waits_for_the_reader(cache: WatchCache) -> None:
    async with cache.watch(PODS, after=cache.revision) as watcher:
        revision = await put(cache, "a")
        assert watcher.bookmark() is None
        await anext(watcher)
        # The past is known to be empty only once the reader has come back for more.
        bookmark = watcher.bookmark()
        assert bookmark is not None
        assert bookmark.revision == revision


async def test_a_watch_resumes_after_the_stores_watch_broke(
    cache: WatchCache, store: MemoryStore
) -> None:
    async with cache.watch(PODS, after=cache.revision) as watcher:
        await put(cache, "a")
        store._hub.fail(errors.WatchCut("test"))
        revision = await store.create("/registry/pods/default/b", orjson.dumps(pod("b")))
        await cache.wait_for(revision)
        assert await drain(watcher) == [("ADDED", "a"), ("ADDED", "b")]


async def test_a_compaction_that_overtook_us_rebuilds_and_cuts(
    cache: WatchCache, store: MemoryStore
) -> None:
    await put(cache, "a")
    watcher = cache.watch(PODS, after=cache.revision)
    store._hub.fail(errors.WatchCut("test"))
    await store.create("/registry/pods/default/b", orjson.dumps(pod("b")))
    revision = await store.create("/registry/pods/default/c", orjson.dumps(pod("c")))
    await store.compact(revision)
    await cache.wait_for(revision)
    assert [entry.name for entry in cache.list(PODS).entries] == ["a", "b", "c"]
    assert [batch async for batch in watcher] == []
    assert watcher.cut
    with pytest.raises(status.Expired):
        cache.watch(PODS, after=1)


async def test_watches_resume_over_a_restart_of_the_server(
    cache: WatchCache, store: MemoryStore
) -> None:
    seen = await put(cache, "a")
    await put(cache, "b")
    await put(cache, "a", node="n1")
    await remove(cache, "b")
    again = WatchCache(store)
    await again.start()
    assert again.revision == cache.revision
    async with again.watch(PODS, after=seen) as watcher:
        assert await drain(watcher) == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]
    await again.stop()


async def test_who_waits_is_told_when_the_cache_stops(cache: WatchCache) -> None:
    waiting = asyncio.create_task(cache.wait_for(99))
    await asyncio.sleep(0)
    await cache.stop()
    with pytest.raises(errors.Unavailable):
        await waiting


async def test_watchers_leave_no_trace(cache: WatchCache) -> None:
    for _ in range(3):
        async with cache.watch(PODS, "default", bookmarks=True):
            pass
    shelf = cache._shelf(PODS)
    assert list(shelf.watchers()) == []
    assert cache._bookmarks._slot_of == {}
