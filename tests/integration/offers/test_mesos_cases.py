"""Cases of Mesos' own test suite about calls, tasks and updates, by their names there.

Others of them stand where they belong: status codes in `test_protocol`, executors in
`test_executors`, maintenance in `test_operator_writes`, failover in `test_failover`.
"""

import asyncio
from typing import Any

import pytest

from apimachinery import scheme
from offers.tasks import delivery
from tests.fakes.mesos import RawFramework, amount, scalar, task
from tests.integration.offers.conftest import Pool

AWARE = [{"type": "PARTITION_AWARE"}]


async def accept(framework: RawFramework, offers: list[Any], *tasks: Any) -> None:
    operation = {"type": "LAUNCH", "launch": {"task_infos": list(tasks)}}
    ids = [offer["id"] for offer in offers]
    await framework.call("ACCEPT", offer_ids=ids, operations=[operation])


async def two_offers_of_one_agent(pool: Pool) -> tuple[RawFramework, list[Any]]:
    """A small task's end makes a second offer."""
    await pool.node("n1", cpu="2", memory="1Gi")
    framework = await pool.framework()
    (first,) = await framework.offers()
    small = task(first, "small", "exit 0", resources=[scalar("cpus", 1), scalar("mem", 512)])
    pool.nodes.paused.clear()
    await framework.launch(first, small, filters={"refuse_seconds": 0})
    (rest,) = await framework.offers()
    pool.nodes.paused.set()
    await framework.update("small", "TASK_FINISHED")
    (second,) = await framework.offers()
    return framework, [rest, second]


async def test_launch_combined_offer(pool: Pool) -> None:
    """master: LaunchCombinedOfferTest (55)"""
    framework, offers = await two_offers_of_one_agent(pool)
    whole = sum(amount(offer, "cpus") for offer in offers)
    assert whole == 2
    big = task(offers[0], "big", resources=[scalar("cpus", whole), scalar("mem", 900)])
    await accept(framework, offers, big)
    await framework.update("big", "TASK_RUNNING")


@pytest.mark.parametrize(("aware", "state"), [([], "TASK_LOST"), (AWARE, "TASK_DROPPED")])
async def test_launch_across_slaves(pool: Pool, aware: Any, state: str) -> None:
    """master: LaunchAcrossSlavesLost, LaunchAcrossSlavesDropped (56)"""
    framework = await pool.framework(capabilities=aware)
    await pool.node("n1")
    await pool.node("n2")
    offers = await framework.offers()
    while len(offers) < 2:
        offers += await framework.offers()
    await accept(framework, offers, task(offers[0], "t"))
    status = await framework.update("t")
    assert (status["state"], status["reason"]) == (state, "REASON_INVALID_OFFERS")
    assert "uuid" not in status
    await pool.eventually(lambda: not pool.side.tasks.tasks)
    again = {o["agent_id"]["value"] for o in await framework.offers()}
    assert again  # the valid ones are offered again at once


@pytest.mark.parametrize(("aware", "state"), [([], "TASK_LOST"), (AWARE, "TASK_DROPPED")])
async def test_launch_duplicate_offer(pool: Pool, aware: Any, state: str) -> None:
    """master: LaunchDuplicateOfferLost, LaunchDuplicateOfferDropped (57)"""
    await pool.node("n1")
    framework = await pool.framework(capabilities=aware)
    (offer,) = await framework.offers()
    await accept(framework, [offer, offer], task(offer, "t"))
    status = await framework.update("t")
    assert (status["state"], status["reason"]) == (state, "REASON_INVALID_OFFERS")
    assert await framework.offers()


async def test_launch_different_role(pool: Pool) -> None:
    """master: LaunchDifferentRoleLost (58)"""
    framework = await pool.framework(
        roles=["a", "b"], capabilities=[{"type": "MULTI_ROLE"}, *AWARE]
    )
    await framework.call("SUPPRESS", roles=["b"])
    await pool.node("n1", cpu="2")
    (first,) = await framework.offers()
    await framework.call("REVIVE", roles=["b"])
    await framework.call("SUPPRESS", roles=["a"])
    await pool.node("n2")
    (second,) = await framework.offers()
    roles = {offer["allocation_info"]["role"] for offer in (first, second)}
    assert roles == {"a", "b"}
    await accept(framework, [first, second], task(first, "t"))
    assert (await framework.update("t"))["reason"] == "REASON_INVALID_OFFERS"


