"""Random histories: SQLite answers exactly as the store in memory, over restarts too."""

import tempfile
from contextlib import aclosing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from apiserver.storage import errors
from apiserver.storage.interface import Store
from apiserver.storage.memory import MemoryStore
from apiserver.storage.sqlite.store import SqliteStore
from tests.effort import examples

KEYS = st.sampled_from(["/a/1", "/a/2", "/a/3", "/a-b/1", "/b/1"])
STEPS = st.one_of(
    st.tuples(st.just("create"), KEYS),
    st.tuples(st.just("update"), KEYS),
    st.tuples(st.just("stale"), KEYS),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("compact"), st.integers(0, 3)),
    st.tuples(st.just("list"), st.integers(0, 12)),
    st.tuples(st.just("page"), st.integers(1, 3)),
    st.tuples(st.just("watch"), st.integers(0, 12)),
    st.tuples(st.just("restart"), st.none()),
)


async def act(store: Store, step: str, argument: object) -> object:
    """One step; what comes back, errors as values."""
    now = await store.current_revision()
    try:
        match step, argument:
            case "create", str(key):
                return await store.create(key, f"{key}@{now}".encode())
            case "update" | "delete" | "stale", str(key):
                found = await store.get(key)
                revision = found.mod_revision if found is not None else 1
                if step == "delete":
                    return await store.delete(key, revision)
                expected = revision - 1 if step == "stale" else revision
                return await store.update(key, f"{key}@{now}".encode(), expected)
            case "compact", int(back):
                return await store.compact(max(0, now - back))
            case "list", int(back):
                return await store.list("/a/", revision=max(1, now - back))
            case "page", int(limit):
                return await store.list("/a", limit=limit, start_after="/a/1")
            case "watch", int(back):
                return await past(store, max(0, now - back), now)
    except errors.StoreError as error:
        return type(error).__name__, str(error)
    return None


async def past(store: Store, after: int, now: int) -> list[object]:
    found: list[object] = []
    async with aclosing(store.watch("/a/", after)) as stream:
        async for batch in stream:
            found += batch.events
            if batch.revision >= now:
                break
    return found


async def compare(steps: list[tuple[str, object]], path: Path) -> None:
    memory, sqlite = MemoryStore(), SqliteStore(path)
    await memory.start()
    await sqlite.start()
    try:
        for step, argument in steps:
            if step == "restart":
                await sqlite.close()
                sqlite = SqliteStore(path)
                await sqlite.start()
            assert await act(sqlite, step, argument) == await act(memory, step, argument)
    finally:
        await sqlite.close()
        await memory.close()


@given(st.lists(STEPS, max_size=40))
@settings(deadline=None, max_examples=examples(150))
async def test_sqlite_agrees_with_memory(steps: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        await compare(steps, Path(directory) / "store.db")
