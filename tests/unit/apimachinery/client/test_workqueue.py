"""The life of a key in the work queue."""

import asyncio

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from apimachinery.aio import backoff
from apimachinery.client import workqueue

pytestmark = pytest.mark.looptime


async def test_a_key_waits_once() -> None:
    queue = workqueue.WorkQueue()
    queue.add("a")
    queue.add("a")
    assert len(queue) == 1


async def test_a_key_changed_while_processed_comes_again_after_done() -> None:
    queue = workqueue.WorkQueue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await queue.get() == "a"


async def test_a_key_unchanged_while_processed_does_not_come_again() -> None:
    queue = workqueue.WorkQueue()
    queue.add("a")
    queue.done(await queue.get())
    assert queue.idle


async def test_a_worker_waits_for_the_next_key() -> None:
    queue = workqueue.WorkQueue()
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    assert await worker == "a"


async def test_a_delayed_key_comes_at_its_second() -> None:
    queue = workqueue.WorkQueue()
    loop = asyncio.get_running_loop()
    start = loop.time()
    queue.add_after("a", 30)
    assert await queue.get() == "a"
    assert loop.time() - start == pytest.approx(30)


async def test_of_two_delays_the_sooner_counts() -> None:
    queue = workqueue.WorkQueue()
    loop = asyncio.get_running_loop()
    start = loop.time()
    queue.add_after("a", 10)
    queue.add_after("a", 30)
    queue.add_after("a", 5)
    queue.done(await queue.get())
    assert loop.time() - start == pytest.approx(5)
    assert queue.idle


async def test_add_makes_a_delay_moot() -> None:
    queue = workqueue.WorkQueue()
    queue.add_after("a", 10)
    queue.add("a")
    queue.done(await queue.get())
    assert queue.idle


async def test_retries_come_later_and_later_until_forgotten() -> None:
    steps = backoff.Backoff(initial=1, maximum=4, jitter=0)
    queue = workqueue.WorkQueue(backoff=steps)
    delays = []
    for _ in range(4):
        delays.append(queue.retry("a"))
        queue.done(await queue.get())
    queue.forget("a")
    assert delays == [1, 2, 4, 4]
    assert queue.retry("a") == 1
    queue.close()


async def test_close_lets_waiting_workers_go() -> None:
    queue = workqueue.WorkQueue()
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.close()
    assert await asyncio.gather(*workers) == [None, None, None]


async def test_a_worker_cancelled_at_its_wake_up_passes_it_on() -> None:
    queue = workqueue.WorkQueue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    first.cancel()
    assert await second == "a"


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["add", "get", "done"]))))
async def test_no_change_is_missed_and_no_key_is_processed_twice_at_once(
    steps: list[tuple[str, str]],
) -> None:
    queue = workqueue.WorkQueue()
    pending: set[str] = set()
    processing: set[str] = set()
    for key, step in steps:
        if step == "add":
            queue.add(key)
            pending.add(key)
        elif step == "get" and len(queue):
            got = await queue.get()
            assert got is not None
            assert got not in processing
            processing.add(got)
            pending.discard(got)
        elif step == "done" and key in processing:
            processing.discard(key)
            queue.done(key)
        assert len(queue) == len(pending - processing)


@pytest.mark.parametrize("delay", [0.0001, 0.0004, 0.002])
def test_tiny_delays_count_on_uvloop_too(delay: float) -> None:
    """uvloop answers a delay below a millisecond with another kind of handle."""

    async def twice() -> str | None:
        queue = workqueue.WorkQueue()
        queue.add_after("key", delay)
        queue.add_after("key", delay * 2)
        return await queue.get()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(twice()) == "key"
