"""Clocks, delays and supervised tasks."""

import asyncio
import itertools
import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery.aio import backoff, clock, tasks

FAST = backoff.Backoff(initial=1, maximum=8, jitter=0)


@given(st.floats(0.001, 10), st.floats(10, 1000), st.floats(0, 1), st.integers(0, 10_000))
def test_delays_stay_within_their_bounds(initial, maximum, jitter, attempt) -> None:
    found = backoff.Backoff(initial, maximum, jitter=jitter).delay(attempt)
    assert 0 <= found <= maximum


def test_delays_double_up_to_the_maximum() -> None:
    assert [FAST.delay(attempt) for attempt in range(5)] == [1, 2, 4, 8, 8]


def test_jitter_only_shortens() -> None:
    steps = backoff.Backoff(initial=10, maximum=10, jitter=0.5)
    assert (steps.delay(0, lambda: 0.0), steps.delay(0, lambda: 0.999)) == (
        10,
        pytest.approx(5, 1e-2),
    )


def test_the_system_clock_is_the_machines() -> None:
    now = clock.SystemClock()
    assert abs(now.now() - time.time()) < 5
    assert now.monotonic() <= time.monotonic()


@pytest.mark.looptime
async def test_the_loop_clock_follows_virtual_time() -> None:
    now = clock.LoopClock(epoch=1000)
    before = now.now()
    await asyncio.sleep(3600)
    assert now.now() - before == pytest.approx(3600)


@pytest.mark.looptime
class TestSupervisor:
    async def test_a_kept_task_runs_again_after_its_failures(self, caplog) -> None:
        caplog.set_level(logging.CRITICAL)
        loop = asyncio.get_running_loop()
        starts: list[float] = []

        async def work() -> None:
            starts.append(loop.time())
            if len(starts) < 4:
                raise OSError("down")

        async with tasks.Supervisor() as supervisor:
            supervisor.keep(work, name="work", backoff=FAST)
        assert [round(b - a) for a, b in itertools.pairwise(starts)] == [1, 2, 4]

    async def test_delays_start_over_after_a_steady_run(self, caplog) -> None:
        caplog.set_level(logging.CRITICAL)
        loop = asyncio.get_running_loop()
        ends: list[float] = []
        starts: list[float] = []

        async def work() -> None:
            starts.append(loop.time())
            if len(starts) == 5:
                return
            await asyncio.sleep(tasks.STEADY_SECONDS + 1 if len(starts) == 4 else 0)
            ends.append(loop.time())
            raise OSError("down")

        await tasks.keep_running(work, name="work", backoff=FAST)
        assert [round(b - a) for a, b in zip(ends, starts[1:], strict=True)] == [1, 2, 4, 1]

    async def test_a_bug_takes_the_group_down(self) -> None:
        async def group() -> None:
            async with tasks.Supervisor() as supervisor:
                supervisor.start(asyncio.sleep(1000), name="other")
                supervisor.start(_raise(RuntimeError("bug")), name="bug")

        with pytest.raises(ExceptionGroup) as caught:
            await group()
        assert caught.group_contains(RuntimeError, match="bug")

    async def test_stop_ends_everything(self) -> None:
        async with tasks.Supervisor() as supervisor:
            supervisor.start(asyncio.sleep(1000), name="one")
            await asyncio.sleep(1)
            supervisor.stop()
        assert asyncio.get_running_loop().time() < 10

    async def test_stop_raises_what_a_task_died_of(self) -> None:
        task = asyncio.create_task(_raise(OSError("gone")))
        await asyncio.sleep(0)
        with pytest.raises(OSError, match="gone"):
            await tasks.stop(task)

    async def test_stop_can_be_cancelled_itself(self) -> None:
        async def stubborn() -> None:
            try:
                await asyncio.sleep(1000)
            finally:
                await asyncio.sleep(50)

        task = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        stopping = asyncio.create_task(tasks.stop(task))
        await asyncio.sleep(1)
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping
        await asyncio.sleep(60)
        assert task.cancelled()


async def _raise(error: Exception) -> None:
    raise error
