"""Tasks over HTTP: launches, updates and their acknowledgement, kills, reconciliation."""

import asyncio
from typing import Any

import pytest

from apimachinery import scheme
from tests.fakes.mesos import RawFramework, scalar, task
from tests.integration.offers.conftest import Pool


async def one_offer(pool: Pool, **info: Any) -> tuple[RawFramework, dict[str, Any]]:
    await pool.node("n1")
    framework = await pool.framework(**info)
    (offer,) = await framework.offers()
    return framework, offer


async def test_a_task_runs_and_finishes(pool: Pool) -> None:
    framework, offer = await one_offer(pool)
    await framework.launch(offer, task(offer, "a b", "exit 0"))
    states = [await framework.update("a b") for _ in range(3)]
    assert [s["state"] for s in states] == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
    assert {s["source"] for s in states} == {"SOURCE_EXECUTOR"}
    assert len({s["uuid"] for s in states}) == 3
    addresses = states[1]["container_status"]["network_infos"][0]["ip_addresses"]
    assert addresses == [{"protocol": "IPv4", "ip_address": "10.0.0.1"}]


async def test_a_task_that_is_over_and_acknowledged_is_forgotten(pool: Pool) -> None:
    framework, offer = await one_offer(pool)
    await framework.launch(offer, task(offer, "t", "exit 0"))
    await framework.update("t", "TASK_FINISHED")
    await pool.eventually(lambda: not pool.side.tasks.tasks)
    async with asyncio.timeout(30):
        while await pool.tasks():
            await asyncio.sleep(0.01)


async def test_the_exit_code_is_in_the_message(pool: Pool) -> None:
    framework, offer = await one_offer(pool)
    await framework.launch(offer, task(offer, "t", "exit 3"))
    status = await framework.update("t", "TASK_FAILED")
    assert status["message"] == "Command exited with status 3"


async def test_a_kill_ends_a_task(pool: Pool) -> None:
    framework, offer = await one_offer(pool, capabilities=[{"type": "TASK_KILLING_STATE"}])
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    await framework.call("KILL", task_id={"value": "t"})
    assert (await framework.update("t"))["state"] == "TASK_KILLING"
    assert (await framework.update("t"))["state"] == "TASK_KILLED"


async def test_a_kill_with_a_wrong_agent_is_ignored(pool: Pool) -> None:
    framework, offer = await one_offer(pool)
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    await framework.call("KILL", task_id={"value": "t"}, agent_id={"value": "other"})
    assert not pool.side.tasks.tasks[framework.id, "t"].kill


async def test_an_unknown_task_is_lost(pool: Pool) -> None:
    framework = await pool.framework()
    await framework.call("KILL", task_id={"value": "never was"})
    assert (await framework.update())["state"] == "TASK_LOST"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"resources": [scalar("cpus", 100), scalar("mem", 1)]}, "more resources"),
        ({"resources": []}, "no resources"),
        ({"agent_id": {"value": "other"}}, "invalid agent"),
        ({"executor": {"executor_id": {"value": "e"}}}, "exactly one"),
        ({"kill_policy": {"grace_period": {"nanoseconds": -1}}}, "kill_policy"),
        ({"task_id": {"value": "a/b"}}, "Task ID is invalid"),
        ({"health_check": {"delay_seconds": 1}}, "health check"),
    ],
)
async def test_a_task_that_is_wrong_fails_alone(
    pool: Pool, more: dict[str, Any], message: str
) -> None:
    framework, offer = await one_offer(pool)
    await framework.launch(offer, task(offer, "t", **more), task(offer, "good"))
    wrong = await framework.update(state="TASK_ERROR")
    assert (wrong["source"], wrong["reason"]) == ("SOURCE_MASTER", "REASON_TASK_INVALID")
    assert message in wrong["message"] or message == "exactly one"
    await framework.update("good", "TASK_RUNNING")


async def test_a_group_is_one_pod_and_dies_together(pool: Pool) -> None:
    framework, offer = await one_offer(pool)
    executor = {
        "type": "DEFAULT",
        "executor_id": {"value": "e"},
        "resources": [scalar("cpus", 0.1), scalar("mem", 32)],
    }
    group = {"tasks": [task(offer, "a"), task(offer, "b")]}
    operation = {
        "type": "LAUNCH_GROUP",
        "launch_group": {"executor": executor, "task_group": group},
    }
    await framework.call("ACCEPT", offer_ids=[offer["id"]], operations=[operation])
    running = {(await framework.update(state="TASK_RUNNING"))["task_id"]["value"] for _ in "ab"}
    assert running == {"a", "b"}
    pods = (await pool.client.list(scheme.PODS, "frameworks"))["items"]
    assert [len(pod["spec"]["containers"]) for pod in pods] == [2]
    await framework.call("KILL", task_id={"value": "a"})
    killed = {(await framework.update(state="TASK_KILLED"))["task_id"]["value"] for _ in "ab"}
    assert killed == {"a", "b"}


