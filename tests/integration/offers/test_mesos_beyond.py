"""Cases of Mesos' own tests beyond the list of `docs/mesos-cases.md`: small, and by subject."""

import json
from typing import Any

import pytest

from apimachinery import scheme
from tests.fakes.mesos import Json, RawFramework, scalar, task
from tests.integration.offers.conftest import Pool
from tests.integration.offers.test_operator import ask, get
from tests.integration.offers.test_operator_writes import post, until
from tests.integration.offers.test_reservations import (
    accept,
    create,
    launching,
    offered,
    reserve,
    reserved,
    volume,
)

ABLE = [{"type": name} for name in ("MULTI_ROLE", "PARTITION_AWARE", "RESERVATION_REFINEMENT")]
CONSTRAINT = {
    "groups": [
        {"attribute_constraints": [
            {"selector": {"attribute_name": "rack"}, "predicate": {"exists": {}}}
        ]}
    ]
}  # fmt: skip


async def raw(framework: RawFramework, kind: str, **body: Any) -> tuple[int, str]:
    return await framework.post({"type": kind, "framework_id": {"value": framework.id}, **body})


async def update(framework: RawFramework, more: Json | None = None, **info: Any) -> tuple[int, str]:
    body = {"framework_info": {**framework.info, **info}, **(more or {})}
    return await raw(framework, "UPDATE_FRAMEWORK", update_framework=body)


# --- frameworks and their roles


@pytest.mark.parametrize(
    ("info", "more", "said"),
    [
        ({"role": "a"}, {"suppressed_roles": ["b"]}, "Suppressed role 'b'"),
        ({"role": "a"}, {"offer_constraints": {"role_constraints": {"b": CONSTRAINT}}}, "'b'"),
        ({"role": "a", "roles": ["b"]}, {}, "MULTI_ROLE"),
        ({"roles": ["a", "a"], "capabilities": ABLE}, {}, "duplicate"),
        ({"role": "a", "capabilities": ABLE}, {}, "MULTI_ROLE"),
        ({"role": "a", "failover_timeout": -1}, {}, "failover_timeout"),
    ],
)
async def test_what_a_framework_says_of_its_roles_must_fit(
    pool: Pool, info: Json, more: Json, said: str
) -> None:
    """Subscribing it is an ERROR event; updating it is a 400, and nothing changes."""
    first = await RawFramework(pool.http, pool.url, **info).subscribe(**more)
    assert first["type"] == "ERROR"
    assert said in first["error"]["message"]
    framework = await pool.framework(roles=["x"], capabilities=ABLE)
    for key in ("roles", "capabilities"):
        del framework.info[key]
    code, text = await update(framework, more, **info)
    assert (code, said in text) == (400, True), text
    assert pool.side.frameworks.known[framework.id].roles == ("x",)


@pytest.mark.parametrize("change", [{"user": "joe"}, {"checkpoint": True}, {"principal": "joe"}])
async def test_what_may_not_be_updated(pool: Pool, change: Json) -> None:
    """UserChangeFails, CheckpointingChangeFails, PrincipalChangeFails: all of it is refused."""
    framework = await pool.framework(role="a")
    code, text = await update(framework, name="two", **change)
    assert code == 400
    assert next(iter(change)) in text
    assert pool.side.frameworks.known[framework.id].info["name"] == "raw"


async def test_roles_that_are_added_get_offers_and_those_removed_lose_them(pool: Pool) -> None:
    """OffersOnAddingRole, RescindOnRemovingRoles; tasks of a role that is left run on."""
    framework = await pool.framework(roles=[], capabilities=ABLE)
    await pool.node("n1")
    assert (await update(framework, roles=["a"]))[0] == 200
    (offer,) = await framework.offers()
    assert offer["allocation_info"] == {"role": "a"}
    await framework.launch(offer, task(offer, "t"), filters={"refuse_seconds": 0})
    await framework.update("t", "TASK_RUNNING")
    (offer,) = await framework.offers()
    assert (await update(framework, roles=["b"]))[0] == 200
    rescinded = await framework.next("RESCIND")
    assert rescinded["rescind"]["offer_id"] == offer["id"]
    (offer,) = await framework.offers()
    assert offer["allocation_info"] == {"role": "b"}
    await framework.call("RECONCILE", reconcile={"tasks": []})
    assert (await framework.update("t"))["state"] == "TASK_RUNNING"
    assert pool.master.ledger.roles.role("a").allocated["cpu"] == 500


