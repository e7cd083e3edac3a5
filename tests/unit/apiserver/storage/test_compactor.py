"""The past is cut once per interval, sooner under heavy writes, never the present."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from apimachinery.aio import tasks
from apiserver.storage import errors
from apiserver.storage.compactor import INTERVAL_SECONDS, REVISIONS_KEPT, REVISIONS_MAX, Compactor
from apiserver.storage.memory import MemoryStore


class Recorder(MemoryStore):
    """A store that remembers when it was compacted, and to what."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[float, int]] = []
        self.forgotten: list[int] = []

    async def compact(self, revision: int) -> None:
        self.asked.append((asyncio.get_running_loop().time(), revision))


@asynccontextmanager
async def running(store: Recorder) -> AsyncIterator[Compactor]:
    compactor = Compactor(store, store.forgotten.append)
    compactor.note(100)
    task = asyncio.create_task(compactor.run())
    await asyncio.sleep(0)
    yield compactor
    await tasks.stop(task)


@pytest.mark.looptime
async def test_to_what_was_current_one_interval_ago() -> None:
    store = Recorder()
    async with running(store) as compactor:
        compactor.note(150)
        await asyncio.sleep(INTERVAL_SECONDS + 1)
        compactor.note(200)
        await asyncio.sleep(2 * INTERVAL_SECONDS)
    assert store.asked == [(2 * INTERVAL_SECONDS, 150), (3 * INTERVAL_SECONDS, 200)]
    assert store.forgotten == [150, 200]


@pytest.mark.looptime
async def test_an_idle_store_is_left_alone() -> None:
    store = Recorder()
    async with running(store):
        await asyncio.sleep(10 * INTERVAL_SECONDS)
    assert store.asked == []


@pytest.mark.looptime
async def test_heavy_writes_are_compacted_at_once() -> None:
    store = Recorder()
    async with running(store) as compactor:
        compactor.note(100 + REVISIONS_MAX + 1)
        await asyncio.sleep(1)
    assert store.asked == [(0, 100 + REVISIONS_MAX + 1 - REVISIONS_KEPT)]


class Refusing(Recorder):
    """A store whose disk is full."""

    async def compact(self, revision: int) -> None:
        await super().compact(revision)
        raise errors.Unavailable("test")


@pytest.mark.looptime
async def test_a_store_in_trouble_is_asked_again_next_time() -> None:
    store = Refusing()
    async with running(store) as compactor:
        for revision in (150, 200, 250):
            compactor.note(revision)
            await asyncio.sleep(INTERVAL_SECONDS)
        await asyncio.sleep(INTERVAL_SECONDS)
    assert [revision for _, revision in store.asked] == [150, 200, 250]