async def test_a_group_fails_as_a_whole(pool: Pool) -> None:
    framework, offer = await one_offer(pool)
    executor = {"type": "DEFAULT", "executor_id": {"value": "e"}}
    group = {"tasks": [task(offer, "a")]}
    operation = {
        "type": "LAUNCH_GROUP",
        "launch_group": {"executor": executor, "task_group": group},
    }
    await framework.call("ACCEPT", offer_ids=[offer["id"]], operations=[operation])
    status = await framework.update("a")
    assert (status["state"], status["reason"]) == ("TASK_ERROR", "REASON_TASK_GROUP_INVALID")


async def test_updates_wait_for_the_acknowledgement_of_the_one_before(pool: Pool) -> None:
    framework, offer = await one_offer(pool)
    await framework.launch(offer, task(offer, "t", "exit 0"))
    first = (await framework.next("UPDATE"))["update"]["status"]
    await pool.eventually(lambda: pool.side.tasks.tasks[framework.id, "t"].over)
    await asyncio.sleep(0.02)
    assert not [event for event in framework.events if event["type"] == "UPDATE"]
    await framework.acknowledge(first)
    second = (await framework.next("UPDATE"))["update"]["status"]
    assert (first["state"], second["state"]) == ("TASK_STARTING", "TASK_RUNNING")
    assert await framework.acknowledge(first) == 202  # once more: ignored
    assert pool.side.tasks.tasks[framework.id, "t"].pending[0]["uuid"] == second["uuid"]


async def test_implicit_reconciliation_tells_what_is_not_over(pool: Pool) -> None:
    framework, offer = await one_offer(pool)
    await framework.launch(offer, task(offer, "runs"), task(offer, "ends", "exit 0"))
    await framework.update("runs", "TASK_RUNNING")
    await pool.eventually(lambda: pool.side.tasks.tasks[framework.id, "ends"].over)
    call = {"type": "RECONCILE", "framework_id": {"value": framework.id}, "reconcile": {}}
    assert (await framework.post(call))[0] == 202
    while (status := await framework.update()).get("reason") != "REASON_RECONCILIATION":
        pass
    assert (status["task_id"]["value"], status["state"]) == ("runs", "TASK_RUNNING")
    assert "uuid" not in status


@pytest.mark.parametrize(
    ("agent", "aware", "state"),
    [
        ("n1", True, "TASK_GONE"),
        ("n1", False, "TASK_LOST"),
        ("nowhere", True, "TASK_UNKNOWN"),
        ("nowhere", False, "TASK_LOST"),
    ],
)
async def test_explicit_reconciliation_of_an_unknown_task(
    pool: Pool, agent: str, aware: bool, state: str
) -> None:
    capabilities = [{"type": "PARTITION_AWARE"}] if aware else []
    framework, _ = await one_offer(pool, capabilities=capabilities)
    unknown = {"task_id": {"value": "x"}, "agent_id": {"value": agent}}
    await framework.call("RECONCILE", tasks=[unknown])
    assert (await framework.update("x"))["state"] == state


async def test_a_node_out_of_reach_and_back(pool: Pool) -> None:
    framework, offer = await one_offer(pool, capabilities=[{"type": "PARTITION_AWARE"}])
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    await pool.ready("n1", "Unknown")
    status = await framework.update("t")
    assert status["state"] == "TASK_UNREACHABLE"
    assert status["unreachable_time"]["nanoseconds"] > 0
    assert (await framework.next("FAILURE"))["failure"] == {"agent_id": {"value": "n1"}}
    # It counts for nothing now, and a master that comes later knows that too.
    assert pool.side.tasks.usage_of(framework.id)["tasks"] == 0
    assert pool.master.ledger.total == pool.master.ledger.roles.root.allocated == {}
    await pool.stop_master()
    await pool.start_master()
    await pool.eventually(lambda: pool.side.agents.state("n1") == "unreachable")
    await framework.close()
    framework.events.clear()
    framework.url = pool.url
    await framework.subscribe()
    await framework.call("RECONCILE", reconcile={"tasks": []})
    status = await framework.update("t", "TASK_UNREACHABLE")
    assert status["reason"] == "REASON_RECONCILIATION"
    await pool.ready("n1", "True")
    while status.get("reason") != "REASON_AGENT_REREGISTERED":
        status = await framework.update("t", "TASK_RUNNING")
    assert pool.side.tasks.usage_of(framework.id)["tasks"] == 1
    allocated = pool.master.ledger.roles.root.allocated
    await pool.eventually(lambda: allocated.get("cpu", 0) >= 500)