async def test_what_may_change_with_a_failover_does(pool: Pool) -> None:
    """Name, address and timeout are the successor's; the user stays."""
    framework = await pool.framework(role="a", webui_url="http://one")
    again = RawFramework(
        pool.http, pool.url, id=framework.info["id"], role="b", user="joe",
        name="two", webui_url="http://two", failover_timeout=30.0,
    )  # fmt: skip
    await again.subscribe()
    (found,) = (await get(pool, "/frameworks"))["frameworks"]
    kept = ("name", "webui_url", "failover_timeout", "user", "role")
    assert [found[key] for key in kept] == ["two", "http://two", 30.0, "root", "b"]


async def test_the_roles_endpoint_tells_of_all_roles(pool: Pool) -> None:
    """Those with a weight, a quota, a reservation or a framework, and what each has."""
    framework, offer = await offered(pool)
    await accept(framework, offer, reserve(reserved("cpus", 1)))
    await framework.offers()
    assert (await ask(pool, "UPDATE_WEIGHTS", weight_infos=[{"role": "w", "weight": 2.0}]))[
        0
    ] == 200
    config = {"role": "q", "limits": {"cpus": {"value": 3}}}
    assert (await ask(pool, "UPDATE_QUOTA", quota_configs=[config]))[0] == 200
    found = (await until(pool, "GET_ROLES", lambda roles: len(roles["roles"]) == 3))["roles"]
    assert [one["name"] for one in found] == ["batch", "q", "w"]
    batch, quota, weight = (await get(pool, "/roles"))["roles"]
    assert (batch["frameworks"], batch["reserved"]["cpus"]) == ([framework.id], 1.0)
    assert batch["offered"]["cpus"] == batch["resources"]["cpus"] == 4.0
    assert batch["quota"]["consumed"]["cpus"] == 4.0
    assert (quota["quota"]["limit"], quota["quota"]["guarantee"]) == ({"cpus": 3.0}, {})
    assert weight["weight"] == 2.0


async def test_quota_and_weights_survive_the_master(pool: Pool) -> None:
    """RecoverQuotaEmptyCluster: without an agent and without a framework."""
    config = {"role": "q", "limits": {"cpus": {"value": 3}}}
    assert (await ask(pool, "UPDATE_QUOTA", quota_configs=[config]))[0] == 200
    assert (await ask(pool, "UPDATE_WEIGHTS", weight_infos=[{"role": "q", "weight": 2.0}]))[
        0
    ] == 200
    await pool.stop_master()
    await pool.start_master()
    found = await until(pool, "GET_QUOTA", lambda quota: quota["status"]["configs"])
    assert [one["limits"] for one in found["status"]["configs"]] == [{"cpus": {"value": 3.0}}]
    tree = pool.master.ledger.roles
    assert (tree.role("q").limit, tree.role("q").weight) == ({"cpu": 3000}, 2.0)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("UPDATE_QUOTA", {"quota_configs": [{"role": "*", "limits": {"cpus": {"value": 1}}}]}),
        ("UPDATE_QUOTA", {"quota_configs": [{"role": "a", "limits": {"cpus": {"value": -1}}}]}),
        ("UPDATE_QUOTA", {"quota_configs": [{"role": "a", "guarantees": {"cpus": {"value": "NaN"}}}]}),
        ("UPDATE_QUOTA", {"quota_configs": [{"role": "a", "limits": {"cpus": {"value": 1e16}}}]}),
        ("UPDATE_QUOTA", {"quota_configs": [{"role": "/a"}]}),
        ("START_MAINTENANCE", {"machines": []}),
        ("START_MAINTENANCE", {"machines": [{"hostname": "n1"}]}),
        ("STOP_MAINTENANCE", {"machines": []}),
        ("DRAIN_AGENT", {"agent_id": {"value": "nowhere"}}),
        ("MARK_AGENT_GONE", {"agent_id": {"value": "nowhere"}}),
        ("TEARDOWN", {"framework_id": {"value": "nobody"}}),
        ("RESERVE_RESOURCES", {"agent_id": {"value": "nowhere"}, "resources": [reserved("cpus", 1)]}),
    ],
)  # fmt: skip
async def test_operators_are_told_what_cannot_be(pool: Pool, kind: str, body: Json) -> None:
    await pool.node("n1")
    await pool.eventually(lambda: pool.side.agents.exists("n1"))
    assert (await ask(pool, kind, **body))[0] == 400


