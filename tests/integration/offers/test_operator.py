"""What operators and old tools read."""

from typing import Any

import pytest

from tests.fakes.mesos import task
from tests.integration.offers.conftest import Pool


async def get(pool: Pool, path: str) -> Any:
    base = pool.url.removesuffix("/api/v1/scheduler")
    async with pool.http.get(base + path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def ask(pool: Pool, kind: str, **body: Any) -> tuple[int, Any]:
    call = {"type": kind, **({kind.lower(): body} if body else {})}
    async with pool.http.post(pool.url.removesuffix("/scheduler"), json=call) as answer:
        return answer.status, await answer.json() if answer.ok and answer.content_length else None


async def running(pool: Pool) -> str:
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    return framework.id


async def test_the_version_is_digits_and_dots(pool: Pool) -> None:
    version = (await get(pool, "/version"))["version"]
    assert all(part.isdigit() for part in version.split("."))


@pytest.mark.parametrize("path", ["/state", "/master/state", "/state.json"])
async def test_the_state_tells_of_agents_frameworks_and_tasks(pool: Pool, path: str) -> None:
    framework = await running(pool)
    state = await get(pool, path)
    assert [slave["id"] for slave in state["slaves"]] == ["n1"]
    assert state["slaves"][0]["used_resources"]["cpus"] == 0.5
    assert state["frameworks"][0]["id"] == framework
    assert [one["id"] for one in state["frameworks"][0]["tasks"]] == ["t"]


async def test_what_command_line_tools_ask(pool: Pool) -> None:
    framework = await running(pool)
    assert (await get(pool, "/slaves?slave_id=n1"))["slaves"][0]["active"]
    assert (await get(pool, "/slaves?slave_id=n2"))["slaves"] == []
    assert (await get(pool, "/master/frameworks/"))["frameworks"][0]["id"] == framework
    (one,) = (await get(pool, "/tasks?order=asc&limit=-1"))["tasks"]
    assert (one["slave_id"], one["statuses"][-1]["state"]) == ("n1", "TASK_RUNNING")
    metrics = await get(pool, "/metrics/snapshot")
    assert (metrics["master/tasks_running"], metrics["master/cpus_total"]) == (1, 4.0)


async def test_operator_calls(pool: Pool) -> None:
    framework = await running(pool)
    assert (await ask(pool, "GET_HEALTH"))[1]["get_health"] == {"healthy": True}
    agents = (await ask(pool, "GET_AGENTS"))[1]["get_agents"]["agents"]
    assert agents[0]["agent_info"]["id"] == {"value": "n1"}
    state = (await ask(pool, "GET_STATE"))[1]["get_state"]
    assert state["get_tasks"]["tasks"][0]["task_id"] == {"value": "t"}
    assert (await ask(pool, "FLY"))[0] == 501
    assert (await ask(pool, "TEARDOWN", framework_id={"value": "unknown"}))[0] == 400
    assert (await ask(pool, "TEARDOWN", framework_id={"value": framework}))[0] == 200
    assert pool.side.frameworks.known[framework].removed
