"""Input from those who mean no good: each is answered, and the others do not notice."""

import asyncio
import io
import json
import random
from typing import Any

import pytest

from apimachinery.mesos import binary, stream
from tests.fakes.mesos import RawFramework, scalar, task
from tests.integration.offers.conftest import Pool

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}


async def unharmed(pool: Pool) -> None:
    """Another framework gets an offer and runs a task."""
    await pool.node("fresh")
    good = await pool.framework(name="good")
    offer, *_ = await good.offers()
    await good.launch(offer, task(offer, "fine", "exit 0"))
    await good.update("fine", "TASK_FINISHED")


async def test_mutilated_bodies_are_bad_requests(pool: Pool) -> None:
    """Bytes flipped, cut and repeated, in both encodings: 400 or what they happen to mean."""
    rng = random.Random(7)
    info = {"user": "root", "name": "x"}
    call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info, "suppressed_roles": ["*"]}}
    bodies = [(binary.dumps(call, "Call"), PROTOBUF), (json.dumps(call).encode(), JSON)]
    for number in range(300):
        body, headers = bodies[number % 2]
        made = bytearray(body)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(made))
            made[at] = rng.randrange(256)
        del made[rng.randrange(1, len(made) + 1) :]
        async with pool.http.post(pool.url, data=bytes(made), headers=headers) as answer:
            assert answer.status in (200, 400, 501), (made, answer.status)
    await unharmed(pool)


@pytest.mark.parametrize(
    "body",
    [
        b'{"type": "SUBSCRIBE", "subscribe": ' * 2000 + b"1" + b"}" * 2000,
        b"[" * 100_000,
        b'{"type": "KILL", "framework_id": {"value": "' + b"\xff\xfe" + b'"}}',
        b'{"type": "ACCEPT", "accept": {"offer_ids": {"value": {}}}}',
        json.dumps({"type": "TEARDOWN", "framework_id": {"value": "x" * 1_000_000}}).encode(),
    ],
)
async def test_deep_long_and_broken_json(pool: Pool, body: bytes) -> None:
    async with pool.http.post(pool.url, data=body, headers=JSON) as answer:
        assert answer.status == 400
    await unharmed(pool)


async def test_a_body_beyond_all_measure_is_not_read(pool: Pool) -> None:
    async with pool.http.post(pool.url, data=io.BytesIO(bytes(40 << 20)), headers=JSON) as answer:
        assert answer.status in (400, 413)
    await unharmed(pool)


async def test_nobody_uses_another_s_offer(pool: Pool) -> None:
    await pool.node("n1")
    victim = await pool.framework(name="victim")
    (offer,) = await victim.offers()
    thief = await pool.framework(name="thief")
    await thief.launch(offer, task(offer, "stolen"))
    status = await thief.update("stolen", "TASK_LOST")
    assert (status["reason"], status["source"]) == ("REASON_INVALID_OFFERS", "SOURCE_MASTER")
    assert "uuid" not in status
    await thief.call("DECLINE", offer_ids=[offer["id"]])
    await victim.launch(offer, task(offer, "mine"))
    await victim.update("mine", "TASK_RUNNING")


async def test_nobody_kills_or_acknowledges_another_s_task(pool: Pool) -> None:
    await pool.node("n1")
    victim = await pool.framework(name="victim")
    (offer,) = await victim.offers()
    await victim.launch(offer, task(offer, "t"))
    update = (await victim.next("UPDATE"))["update"]["status"]
    thief = await pool.framework(name="thief")
    await thief.call("KILL", task_id={"value": "t"})
    await thief.acknowledge(update)
    assert (await thief.update("t"))["state"] == "TASK_LOST"  # it knows of no such task
    assert pool.side.tasks.tasks[victim.id, "t"].pending[0]["uuid"] == update["uuid"]
    assert not pool.side.tasks.tasks[victim.id, "t"].kill


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "a\nb", "\x00", "x" * 256, "\x7f", "../../etc/passwd"],
)
async def test_ids_that_lead_astray(pool: Pool, name: str) -> None:
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, name))
    assert (await framework.update(state="TASK_ERROR"))["reason"] == "REASON_TASK_INVALID"


@pytest.mark.parametrize("name", ["x" * 255, "日本語", "a b; rm -rf $(HOME)", "'\"`|&<>%s{}"])
async def test_ids_that_are_only_odd(pool: Pool, name: str) -> None:
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, name, "exit 0"))
    await framework.update(name, "TASK_FINISHED")


