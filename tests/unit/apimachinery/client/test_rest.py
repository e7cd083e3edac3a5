"""Verbs to requests, answers to objects or errors, and what is repeated."""

import contextlib

import orjson
import pytest

from apimachinery import scheme, status
from apimachinery.client import rest, transport

pytestmark = pytest.mark.looptime


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (rest.path_of(scheme.PODS, "ns", "p"), "/api/v1/namespaces/ns/pods/p"),
        (rest.path_of(scheme.PODS), "/api/v1/pods"),
        (rest.path_of(scheme.NODES, "ignored", "n"), "/api/v1/nodes/n"),
        (
            rest.path_of(scheme.DEPLOYMENTS, "ns", "d", "scale"),
            "/apis/apps/v1/namespaces/ns/deployments/d/scale",
        ),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert path == expected


async def test_a_status_answer_is_raised(client, server) -> None:
    server.refuse(status.not_found("pods", "x"))
    with pytest.raises(status.NotFound, match='pods "x" not found'):
        await client.get(scheme.PODS, "x", "ns")


async def test_an_answer_that_is_no_status_names_its_code_and_text(client, server) -> None:
    server.raw(502, b"<html>bad gateway</html>")
    with pytest.raises(status.ApiError, match="bad gateway") as caught:
        await client.create(scheme.PODS, {"metadata": {"namespace": "ns"}})
    assert caught.value.code == 502


async def test_a_read_is_repeated_after_a_lost_connection(client, server) -> None:
    server.lose()
    server.answer(503, status.service_unavailable("starting").to_status())
    server.answer(200, {"kind": "Pod"})
    assert await client.get(scheme.PODS, "x", "ns") == {"kind": "Pod"}


async def test_a_write_is_never_repeated_after_a_lost_connection(client, server) -> None:
    server.lose()
    with pytest.raises(transport.Unreachable):
        await client.create(scheme.PODS, {"metadata": {"namespace": "ns"}})
    assert len(server.requests) == 1


async def test_a_write_refused_for_load_is_repeated_when_the_server_says(client, server) -> None:
    import asyncio

    loop = asyncio.get_running_loop()
    server.answer(429, status.too_many_requests(7).to_status(), {"Retry-After": "7"})
    server.answer(201, {"kind": "Pod"})
    start = loop.time()
    await client.create(scheme.PODS, {"metadata": {"namespace": "ns"}})
    assert loop.time() - start == pytest.approx(7)


async def test_repeating_ends(client, server) -> None:
    for _ in range(rest.ATTEMPTS_MAX):
        server.lose()
    with pytest.raises(transport.Unreachable):
        await client.get(scheme.PODS, "x", "ns")
    assert len(server.requests) == rest.ATTEMPTS_MAX


async def test_delete_says_its_options(client, server) -> None:
    server.answer(200, {})
    await client.delete(
        scheme.PODS, "x", "ns", grace_period=0, propagation="Foreground", preconditions={"uid": "1"}
    )
    assert orjson.loads(server.requests[0].body) == {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "gracePeriodSeconds": 0,
        "propagationPolicy": "Foreground",
        "preconditions": {"uid": "1"},
    }


async def test_patch_names_its_type(client, server) -> None:
    server.answer(200, {})
    await client.patch(scheme.PODS, "x", {}, "ns", kind="strategic", subresource="status")
    assert server.requests[0].headers["content-type"] == "application/strategic-merge-patch+json"
    assert server.requests[0].path == "/api/v1/namespaces/ns/pods/x/status"


async def test_leaving_a_watch_closes_the_servers_stream(client, server) -> None:
    stream = server.stream()
    stream.send("ADDED", {"kind": "Pod"})
    async with contextlib.aclosing(client.watch(scheme.PODS)) as events:
        async for event in events:
            assert event.object() == {"kind": "Pod"}
            break
    assert stream.closed


async def test_a_watch_asks_for_initial_events(client, server) -> None:
    server.stream().end()
    assert [e async for e in client.watch(scheme.PODS, "ns", initial_events=True, timeout=9)] == []
    assert server.queries() == [
        {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": "9",
            "sendInitialEvents": "true",
            "resourceVersionMatch": "NotOlderThan",
        }
    ]
