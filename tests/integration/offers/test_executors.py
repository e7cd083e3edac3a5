"""Custom executors: the agent's side of the line over real HTTP, the master's beside it."""

import base64
import json
from typing import Any

import pytest

from apimachinery import scheme
from apimachinery.mesos import binary, marks
from tests.fakes.executor import RawExecutor
from tests.fakes.mesos import RawFramework, scalar, task
from tests.integration.offers.agents import Agent
from tests.integration.offers.conftest import Pool

HELLO = base64.b64encode(b"hello").decode()


def under(offer: dict[str, Any], name: str, **more: Any) -> dict[str, Any]:
    """A task under the executor `e`."""
    info = task(offer, name)
    del info["command"]
    executor = {
        "executor_id": {"value": "e"},
        "command": {"value": "serve"},
        "resources": [scalar("cpus", 0.1), scalar("mem", 32)],
    }
    return {**info, "executor": executor, "data": HELLO, **more}


async def launched(pool: Pool, *names: str, **info: Any) -> tuple[RawFramework, dict[str, Any]]:
    framework = await pool.framework(**info)
    (offer,) = await framework.offers()
    await framework.launch(offer, *(under(offer, name) for name in names))
    return framework, offer


async def subscribed(
    pool: Pool, agent: Agent, framework: RawFramework, **unacknowledged: Any
) -> RawExecutor:
    """Its executor, which subscribes as soon as the agent knows it."""
    executor = RawExecutor(pool.http, agent.url, framework.id, "e")
    await pool.eventually(lambda: agent.executors.find(framework.id, "e"))
    executor.first = (await executor.subscribe(**unacknowledged))["subscribed"]  # type: ignore[attr-defined]  read by the tests
    return executor


async def test_a_task_goes_to_its_executor_and_its_updates_to_the_framework(
    pool: Pool, agent: Agent
) -> None:
    framework, _ = await launched(pool, "t")
    executor = await subscribed(pool, agent, framework)
    first: Any = executor.first  # type: ignore[attr-defined]  see above
    assert first["executor_info"]["executor_id"] == {"value": "e"}
    assert first["framework_info"]["id"] == {"value": framework.id}
    info = (await executor.next("LAUNCH"))["launch"]["task"]
    assert (info["task_id"], info["data"]) == ({"value": "t"}, HELLO)
    labels = {"labels": [{"key": "wallTime", "value": "1"}]}
    uuid = await executor.tell("t", "TASK_RUNNING", labels=labels, data=HELLO)
    status = (await framework.next("UPDATE"))["update"]["status"]
    assert (status["uuid"], status["labels"], status["data"]) == (uuid, labels, HELLO)
    assert (status["agent_id"], status["executor_id"]) == ({"value": "n1"}, {"value": "e"})
    await framework.acknowledge(status)
    acknowledged = (await executor.next("ACKNOWLEDGED"))["acknowledged"]
    assert acknowledged == {"task_id": {"value": "t"}, "uuid": uuid}
    await executor.tell("t", "TASK_FINISHED")
    await framework.update("t", "TASK_FINISHED")
    await pool.eventually(lambda: not pool.side.tasks.tasks)


async def test_all_tasks_of_an_executor_share_its_pod_and_are_charged_one_by_one(
    pool: Pool, agent: Agent
) -> None:
    framework, _ = await launched(pool, "a", "b")
    executor = await subscribed(pool, agent, framework)
    names = {(await executor.next("LAUNCH"))["launch"]["task"]["task_id"]["value"] for _ in "ab"}
    assert names == {"a", "b"}
    assert len((await pool.client.list(scheme.PODS, "frameworks"))["items"]) == 1
    account = pool.master.ledger.accounts["n1"]
    await pool.eventually(lambda: account.used["cpu"] == 100 + 2 * 500)
    await executor.tell("a", "TASK_FINISHED")
    await pool.eventually(lambda: account.used["cpu"] == 100 + 500)
    await framework.call("REVIVE")
    while True:
        (offer,) = await framework.offers()
        if offer.get("executor_ids"):
            break
        await framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0})
    assert offer["executor_ids"] == [{"value": "e"}]
    await framework.launch(offer, under(offer, "c"))
    assert (await executor.next("LAUNCH"))["launch"]["task"]["task_id"] == {"value": "c"}
    assert len((await pool.client.list(scheme.PODS, "frameworks"))["items"]) == 1


