"""Revocable resources: what an estimator says of a node is offered, used, taken back."""

import json
from typing import Any

import pytest

from apimachinery import scheme
from tests.fakes.mesos import Json, RawFramework, amount, scalar, task
from tests.integration.offers.conftest import Pool

REVOCABLE = {"type": "REVOCABLE_RESOURCES"}


async def estimate(pool: Pool, **amounts: str) -> None:
    text = json.dumps(amounts)
    patch = {"metadata": {"annotations": {"offers.bireme.dev/revocable": text}}}
    await pool.client.patch(scheme.NODES, "n1", patch)


def revocable(offer: Json) -> dict[str, float]:
    return {r["name"]: r["scalar"]["value"] for r in offer["resources"] if "revocable" in r}


async def holder(pool: Pool, *capabilities: str) -> tuple[RawFramework, Json]:
    """A framework with an offer of all there is, three revocable CPUs among it."""
    await pool.node("n1")
    kinds = [REVOCABLE, *({"type": each} for each in capabilities)]
    framework = await pool.framework(capabilities=kinds)
    (plain,) = await framework.offers()
    assert not revocable(plain)
    await estimate(pool, cpu="3")
    assert (await framework.next("RESCIND"))["rescind"]["offer_id"] == plain["id"]
    (offer,) = await framework.offers()
    assert revocable(offer) == {"cpus": 3.0}
    assert amount(offer, "cpus") == 7.0
    return framework, offer


@pytest.mark.parametrize("cpus", [5, 1])
async def test_rescind_revocable_offer(pool: Pool, cpus: int) -> None:
    """oversubscription: RescindRevocableOfferWithIncreasedRevocable, …DecreasedRevocable (92)"""
    framework, offer = await holder(pool)
    await estimate(pool, cpu=str(cpus))
    rescinded = (await framework.next("RESCIND"))["rescind"]["offer_id"]
    assert rescinded == offer["id"]
    (again,) = await framework.offers()
    assert revocable(again) == {"cpus": float(cpus)}


async def test_who_cannot_handle_it_is_offered_none(pool: Pool) -> None:
    """hierarchical_allocator: OversubscribedNotAllocated (42), as seen from outside"""
    await pool.node("n1")
    await estimate(pool, cpu="3")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    assert not revocable(offer)


@pytest.mark.parametrize(
    ("capabilities", "state"), [((), "TASK_LOST"), (("PARTITION_AWARE",), "TASK_GONE")]
)
async def test_qos_correction_kill(pool: Pool, capabilities: Any, state: str) -> None:
    """oversubscription: QoSCorrectionKill, QoSCorrectionKillPartitionAware (93)"""
    framework, offer = await holder(pool, *capabilities)
    cpus = {**scalar("cpus", 2), "revocable": {}}
    await framework.launch(offer, task(offer, "t", resources=[cpus]))
    await framework.update("t", "TASK_RUNNING")
    (pod,) = (await pool.client.list(scheme.PODS, "frameworks"))["items"]
    assert pod["status"]["qosClass"] == "BestEffort"
    assert pool.master.ledger.accounts["n1"].used["cpu - r "] == 2000
    name = pod["metadata"]["name"]
    eviction = {"metadata": {"name": name}}
    await pool.client.create(scheme.PODS, eviction, "frameworks", subresource="eviction", name=name)
    status = await framework.update("t", state)
    assert status["reason"] == "REASON_CONTAINER_PREEMPTED"
    await pool.eventually(lambda: "cpu - r " not in pool.master.ledger.accounts["n1"].used)


async def test_kinds_of_one_resource_are_not_mixed(pool: Pool) -> None:
    await pool.node("n1")
    await estimate(pool, cpu="3")
    framework = await pool.framework(capabilities=[REVOCABLE])
    offer = {}
    while not revocable(offer or {"resources": []}):
        (offer,) = await framework.offers()
    both = [scalar("cpus", 1), {**scalar("cpus", 1), "revocable": {}}, scalar("mem", 64)]
    await framework.launch(offer, task(offer, "t", resources=both), task(offer, "fine"))
    refused = await framework.update("t", "TASK_ERROR")
    assert refused["message"] == "Task mixes revocable and non-revocable resources of 'cpus'"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"cpu": "x"}', '{"cpu": {}}'])
async def test_estimates_that_make_no_sense_are_none(pool: Pool, text: str) -> None:
    await pool.node("n1")
    patch = {"metadata": {"annotations": {"offers.bireme.dev/revocable": text}}}
    await pool.client.patch(scheme.NODES, "n1", patch)
    framework = await pool.framework(capabilities=[REVOCABLE])
    (offer,) = await framework.offers()
    assert not revocable(offer)
