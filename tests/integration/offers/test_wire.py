"""Bodies and connections that break: cut anywhere, framed wrongly, never read. Others unharmed.

What is wrong inside of whole messages: `test_fuzz`, `test_hostile`. Here is what lies below: each
call of schedulers and executors cut within its body, in JSON and protobuf, HTTP that lies about
lengths, and readers that do not read.
"""

import asyncio
import contextlib
import json
import random
from typing import Any
from urllib.parse import urlsplit

import pytest

from apimachinery.mesos import binary, stream
from tests.effort import examples
from tests.fakes.executor import RawExecutor
from tests.fakes.mesos import Json, RawFramework, task
from tests.integration.offers.agents import Agent
from tests.integration.offers.conftest import Pool
from tests.integration.offers.fuzzing import (
    UUID,
    Victim,
    books_are_in_order,
    calls,
    mutilated,
)
from tests.integration.offers.test_executors import launched, subscribed

JSON, PROTOBUF = "application/json", "application/x-protobuf"
ANSWERS = {200, 202, 400, 403, 501, 503}
CUTS = examples(12)
"""Places of each body, drawn; the richest is cut at each byte."""


async def posted(pool: Pool, url: str, body: bytes, kind: str, stream_id: str = "") -> int:
    headers = {"Content-Type": kind, "Mesos-Stream-Id": stream_id}
    async with pool.http.post(url, data=body, headers=headers) as answer:
        if answer.status == 200:
            answer.close()  # a stream: that is what it came to
        return answer.status


async def cut(pool: Pool, url: str, message: str, whole: Json, at: Any, stream_id: str) -> None:
    """No beginning of a JSON text is one; one of protobuf may be a message."""
    text, wire = json.dumps(whole).encode(), binary.dumps(whole, message)
    for share in at:
        size = int(share * len(text))
        assert await posted(pool, url, text[:size], JSON, stream_id) == 400, text[:size]
        code = await posted(pool, url, wire[: int(share * len(wire))], PROTOBUF, stream_id)
        assert code in ANSWERS, (code, whole)


@pytest.mark.timeout(300)
async def test_calls_of_schedulers_cut_within(pool: Pool, victim: Victim) -> None:
    await pool.node("n1", cpu="64", memory="64Gi")
    cutter = await pool.framework(name="cutter", role="fuzz")
    offer, *_ = await cutter.offers()
    rng = random.Random(1)
    whole = [c for c in calls(cutter, offer) if c["type"] != "REQUEST"]
    for call in whole:
        drawn = (rng.random() for _ in range(CUTS))
        await cut(pool, pool.url, "Call", call, drawn, cutter.stream_id)
    richest = max(whole, key=lambda call: len(json.dumps(call)))
    size = len(json.dumps(richest))
    every = (at / size for at in range(size))
    await cut(pool, pool.url, "Call", richest, every, cutter.stream_id)
    books_are_in_order(pool)
    await victim.unharmed(pool)


# --- executors


def said(executor: RawExecutor) -> list[Json]:
    """One call of each kind, in order."""
    status = {"task_id": {"value": "t"}, "state": "TASK_RUNNING", "source": "SOURCE_EXECUTOR",
              "uuid": UUID, "labels": {"labels": [{"key": "k", "value": "v"}]}, "data": "AAEC",
              "timestamp": 1.5, "healthy": True}  # fmt: skip
    known = {"name": "t", "task_id": {"value": "t"}, "agent_id": {"value": "n1"}, "resources": []}
    back = {"unacknowledged_tasks": [known], "unacknowledged_updates": [{"status": status}]}
    return [
        {"type": "SUBSCRIBE", "subscribe": back, **executor.ids},
        {"type": "UPDATE", "update": {"status": status}, **executor.ids},
        {"type": "MESSAGE", "message": {"data": "AAEC"}, **executor.ids},
        {"type": "HEARTBEAT", **executor.ids},
    ]


@pytest.mark.timeout(300)
async def test_calls_of_executors_that_are_almost_in_order(pool: Pool, agent: Agent) -> None:
    """Cut at each byte, then changed inside; another executor of the node works on."""
    framework, _ = await launched(pool, "t")
    other = await subscribed(pool, agent, framework)
    await other.next("LAUNCH")
    hostile = RawExecutor(pool.http, agent.url, "nobody", "x")
    for call in said(hostile):
        size = len(json.dumps(call))
        await cut(pool, agent.url, "ExecutorCall", call, (at / size for at in range(size)), "")
    rng = random.Random(3)
    mine = RawExecutor(pool.http, agent.url, framework.id, "e")
    codes = set()
    for _ in range(examples(300)):
        # what becomes a SUBSCRIBE of the same executor would replace it, as it should
        call = mutilated(rng, rng.choice(said(mine)[1:]))
        codes.add(await posted(pool, agent.url, json.dumps(call).encode(), JSON))
    assert {202, 400} <= codes <= ANSWERS, codes
    await other.tell("t", "TASK_FINISHED")
    await framework.update("t", "TASK_FINISHED")


# --- HTTP that lies