async def test_the_pod_has_the_environment_of_mesos(pool: Pool, agent: Agent) -> None:
    framework, _ = await launched(pool, "t", checkpoint=True)
    await subscribed(pool, agent, framework)
    (pod,) = (await pool.client.list(scheme.PODS, "frameworks"))["items"]
    env = {one["name"]: one["value"] for one in pod["spec"]["containers"][0]["env"]}
    assert env["MESOS_FRAMEWORK_ID"] == framework.id
    assert env["MESOS_EXECUTOR_ID"] == "e"
    assert env["MESOS_AGENT_ENDPOINT"] == "10.0.0.1:5051"
    assert env["MESOS_SLAVE_PID"] == "slave(1)@10.0.0.1:5051"
    assert (env["MESOS_CHECKPOINT"], env["MESOS_RECOVERY_TIMEOUT"]) == ("1", "15mins")
    assert env["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"] == "5secs"


async def test_the_agent_fetches_what_the_executor_wants(pool: Pool, agent: Agent) -> None:
    framework = await pool.framework()
    (offer,) = await framework.offers()
    info = under(offer, "t")
    uris = [{"value": "http://files/executor.tgz"}]
    info["executor"]["command"]["uris"] = uris
    await framework.launch(offer, info)
    await subscribed(pool, agent, framework)
    (pod,) = (await pool.client.list(scheme.PODS, "frameworks"))["items"]
    assert json.loads(pod["metadata"]["annotations"][marks.FETCH]) == {"executor": uris}


async def test_a_kill_reaches_the_executor_with_its_policy(pool: Pool, agent: Agent) -> None:
    framework, _ = await launched(pool, "t")
    executor = await subscribed(pool, agent, framework)
    await executor.next("LAUNCH")
    policy = {"grace_period": {"nanoseconds": 2_000_000_000}}
    await framework.call("KILL", task_id={"value": "t"}, kill_policy=policy)
    kill = (await executor.next("KILL"))["kill"]
    assert kill == {"task_id": {"value": "t"}, "kill_policy": policy}
    await executor.tell("t", "TASK_KILLED")
    await framework.update("t", "TASK_KILLED")


async def test_a_kill_before_delivery_never_reaches_the_executor(pool: Pool, agent: Agent) -> None:
    framework, _ = await launched(pool, "t", "other")
    await pool.eventually(lambda: agent.executors.find(framework.id, "e"))
    await framework.call("KILL", task_id={"value": "t"})
    assert (await framework.update("t"))["reason"] == "REASON_TASK_KILLED_DURING_LAUNCH"
    executor = await subscribed(pool, agent, framework)
    info = (await executor.next("LAUNCH"))["launch"]["task"]
    assert info["task_id"] == {"value": "other"}


async def test_messages_pass_both_ways(pool: Pool, agent: Agent) -> None:
    framework, offer = await launched(pool, "t")
    executor = await subscribed(pool, agent, framework)
    where = {"agent_id": offer["agent_id"], "executor_id": {"value": "e"}}
    await framework.call("MESSAGE", **where, data=HELLO)
    assert (await executor.next("MESSAGE"))["message"] == {"data": HELLO}
    assert await executor.call("MESSAGE", data=HELLO) == (202, "")
    assert (await framework.next("MESSAGE"))["message"] == {**where, "data": HELLO}


async def test_shutdown_asks_first(pool: Pool, agent: Agent) -> None:
    """71 ShutdownExecutor: SHUTDOWN, then the pod's end, then FAILURE."""
    framework, offer = await launched(pool, "t")
    executor = await subscribed(pool, agent, framework)
    await executor.next("LAUNCH")
    where = {"agent_id": offer["agent_id"], "executor_id": {"value": "e"}}
    await framework.call("SHUTDOWN", **where)
    await executor.next("SHUTDOWN")
    await executor.tell("t", "TASK_KILLED")
    await framework.update("t", "TASK_KILLED")
    (pod,) = (await pool.client.list(scheme.PODS, "frameworks"))["items"]
    await pool.nodes.tell(pod, {"executor": 0})
    failure = (await framework.next("FAILURE"))["failure"]
    assert failure == {**where, "status": 0}
    await pool.eventually(lambda: not pool.side.tasks.executors.all)


