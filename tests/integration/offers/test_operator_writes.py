"""What operators do to weights, quota, machines and frameworks, and the event stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from apimachinery import scheme
from tests.fakes.mesos import task
from tests.integration.offers.conftest import Pool
from tests.integration.offers.test_operator import ask, get

NOW = {"start": {"nanoseconds": 1_000_000_000}, "duration": {"nanoseconds": 60_000_000_000}}
N1 = {"hostname": "n1"}


async def post(pool: Pool, path: str, body: Any, method: str = "POST") -> tuple[int, str]:
    url = pool.url.removesuffix("/api/v1/scheduler") + path
    data = body if isinstance(body, str) else json.dumps(body)
    async with pool.http.request(method, url, data=data) as answer:
        return answer.status, await answer.text()


async def plan(pool: Pool, *machines: dict[str, str]) -> tuple[int, Any]:
    windows = [{"machine_ids": list(machines), "unavailability": NOW}] if machines else []
    return await ask(pool, "UPDATE_MAINTENANCE_SCHEDULE", schedule={"windows": windows})


async def until(pool: Pool, kind: str, what: Any) -> Any:
    """Ask until the answer is right: it goes through the API and back."""
    async with asyncio.timeout(30):
        while True:
            found = (await ask(pool, kind))[1][kind.lower()]
            if what(found):
                return found
            await asyncio.sleep(0.01)


async def test_weights_become_role_objects(pool: Pool) -> None:
    infos = [{"role": "batch", "weight": 2.5}, {"role": "a/b", "weight": 3}]
    assert (await ask(pool, "UPDATE_WEIGHTS", weight_infos=infos))[0] == 200
    found = await until(pool, "GET_WEIGHTS", lambda w: len(w["weight_infos"]) == 2)
    assert {one["role"]: one["weight"] for one in found["weight_infos"]} == {"batch": 2.5, "a/b": 3}
    assert (await pool.client.get(scheme.OFFER_ROLES, "batch"))["spec"]["weight"] == "2500m"
    assert len(await get(pool, "/weights")) == 2


@pytest.mark.parametrize("weight", [0, -1, "2", float("nan")])
async def test_a_weight_must_be_a_positive_number(pool: Pool, weight: Any) -> None:
    infos = [{"role": "batch", "weight": weight}]
    assert (await ask(pool, "UPDATE_WEIGHTS", weight_infos=infos))[0] == 400


async def test_quota_is_set_shown_and_removed(pool: Pool) -> None:
    await pool.node("n1")
    await pool.eventually(lambda: pool.master.ledger.total)
    config = {
        "role": "batch",
        "guarantees": {"cpus": {"value": 1}},
        "limits": {"cpus": {"value": 2}, "mem": {"value": 512}},
    }
    assert (await ask(pool, "UPDATE_QUOTA", quota_configs=[config]))[0] == 200
    found = await until(pool, "GET_QUOTA", lambda quota: quota["status"]["configs"])
    assert found["status"]["configs"] == [
        {
            "role": "batch",
            "guarantees": {"cpus": {"value": 1.0}},
            "limits": {"cpus": {"value": 2.0}, "mem": {"value": 512.0}},
        }
    ]
    assert (await post(pool, "/quota/batch", "", "DELETE"))[0] == 200
    await until(pool, "GET_QUOTA", lambda quota: not quota["status"]["configs"])
    assert (await ask(pool, "REMOVE_QUOTA", role="batch"))[0] == 400


async def test_a_limit_below_consumption_needs_force(pool: Pool) -> None:
    await pool.node("n1")
    framework = await pool.framework(role="batch")
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    config = {"role": "batch", "limits": {"cpus": {"value": 0.1}}}
    assert (await ask(pool, "UPDATE_QUOTA", quota_configs=[config]))[0] == 400
    assert (await ask(pool, "UPDATE_QUOTA", quota_configs=[config], force=True))[0] == 200


async def test_guarantees_must_be_within_the_cluster_and_the_limits(pool: Pool) -> None:
    await pool.node("n1")
    await pool.eventually(lambda: pool.master.ledger.total)
    big = {"role": "batch", "guarantees": {"cpus": {"value": 1000}}}
    assert (await ask(pool, "UPDATE_QUOTA", quota_configs=[big]))[0] == 400
    crossed = {
        "role": "batch",
        "guarantees": {"cpus": {"value": 2}},
        "limits": {"cpus": {"value": 1}},
    }
    assert (await ask(pool, "UPDATE_QUOTA", quota_configs=[crossed]))[0] == 400
    # What is promised to others counts too, and what is promised within a role once.
    half = {"guarantees": {"cpus": {"value": 2.5}}}
    assert (await ask(pool, "UPDATE_QUOTA", quota_configs=[{"role": "batch", **half}]))[0] == 200
    inner = {"path": "batch/night", "guarantees": {"cpu": "2"}}
    await pool.client.create(
        scheme.OFFER_ROLES, {"metadata": {"name": "batch.night"}, "spec": inner}
    )
    await until(pool, "GET_QUOTA", lambda quota: len(quota["status"]["configs"]) == 2)
    assert (await ask(pool, "UPDATE_QUOTA", quota_configs=[{"role": "web", **half}]))[0] == 400
    fine = {"role": "web", "guarantees": {"cpus": {"value": 1.5}}}
    assert (await ask(pool, "UPDATE_QUOTA", quota_configs=[fine]))[0] == 200
    nested = {"role": "a/b", "limits": {"cpus": {"value": 1}}}
    assert (await ask(pool, "UPDATE_QUOTA", quota_configs=[nested]))[0] == 400


async def test_teardown_by_form(pool: Pool) -> None:
    framework = await pool.framework()
    assert (await post(pool, "/master/teardown", f"frameworkId={framework.id}"))[0] == 200
    assert pool.side.frameworks.known[framework.id].removed
    assert (await post(pool, "/teardown", ""))[0] == 400


async def test_a_scheduled_node_says_so_in_its_offers(pool: Pool) -> None:
    """91 PendingUnavailabilityTest: outstanding offers are rescinded and sent anew."""
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    assert "unavailability" not in offer
    assert (await plan(pool, N1))[0] == 200
    assert (await framework.next("RESCIND"))["rescind"]["offer_id"] == offer["id"]
    (offer,) = await framework.offers()
    assert offer["unavailability"] == NOW
    schedule = (await ask(pool, "GET_MAINTENANCE_SCHEDULE"))[1]["get_maintenance_schedule"]
    window = schedule["schedule"]["windows"][0]
    assert (window["machine_ids"][0]["hostname"], window["unavailability"]) == ("n1", NOW)


async def test_a_framework_is_asked_once_until_it_answers(pool: Pool) -> None:
    """91 InverseOffers: one for each framework that uses the node; answers show in the status."""
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    await plan(pool, N1)
    (asked,) = (await framework.next("INVERSE_OFFERS"))["inverse_offers"]["inverse_offers"]
    assert (asked["agent_id"], asked["unavailability"]) == ({"value": "n1"}, NOW)
    assert await framework.call("ACCEPT_INVERSE_OFFERS", inverse_offer_ids=[asked["id"]]) == 202
    status = (await ask(pool, "GET_MAINTENANCE_STATUS"))[1]["get_maintenance_status"]["status"]
    (machine,) = status["draining_machines"]
    assert machine["statuses"][0]["status"] == "ACCEPT"
    assert machine["statuses"][0]["framework_id"] == {"value": framework.id}
    assert not [event for event in framework.events if event["type"] == "INVERSE_OFFERS"]


async def test_a_declined_inverse_offer_comes_again(pool: Pool) -> None:
    """91 InverseOffersFilters: after the time for which it was refused."""
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    await plan(pool, N1)
    (asked,) = (await framework.next("INVERSE_OFFERS"))["inverse_offers"]["inverse_offers"]
    body = {"inverse_offer_ids": [asked["id"]], "filters": {"refuse_seconds": 0}}
    await framework.call("DECLINE_INVERSE_OFFERS", **body)
    (again,) = (await framework.next("INVERSE_OFFERS"))["inverse_offers"]["inverse_offers"]
    assert again["id"] != asked["id"]
    await plan(pool)
    gone = (await framework.next("RESCIND_INVERSE_OFFER"))["rescind_inverse_offer"]
    assert gone["inverse_offer_id"] == again["id"]


async def test_a_machine_goes_down_and_comes_up(pool: Pool) -> None:
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    assert (await post(pool, "/machine/down", [N1]))[0] == 400  # not scheduled
    await plan(pool, N1)
    await until(pool, "GET_MAINTENANCE_SCHEDULE", lambda found: found["schedule"])
    assert (await post(pool, "/machine/down", [N1]))[0] == 200
    assert (await framework.update("t", "TASK_LOST"))["reason"] == "REASON_AGENT_REMOVED"
    down = await until(pool, "GET_MAINTENANCE_STATUS", lambda f: f["status"]["down_machines"])
    assert down["status"]["down_machines"][0]["hostname"] == "n1"
    assert (await plan(pool))[0] == 400  # one that is down must stay in the schedule
    assert (await pool.client.get(scheme.NODES, "n1"))["spec"]["unschedulable"]
    assert (await post(pool, "/machine/up", [N1]))[0] == 200
    await until(pool, "GET_MAINTENANCE_SCHEDULE", lambda found: not found["schedule"])
    assert "unschedulable" not in (await pool.client.get(scheme.NODES, "n1"))["spec"]
    assert await framework.offers()


@pytest.mark.parametrize(
    "windows",
    [
        [{"machine_ids": [{"hostname": "nowhere"}], "unavailability": NOW}],
        [{"machine_ids": [{}], "unavailability": NOW}],
        [{"machine_ids": [], "unavailability": NOW}],
        [{"machine_ids": [N1]}],
        [{"machine_ids": [N1, N1], "unavailability": NOW}],
    ],
)
async def test_a_schedule_that_makes_no_sense_is_refused(pool: Pool, windows: Any) -> None:
    await pool.node("n1")
    await pool.eventually(lambda: pool.side.agents.exists("n1"))
    schedule = {"windows": windows}
    assert (await ask(pool, "UPDATE_MAINTENANCE_SCHEDULE", schedule=schedule))[0] == 400
    assert (await post(pool, "/maintenance/schedule", schedule))[0] == 400


async def test_a_drained_agent_is_empty_and_takes_nothing_new(pool: Pool) -> None:
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    body = {"agent_id": {"value": "n1"}, "max_grace_period": {"nanoseconds": 0}}
    assert (await ask(pool, "DRAIN_AGENT", **body))[0] == 200
    assert (await framework.update("t", "TASK_KILLED"))["reason"] == "REASON_AGENT_DRAINING"
    await pool.eventually(lambda: pool.side.agents.plan("n1")["drain"]["state"] == "DRAINED")
    assert (await ask(pool, "REACTIVATE_AGENT", agent_id={"value": "n1"}))[0] == 200
    await framework.call("REVIVE")
    assert await framework.offers()


async def test_a_deactivated_agent_is_offered_no_more(pool: Pool) -> None:
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    assert (await ask(pool, "DEACTIVATE_AGENT", agent_id={"value": "n1"}))[0] == 200
    assert (await framework.next("RESCIND"))["rescind"]["offer_id"] == offer["id"]
    agents = (await ask(pool, "GET_AGENTS"))[1]["get_agents"]["agents"]
    assert agents[0]["deactivated"]


@pytest.mark.parametrize(
    ("aware", "state"), [(True, "TASK_GONE_BY_OPERATOR"), (False, "TASK_LOST")]
)
async def test_an_agent_marked_gone_takes_its_tasks_along(
    pool: Pool, aware: bool, state: str
) -> None:
    await pool.node("n1")
    capabilities = [{"type": "PARTITION_AWARE"}] if aware else []
    framework = await pool.framework(capabilities=capabilities)
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    assert (await ask(pool, "MARK_AGENT_GONE", agent_id={"value": "n1"}))[0] == 200
    assert (await framework.update("t", state))["reason"] == "REASON_AGENT_REMOVED_BY_OPERATOR"
    assert not (await pool.client.list(scheme.NODES))["items"]
    assert (await ask(pool, "MARK_AGENT_GONE", agent_id={"value": "n1"}))[0] in (200, 400)


@asynccontextmanager
async def watching(pool: Pool) -> AsyncIterator[Any]:
    """The operator's event stream; heartbeats are left out."""
    url = pool.url.removesuffix("/scheduler")
    async with pool.http.post(url, json={"type": "SUBSCRIBE"}) as answer:
        assert answer.status == 200

        async def following() -> Any:
            async with asyncio.timeout(30):
                while True:
                    size = int(await answer.content.readuntil(b"\n"))
                    event = json.loads(await answer.content.readexactly(size))
                    if event["type"] != "HEARTBEAT":
                        return event

        yield following


