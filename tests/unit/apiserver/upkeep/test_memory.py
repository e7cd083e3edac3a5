"""Freed memory is given back when enough has gone, and once more when what follows has gone too."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from apimachinery.aio import tasks
from apiserver.cache import WatchCache
from apiserver.cache.freed import Freed
from apiserver.upkeep import memory


async def test_each_time_that_enough_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    given = asyncio.Queue[None]()
    monkeypatch.setattr(memory, "give_back", lambda: given.put_nowait(None))
    monkeypatch.setattr(memory, "AFTERWARDS_SECONDS", 0.0)
    freed = Freed(enough=100)
    running = asyncio.create_task(memory.run(cast(WatchCache, SimpleNamespace(freed=freed))))
    freed.add(99)
    await asyncio.sleep(0)
    assert given.empty()
    for _ in range(2):
        freed.add(100)
        for _ in range(2):
            await asyncio.wait_for(given.get(), 10)
    await tasks.stop(running)


def test_little_is_not_worth_the_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    trims: list[int] = []
    libc: Any = SimpleNamespace(malloc_trim=trims.append)
    monkeypatch.setattr(memory, "_libc", lambda: libc)
    libc.mallinfo2 = lambda: SimpleNamespace(fordblks=memory.WORTH - 1)
    memory.give_back()
    assert trims == []
    libc.mallinfo2 = lambda: SimpleNamespace(fordblks=memory.WORTH)
    memory.give_back()
    assert trims == [0]


def test_the_real_library_takes_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever C library there is: it gives back, or says that it cannot."""
    monkeypatch.setattr(memory, "WORTH", 0)
    memory.give_back()