async def test_an_executor_that_ends_takes_its_tasks_along(pool: Pool, agent: Agent) -> None:
    framework, offer = await launched(pool, "t")
    executor = await subscribed(pool, agent, framework)
    await executor.next("LAUNCH")
    await executor.tell("t", "TASK_RUNNING")
    await framework.update("t", "TASK_RUNNING")
    (pod,) = (await pool.client.list(scheme.PODS, "frameworks"))["items"]
    await pool.nodes.tell(pod, {"executor": 3})
    failure = (await framework.next("FAILURE"))["failure"]
    assert failure == {
        "agent_id": offer["agent_id"],
        "executor_id": {"value": "e"},
        "status": 3 << 8,
    }
    status = await framework.update("t", "TASK_FAILED")
    assert status["reason"] == "REASON_EXECUTOR_TERMINATED"
    await pool.eventually(lambda: not pool.side.tasks.executors.all)
    await pool.eventually(lambda: not pool.master.ledger.usages)


async def test_teardown_shuts_executors_down(pool: Pool, agent: Agent) -> None:
    framework, _ = await launched(pool, "t")
    executor = await subscribed(pool, agent, framework)
    await framework.call("TEARDOWN")
    await executor.next("SHUTDOWN")


async def test_updates_wait_while_the_master_is_away(pool: Pool, agent: Agent) -> None:
    framework, _ = await launched(pool, "t")
    executor = await subscribed(pool, agent, framework)
    await executor.next("LAUNCH")
    await framework.close()
    await pool.stop_master()
    uuid = await executor.tell("t", "TASK_RUNNING")
    await pool.start_master()
    back = RawFramework(pool.http, pool.url, **framework.info)
    await back.subscribe()
    status = await back.update("t", "TASK_RUNNING")
    assert status["uuid"] == uuid
    await executor.next("ACKNOWLEDGED")
    assert executor.answer.content.at_eof() is False  # nothing of this shook the connection
    await executor.tell("t", "TASK_FINISHED")
    await back.update("t", "TASK_FINISHED")


async def test_an_agent_that_starts_again_hands_nothing_over_twice(
    pool: Pool, agent: Agent
) -> None:
    framework, _ = await launched(pool, "t")
    executor = await subscribed(pool, agent, framework)
    info = (await executor.next("LAUNCH"))["launch"]["task"]
    uuid = await executor.tell("t", "TASK_RUNNING")
    await agent.stop()
    await executor.next("END")
    await agent.start()
    agent.follow()
    status = {
        "task_id": {"value": "t"},
        "state": "TASK_RUNNING",
        "source": "SOURCE_EXECUTOR",
        "uuid": uuid,
    }
    back = await subscribed(
        pool,
        agent,
        framework,
        unacknowledged_tasks=[info],
        unacknowledged_updates=[{"status": status}],
    )
    await framework.update("t", "TASK_RUNNING")
    assert (await back.next())["type"] == "ACKNOWLEDGED"  # and no LAUNCH before it


@pytest.mark.parametrize("waits", [False, True])
async def test_what_comes_after_the_end_is_passed_on(pool: Pool, agent: Agent, waits: bool) -> None:
    """79 DuplicateTerminalUpdateAfterAck, or before it: the second comes after the first, with the
    executor's uuid, is acknowledged to the executor, and changes nothing of the task."""
    framework, _ = await launched(pool, "t", "other")
    executor = await subscribed(pool, agent, framework)
    await executor.tell("t", "TASK_FINISHED")
    if waits:
        assert (await framework.update("t"))["state"] == "TASK_FINISHED"
        await executor.next("ACKNOWLEDGED")
    late = await executor.tell("t", "TASK_KILLED")
    if not waits:
        assert (await framework.update("t"))["state"] == "TASK_FINISHED"
    status = await framework.update("t")
    assert (status["state"], status["uuid"]) == ("TASK_KILLED", late)
    while (await executor.next("ACKNOWLEDGED"))["acknowledged"]["uuid"] != late:
        pass
    assert [one.state for one in pool.side.tasks.completed] == ["TASK_FINISHED"]
    await executor.tell("other", "TASK_RUNNING")
    assert (await framework.update())["task_id"] == {"value": "other"}