@pytest.mark.parametrize(
    ("path", "form", "code"),
    [
        ("/reserve", "resources=[]", 400),
        ("/reserve", "slaveId=n1&resources=zzz", 400),
        ("/reserve", ("n1", "resources", [reserved("cpus", 100)]), 409),
        ("/reserve", ("n1", "resources", [scalar("cpus", 1)]), 400),
        ("/unreserve", ("n1", "resources", [reserved("cpus", 1)]), 409),
        ("/create-volumes", "volumes=[]", 400),
        ("/create-volumes", ("n1", "volumes", [volume(64)]), 409),
        ("/destroy-volumes", ("n1", "volumes", [volume(64)]), 409),
        ("/teardown", "", 400),
        ("/machine/down", "[]", 400),
    ],
)
async def test_the_endpoints_of_before_answer_as_they_did(
    pool: Pool, path: str, form: Any, code: int
) -> None:
    await pool.node("n1")
    await pool.eventually(lambda: pool.side.agents.exists("n1"))
    if not isinstance(form, str):
        node, name, value = form
        form = f"slaveId={node}&{name}={json.dumps(value)}"
    assert (await post(pool, path, form))[0] == code


# --- operations and their feedback


async def test_operations_on_offers_that_are_void_are_errors(pool: Pool) -> None:
    framework = await pool.framework(roles=["a"], capabilities=ABLE)
    operation = {**reserve(reserved("cpus", 1)), "id": {"value": "op"}}
    await framework.call("ACCEPT", offer_ids=[{"value": "nope"}], operations=[operation])
    event = await framework.next("UPDATE_OPERATION_STATUS")
    status = event["update_operation_status"]["status"]
    assert (status["state"], "uuid" in status) == ("OPERATION_ERROR", False)


async def test_unknown_operations_are_told_by_their_agents(pool: Pool) -> None:
    framework = await pool.framework(roles=["a"], capabilities=ABLE)
    for name in ("n1", "n2"):
        await pool.node(name)
    await pool.ready("n2", "Unknown")
    await pool.eventually(lambda: pool.side.agents.state("n2") == "unreachable")
    asked = [
        {"operation_id": {"value": "op"}, "agent_id": {"value": name}}
        for name in ("n1", "n2", "n3")
    ]
    await raw(framework, "RECONCILE_OPERATIONS", reconcile_operations={"operations": asked})
    found = {}
    for _ in asked:
        event = await framework.next("UPDATE_OPERATION_STATUS")
        status = event["update_operation_status"]["status"]
        found[status["agent_id"]["value"]] = status["state"].removeprefix("OPERATION_")
    assert found == {"n1": "UNKNOWN", "n2": "UNREACHABLE", "n3": "UNKNOWN"}


async def test_a_volume_in_use_is_not_destroyed(pool: Pool) -> None:
    """Neither by an operator nor, if it is shared, by a framework that has it on offer too."""
    framework, offer = await offered(pool, capabilities=[*ABLE[1:], {"type": "SHARED_RESOURCES"}])
    shared = {**volume(64), "shared": {}}
    first = task(offer, "t1", resources=[reserved("cpus", 0.5), shared])
    operations = [reserve(reserved("cpus", 2), reserved("disk", 64)), create(shared)]
    await accept(framework, offer, *operations, launching(first))
    await framework.update("t1", "TASK_RUNNING")
    (offer,) = await framework.offers()
    gone = {"type": "DESTROY", "destroy": {"volumes": [shared]}, "id": {"value": "gone"}}
    # Two tasks have it at once.
    second = task(offer, "t2", resources=[reserved("cpus", 0.5), shared])
    await accept(framework, offer, launching(second))
    await framework.update("t2", "TASK_RUNNING")
    (offer,) = await framework.offers()
    assert [one["disk"]["persistence"]["id"] for one in offer["resources"] if "shared" in one]
    await accept(framework, offer, gone)
    event = await framework.next("UPDATE_OPERATION_STATUS")
    assert event["update_operation_status"]["status"]["state"] == "OPERATION_ERROR"
    body = {"agent_id": {"value": "n1"}, "volumes": [shared]}
    assert (await ask(pool, "DESTROY_VOLUMES", **body))[0] == 409


# --- agents that leave and return


