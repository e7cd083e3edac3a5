"""Reads are linearizable; lists are one state, also an old one, in key order, in pages."""

import pytest

from apiserver.storage import errors
from apiserver.storage.interface import FIRST_REVISION, Listing, Store


def keys(listing: Listing, root: str) -> list[str]:
    return [item.key.removeprefix(root) for item in listing.items]


async def fill(store: Store, root: str, names: str) -> int:
    revision = 0
    for name in names:
        revision = await store.create(root + name, name.encode())
    return revision


async def test_an_absent_key_is_none(store: Store, root: str) -> None:
    assert await store.get(root + "a") is None


async def test_list_is_in_key_order(store: Store, root: str) -> None:
    await fill(store, root, "cab")
    listing = await store.list(root)
    assert keys(listing, root) == ["a", "b", "c"]
    assert [item.value for item in listing.items] == [b"a", b"b", b"c"]
    assert not listing.more


async def test_list_keeps_to_the_prefix(store: Store, root: str) -> None:
    await fill(store, root, "ab")
    await store.create(root[:-1] + "0/x", b"")
    await store.create(root[:-1] + "-", b"")
    assert keys(await store.list(root), root) == ["a", "b"]


async def test_list_tells_a_revision_that_covers_it(store: Store, root: str) -> None:
    last = await fill(store, root, "ab")
    listing = await store.list(root)
    assert listing.revision >= last


async def test_pages_cover_everything_once(store: Store, root: str) -> None:
    await fill(store, root, "abcdefg")
    seen: list[str] = []
    start, revision, more = "", 0, True
    while more:
        page = await store.list(root, revision=revision, limit=3, start_after=start)
        assert len(page.items) <= 3
        seen += keys(page, root)
        start, revision, more = page.items[-1].key, page.revision, page.more
    assert seen == list("abcdefg")


async def test_more_is_false_where_the_limit_fits(store: Store, root: str) -> None:
    await fill(store, root, "abc")
    assert not (await store.list(root, limit=3)).more
    assert (await store.list(root, limit=2)).more


async def test_pages_of_one_revision_are_one_state(store: Store, root: str) -> None:
    await fill(store, root, "abcd")
    first = await store.list(root, limit=2)
    c = await store.get(root + "c")
    assert c is not None
    await store.delete(root + "c", c.mod_revision)
    await store.create(root + "e", b"")
    d = await store.get(root + "d")
    assert d is not None
    await store.update(root + "d", b"new", d.mod_revision)
    rest = await store.list(root, revision=first.revision, start_after=root + "b")
    assert keys(rest, root) == ["c", "d"]
    assert [item.value for item in rest.items] == [b"c", b"d"]
    assert rest.revision == first.revision


async def test_list_at_a_revision_sees_what_was_there(store: Store, root: str) -> None:
    one = await store.create(root + "a", b"1")
    two = await store.update(root + "a", b"2", one)
    three = await store.delete(root + "a", two)
    assert [i.value for i in (await store.list(root, revision=one)).items] == [b"1"]
    assert [i.value for i in (await store.list(root, revision=two)).items] == [b"2"]
    assert (await store.list(root, revision=three)).items == []


async def test_old_states_keep_their_revisions(store: Store, root: str) -> None:
    one = await store.create(root + "a", b"1")
    two = await store.update(root + "a", b"2", one)
    await store.update(root + "a", b"3", two)
    (item,) = (await store.list(root, revision=two)).items
    assert (item.mod_revision, item.create_revision) == (two, one)


async def test_a_revision_ahead_is_refused(store: Store, root: str) -> None:
    ahead = await store.current_revision() + 1_000_000
    with pytest.raises(errors.FutureRevision):
        await store.list(root, revision=ahead)


async def test_compaction_forgets_the_past(store: Store, root: str) -> None:
    one = await store.create(root + "a", b"1")
    two = await store.update(root + "a", b"2", one)
    await store.compact(two)
    with pytest.raises(errors.Compacted):
        await store.list(root, revision=one)


async def test_compaction_keeps_the_present(store: Store, root: str) -> None:
    one = await store.create(root + "a", b"1")
    two = await store.update(root + "a", b"2", one)
    b = await store.create(root + "b", b"")
    gone = await store.delete(root + "b", b)
    await store.compact(gone)
    listing = await store.list(root)
    assert [(i.key, i.value, i.mod_revision, i.create_revision) for i in listing.items] == [
        (root + "a", b"2", two, one)
    ]
    assert await store.update(root + "a", b"3", two) > gone


async def test_the_compacted_revision_itself_can_be_read(store: Store, root: str) -> None:
    one = await store.create(root + "a", b"1")
    two = await store.update(root + "a", b"2", one)
    await store.update(root + "a", b"3", two)
    await store.compact(two)
    assert [i.value for i in (await store.list(root, revision=two)).items] == [b"2"]


async def test_compaction_ahead_is_refused(store: Store, root: str) -> None:
    with pytest.raises(errors.FutureRevision):
        await store.compact(await store.current_revision() + 1_000_000)


async def test_a_healthy_store_passes_its_check(store: Store, root: str) -> None:
    await store.check()


async def test_no_store_is_at_revision_zero(store: Store) -> None:
    assert await store.current_revision() >= FIRST_REVISION
    assert (await store.list("/")).revision >= FIRST_REVISION