async def test_unacknowledged_terminal_task(pool: Pool) -> None:
    """master: UnacknowledgedTerminalTask (60): what it held is free without the acknowledgement"""
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t", "exit 0"))
    await framework.next("UPDATE")
    account = pool.master.ledger.accounts["n1"]
    await pool.eventually(lambda: not account.used)
    assert pool.side.tasks.tasks[framework.id, "t"].pending


async def test_an_offer_once_used_is_not_rescinded(pool: Pool) -> None:
    """master: OfferNotRescindedOnceUsed (54)"""
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    await pool.client.patch(scheme.NODES, "n1", {"spec": {"unschedulable": True}})
    await pool.eventually(lambda: not pool.master.ledger.accounts["n1"].open)
    assert offer["id"] not in [e["rescind"]["offer_id"] for e in framework.events if "rescind" in e]


@pytest.mark.parametrize("again", [False, True])
async def test_no_offers_with_all_roles_suppressed(pool: Pool, again: bool) -> None:
    """scheduler: NoOffersWithAllRolesSuppressed, NoOffersOnReregistrationWithAllRolesSuppressed
    (69): another framework, which asks later, has them first"""
    framework = RawFramework(pool.http, pool.url, name="suppressed")
    await framework.subscribe(suppressed_roles=["*"])
    if again:
        framework = RawFramework(pool.http, pool.url, **framework.info)
        await framework.subscribe(suppressed_roles=["*"])
    await pool.node("n1")
    other = await pool.framework(name="other")
    (offer,) = await other.offers()
    assert not [event for event in framework.events if event["type"] == "OFFERS"]
    await other.call("SUPPRESS")
    await other.call("DECLINE", offer_ids=[offer["id"]])
    await framework.call("REVIVE")
    assert await framework.offers()


async def test_reconcile_implicit_terminal_task(pool: Pool) -> None:
    """reconciliation: ImplicitTerminalTask (74): not told of; explicitly asked for, it is (75)"""
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "over", "exit 0"), task(offer, "runs"))
    heard = set()
    while not heard >= {("runs", "TASK_RUNNING"), ("over", "TASK_FINISHED")}:
        status = (await framework.next("UPDATE"))["update"]["status"]
        heard.add((status["task_id"]["value"], status["state"]))
        if status["state"] != "TASK_FINISHED":
            await framework.acknowledge(status)
    await framework.post({"type": "RECONCILE", "framework_id": {"value": framework.id},
                          "reconcile": {}})  # fmt: skip
    assert (await framework.update())["task_id"] == {"value": "runs"}
    await framework.call("RECONCILE", tasks=[{"task_id": {"value": "over"}}])
    status = await framework.update()
    assert (status["task_id"], status["state"]) == ({"value": "over"}, "TASK_FINISHED")
    assert status["reason"] == "REASON_RECONCILIATION"


async def test_reconcile_status_update_task_state(pool: Pool) -> None:
    """reconciliation: ReconcileStatusUpdateTaskState (76): the last state that was forwarded"""
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t", "exit 0"))
    first = (await framework.next("UPDATE"))["update"]["status"]
    await pool.eventually(lambda: pool.side.tasks.tasks[framework.id, "t"].over)
    await framework.call("RECONCILE", tasks=[{"task_id": {"value": "t"}}])
    status = (await framework.next("UPDATE"))["update"]["status"]
    assert (first["state"], status["state"]) == ("TASK_STARTING", "TASK_STARTING")