HEAD = "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LIES = {
    "shorter than said": "Content-Length: 999\r\n\r\n{}",
    "a negative length": "Content-Length: -1\r\n\r\n{}",
    "a monstrous length": "Content-Length: 99999999999999999999999\r\n\r\n{}",
    "two lengths": "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a chunk shorter than said": "Transfer-Encoding: chunked\r\n\r\nff\r\n{}",
    "a chunk of no size": "Transfer-Encoding: chunked\r\n\r\n\r\n{}",
    "a chunk of a negative size": "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    "a chunk of a monstrous size": "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}",
    "length and chunks": "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no end of the headers": "X: y",
}


async def told(url: str, text: str) -> bytes:
    """What comes back for bytes on a socket whose sending side is then closed."""
    where = urlsplit(url)
    assert where.hostname is not None
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    answer = b""
    try:
        writer.write((HEAD.format(path=where.path) + text).encode())
        writer.write_eof()
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionError):
                answer = await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return answer


async def test_http_that_lies(pool: Pool, agent: Agent) -> None:
    """It is a bad request or a closed line; no call is carried out, nobody else is cut off."""
    framework, _ = await launched(pool, "t")
    executor = await subscribed(pool, agent, framework)
    operators = pool.url.removesuffix("/scheduler")
    for url in (pool.url, operators, agent.url, agent.url.removesuffix("/executor")):
        for name, text in LIES.items():
            answer = await told(url, text)
            assert answer[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.0 400"), (url, name, answer)
    await executor.tell("t", "TASK_FINISHED")
    await framework.update("t", "TASK_FINISHED")


# --- readers that do not read


def deaf(answer: Any) -> None:
    """Take nothing more off the line, from now on."""
    answer.content._protocol.transport.pause_reading()


async def test_an_operator_that_never_reads_is_cut_off(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "EVENTS_MAX", 50)
    await pool.node("n1")
    url = pool.url.removesuffix("/scheduler")
    async with pool.http.post(url, json={"type": "SUBSCRIBE"}) as answer:
        assert answer.status == 200
        deaf(answer)
        watchers = pool.side.server._watchers
        assert watchers._open
        async with asyncio.timeout(20):
            while watchers._open:
                watchers.agent_removed("x" * 400_000)
                await asyncio.sleep(0)
        answer.close()
    good = await pool.framework(name="good")
    (offer,) = await good.offers()
    await good.launch(offer, task(offer, "fine", "exit 0"))
    await good.update("fine", "TASK_FINISHED")


async def test_an_executor_that_never_reads_is_cut_off(
    pool: Pool, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may come back, and is told what it missed."""
    monkeypatch.setattr(stream, "EVENTS_MAX", 50)
    framework, _ = await launched(pool, "t")
    executor = await subscribed(pool, agent, framework)
    await executor.next("LAUNCH")
    deaf(executor.answer)
    known = agent.executors.find(framework.id, "e")
    assert known is not None
    (opened,) = agent.mesos._open
    async with asyncio.timeout(20):
        while known.connected:
            opened.send({"type": "MESSAGE", "message": {"data": "A" * 400_000}})
            await asyncio.sleep(0)
    await executor.close()
    again = await subscribed(pool, agent, framework)
    await again.tell("t", "TASK_FINISHED")
    await framework.update("t", "TASK_FINISHED")


# --- floods

FLOODS = 4
ROUNDS = 40
OTHERS_MAX = 60
"""Calls of each flood that are answered while a task of a quiet framework is launched, runs and
ends, in 99 of 100 cases: some eight were seen. That is no time, so a slow machine changes little."""


class Flood:
    """Declines and revives as fast as they are answered."""

    def __init__(self, framework: RawFramework) -> None:
        self.framework, self.answered, self.over = framework, 0, False

    async def run(self) -> None:
        while not self.over:
            ids = [
                offer["id"]
                for event in self.framework.events
                if event["type"] == "OFFERS"
                for offer in event["offers"]["offers"]
            ]
            self.framework.events.clear()
            body = {"offer_ids": [*ids, {"value": "made up"}], "filters": {"refuse_seconds": 0}}
            await self.framework.call("DECLINE", **body)
            await self.framework.call("REVIVE")
            self.answered += 2


async def test_floods_delay_nobody_out_of_proportion(pool: Pool) -> None:
    for number in range(3):
        await pool.node(f"n{number}")
    quiet = await pool.framework(name="quiet", role="quiet")
    floods = [Flood(await pool.framework(name=f"f{n}", role=f"f{n}")) for n in range(FLOODS)]
    running = [asyncio.create_task(flood.run()) for flood in floods]
    others = []
    try:
        for number in range(ROUNDS):
            offer, *rest = await quiet.offers()
            before = sum(flood.answered for flood in floods)
            await quiet.launch(offer, task(offer, f"t{number}", "exit 0"))
            await quiet.update(f"t{number}", "TASK_FINISHED")
            others.append(sum(flood.answered for flood in floods) - before)
            if rest:
                await quiet.call("DECLINE", offer_ids=[one["id"] for one in rest])
            await quiet.call("REVIVE")
    finally:
        for flood in floods:
            flood.over = True
        await asyncio.gather(*running)
    assert sorted(others)[int(ROUNDS * 0.99) - 1] <= OTHERS_MAX * FLOODS, others
    books_are_in_order(pool)