@pytest.mark.parametrize(
    "resources",
    [
        [scalar("cpus", float("1e14"))],
        [scalar("cpus", -1), scalar("mem", 1)],
        [{"name": "cpus", "type": "SCALAR"}],
        [{"name": "cpus x", "type": "SCALAR", "scalar": {"value": 1}}],
        [{"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 9, "end": 1}]}}],
        [{"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 99999}]}}],
        [{"name": "cpus", "type": "SET", "set": {"item": ["a"]}}],
        [{**scalar("cpus", 1), "reservations": [{"role": "a//b"}]}],
    ],
)
async def test_resources_that_make_no_sense(pool: Pool, resources: Any) -> None:
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    wrong = task(offer, "t", resources=resources)
    await framework.launch(offer, wrong, task(offer, "good"))
    await framework.update("t", "TASK_ERROR")
    await framework.update("good", "TASK_RUNNING")


@pytest.mark.parametrize("mem", [1e308, -1, 1e15])
async def test_limits_that_make_no_sense(pool: Pool, mem: float) -> None:
    """They would end the master where the pod is made."""
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    wrong = task(offer, "t", limits={"mem": {"value": mem}})
    await framework.launch(offer, wrong, task(offer, "good", limits={"mem": {"value": "Infinity"}}))
    await framework.update("t", "TASK_ERROR")
    await framework.update("good", "TASK_RUNNING")


async def test_smallest_offers_that_make_no_sense(pool: Pool) -> None:
    least = {"quantities": [{"quantities": {"mem": {"value": 1e308}}}]}
    filters = {"*": {"min_allocatable_resources": least}}
    made = RawFramework(pool.http, pool.url, offer_filters=filters)
    assert (await made.subscribe())["type"] == "ERROR"
    await unharmed(pool)


async def test_the_same_task_twice_runs_once(pool: Pool) -> None:
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"), task(offer, "t"))
    assert "duplicate" in (await framework.update("t", "TASK_ERROR"))["message"]
    await framework.update("t", "TASK_RUNNING")
    assert len(await pool.tasks()) == 1


async def test_a_framework_that_never_reads_is_cut_off(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its events wait in memory up to a bound, and its offers return to the others."""
    monkeypatch.setattr(stream, "EVENTS_MAX", 50)
    await pool.node("n1")
    silent = RawFramework(pool.http, pool.url, name="silent")
    await silent.subscribe()
    await silent.offers()
    silent.answer.content._protocol.transport.pause_reading()  # type: ignore[union-attr]
    known = pool.side.frameworks.known[silent.id]
    async with asyncio.timeout(20):
        while known.stream is not None:
            known.send({"type": "MESSAGE", "message": {
                "agent_id": {"value": "n1"}, "executor_id": {"value": "e"}, "data": "A" * 400_000,
            }})  # fmt: skip
            await asyncio.sleep(0)
    await pool.eventually(lambda: not pool.master.offers_of(silent.id))
    await unharmed(pool)


async def test_floods_of_declines_and_revives_starve_nobody(pool: Pool) -> None:
    await pool.node("n1")
    flooding = True
    bad = await pool.framework(name="bad", role="bad")

    async def flood() -> None:
        while flooding:
            ids = [
                offer["id"]
                for event in bad.events
                if event["type"] == "OFFERS"
                for offer in event["offers"]["offers"]
            ]
            bad.events.clear()
            body = {"offer_ids": [*ids, {"value": "made up"}]}
            await bad.call("DECLINE", **body, filters={"refuse_seconds": 0})
            await bad.call("REVIVE")

    floods = [asyncio.create_task(flood()) for _ in range(4)]
    try:
        await unharmed(pool)
    finally:
        flooding = False
        await asyncio.gather(*floods)


async def test_many_subscriptions_by_one_id_leave_one(pool: Pool) -> None:
    framework = await pool.framework()
    others = [RawFramework(pool.http, pool.url, **framework.info) for _ in range(20)]
    firsts = await asyncio.gather(*(other.subscribe() for other in others))
    assert {event["type"] for event in firsts} <= {"SUBSCRIBED", "ERROR"}
    live = [o for o in others if o.stream_id == pool.side.frameworks.known[framework.id].stream.id]  # type: ignore[union-attr]
    assert len(live) == 1
    assert await live[0].call("REVIVE") == 202
