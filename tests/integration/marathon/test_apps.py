"""Apps over HTTP, on the real offer API: their life, versions, placement, failures."""

from typing import Any

import pytest

from apimachinery import scheme
from bireme.framework import FrameworkError
from tests.integration.marathon.conftest import Json, Marathon

SLEEP: Json = {"cmd": "sleep 1000", "cpus": 0.1, "mem": 32}


async def deploy(marathon: Marathon, app_id: str, **body: Any) -> list[Json]:
    """A new app, once it runs; its tasks."""
    made = await marathon.do("POST", "/v2/apps", {"id": app_id, **SLEEP, **body}, expect=201)
    tasks = await marathon.running(app_id, made["instances"])
    await marathon.settled()
    return tasks


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
    pods = marathon.pool.client
    await marathon.until(lambda: pods.list(scheme.PODS), lambda found: not found["items"])


async def test_a_new_version_replaces_all_instances(marathon: Marathon) -> None:
    before = await deploy(marathon, "/web", instances=3)
    await marathon.do("PUT", "/v2/apps/web", {"env": {"A": "1"}})
    await marathon.settled()
    after = await marathon.running("/web", 3)
    assert not {task["id"] for task in before} & {task["id"] for task in after}
    versions = (await marathon.get("/v2/apps/web/versions"))["versions"]
    assert len(versions) == 2
    assert (await marathon.get(f"/v2/apps/web/versions/{versions[0]}"))["env"] == {"A": "1"}
    assert {task["version"] for task in after} == {versions[0]}


async def test_back_to_an_older_version(marathon: Marathon) -> None:
    await deploy(marathon, "/web")
    first = (await marathon.get("/v2/apps/web/versions"))["versions"][0]
    await marathon.do("PUT", "/v2/apps/web", {"cmd": "sleep 2000"})
    await marathon.settled()
    await marathon.do("PUT", "/v2/apps/web", {"version": first})
    await marathon.settled()
    assert (await marathon.get("/v2/apps/web"))["app"]["cmd"] == "sleep 1000"
    await marathon.do("PUT", "/v2/apps/web", {"version": "2001-01-01T00:00:00.000Z"}, expect=404)


async def test_a_restart_replaces_instances_and_changes_nothing_else(marathon: Marathon) -> None:
    before = await deploy(marathon, "/web", instances=2)
    await marathon.do("POST", "/v2/apps/web/restart")
    await marathon.settled()
    after = await marathon.running("/web", 2)
    assert not {task["id"] for task in before} & {task["id"] for task in after}


async def test_deployments_lock_their_apps(marathon: Marathon) -> None:
    """An app that needs more than there is keeps its deployment for ever."""
    await marathon.do("POST", "/v2/apps", {"id": "/big", **SLEEP, "cpus": 1000}, expect=201)
    (under_way,) = await marathon.get("/v2/deployments")
    assert under_way["affectedApps"] == ["/big"]
    assert under_way["currentActions"][0]["action"] in ("StartApplication", "ScaleApplication")
    found = await marathon.do("PUT", "/v2/apps/big", {"cpus": 0.1}, expect=409)
    assert found["deployments"] == [{"id": under_way["id"]}]
    assert "force" in found["message"]
    found = await marathon.until(
        lambda: marathon.get("/v2/queue?embed=lastUnusedOffers"),
        lambda q: q["queue"] and q["queue"][0]["processedOffersSummary"]["unusedOffersCount"],
    )
    (waiting,) = found["queue"]
    assert (waiting["app"]["id"], waiting["count"]) == ("/big", 1)
    assert waiting["lastUnusedOffers"][0]["reason"] == ["InsufficientCpus"]
    sieves = waiting["processedOffersSummary"]["rejectSummaryLaunchAttempt"]
    assert next(s for s in sieves if s["reason"] == "InsufficientCpus")["declined"]
    await marathon.do("PUT", "/v2/apps/big?force=true", {"cpus": 0.1})
    await marathon.running("/big", 1)
    await marathon.settled()


async def test_deployments_are_broken_off(marathon: Marathon) -> None:
    await deploy(marathon, "/web")
    await marathon.do("PUT", "/v2/apps/web", {"cpus": 1000})
    (under_way,) = await marathon.get("/v2/deployments")
    back = await marathon.do("DELETE", f"/v2/deployments/{under_way['id']}")
    assert back["deploymentId"] != under_way["id"]
    await marathon.settled()
    assert (await marathon.get("/v2/apps/web"))["app"]["cpus"] == 0.1
    await marathon.running("/web", 1)
    await marathon.do("PUT", "/v2/apps/web", {"cpus": 1000})
    (under_way,) = await marathon.get("/v2/deployments")
    status, text = await marathon.ask("DELETE", f"/v2/deployments/{under_way['id']}?force=true")
    assert (status, text) == (202, "")
    assert await marathon.get("/v2/deployments") == []
    assert (await marathon.get("/v2/apps/web"))["app"]["cpus"] == 1000
    await marathon.do("DELETE", f"/v2/deployments/{under_way['id']}", expect=404)


async def test_unique_hosts(marathon: Marathon) -> None:
    tasks = await deploy(marathon, "/one", instances=3, constraints=[["hostname", "UNIQUE"]])
    assert len({task["slaveId"] for task in tasks}) == 3
    await marathon.do("PUT", "/v2/apps/one", {"cmd": "sleep 2000"})
    await marathon.settled()
    assert len({task["slaveId"] for task in await marathon.running("/one", 3)}) == 3


