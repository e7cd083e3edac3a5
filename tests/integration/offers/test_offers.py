"""Offers over HTTP: their shape, filters, expiry, suppression, and who gets what."""

import asyncio

from apimachinery import scheme
from tests.fakes.mesos import amount, ports, scalar, task
from tests.integration.offers.conftest import Pool


async def test_an_offer_in_mesos_shape(pool: Pool) -> None:
    await pool.node("n1", cpu="4", memory="8Gi", rack="r7")
    framework = await pool.framework(role="batch")
    (offer,) = await framework.offers()
    assert offer["agent_id"] == {"value": "n1"}
    assert offer["hostname"] == "10.0.0.1"
    assert offer["url"]["address"] == {"hostname": "10.0.0.1", "ip": "10.0.0.1", "port": 5051}
    assert offer["allocation_info"] == {"role": "batch"}
    assert (amount(offer, "cpus"), amount(offer, "mem")) == (4.0, 8192.0)
    spans = next(r for r in offer["resources"] if r["name"] == "ports")["ranges"]["range"]
    assert spans == [{"begin": 20000, "end": 29999}]
    assert {"name": "rack", "type": "TEXT", "text": {"value": "r7"}} in offer["attributes"]


async def test_a_declined_offer_is_held_back_until_revived(pool: Pool) -> None:
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    ids = [offer["id"]]
    assert await framework.call("DECLINE", offer_ids=ids, filters={"refuse_seconds": 3600}) == 202
    await asyncio.sleep(0.05)
    assert not framework.events
    await framework.call("REVIVE")
    assert len(await framework.offers()) == 1


async def test_what_one_declines_another_gets(pool: Pool) -> None:
    await pool.node("n1")
    first = await pool.framework(name="first")
    (offer,) = await first.offers()
    second = await pool.framework(name="second")
    await first.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 60})
    assert len(await second.offers()) == 1


async def test_a_suppressed_framework_gets_none(pool: Pool) -> None:
    framework = await pool.framework()
    await framework.call("SUPPRESS")
    await pool.node("n1")
    await pool.eventually(lambda: "n1" in pool.master.ledger.accounts)
    await asyncio.sleep(0.02)
    assert not framework.events
    await framework.call("REVIVE")
    assert await framework.offers()


async def test_a_cordoned_node_is_rescinded(pool: Pool) -> None:
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await pool.client.patch(scheme.NODES, "n1", {"spec": {"unschedulable": True}})
    event = await framework.next("RESCIND")
    assert event["rescind"]["offer_id"] == offer["id"]


async def test_what_a_launch_leaves_over_is_offered_again(pool: Pool) -> None:
    await pool.node("n1", cpu="4")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    wants = {"resources": [scalar("cpus", 1), scalar("mem", 64), ports((20000, 20001))]}
    await framework.launch(offer, task(offer, "t", **wants), filters={"refuse_seconds": 0})
    (rest,) = await framework.offers()
    assert amount(rest, "cpus") == 3.0
    spans = next(r for r in rest["resources"] if r["name"] == "ports")["ranges"]["range"]
    assert spans == [{"begin": 20002, "end": 29999}]


async def test_two_offers_of_one_node_make_one_launch(pool: Pool) -> None:
    await pool.node("n1", cpu="4")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    small = {"resources": [scalar("cpus", 1), scalar("mem", 64)]}
    pool.nodes.paused.clear()
    await framework.launch(
        offer, task(offer, "a", "exit 0", **small), filters={"refuse_seconds": 0}
    )
    (first,) = await framework.offers()
    pool.nodes.paused.set()
    await framework.update("a", "TASK_FINISHED")
    (second,) = await framework.offers()
    ids = [first["id"], second["id"]]
    whole = task(first, "b", resources=[scalar("cpus", 4), scalar("mem", 64)])
    operations = [{"type": "LAUNCH", "launch": {"task_infos": [whole]}}]
    await framework.call("ACCEPT", offer_ids=ids, operations=operations)
    assert (await framework.update("b", "TASK_RUNNING"))["agent_id"] == {"value": "n1"}


async def test_an_offer_that_is_void_loses_its_tasks(pool: Pool) -> None:
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 60})
    await framework.launch(offer, task(offer, "t"))
    status = await framework.update("t")
    assert (status["state"], status["reason"]) == ("TASK_LOST", "REASON_INVALID_OFFERS")
    assert status["source"] == "SOURCE_MASTER"
    assert "uuid" not in status


async def test_partition_aware_frameworks_hear_dropped(pool: Pool) -> None:
    await pool.node("n1")
    framework = await pool.framework(capabilities=[{"type": "PARTITION_AWARE"}])
    (offer,) = await framework.offers()
    offer["id"] = {"value": "nonsense"}
    await framework.launch(offer, task(offer, "t"))
    assert (await framework.update("t"))["state"] == "TASK_DROPPED"
