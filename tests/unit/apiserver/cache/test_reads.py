"""Lists: order, namespaces, selectors, pages in one state, old states, freshness."""

import asyncio

import orjson
import pytest

from apimachinery import scheme, status
from apimachinery.fields import parse_field_selector
from apimachinery.labels import parse_selector
from apiserver.cache import CacheList, WatchCache
from apiserver.cache import watch_cache as watch_cache_module
from apiserver.storage import keys
from apiserver.storage.memory import MemoryStore

from .conftest import pod

PODS, NODES = scheme.PODS, scheme.NODES


def names(page: CacheList) -> list[str]:
    return [entry.key for entry in page.entries]


async def fill(cache: WatchCache, *paths: str) -> None:
    for path in paths:
        namespace, name = path.split("/")
        await cache.create(PODS, namespace, name, pod(name))


async def test_what_was_there_before_is_loaded(store: MemoryStore) -> None:
    for number in range(3):
        await store.create(
            keys.object_key("", "pods", "default", f"p{number}"), orjson.dumps(pod("p"))
        )
    cache = WatchCache(store)
    await cache.start()
    assert names(cache.list(PODS)) == ["default/p0", "default/p1", "default/p2"]
    assert cache.revision == await store.current_revision()
    await cache.stop()


async def test_a_writer_sees_its_own_write(cache: WatchCache) -> None:
    written = await cache.create(PODS, "default", "a", pod("a"))
    found = cache.get(PODS, "default", "a")
    assert found is written
    assert found.parse()["metadata"]["resourceVersion"] == str(written.revision)
    changed = await cache.update(PODS, "default", "a", pod("a", node="n1"), written.revision)
    assert cache.get(PODS, "default", "a") is changed
    assert changed.created == written.revision
    gone = await cache.delete(PODS, "default", "a", changed.revision)
    assert cache.get(PODS, "default", "a") is None
    assert gone.parse()["spec"] == {"nodeName": "n1"}
    assert gone.parse()["metadata"]["resourceVersion"] == str(gone.revision)
    assert gone.revision > changed.revision


async def test_a_write_of_somebody_else_is_seen_when_fresh(
    cache: WatchCache, store: MemoryStore
) -> None:
    key = keys.object_key("", "pods", "default", "a")
    await store.create(key, orjson.dumps(pod("a", labels={"x": "y"})))
    await cache.fresh()
    found = cache.get(PODS, "default", "a")
    assert found is not None
    assert found.labels == {"x": "y"}


async def test_a_stored_resource_version_is_replaced(cache: WatchCache, store: MemoryStore) -> None:
    obj = pod("a")
    obj["metadata"]["resourceVersion"] = "12345"
    revision = await store.create(keys.object_key("", "pods", "default", "a"), orjson.dumps(obj))
    await cache.fresh()
    found = cache.get(PODS, "default", "a")
    assert found is not None
    assert found.parse()["metadata"]["resourceVersion"] == str(revision)


async def test_bytes_that_are_no_object_are_left_out(cache: WatchCache, store: MemoryStore) -> None:
    await store.create(keys.object_key("", "pods", "default", "junk"), b"\x00")
    await store.create("/registry/", b"{}")
    await fill(cache, "default/a")
    assert names(cache.list(PODS)) == ["default/a"]


async def test_namespaces_are_ranges(cache: WatchCache) -> None:
    await fill(cache, "b/x", "a/z", "a/y", "a-b/x", "a0/x", "ab/x")
    assert names(cache.list(PODS, "a")) == ["a/y", "a/z"]
    assert len(names(cache.list(PODS))) == 6


async def test_label_selectors(cache: WatchCache) -> None:
    await cache.create(PODS, "default", "a", pod("a", labels={"app": "web"}))
    await cache.create(PODS, "default", "b", pod("b", labels={"app": "db"}))
    assert names(cache.list(PODS, labels=parse_selector("app=web"))) == ["default/a"]
    assert names(cache.list(PODS, labels=parse_selector("app!=web"))) == ["default/b"]
    assert len(cache.list(PODS, labels=parse_selector("")).entries) == 2


async def test_pods_of_a_node_come_from_the_index(cache: WatchCache) -> None:
    for number in range(9):
        name = f"p{number}"
        await cache.create(PODS, "default", name, pod(name, node=f"n{number % 3}"))
    chosen = parse_field_selector("spec.nodeName=n1")
    assert names(cache.list(PODS, fields=chosen)) == ["default/p1", "default/p4", "default/p7"]
    moved = cache.get(PODS, "default", "p4")
    assert moved is not None
    await cache.update(PODS, "default", "p4", pod("p4", node="n2"), moved.revision)
    assert names(cache.list(PODS, fields=chosen)) == ["default/p1", "default/p7"]
    first = cache.list(PODS, fields=chosen, limit=1)
    assert names(first) == ["default/p1"]
    assert first.next is not None
    assert names(cache.list(PODS, fields=chosen, limit=1, position=first.next)) == ["default/p7"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("metadata.name=a", ["default/a"]),
        ("metadata.name!=a", ["default/b", "other/b"]),
        ("metadata.namespace=other", ["other/b"]),
        ("metadata.name=b,metadata.namespace=default", ["default/b"]),
        ("spec.nodeName=", ["default/a", "default/b", "other/b"]),
        ("spec.hostNetwork=false", ["default/a", "default/b", "other/b"]),
        ("status.phase!=Running", ["default/a", "default/b", "other/b"]),
    ],
)
async def test_field_selectors(cache: WatchCache, selector: str, expected: list[str]) -> None:
    await fill(cache, "default/a", "default/b", "other/b")
    assert names(cache.list(PODS, fields=parse_field_selector(selector))) == expected