async def test_what_comes_after_the_end_comes_until_it_is_acknowledged(
    pool: Pool, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offers.tasks.late.AGAIN_S", 0.02)
    framework, _ = await launched(pool, "t", "other")
    executor = await subscribed(pool, agent, framework)
    await executor.tell("t", "TASK_FINISHED")
    await framework.update("t")
    late = await executor.tell("t", "TASK_KILLED")
    for _ in range(3):
        status = (await framework.next("UPDATE"))["update"]["status"]
        assert status["uuid"] == late
    await framework.acknowledge(status)
    key = ("t", late)
    await pool.eventually(
        lambda: not any(key in one.late for one in pool.side.tasks.executors.all.values())
    )


async def test_updates_about_what_never_was_are_bounded(
    pool: Pool, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offers.tasks.executor.LATE_MAX", 1)
    framework, _ = await launched(pool, "t")
    executor = await subscribed(pool, agent, framework)
    first, second = await executor.tell("x", "TASK_LOST"), await executor.tell("y", "TASK_LOST")
    assert (await framework.update())["uuid"] == first
    acknowledged = {(await executor.next("ACKNOWLEDGED"))["acknowledged"]["uuid"] for _ in "xy"}
    assert acknowledged == {first, second}


async def test_the_same_update_once_more_is_dropped(pool: Pool, agent: Agent) -> None:
    """80 DuplicateUpdateBeforeAck."""
    framework, _ = await launched(pool, "t")
    executor = await subscribed(pool, agent, framework)
    uuid = await executor.tell("t", "TASK_RUNNING")
    await executor.tell("t", "TASK_RUNNING", uuid=uuid)
    known = agent.executors.find(framework.id, "e")
    assert known is not None
    assert len(known.updates) == 1
    assert (await framework.update("t"))["uuid"] == uuid


async def test_a_group_is_delivered_as_one(pool: Pool, agent: Agent) -> None:
    framework = await pool.framework()
    (offer,) = await framework.offers()
    executor_info = {**under(offer, "x")["executor"], "type": "CUSTOM"}
    tasks = [{n: v for n, v in under(offer, name).items() if n != "executor"} for name in "ab"]
    group = {"executor": executor_info, "task_group": {"tasks": tasks}}
    operation = {"type": "LAUNCH_GROUP", "launch_group": group}
    await framework.call("ACCEPT", offer_ids=[offer["id"]], operations=[operation])
    executor = await subscribed(pool, agent, framework)
    found = (await executor.next("LAUNCH_GROUP"))["launch_group"]["task_group"]["tasks"]
    assert [info["task_id"]["value"] for info in found] == ["a", "b"]


async def test_one_id_is_one_executor(pool: Pool, agent: Agent) -> None:
    framework = await pool.framework()
    (offer,) = await framework.offers()
    other = under(offer, "b")
    other["executor"] = {**other["executor"], "command": {"value": "another"}}
    await framework.launch(offer, under(offer, "a"), other)
    status = await framework.update("b", "TASK_ERROR")
    assert "not compatible" in status["message"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"command": None}, "'ExecutorInfo.command' must be set"),
        ({"executor_id": {"value": "a/b"}}, "Executor ID is invalid"),
        ({"shutdown_grace_period": {"nanoseconds": -1}}, "shutdown_grace_period"),
    ],
)
async def test_an_executor_that_cannot_be_fails_its_task(
    pool: Pool, agent: Agent, change: dict[str, Any], said: str
) -> None:
    framework = await pool.framework()
    (offer,) = await framework.offers()
    wrong = under(offer, "t")
    wrong["executor"] = {**wrong["executor"], **change}
    await framework.launch(offer, wrong)
    assert said in (await framework.update("t", "TASK_ERROR"))["message"]


# --- the status codes of the executor API


