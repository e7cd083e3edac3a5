"""The SDK as its users have it (`bireme.framework`), against the real master."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from apimachinery.mesos import recordio
from apiserver.identity import pki
from bireme.framework import (
    Event,
    FrameworkError,
    Offer,
    Offers,
    Scheduler,
    Subscribed,
    Task,
    TaskStatus,
    Update,
)
from offers.http.credentials import Credentials
from offers.sdk import RECORD_MAX
from tests.integration.offers.conftest import Pool

PATIENCE = 30.0
Events = AsyncIterator[Event]


@asynccontextmanager
async def framework(pool: Pool, **options: Any) -> AsyncIterator[tuple[Scheduler, Events]]:
    master = pool.url.removesuffix("/api/v1/scheduler")
    async with (
        asyncio.timeout(PATIENCE),
        Scheduler(master, "sdk", role="sdk", **options) as scheduler,
        aclosing(scheduler.events()) as events,
    ):
        yield scheduler, events


async def subscribed(events: Events) -> str:
    async for event in events:
        if isinstance(event, Subscribed):
            return event.framework_id
    raise AssertionError("events never end")


async def offers(events: Events) -> tuple[Offer, ...]:
    async for event in events:
        if isinstance(event, Offers):
            return event.offers
    raise AssertionError("events never end")


async def update(events: Events, state: str) -> TaskStatus:
    async for event in events:
        if isinstance(event, Update) and event.status.state == state:
            return event.status
    raise AssertionError("events never end")


async def ends(events: Events, count: int) -> dict[str, TaskStatus]:
    found: dict[str, TaskStatus] = {}
    async for event in events:
        if isinstance(event, Update) and event.status.over:
            found[event.status.task_id] = event.status
        if len(found) == count:
            break
    return found


async def test_tasks_from_their_launch_to_their_end(pool: Pool) -> None:
    await pool.node("n1", rack="r1")
    async with framework(pool) as (scheduler, events):
        assert not scheduler.connected
        (offer,) = await offers(events)
        assert scheduler.connected
        assert (offer.cpus, offer.agent_id, offer.attributes["rack"]) == (4, "n1", "r1")
        port = offer.ports[0][0]
        task = Task("a b", "exit 0", cpus=1, mem=64, ports=((port, port),), env={"A": "1"})
        assert task.fits(offer)
        await scheduler.accept(offer, [task, Task("bad", "exit 7")])
        found = await ends(events, 2)
    assert found["a b"].ok
    assert (found["bad"].state, found["bad"].ok) == ("TASK_FAILED", False)
    assert found["bad"].message == "Command exited with status 7"


async def test_killing_and_asking(pool: Pool) -> None:
    await pool.node("n1")
    async with framework(pool) as (scheduler, events):
        (offer,) = await offers(events)
        await scheduler.accept(offer, [Task("long", "sleep")])
        await update(events, "TASK_RUNNING")
        await scheduler.reconcile(["long", "never"])
        assert (await update(events, "TASK_LOST")).task_id == "never"
        await scheduler.kill("long", grace_seconds=0)
        assert (await update(events, "TASK_KILLED")).over
        await scheduler.teardown()


async def test_no_offers_before_they_are_asked_for(pool: Pool) -> None:
    """Another framework gets what is there, twice: had the first wanted it, it would have come."""
    await pool.node("n1")
    async with framework(pool, suppressed=True) as (scheduler, events):
        await subscribed(events)
        waiting = asyncio.create_task(offers(events))
        async with framework(pool) as (other, others):
            for _ in range(2):
                await other.decline(await offers(others), refuse_seconds=0)
        assert not waiting.done()
        await scheduler.revive()
        assert await waiting


async def test_it_comes_back_under_its_id(pool: Pool) -> None:
    await pool.node("n1")
    async with framework(pool) as (scheduler, events):
        (offer,) = await offers(events)
        await scheduler.accept(offer, [Task("long", "sleep")])
        await update(events, "TASK_RUNNING")
        first_id = scheduler.framework_id
    async with framework(pool, framework_id=first_id) as (scheduler, events):
        assert await subscribed(events) == first_id
        await scheduler.reconcile()
        assert (await update(events, "TASK_RUNNING")).task_id == "long"


async def test_an_id_of_ones_own_choice(pool: Pool) -> None:
    """As the sample operator does it: nothing to keep, since the id is known beforehand."""
    async with framework(pool, framework_id="chosen") as (_, events):
        assert await subscribed(events) == "chosen"


async def test_who_takes_over_puts_an_end_to_the_other(pool: Pool) -> None:
    async with framework(pool) as (one, events):
        known = await subscribed(events)
        async with framework(pool, framework_id=known) as (_, others):
            assert await subscribed(others) == known
            with pytest.raises(FrameworkError, match="failed over"):
                await offers(events)
        assert one.framework_id == known


async def test_refusals_are_the_masters_own_words(pool: Pool) -> None:
    async with framework(pool) as (scheduler, _):
        with pytest.raises(FrameworkError, match="KILL: 400"):
            await scheduler.kill("x")
    async with framework(pool, framework_id="a/b") as (_, events):
        with pytest.raises(FrameworkError):
            await offers(events)


async def test_a_master_that_asks_who_comes(pool: Pool, tmp_path: Path) -> None:
    """Beyond loopback it speaks TLS, with a certificate of its own authority, and knows principals."""
    authority = pki.Pki(tmp_path)
    pair = authority.api_server(("127.0.0.1",))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pair.cert, pair.key)
    (tmp_path / "principals").write_text("toil s3cret\n")
    server = pool.side.server
    server.access.required, server.access.secrets = True, Credentials(tmp_path / "principals")
    await server.stop()
    await server.start("127.0.0.1", 0, tls=tls)
    pool.url = f"https://127.0.0.1:{server.address[1]}/api/v1/scheduler"
    known = {"ca_file": str(authority.ca.cert), "principal": "toil"}
    async with framework(pool, **known, secret="s3cret") as (_, events):
        assert await subscribed(events)
    async with framework(pool, **known, secret="wrong") as (_, events):
        with pytest.raises(FrameworkError, match="401"):
            await subscribed(events)


class Master:
    """Answers SUBSCRIBE with these bytes, one subscription after the other; then breaks off."""

    def __init__(self, *bodies: bytes) -> None:
        self.bodies = list(bodies)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Mesos-Stream-Id": "s"})
        await response.prepare(request)
        await response.write(self.bodies.pop(0))
        return response


@asynccontextmanager
async def scheduler_of(*bodies: bytes) -> AsyncIterator[Events]:
    app = web.Application()
    app.router.add_post("/api/v1/scheduler", Master(*bodies).handle)
    async with (
        asyncio.timeout(PATIENCE),
        TestServer(app) as server,
        Scheduler(str(server.make_url("")), "sdk") as scheduler,
        aclosing(scheduler.events()) as events,
    ):
        yield events


def said(event: dict[str, Any]) -> bytes:
    return recordio.record(json.dumps(event).encode())


SUBSCRIBED = said({"type": "SUBSCRIBED", "subscribed": {"framework_id": {"value": "f"}}})


@pytest.mark.parametrize(
    "garbage", [b"0\n{}", b"-1\n{}", b"%d\n{}" % (RECORD_MAX + 1), b"x\n{}", b"2\n{]"]
)
async def test_what_is_no_stream_of_events_ends_it(garbage: bytes) -> None:
    async with scheduler_of(SUBSCRIBED + garbage) as events:
        assert await subscribed(events) == "f"
        with pytest.raises(FrameworkError, match="no stream of events"):
            await anext(events)


async def test_a_line_that_breaks_within_an_event_is_made_again() -> None:
    again = said({"type": "RESCIND", "rescind": {"offer_id": {"value": "o"}}})
    whole = SUBSCRIBED + again
    async with scheduler_of(whole[: len(SUBSCRIBED) + 9], SUBSCRIBED[:20], whole) as events:
        heard = [await anext(events) for _ in range(3)]
        assert [type(event).__name__ for event in heard] == ["Subscribed", "Subscribed", "Rescind"]