async def test_attributes(marathon: Marathon) -> None:
    rules = [["rack", "LIKE", "r-n[12]"], ["rack", "GROUP_BY", "2"]]
    tasks = await deploy(marathon, "/two", instances=4, constraints=rules)
    hosts = [task["slaveId"] for task in tasks]
    assert sorted(map(hosts.count, set(hosts))) == [2, 2]
    assert set(hosts) == {"n1", "n2"}


async def test_killing_tasks(marathon: Marathon) -> None:
    tasks = await deploy(marathon, "/web", instances=3)
    one = tasks[0]["id"]
    found = await marathon.do("DELETE", f"/v2/apps/web/tasks/{one}")
    assert found["task"]["id"] == one
    after = await marathon.until(
        lambda: marathon.running("/web", 3), lambda now: one not in {task["id"] for task in now}
    )
    ids = [task["id"] for task in after]
    await marathon.do("POST", "/v2/tasks/delete?scale=true", {"ids": ids[:2]})
    await marathon.settled()
    (left,) = await marathon.running("/web", 1)
    assert left["id"] == ids[2]
    assert (await marathon.get("/v2/apps/web"))["app"]["instances"] == 1
    found = await marathon.do("DELETE", "/v2/apps/web/tasks?host=nowhere")
    assert found == {"tasks": []}
    await marathon.do("DELETE", "/v2/apps/web/tasks/none", expect=404)


async def test_failures_delay_the_next_launch(marathon: Marathon) -> None:
    body = {"id": "/bad", "cmd": "exit 3", "cpus": 0.1, "mem": 32, "backoffSeconds": 1000}
    await marathon.do("POST", "/v2/apps", body, expect=201)
    found = await marathon.until(
        lambda: marathon.get("/v2/apps/bad"), lambda f: "lastTaskFailure" in f["app"]
    )
    failure = found["app"]["lastTaskFailure"]
    assert (failure["state"], failure["appId"]) == ("TASK_FAILED", "/bad")
    assert failure["message"] == "Command exited with status 3"
    queue = await marathon.until(lambda: marathon.get("/v2/queue"), lambda q: q["queue"])
    assert queue["queue"][0]["delay"]["timeLeftSeconds"] > 200
    assert not queue["queue"][0]["delay"]["overdue"]
    status, _ = await marathon.ask("DELETE", "/v2/queue//bad/delay")
    assert status == 204
    again = await marathon.until(
        lambda: marathon.get("/v2/apps/bad"),
        lambda f: f["app"]["lastTaskFailure"]["taskId"] != failure["taskId"],
    )
    assert again["app"]["lastTaskFailure"]["state"] == "TASK_FAILED"
    await marathon.do("DELETE", "/v2/queue/none/delay", expect=404)


@pytest.mark.parametrize("hard", [False, True], ids=["while waiting", "in a roll"])
async def test_all_comes_back_after_a_restart(marathon: Marathon, hard: bool) -> None:
    """Apps, instances, the framework's id and a deployment that was under way."""
    tasks = await deploy(marathon, "/web", instances=2)
    info = await marathon.get("/v2/info")
    if hard:
        await marathon.do("PUT", "/v2/apps/web", {"cmd": "sleep 2000"})
    await marathon.stop()
    await marathon.start()
    assert (await marathon.get("/v2/info"))["frameworkId"] == info["frameworkId"]
    await marathon.settled()
    after = await marathon.running("/web", 2)
    same = {task["id"] for task in tasks} == {task["id"] for task in after}
    assert same is not hard


async def test_tasks_outlive_the_master(marathon: Marathon) -> None:
    tasks = await deploy(marathon, "/web", instances=2)
    await marathon.pool.stop_master()
    await marathon.do("PUT", "/v2/apps/web", {"instances": 3})
    address = marathon.pool.side.server.address
    assert address
    await marathon.stop()
    await marathon.pool.start_master()
    await marathon.start()
    after = await marathon.running("/web", 3)
    assert {task["id"] for task in tasks} < {task["id"] for task in after}


async def test_after_a_teardown_it_begins_anew(marathon: Marathon) -> None:
    """Whoever tears the framework down ends it; started again it is a new one, with its apps."""
    tasks = await deploy(marathon, "/web", instances=2)
    old = (await marathon.get("/v2/info"))["frameworkId"]
    url = f"{marathon.pool.url.removesuffix('/api/v1/scheduler')}/master/teardown"
    async with marathon.pool.http.post(url, data={"frameworkId": old}) as answer:
        assert answer.status == 200
    with pytest.raises(ExceptionGroup) as error:
        await marathon.ended()
    assert error.group_contains(FrameworkError, match="has been removed", depth=1)
    await marathon.start()
    after = await marathon.running("/web", 2)
    assert not {task["id"] for task in tasks} & {task["id"] for task in after}
    assert (await marathon.get("/v2/info"))["frameworkId"] != old


async def test_a_lost_node_is_made_up_for(marathon: Marathon) -> None:
    body = {"unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 3600}}
    tasks = await deploy(
        marathon, "/web", instances=2, constraints=[["hostname", "MAX_PER", "1"]], **body
    )
    lost = tasks[0]
    await marathon.pool.ready(lost["slaveId"], "Unknown")

    def replaced(found: Json) -> bool:
        states = [task["state"] for task in found["app"]["tasks"]]
        return states.count("TASK_RUNNING") == 2 and "TASK_UNREACHABLE" in states

    await marathon.until(lambda: marathon.get("/v2/apps/web"), replaced)
    await marathon.pool.ready(lost["slaveId"], "True")
    await marathon.running("/web", 2)
