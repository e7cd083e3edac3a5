"""Writes that depend on another key: done in one step with the comparison, or not at all."""

import asyncio

import pytest

from apiserver.storage import errors
from apiserver.storage.interface import Guard, Store


async def test_a_write_whose_guard_holds_is_done(store: Store, root: str) -> None:
    guard = Guard(root + "lease", await store.create(root + "lease", b"1"))
    created = await store.create(root + "a", b"1", guard=guard)
    updated = await store.update(root + "a", b"2", created, guard=guard)
    await store.delete(root + "a", updated, guard=guard)
    assert await store.get(root + "a") is None


async def test_a_write_whose_guard_was_written_is_refused(store: Store, root: str) -> None:
    old = await store.create(root + "lease", b"1")
    created = await store.create(root + "a", b"1")
    new = await store.update(root + "lease", b"2", old)
    guard = Guard(root + "lease", old)
    for write in (
        store.create(root + "b", b"1", guard=guard),
        store.update(root + "a", b"2", created, guard=guard),
        store.delete(root + "a", created, guard=guard),
    ):
        with pytest.raises(errors.GuardFailed) as caught:
            await write
        assert (caught.value.key, caught.value.actual) == (root + "lease", new)
    assert await store.get(root + "b") is None
    found = await store.get(root + "a")
    assert found is not None
    assert (found.value, found.mod_revision) == (b"1", created)


async def test_a_guard_that_is_gone_is_refused(store: Store, root: str) -> None:
    old = await store.create(root + "lease", b"1")
    await store.delete(root + "lease", old)
    with pytest.raises(errors.GuardFailed) as caught:
        await store.create(root + "a", b"1", guard=Guard(root + "lease", old))
    assert caught.value.actual == 0


async def test_a_guard_that_holds_does_not_excuse_a_conflict(store: Store, root: str) -> None:
    guard = Guard(root + "lease", await store.create(root + "lease", b"1"))
    created = await store.create(root + "a", b"1", guard=guard)
    with pytest.raises(errors.KeyExists):
        await store.create(root + "a", b"2", guard=guard)
    with pytest.raises(errors.RevisionConflict):
        await store.update(root + "a", b"2", created + 1000, guard=guard)
    with pytest.raises(errors.KeyMissing):
        await store.delete(root + "b", created, guard=guard)


async def test_no_guarded_write_comes_after_the_guard_has_changed(store: Store, root: str) -> None:
    """Writers race with the one who takes the lease: by revision, none of them is later."""
    old = await store.create(root + "lease", b"1")

    async def write(number: int) -> int:
        try:
            return await store.create(f"{root}a{number}", b"1", guard=Guard(root + "lease", old))
        except errors.GuardFailed:
            return 0

    writes = [asyncio.create_task(write(number)) for number in range(50)]
    await asyncio.sleep(0)
    taken = await store.update(root + "lease", b"2", old)
    writes += [asyncio.create_task(write(number)) for number in range(50, 60)]
    revisions = await asyncio.gather(*writes)
    assert all(revision < taken for revision in revisions)
    assert set(revisions[50:]) == {0}
    assert len((await store.list(root + "a")).items) == sum(map(bool, revisions))
