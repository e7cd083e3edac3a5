"""Apps over HTTP, end to end but for the containers."""

from apimachinery import scheme
from tests.integration.marathon.conftest import Marathon

SLEEP = {"cmd": "sleep 1000", "cpus": 0.1, "mem": 32}


async def test_an_app_from_its_beginning_to_its_end(marathon: Marathon) -> None:
    status, made = await marathon.ask("POST", "/v2/apps", {"id": "web", "instances": 2, **SLEEP})
    assert status == 201
    assert made["id"] == "/web"
    assert made["deployments"]
    tasks = await marathon.running("/web", 2)
    assert all(task["ports"] for task in tasks)
    await marathon.settled()
    app = (await marathon.get("/v2/apps//web"))["app"]
    assert (app["tasksRunning"], app["tasksStaged"]) == (2, 0)

    await marathon.do("PUT", "/v2/apps/web", {"instances": 3})
    after = await marathon.running("/web", 3)
    assert {task["id"] for task in tasks} < {task["id"] for task in after}
    await marathon.settled()

    await marathon.do("DELETE", "/v2/apps/web")
    assert await marathon.get("/v2/apps/web") is None
    await marathon.settled()
    assert (await marathon.get("/v2/tasks"))["tasks"] == []
    pods = (await marathon.pool.client.list(scheme.PODS))["items"]
    assert pods == []
