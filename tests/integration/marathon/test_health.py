"""Health and readiness checks, against servers that really listen where the tasks say they do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from tests.integration.marathon.conftest import Json, Marathon

APP: Json = {"id": "/web", "cmd": "sleep 1000", "cpus": 0.1, "mem": 32}
QUICK: Json = {"intervalSeconds": 0.1, "timeoutSeconds": 5, "gracePeriodSeconds": 0}


class Servers:
    """Plays what runs in the tasks: answers on each task's port with a status of its own."""

    def __init__(self) -> None:
        self.status = 200
        self.special: dict[str, int] = {}
        """By task id, where it differs."""
        self._runners: dict[str, web.AppRunner] = {}

    async def follow(self, marathon: Marathon) -> None:
        """A server for each task that runs."""
        while True:
            for task in (await marathon.get("/v2/tasks") or {"tasks": []})["tasks"]:
                if task["id"] not in self._runners and task["state"] == "TASK_RUNNING":
                    await self._serve(task)
            await asyncio.sleep(0.02)

    async def _serve(self, task: Json) -> None:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(status=self.special.get(task["id"], self.status), text="hm")

        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = self._runners[task["id"]] = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, task["host"], task["ports"][0]).start()

    async def stop(self) -> None:
        for runner in self._runners.values():
            await runner.cleanup()


@pytest.fixture
async def servers(marathon: Marathon) -> AsyncIterator[Servers]:
    made = Servers()
    following = asyncio.create_task(made.follow(marathon))
    yield made
    await marathon.stop()  # first the one who asks: a connection that is just made is nobody's
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    await made.stop()


def counted(found: Json, **counts: int) -> bool:
    return all(found["app"][f"tasks{name.capitalize()}"] == n for name, n in counts.items())


@pytest.mark.parametrize("protocol", ["HTTP", "TCP"])
async def test_health_from_here(marathon: Marathon, servers: Servers, protocol: str) -> None:
    check = {"protocol": protocol, "portIndex": 0, **QUICK}
    body = {**APP, "instances": 2, "healthChecks": [check]}
    await marathon.do("POST", "/v2/apps", body, expect=201)
    found = await marathon.until(
        lambda: marathon.get("/v2/apps/web"), lambda f: counted(f, healthy=2, unhealthy=0)
    )
    await marathon.settled()
    (result,) = found["app"]["tasks"][0]["healthCheckResults"]
    assert (result["alive"], result["consecutiveFailures"]) == (True, 0)
    assert result["firstSuccess"].endswith("Z")


async def test_the_ill_are_replaced(marathon: Marathon, servers: Servers) -> None:
    check = {"protocol": "HTTP", "portIndex": 0, "maxConsecutiveFailures": 2, **QUICK}
    url = f"{marathon.url}/v2/events?event_type=unhealthy_instance_kill_event"
    async with asyncio.timeout(30), marathon.pool.http.get(url) as stream:
        await marathon.do("POST", "/v2/apps", {**APP, "healthChecks": [check]}, expect=201)
        await marathon.settled()
        (task,) = await marathon.running("/web", 1)
        servers.special[task["id"]] = 500
        await marathon.until(
            lambda: marathon.get("/v2/apps/web"),
            lambda f: counted(f, healthy=1) and f["app"]["tasks"][0]["id"] != task["id"],
        )
        text = (await stream.content.readuntil(b"\r\n\r\n")).decode()
    assert "unhealthy_instance_kill_event" in text
    assert task["id"] in text


async def test_a_roll_waits_for_health_and_leads_back(marathon: Marathon, servers: Servers) -> None:
    """A version that never becomes healthy takes nothing away from the one that is."""
    check = {"protocol": "HTTP", "portIndex": 0, "maxConsecutiveFailures": 0, **QUICK}
    body = {**APP, "instances": 2, "healthChecks": [check]}
    await marathon.do("POST", "/v2/apps", body, expect=201)
    await marathon.settled()
    old = {task["id"] for task in await marathon.running("/web", 2)}
    servers.special = dict.fromkeys(old, 200)
    servers.status = 500
    made = await marathon.do("PUT", "/v2/apps/web", {"cmd": "sleep 2000"})
    tasks = await marathon.running("/web", 4)
    assert old < {task["id"] for task in tasks}
    await marathon.until(
        lambda: marathon.get("/v2/apps/web"), lambda f: counted(f, unhealthy=2, running=4)
    )
    assert old < {task["id"] for task in await marathon.running("/web", 4)}
    await marathon.do("DELETE", f"/v2/deployments/{made['deploymentId']}")
    await marathon.settled()
    assert {task["id"] for task in await marathon.running("/web", 2)} == old


async def test_a_roll_within_narrow_bounds(marathon: Marathon, servers: Servers) -> None:
    """Half may be missing and none may be too many: the events tell that it was so."""
    check = {"protocol": "HTTP", "portIndex": 0, **QUICK}
    strategy = {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}
    body = {**APP, "instances": 4, "healthChecks": [check], "upgradeStrategy": strategy}
    await marathon.do("POST", "/v2/apps", body, expect=201)
    await marathon.settled()
    await marathon.do("PUT", "/v2/apps/web", {"env": {"A": "1"}})
    most, fewest = 0, 4
    while await marathon.get("/v2/deployments"):
        tasks = (await marathon.get("/v2/apps/web"))["app"]["tasks"]
        most = max(most, len(tasks))
        working = [t for t in tasks if t["state"] == "TASK_RUNNING" and well(t)]
        fewest = min(fewest, len(working))
    assert most <= 4
    assert fewest >= 2
    assert len(await marathon.running("/web", 4)) == 4


def well(task: Json) -> bool:
    return any(result["alive"] for result in task.get("healthCheckResults", ()))


async def test_readiness(marathon: Marathon, servers: Servers) -> None:
    ready: dict[str, Any] = {
        "portName": "default", "intervalSeconds": 0.2, "timeoutSeconds": 0.1,
        "httpStatusCodesForReady": [204], "preserveLastResponse": True,
    }  # fmt: skip
    await marathon.do("POST", "/v2/apps", {**APP, "readinessChecks": [ready]}, expect=201)
    await marathon.running("/web", 1)

    def told(found: list[Json]) -> bool:
        results = found[0]["currentActions"][0]["readinessCheckResults"]
        return bool(results) and "lastResponse" in results[0]

    (under_way,) = await marathon.until(lambda: marathon.get("/v2/deployments"), told)
    (result,) = under_way["currentActions"][0]["readinessCheckResults"]
    assert (result["ready"], result["lastResponse"]["status"]) == (False, 200)
    servers.status = 204
    await marathon.settled()
