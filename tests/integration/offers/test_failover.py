"""Frameworks that come back, masters that start again, and who is refused."""

import asyncio

from apimachinery import scheme, wire
from apimachinery.client.rest import Client
from apimachinery.client.transport import DirectTransport, Unreachable
from tests.fakes.mesos import RawFramework, task
from tests.integration.offers.conftest import ADMIN, Pool


async def again(pool: Pool, framework: RawFramework, **info: object) -> RawFramework:
    made = RawFramework(pool.http, pool.url, **{**framework.info, **info})
    made.first = await made.subscribe()  # type: ignore[attr-defined]  read by the tests
    return made


async def test_a_second_scheduler_takes_over(pool: Pool) -> None:
    await pool.node("n1")
    first = await pool.framework()
    (offer,) = await first.offers()
    await first.launch(offer, task(offer, "t"))
    await first.update("t", "TASK_RUNNING")
    second = await again(pool, first)
    assert second.id == first.id
    assert (await first.next("ERROR"))["error"]["message"] == "Framework failed over"
    assert (await first.next())["type"] == "END"
    assert (await pool.tasks())[0]["spec"]["taskID"] == "t"
    assert await second.call("KILL", task_id={"value": "t"}) == 202
    await second.update("t", "TASK_KILLED")


async def test_unacknowledged_updates_reach_the_successor(pool: Pool) -> None:
    await pool.node("n1")
    first = await pool.framework()
    (offer,) = await first.offers()
    await first.launch(offer, task(offer, "t"))
    before = (await first.next("UPDATE"))["update"]["status"]
    second = await again(pool, first)
    after = (await second.next("UPDATE"))["update"]["status"]
    assert after["uuid"] == before["uuid"]


async def test_without_a_failover_timeout_leaving_is_the_end(pool: Pool) -> None:
    await pool.node("n1")
    framework = await pool.framework(failover_timeout=0.0)
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    await framework.close()
    async with asyncio.timeout(30):
        while await pool.tasks() or (await pool.client.list(scheme.PODS, "frameworks"))["items"]:
            await asyncio.sleep(0.01)
    late = await again(pool, framework)
    assert late.first["error"]["message"] == "Framework has been removed"  # type: ignore[attr-defined]  see above


async def test_teardown_ends_all_tasks(pool: Pool) -> None:
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    await framework.update("t", "TASK_RUNNING")
    assert await framework.call("TEARDOWN") == 202
    await framework.next("END")
    await pool.eventually(lambda: not pool.side.tasks.tasks)
    await pool.eventually(lambda: not pool.master.ledger.usages)


async def test_another_principal_is_refused(pool: Pool) -> None:
    framework = await pool.framework(principal="a")
    thief = await again(pool, framework, principal="b")
    assert "principal" in thief.first["error"]["message"]  # type: ignore[attr-defined]  see above
    assert await framework.call("REVIVE") == 202


async def test_an_unknown_id_is_taken_as_it_is(pool: Pool) -> None:
    framework = await pool.framework(id={"value": "From_Before-0001"})
    assert framework.id == "From_Before-0001"


async def test_a_new_master_knows_frameworks_tasks_and_updates(pool: Pool) -> None:
    await pool.node("n1", cpu="4")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"), filters={"refuse_seconds": 3600})
    before = (await framework.next("UPDATE"))["update"]["status"]
    await pool.stop_master()
    await pool.start_master()
    successor = await again(pool, framework)
    after = (await successor.next("UPDATE"))["update"]["status"]
    assert after["uuid"] == before["uuid"]
    await successor.acknowledge(after)
    await successor.update("t", "TASK_RUNNING")
    account = pool.master.ledger.accounts["n1"]
    assert account.used["cpu"] == 500
    assert pool.master.ledger.roles.find("*").allocated["cpu"] == 4000  # the rest is on offer


class NoPods(DirectTransport):
    """A way to the API on which pods get lost."""

    async def request(self, request: wire.Request, *, stream: bool = False) -> wire.Response:
        if request.method == "POST" and request.path.endswith("/pods"):
            raise Unreachable("lost")
        return await super().request(request, stream=stream)


async def test_a_launch_cut_off_before_its_pod_was_made_is_taken_up(pool: Pool) -> None:
    """The record comes first: a master that dies right after it loses no task."""
    masters = pool.masters
    await pool.stop_master()
    pool.masters = Client(NoPods(pool.server.handle, ADMIN))
    await pool.start_master()
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    known = pool.side.frameworks.known[framework.id]
    await framework.launch(offer, task(offer, "t"))
    async with asyncio.timeout(30):
        while not await pool.tasks():
            await asyncio.sleep(0.01)
    await pool.stop_master()
    pool.masters = masters
    await pool.start_master()
    assert known.id in pool.side.frameworks.known
    successor = await again(pool, framework)
    await successor.update("t", "TASK_RUNNING")