async def test_subscribers_hear_of_agents_frameworks_and_tasks(pool: Pool) -> None:
    async with watching(pool) as following:
        first = await following()
        assert first["type"] == "SUBSCRIBED"
        assert first["subscribed"]["get_state"]["get_agents"]["agents"] == []
        await pool.node("n1")
        added = await following()
        assert (added["type"], added["agent_added"]["agent"]["agent_info"]["id"]["value"]) == (
            "AGENT_ADDED",
            "n1",
        )
        framework = await pool.framework(name="seen")
        info = (await following())["framework_added"]["framework"]["framework_info"]
        assert (info["name"], info["id"]["value"]) == ("seen", framework.id)
        (offer,) = await framework.offers()
        await framework.launch(offer, task(offer, "t", "exit 0"))
        assert (await following())["task_added"]["task"]["task_id"] == {"value": "t"}
        await framework.update("t", "TASK_FINISHED")
        states = []
        while "TASK_FINISHED" not in states:
            states.append((await following())["task_updated"]["state"])
        await framework.call("TEARDOWN")
        removed = await following()
        assert removed["framework_removed"]["framework_info"]["name"] == "seen"


async def test_logging_is_turned_up_for_a_while(pool: Pool) -> None:
    duration = {"nanoseconds": 1}
    body = {"level": 1, "duration": duration}
    assert (await ask(pool, "SET_LOGGING_LEVEL", **body))[0] == 200
    assert (await ask(pool, "SET_LOGGING_LEVEL", level="x", duration=duration))[0] == 400
    assert "level" in (await ask(pool, "GET_LOGGING_LEVEL"))[1]["get_logging_level"]


@pytest.mark.parametrize("kind", ["UPDATE_WEIGHTS", "DRAIN_AGENT", "SET_QUOTA", "TEARDOWN"])
async def test_a_call_without_its_body_is_refused(pool: Pool, kind: str) -> None:
    assert (await ask(pool, kind))[0] == 400
