"""The ring of changes gives all after a revision or says that some are gone."""

import asyncio

import pytest

from apimachinery import status
from apimachinery.meta import NO_LABELS
from apiserver.cache.entry import Entry, Facts
from apiserver.cache.freed import Freed
from apiserver.cache.history import CHANGE_OVERHEAD, OLD_BYTES_MAX, Change, History


def change(revision: int, size: int = 0) -> Change:
    facts = Facts(NO_LABELS, ())
    return Change(revision, None, Entry("a", "", b"x" * size, revision, 1, facts))


def revisions(history: History, after: int) -> list[int]:
    return [one.revision for one in history.since(after)]


def test_since_gives_what_came_after() -> None:
    history = History(10, Freed())
    for revision in (11, 15, 20):
        history.append(change(revision))
    assert revisions(history, 10) == [11, 15, 20]
    assert revisions(history, 11) == [15, 20]
    assert revisions(history, 17) == [20]
    assert revisions(history, 99) == []


def test_before_the_floor_is_expired() -> None:
    with pytest.raises(status.Expired):
        History(10, Freed()).since(9)


def test_bounded_by_count() -> None:
    history = History(0, Freed(), changes_max=3)
    for revision in range(1, 11):
        history.append(change(revision))
    assert history.floor == 7
    assert revisions(history, 7) == [8, 9, 10]
    with pytest.raises(status.Expired):
        history.since(6)


def test_bounded_by_bytes() -> None:
    history = History(0, Freed(), bytes_max=3 * (CHANGE_OVERHEAD + 100))
    for revision in range(1, 11):
        history.append(change(revision, 100))
    assert revisions(history, history.floor) == [8, 9, 10]


def test_little_of_what_is_old_is_kept() -> None:
    history = History(0, Freed())
    history.forget(5)  # of nothing
    size = OLD_BYTES_MAX // 4
    for revision in range(1, 11):
        history.append(change(revision, size))
    history.forget(6)
    assert revisions(history, history.floor) == [7, 8, 9, 10]
    history.forget(99)
    assert revisions(history, history.floor) == [8, 9, 10]
    history.append(change(11, size))
    assert revisions(history, history.floor) == [8, 9, 10, 11]


async def test_what_is_dropped_is_told_once_it_is_enough() -> None:
    freed = Freed(enough=2 * CHANGE_OVERHEAD)
    history = History(0, freed, changes_max=1)
    for revision in (1, 2, 3):
        history.append(change(revision))
    await freed.wait()
    history.append(change(4))
    waiting = asyncio.create_task(freed.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    history.append(change(5))
    await waiting
