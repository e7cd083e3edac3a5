"""A watch gives every event once, in order, from a revision on, or says that it cannot."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from apiserver.storage import errors
from apiserver.storage.interface import Event, EventType, Store, WatchBatch

PATIENCE = 20.0
"""Seconds until a missing event is a failure; nothing here waits that long when it works."""


async def read(stream: AsyncIterator[WatchBatch], count: int) -> list[Event]:
    """The next `count` events."""
    found: list[Event] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            found += (await anext(stream)).events
    return found


async def reach(stream: AsyncIterator[WatchBatch], revision: int) -> list[Event]:
    """The events until everything up to a revision has come."""
    found: list[Event] = []
    async with asyncio.timeout(PATIENCE):
        while True:
            batch = await anext(stream)
            found += batch.events
            if batch.revision >= revision:
                return found


def short(event: Event) -> tuple[str, bytes, int]:
    return (event.type.value, event.kv.value, event.kv.mod_revision)


async def test_live_events_come(store: Store, root: str) -> None:
    stream = store.watch(root, await store.current_revision())
    reading = asyncio.create_task(read(stream, 3))
    await asyncio.sleep(0.01)
    one = await store.create(root + "a", b"1")
    two = await store.update(root + "a", b"2", one)
    three = await store.delete(root + "a", two)
    assert [short(event) for event in await reading] == [
        ("PUT", b"1", one), ("PUT", b"2", two), ("DELETE", b"2", three)
    ]  # fmt: skip


async def test_past_events_come_first(store: Store, root: str) -> None:
    start = await store.current_revision()
    one = await store.create(root + "a", b"1")
    two = await store.update(root + "a", b"2", one)
    three = await store.delete(root + "a", two)
    stream = store.watch(root, start)
    assert [short(event) for event in await read(stream, 3)] == [
        ("PUT", b"1", one), ("PUT", b"2", two), ("DELETE", b"2", three)
    ]  # fmt: skip


async def test_a_watch_starts_after_its_revision(store: Store, root: str) -> None:
    one = await store.create(root + "a", b"1")
    two = await store.update(root + "a", b"2", one)
    events = await read(store.watch(root, one), 1)
    assert [short(event) for event in events] == [("PUT", b"2", two)]


async def test_a_watch_keeps_to_its_prefix(store: Store, root: str) -> None:
    start = await store.current_revision()
    await store.create(root[:-1] + "0/x", b"")
    await store.create(root + "a", b"")
    last = await store.create(root[:-1] + "-", b"")
    stream = store.watch(root, start)
    mine = await store.create(root + "b", b"")
    assert [event.kv.key for event in await reach(stream, max(last, mine))] == [
        root + "a", root + "b"
    ]  # fmt: skip


async def test_a_deletion_carries_the_last_state(store: Store, root: str) -> None:
    created = await store.create(root + "a", b"last words")
    deleted = await store.delete(root + "a", created)
    (event,) = await read(store.watch(root, created), 1)
    assert event.type is EventType.DELETE
    assert event.kv.value == b"last words"
    assert (event.kv.mod_revision, event.kv.create_revision) == (deleted, created)


async def test_two_updates_are_two_events(store: Store, root: str) -> None:
    start = last = await store.create(root + "a", b"")
    for number in range(10):
        last = await store.update(root + "a", b"%d" % number, last)
    events = await read(store.watch(root, start), 10)
    assert [event.kv.value for event in events] == [b"%d" % number for number in range(10)]


async def test_a_live_watch_sees_a_write_soon_after_its_ack(store: Store, root: str) -> None:
    stream = store.watch(root, await store.current_revision())
    await asyncio.wait_for(anext(stream), PATIENCE)
    for number in range(20):
        revision = await store.create(f"{root}{number:02}", b"")
        assert [event.kv.mod_revision for event in await reach(stream, revision)] == [revision]


async def test_every_event_once_in_order_under_load(store: Store, root: str) -> None:
    """Writers race; one watch is live from the start, one starts in the middle."""
    start = await store.current_revision()
    written: list[int] = []

    async def writer(name: str) -> None:
        last = await store.create(root + name, b"")
        written.append(last)
        for number in range(25):
            last = await store.update(root + name, b"%d" % number, last)
            written.append(last)
        written.append(await store.delete(root + name, last))

    live = asyncio.create_task(read(store.watch(root, start), 16 * 27))
    async with asyncio.TaskGroup() as group:
        for index in range(16):
            group.create_task(writer(f"w{index}"))
        await asyncio.sleep(0)
        late = group.create_task(read(store.watch(root, start), 16 * 27))
    for events in (await live, late.result()):
        assert [event.kv.mod_revision for event in events] == sorted(written)


async def test_a_watch_resumes_where_another_stopped(store: Store, root: str) -> None:
    start = await store.current_revision()
    written = [await store.create(f"{root}{n:03}", b"") for n in range(100)]
    seen: list[int] = []
    after = start
    for count in (1, 10, 89):
        stream = store.watch(root, after)
        events = (await read(stream, count))[:count]
        seen += [event.kv.mod_revision for event in events]
        after = seen[-1]
        await stream.aclose()
    assert seen == written


async def test_a_batch_tells_how_far_it_is(store: Store, root: str) -> None:
    start = await store.current_revision()
    one = await store.create(root + "a", b"")
    stream = store.watch(root, start)
    batch = await asyncio.wait_for(anext(stream), PATIENCE)
    while not batch.events:
        batch = await asyncio.wait_for(anext(stream), PATIENCE)
    assert batch.revision >= one


async def test_a_compacted_start_is_refused(store: Store, root: str) -> None:
    start = await store.create(root + "a", b"1")
    two = await store.update(root + "a", b"2", start)
    three = await store.update(root + "a", b"3", two)
    await store.compact(three)
    with pytest.raises(errors.Compacted):
        await read(store.watch(root, start), 1)


async def test_a_watch_may_start_at_the_compaction(store: Store, root: str) -> None:
    one = await store.create(root + "a", b"1")
    await store.compact(one)
    two = await store.update(root + "a", b"2", one)
    assert [short(event) for event in await read(store.watch(root, one), 1)] == [("PUT", b"2", two)]


async def test_compaction_does_not_hurt_a_live_watch(store: Store, root: str) -> None:
    stream = store.watch(root, await store.current_revision())
    await asyncio.wait_for(anext(stream), PATIENCE)
    one = await store.create(root + "a", b"1")
    assert len(await read(stream, 1)) == 1
    await store.compact(one)
    await store.update(root + "a", b"2", one)
    assert [event.kv.value for event in await read(stream, 1)] == [b"2"]


async def test_a_start_ahead_is_refused(store: Store, root: str) -> None:
    ahead = await store.current_revision() + 1_000_000
    with pytest.raises(errors.FutureRevision):
        await read(store.watch(root, ahead), 1)


async def test_a_slow_reader_is_cut_or_gets_everything(store: Store, root: str) -> None:
    """Never a gap: either the error, or each event."""
    stream = store.watch(root, await store.current_revision())
    await asyncio.wait_for(anext(stream), PATIENCE)
    value = b"x" * 100_000
    written = [await store.create(f"{root}{n:03}", value) for n in range(50)]
    try:
        events = await read(stream, 50)
    except errors.WatchCut:
        return
    assert [event.kv.mod_revision for event in events] == written


async def test_closing_the_store_ends_its_watches(store: Store, root: str) -> None:
    stream = store.watch(root, await store.current_revision())
    await asyncio.wait_for(anext(stream), PATIENCE)
    reading = asyncio.create_task(read(stream, 1))
    await asyncio.sleep(0)
    await store.close()
    with pytest.raises(errors.Unavailable):
        await reading
