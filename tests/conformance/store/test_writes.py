"""Writes are compare-and-swap, get increasing revisions, and outlive their callers."""

import asyncio

import pytest

from apiserver.storage import errors
from apiserver.storage.interface import Store


async def test_create_makes_the_key(store: Store, root: str) -> None:
    revision = await store.create(root + "a", b"1")
    found = await store.get(root + "a")
    assert found is not None
    assert (found.key, found.value) == (root + "a", b"1")
    assert found.mod_revision == found.create_revision == revision


async def test_create_of_a_present_key_is_refused(store: Store, root: str) -> None:
    await store.create(root + "a", b"1")
    with pytest.raises(errors.KeyExists) as caught:
        await store.create(root + "a", b"2")
    assert caught.value.key == root + "a"


async def test_a_refused_write_changes_nothing(store: Store, root: str) -> None:
    created = await store.create(root + "a", b"1")
    with pytest.raises(errors.KeyExists):
        await store.create(root + "a", b"2")
    with pytest.raises(errors.RevisionConflict):
        await store.update(root + "a", b"2", created - 1)
    with pytest.raises(errors.RevisionConflict):
        await store.delete(root + "a", created - 1)
    found = await store.get(root + "a")
    assert found is not None
    assert (found.value, found.mod_revision) == (b"1", created)


async def test_update_replaces_and_keeps_the_create_revision(store: Store, root: str) -> None:
    created = await store.create(root + "a", b"1")
    updated = await store.update(root + "a", b"2", created)
    found = await store.get(root + "a")
    assert found is not None
    assert (found.value, found.mod_revision, found.create_revision) == (b"2", updated, created)


async def test_update_at_a_stale_revision_tells_the_actual_one(store: Store, root: str) -> None:
    created = await store.create(root + "a", b"1")
    updated = await store.update(root + "a", b"2", created)
    with pytest.raises(errors.RevisionConflict) as caught:
        await store.update(root + "a", b"3", created)
    assert (caught.value.expected, caught.value.actual) == (created, updated)


async def test_update_of_an_absent_key_is_refused(store: Store, root: str) -> None:
    with pytest.raises(errors.KeyMissing):
        await store.update(root + "a", b"1", 1)


@pytest.mark.parametrize("revision", [0, -1, 2**60])
async def test_no_revision_means_any(store: Store, root: str, revision: int) -> None:
    with pytest.raises(errors.KeyMissing):
        await store.update(root + "a", b"1", revision)
    with pytest.raises(errors.KeyMissing):
        await store.delete(root + "a", revision)
    await store.create(root + "a", b"1")
    with pytest.raises(errors.RevisionConflict):
        await store.update(root + "a", b"2", revision)
    with pytest.raises(errors.RevisionConflict):
        await store.delete(root + "a", revision)


async def test_delete_removes_the_key(store: Store, root: str) -> None:
    created = await store.create(root + "a", b"1")
    deleted = await store.delete(root + "a", created)
    assert deleted > created
    assert await store.get(root + "a") is None


async def test_delete_of_an_absent_key_is_refused(store: Store, root: str) -> None:
    created = await store.create(root + "a", b"1")
    await store.delete(root + "a", created)
    with pytest.raises(errors.KeyMissing):
        await store.delete(root + "a", created)


async def test_a_deleted_key_can_be_created_anew(store: Store, root: str) -> None:
    created = await store.create(root + "a", b"1")
    deleted = await store.delete(root + "a", created)
    again = await store.create(root + "a", b"2")
    found = await store.get(root + "a")
    assert found is not None
    assert again > deleted
    assert found.create_revision == again


async def test_revisions_only_grow(store: Store, root: str) -> None:
    revisions = [await store.current_revision()]
    last = await store.create(root + "a", b"0")
    revisions.append(last)
    for number in range(5):
        last = await store.update(root + "a", b"%d" % number, last)
        revisions.append(last)
        revisions.append(await store.create(f"{root}b{number}", b""))
    revisions.append(await store.delete(root + "a", last))
    assert revisions == sorted(set(revisions))
    assert await store.current_revision() >= revisions[-1]


async def test_an_acknowledged_write_is_in_the_current_revision(store: Store, root: str) -> None:
    revision = await store.create(root + "a", b"1")
    assert await store.current_revision() >= revision


async def test_values_are_any_bytes(store: Store, root: str) -> None:
    value = bytes(range(256)) * 400
    await store.create(root + "a", value)
    await store.create(root + "b", b"")
    found, empty = await store.get(root + "a"), await store.get(root + "b")
    assert found is not None
    assert found.value == value
    assert empty is not None
    assert empty.value == b""


async def test_of_many_writers_one_wins_each_round(store: Store, root: str) -> None:
    """32 writers count to 32 through one key: each adds one, none is lost."""
    await store.create(root + "n", b"0")

    async def add_one() -> None:
        while True:
            found = await store.get(root + "n")
            assert found is not None
            try:
                await store.update(root + "n", b"%d" % (int(found.value) + 1), found.mod_revision)
            except errors.RevisionConflict:
                continue
            return

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for _ in range(32):
            group.create_task(add_one())
    found = await store.get(root + "n")
    assert found is not None
    assert found.value == b"32"


async def test_of_many_creators_one_wins(store: Store, root: str) -> None:
    results = await asyncio.gather(
        *(store.create(root + "a", b"%d" % n) for n in range(32)), return_exceptions=True
    )
    won = [result for result in results if isinstance(result, int)]
    lost = [result for result in results if isinstance(result, errors.KeyExists)]
    assert (len(won), len(lost)) == (1, 31)
    found = await store.get(root + "a")
    assert found is not None
    assert found.mod_revision == won[0]


async def test_writes_of_one_moment_get_revisions_of_their_own(store: Store, root: str) -> None:
    revisions = await asyncio.gather(*(store.create(f"{root}{n}", b"%d" % n) for n in range(200)))
    assert len(set(revisions)) == 200
    listing = await store.list(root)
    assert {item.mod_revision for item in listing.items} == set(revisions)


async def test_a_cancelled_caller_does_not_tear_the_store(store: Store, root: str) -> None:
    """Whether the write happened is open; that the key works afterwards is not."""
    for number in range(20):
        task = asyncio.create_task(store.create(f"{root}{number}", b"1"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await store.create(root + "last", b"")
    listing = await store.list(root)
    for item in listing.items:
        await store.update(item.key, b"2", item.mod_revision)
    assert all(item.value == b"2" for item in (await store.list(root)).items)
