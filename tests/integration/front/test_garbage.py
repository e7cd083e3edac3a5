"""What ends leaves no cycles: the server may set old objects aside and never look at them again."""

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from bireme.cli import garbage

from .conftest import ADMIN_TOKEN, Cluster

ROUNDS = 5
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
def collector() -> Iterator[None]:
    """The cycle collector as it was before, afterwards."""
    thresholds, callbacks = gc.get_threshold(), list(gc.callbacks)
    yield
    gc.set_threshold(*thresholds)
    gc.callbacks[:] = callbacks
    gc.unfreeze()


def _of_server(thing: object) -> str:
    """The name of the server's class or coroutine that this is; empty for those of clients."""
    code: Any = getattr(thing, "cr_code", None) or getattr(thing, "ag_code", None)
    if code is not None:
        return code.co_qualname if "/apiserver/" in code.co_filename else ""
    kind = type(thing)
    return kind.__qualname__ if kind.__module__.startswith("apiserver") else ""


async def _use(cluster: Cluster) -> None:
    """Connections, answers, refusals and watches, all at their end."""
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        tls = cluster.tls()
        for method, path, body in (
            ("GET", PODS, None),
            ("GET", f"{PODS}/missing", None),
            ("POST", PODS, b"{"),
            ("POST", PODS, b'{"kind":"Pod","metadata":{"name":"A"},"spec":{}}'),
            ("DELETE", PODS, None),
            ("GET", f"{PODS}/missing/log", None),
        ):
            async with session.request(
                method,
                cluster.url + path,
                data=body,
                ssl=tls,
                headers={"Content-Type": "application/json"},
            ) as response:
                await response.read()
        for query in ("watch=1&timeoutSeconds=1", "watch=1&allowWatchBookmarks=true"):
            async with session.get(f"{cluster.url}/api/v1/namespaces?{query}", ssl=tls) as response:
                await response.content.readline()  # the second is left in the middle


async def test_requests_and_watches_leave_no_cycles(cluster: Cluster) -> None:
    await _use(cluster)  # what is made at first use is not counted
    await _gone(cluster)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(ROUNDS):
            await _use(cluster)
        await _gone(cluster)
        gc.collect()
        found = [name for name in map(_of_server, gc.garbage) if name]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert found == []


async def _gone(cluster: Cluster) -> None:
    async with asyncio.timeout(30):
        while cluster.process.front.open_connections() or cluster.process.front.open_streams():
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("collector")
def test_survivors_are_set_aside_and_cycles_among_them_found_later() -> None:
    garbage.settle()
    before = gc.get_freeze_count()
    kept: list[Any] = [[] for _ in range(1000)]
    gc.collect(1)
    assert gc.get_freeze_count() >= before + len(kept)
    kept[0].append(Cycle())
    gc.collect(1)
    kept.clear()
    assert Cycle.alive == 1
    garbage.collect_everything()
    assert Cycle.alive == 0


class Cycle:
    """Refers to itself and counts the living."""

    alive = 0

    def __init__(self) -> None:
        self.me = self
        type(self).alive += 1

    def __del__(self) -> None:
        type(self).alive -= 1
