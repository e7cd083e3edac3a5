"""The watch cache over real stores: own writes are seen, others' too, restarts are survived."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from apimachinery import scheme
from apimachinery.wire import JsonObject
from apiserver.cache import WatchCache
from apiserver.storage import errors
from apiserver.storage.etcd import messages
from apiserver.storage.etcd.store import EtcdStore
from apiserver.storage.interface import Store
from apiserver.stores import open_store

from . import etcds

PODS = scheme.PODS


def pod(name: str, **spec: str) -> JsonObject:
    return {"metadata": {"name": name, "namespace": "default", "uid": name}, "spec": spec}


@pytest.fixture(params=["sqlite", "etcd"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "sqlite":
        opened = open_store(f"sqlite:{tmp_path / 'store.db'}")
        await opened.start()
        yield opened
        await opened.close()
        return
    with etcds.cluster(tmp_path) as (member,):
        opened = open_store(f"http://127.0.0.1:{member.port}")
        await opened.start()
        yield opened
        await opened.close()


@pytest.fixture
async def cache(store: Store) -> AsyncIterator[WatchCache]:
    started = WatchCache(store)
    await started.start()
    yield started
    await started.stop()


async def test_every_writer_sees_its_own_write(cache: WatchCache) -> None:
    async def life(name: str) -> None:
        entry = await cache.create(PODS, "default", name, pod(name))
        assert cache.get(PODS, "default", name) is entry
        for node in ("n1", "n2"):
            entry = await cache.update(
                PODS, "default", name, pod(name, nodeName=node), entry.revision
            )
            assert cache.get(PODS, "default", name) is entry
        gone = await cache.delete(PODS, "default", name, entry.revision)
        assert gone.parse()["spec"] == {"nodeName": "n2"}
        assert cache.get(PODS, "default", name) is None

    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(life(f"p{number}"))


async def test_two_servers_over_one_store_agree(cache: WatchCache, store: Store) -> None:
    other = WatchCache(store)
    await other.start()
    for number in range(20):
        written = await cache.create(PODS, "default", f"p{number}", pod(f"p{number}"))
        await other.fresh()
        found = other.get(PODS, "default", f"p{number}")
        assert found is not None
        assert found.raw == written.raw
    await other.stop()


async def test_a_conflict_between_servers_is_one(cache: WatchCache, store: Store) -> None:
    other = WatchCache(store)
    await other.start()
    entry = await cache.create(PODS, "default", "a", pod("a"))
    results = await asyncio.gather(
        cache.update(PODS, "default", "a", pod("a", x="1"), entry.revision),
        other.update(PODS, "default", "a", pod("a", x="2"), entry.revision),
        return_exceptions=True,
    )
    assert sorted(isinstance(result, errors.RevisionConflict) for result in results) == [
        False, True
    ]  # fmt: skip
    await other.stop()


async def test_a_restarted_cache_has_it_all(cache: WatchCache, store: Store) -> None:
    for number in range(30):
        await cache.create(PODS, "default", f"p{number:02}", pod(f"p{number}", nodeName="n"))
    before = [entry.raw for entry in cache.list(PODS).entries]
    again = WatchCache(store)
    await again.start()
    assert [entry.raw for entry in again.list(PODS).entries] == before
    await again.stop()


async def test_strangers_in_the_same_etcd_do_not_stop_fresh_reads(
    cache: WatchCache, store: Store
) -> None:
    """Their writes raise the revision, and no event of ours will ever carry it."""
    if not isinstance(store, EtcdStore):
        return
    request = messages.PutRequest(key=b"/elsewhere", value=b"x")
    response = await store._open().call("put", request)
    assert await cache.fresh() >= response.header.revision
    assert cache.revision >= response.header.revision


async def test_a_killed_etcd_comes_back_and_the_cache_catches_up(tmp_path: Path) -> None:
    with etcds.cluster(tmp_path) as (member,):
        store = open_store(f"http://127.0.0.1:{member.port}")
        await store.start()
        cache = WatchCache(store)
        await cache.start()
        await cache.create(PODS, "default", "a", pod("a"))
        async with cache.watch(PODS, after=cache.revision) as watcher:
            member.kill()
            with pytest.raises(errors.Unavailable):
                await cache.create(PODS, "default", "b", pod("b"))
            member.start()
            await asyncio.to_thread(member.await_port)
            async with asyncio.timeout(etcds.PATIENCE):
                while True:
                    try:
                        await cache.create(PODS, "default", "c", pod("c"))
                    except errors.Unavailable:
                        await asyncio.sleep(0.05)
                    except errors.KeyExists:
                        break
                    else:
                        break
                (item, *_) = await anext(watcher)
        assert item.entry is not None
        assert item.entry.name in ("b", "c")
        assert cache.ready
        await cache.stop()
        await store.close()