async def test_retry_status_update(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """task_status_update_manager: RetryStatusUpdate (77): again, with the same uuid"""
    soon = delivery.Backoff(initial=0.01, maximum=0.02, jitter=0.0)
    monkeypatch.setattr(delivery, "RETRY", soon)
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    first = (await framework.next("UPDATE"))["update"]["status"]
    for _ in range(3):
        assert (await framework.next("UPDATE"))["update"]["status"]["uuid"] == first["uuid"]
    await framework.acknowledge(first)
    async with asyncio.timeout(30):
        while (await framework.next("UPDATE"))["update"]["status"]["uuid"] == first["uuid"]:
            pass


async def test_ignore_duplicate_status_update_ack(pool: Pool) -> None:
    """task_status_update_manager: IgnoreDuplicateStatusUpdateAck (78), and acks of other uuids"""
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    first = await framework.update("t", "TASK_STARTING")
    assert await framework.acknowledge(first) == 202
    assert await framework.acknowledge({**first, "uuid": "A" * 22 + "=="}) == 202
    assert (await framework.update("t"))["state"] == "TASK_RUNNING"


async def test_partitioned_slave_orphaned_task(pool: Pool) -> None:
    """partition: PartitionedSlaveOrphanedTask (86): its framework ends while the agent is away: the
    task is known until the agent is back, and does not outlive that"""
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    pool.nodes.paused.clear()
    await pool.ready("n1", "Unknown")
    await framework.update("t", "TASK_LOST")
    await framework.call("TEARDOWN")
    await pool.eventually(lambda: pool.side.tasks.tasks[framework.id, "t"].kill)
    assert (await pool.client.list(scheme.PODS, "frameworks"))["items"]
    pool.nodes.paused.set()
    await pool.ready("n1", "True")
    await pool.eventually(lambda: not pool.side.tasks.tasks)
    await pool.eventually(lambda: not pool.master.ledger.accounts["n1"].used)
    assert not await pool.tasks()


async def test_recovered_agent(pool: Pool) -> None:
    """reconciliation: RecoveredAgent (73): while what was before is read back, nothing is said of
    tasks that may yet turn up"""
    framework = await pool.framework()
    pool.side.server.scheduler.ready = False
    assert await framework.call("RECONCILE", tasks=[{"task_id": {"value": "t"}}]) == 503
    assert not framework.events
    pool.side.server.scheduler.ready = True
    await framework.call("RECONCILE", tasks=[{"task_id": {"value": "t"}}])
    assert (await framework.update())["reason"] == "REASON_RECONCILIATION"


async def test_master_to_scheduler(pool: Pool) -> None:
    """partition: MasterToScheduler (87): the way out is cut, which the scheduler does not notice:
    its calls are refused, its offers are taken back, and all that it missed comes when it is back"""
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    (offer,) = await framework.offers()
    known = pool.side.frameworks.known[framework.id]
    assert known.stream is not None
    known.stream.end()  # type: ignore[attr-defined]  (the master's end of the connection)
    await pool.eventually(lambda: known.stream is None)
    assert await framework.call("REVIVE") == 403
    await pool.eventually(lambda: not pool.master.ledger.offers)
    await pool.eventually(lambda: pool.side.tasks.tasks[framework.id, "t"].state == "TASK_RUNNING")
    again = RawFramework(pool.http, pool.url, **framework.info)
    assert (await again.subscribe())["subscribed"]["framework_id"]["value"] == framework.id
    await again.update("t", "TASK_RUNNING")
    assert offer["id"] not in [one["id"] for one in await again.offers()]


async def test_ignore_kill_task_from_unregistered_framework(pool: Pool) -> None:
    """fault_tolerance: IgnoreKillTaskFromUnregisteredFramework (83)"""
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    call = {
        "type": "KILL",
        "framework_id": {"value": "nobody"},
        "kill": {"task_id": {"value": "t"}},
    }
    assert (await framework.post(call))[0] == 400
    assert not pool.side.tasks.tasks[framework.id, "t"].kill


async def test_offer_constraints_select_agents(pool: Pool) -> None:
    """Only offers that the framework wants to hear of."""
    group = {
        "attribute_constraints": [
            {
                "selector": {"attribute_name": "disk"},
                "predicate": {"text_equals": {"value": "ssd"}},
            }
        ]
    }
    framework = RawFramework(pool.http, pool.url)
    await framework.subscribe(offer_constraints={"role_constraints": {"*": {"groups": [group]}}})
    await pool.node("slow", disk="hdd")
    await pool.node("fast", disk="ssd")
    assert {o["agent_id"]["value"] for o in await framework.offers()} == {"fast"}


async def test_offer_constraints_that_cannot_be_are_an_error(pool: Pool) -> None:
    framework = RawFramework(pool.http, pool.url)
    first = await framework.subscribe(offer_constraints={"role_constraints": {"*": {"groups": []}}})
    assert first["type"] == "ERROR"
    assert "constraints" in first["error"]["message"]


async def test_update_framework_changes_roles_in_place(pool: Pool) -> None:
    framework = await pool.framework(role="a")
    await pool.node("n1")
    (offer,) = await framework.offers()
    info = {**framework.info, "role": "b"}
    assert await framework.call("UPDATE_FRAMEWORK", framework_info=info) == 200
    assert (await framework.next("RESCIND"))["rescind"]["offer_id"] == offer["id"]
    (offer,) = await framework.offers()
    assert offer["allocation_info"] == {"role": "b"}
    wrong = {**info, "user": "somebody else"}
    assert await framework.call("UPDATE_FRAMEWORK", framework_info=wrong) == 400
