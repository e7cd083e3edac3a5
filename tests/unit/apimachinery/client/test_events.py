"""News: counted, budgeted, dropped when nobody can keep up."""

import asyncio
import contextlib

import orjson
import pytest

from apimachinery import status
from apimachinery.aio import clock, tasks
from apimachinery.client import events

pytestmark = pytest.mark.looptime

POD = events.Reference("v1", "Pod", "web", "ns", "uid-1")


@pytest.fixture
async def recorder(client):
    recorder = events.Recorder(client, component="tester", clock=clock.LoopClock())
    task = asyncio.create_task(recorder.run())
    yield recorder
    with contextlib.suppress(asyncio.CancelledError):
        await tasks.stop(task)


async def test_news_becomes_an_event(recorder, server) -> None:
    server.answer(201, {})
    recorder.event(POD, "Started", "it runs")
    await recorder.flush()
    event = orjson.loads(server.requests[0].body)
    assert server.requests[0].path == "/api/v1/namespaces/ns/events"
    assert event["involvedObject"] == {
        "kind": "Pod",
        "namespace": "ns",
        "name": "web",
        "uid": "uid-1",
        "apiVersion": "v1",
    }
    assert (event["type"], event["reason"], event["count"]) == ("Normal", "Started", 1)
    assert event["metadata"]["name"].startswith("web.")


async def test_the_same_news_raises_the_count(recorder, server) -> None:
    for _ in range(3):
        server.answer(200, {})
        recorder.warning(POD, "Failed", "again")
    await recorder.flush()
    assert [request.method for request in server.requests] == ["POST", "PATCH", "PATCH"]
    assert orjson.loads(server.requests[-1].body)["count"] == 3


async def test_an_expired_event_is_written_anew(recorder, server) -> None:
    server.answer(201, {})
    server.refuse(status.not_found("events", "web.1"))
    server.answer(201, {})
    recorder.event(POD, "R", "m")
    recorder.event(POD, "R", "m")
    await recorder.flush()
    assert [request.method for request in server.requests] == ["POST", "PATCH", "POST"]


async def test_an_object_has_a_budget_that_refills(client) -> None:
    recorder = events.Recorder(client, component="tester", clock=clock.LoopClock())
    for number in range(events.BUDGET + 5):
        recorder.event(POD, "R", f"m{number}")
    assert recorder.dropped == 5
    await asyncio.sleep(events.BUDGET_REFILL_SECONDS + 1)
    recorder.event(POD, "R", "later")
    assert recorder.dropped == 5


async def test_nobody_waits_when_the_writer_is_behind(client) -> None:
    recorder = events.Recorder(client, component="tester", clock=clock.LoopClock())
    for number in range(events.PENDING_MAX + 3):
        recorder.event(events.Reference("v1", "Pod", f"p{number}", "ns"), "R", "m")
    assert recorder.dropped == 3


async def test_a_refused_event_is_dropped_and_the_next_written(recorder, server) -> None:
    server.refuse(status.forbidden("events", "", "namespace is terminating"))
    server.answer(201, {})
    recorder.event(POD, "A", "m")
    recorder.event(POD, "B", "m")
    await recorder.flush()
    assert (recorder.dropped, len(server.requests)) == (1, 2)
