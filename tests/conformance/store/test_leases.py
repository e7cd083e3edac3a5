"""A key with a ttl goes away by itself, as a deletion, unless it is written again."""

import asyncio

from apiserver.storage.interface import EventType, Store

PATIENCE = 20.0
"""Seconds until a missing expiry is a failure (etcd looks at leases about twice a second)."""


async def first_deletion(store: Store, root: str, after: int) -> tuple[str, int, bytes]:
    async with asyncio.timeout(PATIENCE):
        async for batch in store.watch(root, after):
            for event in batch.events:
                if event.type is EventType.DELETE:
                    return event.kv.key, event.kv.mod_revision, event.kv.value
    raise AssertionError("the watch ended")


async def test_a_leased_key_expires_as_a_deletion(store: Store, root: str) -> None:
    created = await store.create(root + "a", b"short", ttl=1)
    key, revision, value = await first_deletion(store, root, created)
    assert (key, value) == (root + "a", b"short")
    assert revision > created
    assert await store.get(key) is None


async def test_a_write_without_ttl_ends_the_lease(store: Store, root: str) -> None:
    kept = await store.create(root + "kept", b"", ttl=1)
    await store.update(root + "kept", b"for ever", kept)
    marker = await store.create(root + "marker", b"", ttl=2)
    key, _, _ = await first_deletion(store, root, marker)
    assert key == root + "marker"
    assert await store.get(root + "kept") is not None


async def test_a_write_with_ttl_starts_it_anew(store: Store, root: str) -> None:
    first = await store.create(root + "long", b"", ttl=1)
    await store.update(root + "long", b"", first, ttl=3600)
    marker = await store.create(root + "marker", b"", ttl=2)
    key, _, _ = await first_deletion(store, root, marker)
    assert key == root + "marker"
    assert await store.get(root + "long") is not None