async def answer(pool: Pool, agent: Agent, body: Any, **more: Any) -> tuple[int, str]:
    how = {"json": body} if not isinstance(body, bytes) else {"data": body}
    method = more.pop("method", "POST")
    async with pool.http.request(method, agent.url, **how, **more) as got:
        return got.status, await got.text()


IDS = {"framework_id": {"value": "f"}, "executor_id": {"value": "e"}}


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"nonsense", 400, "Failed to parse body"),
        ({"type": "SUBSCRIBE"}, 400, "executor_id"),
        ({**IDS}, 400, "Expecting 'type'"),
        ({**IDS, "type": "SUBSCRIBE"}, 400, "Expecting 'subscribe'"),
        ({**IDS, "type": "SUBSCRIBE", "subscribe": {}}, 400, "cannot be found"),
        ({**IDS, "type": "MESSAGE", "message": {"data": "AA=="}}, 400, "cannot be found"),
    ],
)
async def test_what_is_wrong_is_said(
    pool: Pool, agent: Agent, body: Any, code: int, said: str
) -> None:
    """90 MessageFromUnknownFramework among them."""
    headers = {"Content-Type": "application/json"}
    status, text = await answer(pool, agent, body, headers=headers)
    assert (status, said in text) == (code, True), text


async def test_methods_and_types(pool: Pool, agent: Agent) -> None:
    assert (await answer(pool, agent, b"", method="GET"))[0] == 405
    assert (await answer(pool, agent, b"x", headers={"Content-Type": "text/plain"}))[0] == 415


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"executor_id": {"value": "another"}}, "does not match ExecutorID"),
        ({"uuid": "AAAA"}, "UUID"),
        ({"source": "SOURCE_AGENT"}, "SOURCE_EXECUTOR"),
        ({"state": "TASK_STAGING"}, "TASK_STAGING"),
    ],
)
async def test_an_update_must_be_in_order(
    pool: Pool, agent: Agent, change: dict[str, Any], said: str
) -> None:
    """89 StatusUpdateCallFailedValidation."""
    framework, _ = await launched(pool, "t")
    executor = await subscribed(pool, agent, framework)
    status = {
        "task_id": {"value": "t"},
        "state": "TASK_RUNNING",
        "source": "SOURCE_EXECUTOR",
        "uuid": base64.b64encode(bytes(16)).decode(),
        **change,
    }
    code, text = await executor.call("UPDATE", status=status)
    assert (code, said in text) == (400, True), text


async def test_nobody_speaks_before_he_subscribed(pool: Pool, agent: Agent) -> None:
    framework, _ = await launched(pool, "t")
    await pool.eventually(lambda: agent.executors.find(framework.id, "e"))
    executor = RawExecutor(pool.http, agent.url, framework.id, "e")
    assert await executor.call("MESSAGE", data=HELLO) == (403, "Executor is not subscribed")
    assert (await executor.call("HEARTBEAT"))[0] == 202


async def test_an_agent_that_recovers_says_so(pool: Pool) -> None:
    """88 SubscribeBeforeContainerizerRecovery."""
    made = Agent(pool)
    await made.start()
    executor = RawExecutor(pool.http, made.url, "f", "e")
    assert (await executor.call("SUBSCRIBE"))[0] == 503
    await made.server.close()


async def test_executors_may_speak_protobuf(pool: Pool, agent: Agent) -> None:
    framework, _ = await launched(pool, "t")
    await pool.eventually(lambda: agent.executors.find(framework.id, "e"))
    ids = {"framework_id": {"value": framework.id}, "executor_id": {"value": "e"}}
    body = binary.dumps({"type": "SUBSCRIBE", "subscribe": {}, **ids}, "ExecutorCall")
    kind = "application/x-protobuf"
    headers = {"Content-Type": kind, "Accept": kind}
    async with pool.http.post(agent.url, data=body, headers=headers) as got:
        size = int(await got.content.readuntil(b"\n"))
        event = binary.loads(await got.content.readexactly(size), "ExecutorEvent")
        assert event["type"] == "SUBSCRIBED"
        size = int(await got.content.readuntil(b"\n"))
        event = binary.loads(await got.content.readexactly(size), "ExecutorEvent")
        assert event["launch"]["task"]["task_id"] == {"value": "t"}