async def test_a_task_that_ended_out_of_reach_is_told_when_its_agent_is_back(pool: Pool) -> None:
    """PartitionAwareTaskCompletedOnPartitionedAgent."""
    framework, offer = await offered(pool, capabilities=ABLE[1:])
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    await pool.ready("n1", "Unknown")
    await framework.update("t", "TASK_UNREACHABLE")
    (pod,) = (await pool.client.list(scheme.PODS, "frameworks"))["items"]
    await pool.ready("n1", "True")
    await pool.nodes.tell(pod, {one["name"]: 0 for one in pod["spec"]["containers"]})
    assert (await framework.update("t", "TASK_FINISHED"))["uuid"]


async def test_an_agent_out_of_reach_is_marked_gone(pool: Pool) -> None:
    framework, offer = await offered(pool, capabilities=ABLE[1:])
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    await pool.ready("n1", "Unknown")
    await framework.update("t", "TASK_UNREACHABLE")
    assert (await ask(pool, "MARK_AGENT_GONE", agent_id={"value": "n1"}))[0] == 200
    status = await framework.update("t")
    assert (status["state"], status["reason"]) == (
        "TASK_GONE_BY_OPERATOR", "REASON_AGENT_REMOVED_BY_OPERATOR",
    )  # fmt: skip
    assert (await ask(pool, "MARK_AGENT_GONE", agent_id={"value": "n1"}))[0] == 400


async def test_a_deactivated_agent_is_offered_to_nobody_and_counts(pool: Pool) -> None:
    framework, offer = await offered(pool)
    assert (await ask(pool, "DEACTIVATE_AGENT", agent_id={"value": "n1"}))[0] == 200
    rescinded = await framework.next("RESCIND")
    assert rescinded["rescind"]["offer_id"] == offer["id"]
    assert pool.master.ledger.total["cpu"] == 4000
    assert (await ask(pool, "REACTIVATE_AGENT", agent_id={"value": "n1"}))[0] == 200
    assert len(await framework.offers()) == 1


# --- tasks


async def test_one_id_twice_in_one_call_is_an_error_of_the_second(pool: Pool) -> None:
    framework, offer = await offered(pool)
    await framework.launch(offer, task(offer, "t"), task(offer, "t"))
    states = {(await framework.update("t"))["state"] for _ in range(3)}
    assert states == {"TASK_ERROR", "TASK_STARTING", "TASK_RUNNING"}


async def test_a_task_may_be_killed_before_it_runs(pool: Pool) -> None:
    """KillTaskDuringLaunch."""
    framework, offer = await offered(pool)
    pool.nodes.paused.clear()
    await framework.launch(offer, task(offer, "t"))
    await framework.call("KILL", task_id={"value": "t"})
    pool.nodes.paused.set()
    while (status := await framework.update("t"))["state"] != "TASK_KILLED":
        assert status["state"] in ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING")


# --- numbers


async def test_metrics_tell_of_offers_shares_and_quota(pool: Pool) -> None:
    """Of the allocator: resources, runs, shares, filters, quota; and each framework's offers."""
    config = {
        "role": "batch",
        "limits": {"cpus": {"value": 3}},
        "guarantees": {"mem": {"value": 64}},
    }
    assert (await ask(pool, "UPDATE_QUOTA", quota_configs=[config], force=True))[0] == 200
    framework = await pool.framework(role="batch", name="job")
    await pool.node("n1")
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"), filters={"refuse_seconds": 100})
    await framework.update("t", "TASK_RUNNING")
    await pool.node("n2")
    (offer,) = await framework.offers()
    found = await get(pool, "/metrics/snapshot")
    allocator, offers = "allocator/mesos", f"master/frameworks/job/{framework.id}/offers"
    quota = f"{allocator}/quota/roles/batch/resources"
    wanted = {
        f"{allocator}/resources/cpus/total": 8.0,
        f"{allocator}/resources/cpus/offered_or_allocated": 3.0,
        f"{allocator}/roles/batch/shares/dominant": found[
            f"{allocator}/roles/batch/shares/dominant"
        ],
        f"{allocator}/offer_filters/roles/batch/active": 1,
        f"{quota}/cpus/limit": 3.0,
        f"{quota}/cpus/offered_or_allocated": 3.0,
        f"{quota}/mem/guarantee": 64.0,
        f"{offers}/sent": 2,
        f"{offers}/accepted": 1,
        f"{offers}/outstanding": 1,
    }
    assert {name: found[name] for name in wanted} == wanted
    assert found[f"{allocator}/allocation_runs"] >= 2
    assert 0 <= found[f"{offers}/oldest_secs"] < 60
    await framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 100})
    found = await get(pool, "/metrics/snapshot")
    assert (found[f"{offers}/declined"], found[f"{offers}/outstanding"]) == (1, 0)