async def test_an_unknown_field_is_a_bad_request(cache: WatchCache) -> None:
    with pytest.raises(status.BadRequest, match=r"field label not supported: spec\.color"):
        cache.list(PODS, fields=parse_field_selector("spec.color=red"))


async def test_one_object_by_name_in_a_namespace(cache: WatchCache) -> None:
    await fill(cache, "default/a", "default/b")
    page = cache.list(PODS, "default", fields=parse_field_selector("metadata.name=b"))
    assert names(page) == ["default/b"]


async def test_pages_are_one_state_while_others_write(cache: WatchCache) -> None:
    await fill(cache, *(f"default/p{n}" for n in range(10)))
    first = cache.list(PODS, limit=4)
    assert names(first) == [f"default/p{n}" for n in range(4)]
    assert first.remaining == 6
    await fill(cache, "default/p35", "default/p95")
    victim = cache.get(PODS, "default", "p5")
    assert victim is not None
    await cache.delete(PODS, "default", "p5", victim.revision)
    second = cache.list(PODS, limit=4, position=first.next)
    assert names(second) == [f"default/p{n}" for n in range(4, 8)]
    assert (second.revision, second.remaining) == (first.revision, 2)
    third = cache.list(PODS, limit=4, position=second.next)
    assert names(third) == ["default/p8", "default/p9"]
    assert third.next is None


async def test_pages_with_a_selector_do_not_count_the_rest(cache: WatchCache) -> None:
    for number in range(6):
        labels = {"even": "yes"} if number % 2 == 0 else {}
        await cache.create(PODS, "default", f"p{number}", pod(f"p{number}", labels=labels))
    chosen = parse_selector("even=yes")
    first = cache.list(PODS, labels=chosen, limit=2)
    assert (names(first), first.remaining) == (["default/p0", "default/p2"], None)
    assert first.next is not None
    last = cache.list(PODS, labels=chosen, limit=2, position=first.next)
    assert (names(last), last.next) == (["default/p4"], None)


async def test_an_exact_fit_has_no_next_page(cache: WatchCache) -> None:
    await fill(cache, "default/a", "default/b")
    assert cache.list(PODS, limit=2).next is None


async def test_old_states_are_rebuilt_from_history(cache: WatchCache) -> None:
    await fill(cache, "default/a")
    at = cache.revision
    entry = cache.get(PODS, "default", "a")
    assert entry is not None
    await cache.update(PODS, "default", "a", pod("a", node="n1"), entry.revision)
    await fill(cache, "default/b")
    past = cache.list(PODS, exact=at)
    assert past.entries == [entry]
    assert past.revision == at


async def test_a_state_before_the_start_is_expired(store: MemoryStore) -> None:
    await store.create(keys.object_key("", "pods", "default", "a"), orjson.dumps(pod("a")))
    revision = await store.create(keys.object_key("", "pods", "d", "b"), orjson.dumps(pod("b")))
    await store.compact(revision)
    cache = WatchCache(store)
    await cache.start()
    with pytest.raises(status.Expired):
        cache.list(PODS, exact=revision - 1)
    await cache.stop()


async def test_a_state_ahead_is_too_large(cache: WatchCache) -> None:
    with pytest.raises(status.Timeout, match="Too large resource version"):
        cache.list(PODS, exact=cache.revision + 5)


@pytest.mark.looptime
async def test_waiting_for_a_revision_ahead_ends_with_a_504(cache: WatchCache) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(status.Timeout, match="Too large resource version: 99"):
        await cache.wait_for(99)
    assert loop.time() - began == watch_cache_module.WAIT_SECONDS


async def test_waiting_ends_when_the_revision_comes(cache: WatchCache) -> None:
    waiting = asyncio.create_task(cache.wait_for(cache.revision + 1))
    await fill(cache, "default/a")
    await waiting


async def test_cluster_wide_resources_have_plain_keys(cache: WatchCache) -> None:
    await cache.create(
        NODES, "", "n1", {"metadata": {"name": "n1"}, "spec": {"unschedulable": True}}
    )
    (node,) = cache.list(NODES, fields=parse_field_selector("spec.unschedulable=true")).entries
    assert (node.key, node.name, node.namespace) == ("n1", "n1", "")


async def test_expiry_reaches_the_cache(cache: WatchCache) -> None:
    await cache.create(PODS, "default", "a", pod("a"), ttl=1)
    async with cache.watch(PODS, after=cache.revision) as watcher:
        (item,) = await anext(watcher)
    assert item.type == "DELETED"
    assert cache.get(PODS, "default", "a") is None
