"""Marathon on the real offer API over real HTTP; nodes that play along."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from apimachinery import scheme
from frameworks.marathon import service
from frameworks.marathon.options import Options
from tests.integration.offers.conftest import Pool, pool

__all__ = ["Marathon", "pool"]
Json = dict[str, Any]
PATIENCE = 30.0
"""Seconds until what was asked for must have happened."""


class Marathon:
    """One Marathon, that may end and begin again on the same state."""

    def __init__(self, pool: Pool, state: Path, **options: Any) -> None:
        self.pool, self.state, self.options = pool, state, options
        self.url = ""
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        leader = f"127.0.0.1:{listening.getsockname()[1]}"
        self.url = f"http://{leader}"
        master = self.pool.url.removesuffix("/api/v1/scheduler")
        options = Options(master=master, state=self.state, leader=leader, **self.options)
        self._running = asyncio.create_task(service.run(options, listening))
        await self.until(lambda: self.get("/readyz", text=True), lambda found: found == "ok")

    async def stop(self) -> None:
        assert self._running is not None
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running

    async def ended(self) -> None:
        """Wait for the end that it comes to by itself, and for what it says then."""
        assert self._running is not None
        async with asyncio.timeout(PATIENCE):
            await self._running

    async def ask(
        self, method: str, path: str, body: object = None, **more: Any
    ) -> tuple[int, Any]:
        given = {} if body is None else {"json": body}
        async with self.pool.http.request(method, self.url + path, **given, **more) as answer:
            text = await answer.text()
            is_json = answer.content_type == "application/json"
            return answer.status, json.loads(text) if is_json else text

    async def get(self, path: str, *, text: bool = False) -> Any:
        try:
            status, found = await self.ask("GET", path)
        except aiohttp.ClientConnectionError:
            return None
        return found if status == 200 or text else None

    async def do(self, method: str, path: str, body: object = None, expect: int = 200) -> Any:
        status, found = await self.ask(method, path, body)
        assert status == expect, (status, found)
        return found

    async def until(self, ask: Callable[[], Any], check: Callable[[Any], Any]) -> Any:
        """Ask until the answer is right."""
        found = None
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    found = await ask()
                    if found is not None and check(found):
                        return found
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"not within {PATIENCE:g} s; last: {found!r}")

    async def settled(self) -> None:
        """No deployment is under way."""
        await self.until(lambda: self.ask("GET", "/v2/deployments"), lambda a: a == (200, []))

    async def running(self, app_id: str, count: int) -> list[Json]:
        """The tasks of an app, once so many run and no others are there."""

        def right(found: Json) -> bool:
            tasks = found["app"]["tasks"]
            return len(tasks) == count and all(t["state"] == "TASK_RUNNING" for t in tasks)

        found = await self.until(lambda: self.get(f"/v2/apps{app_id}"), right)
        return found["app"]["tasks"]


@pytest.fixture
async def marathon(pool: Pool, tmp_path: Path) -> AsyncIterator[Marathon]:
    for i in (1, 2, 3):
        await pool.node(f"n{i}", rack=f"r-n{i}")
        addresses = [{"type": "InternalIP", "address": f"127.0.0.{i}"}]
        patch = {"status": {"addresses": addresses}}
        await pool.client.patch(scheme.NODES, f"n{i}", patch, subresource="status")
    made = Marathon(pool, tmp_path / "marathon.db")
    await made.start()
    yield made
    await made.stop()
