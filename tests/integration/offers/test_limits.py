"""Rates of calls by principal: Mesos' own cases, and what is no file of limits."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from offers.http.limits import BadLimits, Limits, read
from tests.integration.offers.conftest import Pool
from tests.integration.offers.test_operator import get

SLOW = {"principal": "slow", "qps": 5, "capacity": 2}


async def test_different_principal_frameworks(pool: Pool) -> None:
    """One waits for its turns while the other is answered at once."""
    pool.side.server.scheduler.limits = Limits({"limits": [SLOW, {"principal": "fast"}]})
    slow = await pool.framework(name="slow", principal="slow")
    fast = await pool.framework(name="fast", principal="fast")
    loop = asyncio.get_running_loop()
    begin = loop.time()
    calls = [asyncio.create_task(slow.call("REVIVE")) for _ in range(3)]
    await pool.eventually(lambda: pool.side.server.scheduler.limits.received["slow"] == 3)
    assert [await fast.call("REVIVE") for _ in range(20)] == [202] * 20
    assert await asyncio.gather(*calls) == [202] * 3
    assert loop.time() - begin >= 0.4  # the third has its turn two fifths of a second later
    found = await get(pool, "/metrics/snapshot")
    assert found["frameworks/fast/messages_processed"] == 20
    assert found["frameworks/slow/messages_received"] == 3


async def test_capacity_reached(pool: Pool) -> None:
    """Too many are an error for the framework, whose tasks live on; the other is not concerned."""
    limits = {"limits": [{**SLOW, "qps": 0.01}], "aggregate_default_qps": 1000}
    pool.side.server.scheduler.limits = Limits(limits)
    slow = await pool.framework(name="slow", principal="slow")
    other = await pool.framework(name="other")
    assert await slow.call("REVIVE") == 202
    waiting = [asyncio.create_task(slow.call("REVIVE")) for _ in range(2)]
    await pool.eventually(lambda: pool.side.server.scheduler.limits.received["slow"] == 3)
    assert await slow.call("SUPPRESS") == 429
    error = (await slow.next("ERROR"))["error"]
    assert error["message"] == "Message SUPPRESS dropped: capacity(2) exceeded"
    await pool.eventually(lambda: pool.side.frameworks.known[slow.id].stream is None)
    assert not pool.side.frameworks.known[slow.id].removed
    assert await other.call("REVIVE") == 202
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize(
    "config",
    [
        {"limits": "all"},
        {"limits": [{"qps": 1}]},
        {"limits": [{"principal": "a", "qps": 0}]},
        {"limits": [{"principal": "a", "qps": 1, "capacity": -1}]},
        {"aggregate_default_qps": True},
    ],
)
def test_what_is_no_limit(config: dict[str, Any]) -> None:
    with pytest.raises(BadLimits):
        Limits(config)


def test_a_file_of_limits(tmp_path: Path) -> None:
    file = tmp_path / "limits"
    assert read(file).received == {}
    for text in ("{", "[]", '{"limits": 1}'):
        file.write_text(text)
        with pytest.raises(BadLimits, match=str(file)):
            read(file)
