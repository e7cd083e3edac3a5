"""Status codes, errors and leniency of the v1 scheduler API (the contract's table)."""

import json
from typing import Any

import pytest

from apimachinery.mesos import binary
from tests.fakes.mesos import RawFramework
from tests.integration.offers.conftest import Pool

INFO = {"user": "root", "name": "raw"}
JSON = {"Content-Type": "application/json"}


async def answer(
    pool: Pool, body: Any, headers: dict[str, str] | None = None, method: str = "POST"
) -> tuple[int, str]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = JSON if headers is None else headers
    async with pool.http.request(
        method, pool.url, data=data, headers=given, skip_auto_headers=("Content-Type", "Accept")
    ) as got:
        return got.status, await got.text()


@pytest.mark.parametrize(
    ("body", "headers", "code", "text"),
    [
        (b"{}", {}, 400, "Expecting 'Content-Type' to be present"),
        (b"{}", {"Content-Type": "text/plain"}, 415, ""),
        (b"nonsense", JSON, 400, "Failed to parse body into JSON"),
        (b"[1]", JSON, 400, "Failed to parse body into JSON"),
        ({}, JSON, 400, "Expecting 'type' to be present"),
        ({"type": "SUBSCRIBE"}, JSON, 400, "Expecting 'subscribe' to be present"),
        (
            {"type": "SUBSCRIBE", "subscribe": {"framework_info": {"name": "x"}}},
            JSON,
            400,
            "Missing required fields: subscribe.framework_info.user",
        ),
        (
            {"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO}},
            {**JSON, "Accept": "text/html"},
            406,
            "",
        ),
        (
            {"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO}},
            {**JSON, "Mesos-Stream-Id": "x"},
            400,
            "should not include the 'Mesos-Stream-Id'",
        ),
        (
            {
                "type": "SUBSCRIBE",
                "framework_id": {"value": "a"},
                "subscribe": {"framework_info": {**INFO, "id": {"value": "b"}}},
            },
            JSON,
            400,
            "differs",
        ),
        ({"type": "TEARDOWN"}, JSON, 400, "Expecting 'framework_id' to be present"),
        (
            {"type": "TEARDOWN", "framework_id": {"value": "unknown"}},
            JSON,
            400,
            "Framework cannot be found",
        ),
        ({"type": ["TEARDOWN"]}, JSON, 400, "Not expecting a JSON array"),
        ({"type": 2}, JSON, 400, "enum"),
    ],
)
async def test_what_is_wrong_is_said_with_the_right_code(
    pool: Pool, body: Any, headers: dict[str, str], code: int, text: str
) -> None:
    status, said = await answer(pool, body, headers)
    assert (status, text in said) == (code, True), said


async def test_only_post_is_taken(pool: Pool) -> None:
    assert (await answer(pool, b"", {}, "GET"))[0] == 405


async def test_the_first_heartbeat_follows_subscribed_at_once(pool: Pool) -> None:
    framework = await pool.framework()
    await pool.eventually(lambda: framework.heartbeats)


async def test_calls_need_the_right_stream(pool: Pool) -> None:
    framework = await pool.framework()
    call = {"type": "REVIVE", "framework_id": {"value": framework.id}}
    assert (await answer(pool, call))[0] == 400
    assert (await framework.post(call, **{"Mesos-Stream-Id": "other"}))[0] == 400
    assert (await framework.post(call))[0] == 202


async def test_a_framework_that_left_is_not_subscribed(pool: Pool) -> None:
    framework = await pool.framework()
    await framework.close()
    await pool.eventually(lambda: pool.side.frameworks.known[framework.id].stream is None)
    call = {"type": "REVIVE", "framework_id": {"value": framework.id}}
    assert await framework.post(call) == (403, "Framework is not subscribed")


@pytest.mark.parametrize("uuid", ["AAAA", "not base64"])
async def test_a_uuid_of_another_length_is_refused(pool: Pool, uuid: str) -> None:
    framework = await pool.framework()
    parts = {"agent_id": {"value": "a"}, "task_id": {"value": "t"}, "uuid": uuid}
    assert await framework.call("ACKNOWLEDGE", **parts) == 400


@pytest.mark.parametrize(
    ("info", "error"),
    [
        ({"role": "a//b"}, "role"),
        ({"role": "-x"}, "role"),
        ({"failover_timeout": -1}, "failover_timeout"),
        ({"failover_timeout": 1e300}, "failover_timeout"),
        ({"roles": ["a", "b"]}, "MULTI_ROLE"),
        ({"id": {"value": "a/b"}}, "id"),
    ],
)
async def test_a_subscription_that_cannot_be_is_an_error_event(
    pool: Pool, info: dict[str, Any], error: str
) -> None:
    framework = RawFramework(pool.http, pool.url, **info)
    first = await framework.subscribe()
    assert first["type"] == "ERROR"
    assert error in first["error"]["message"]
    assert (await framework.next())["type"] == "END"


async def test_what_real_clients_send_is_understood(pool: Pool) -> None:
    """Strings for numbers and booleans, one value for a list, nulls, unknown fields and words."""
    framework = await pool.framework(
        failover_timeout="30",
        checkpoint="true",
        roles="batch",
        webui_url=None,
        colour="blue",
        capabilities=[{"type": "MULTI_ROLE"}, {"type": "TELEPATHY"}],
    )
    known = pool.side.frameworks.known[framework.id]
    assert known.roles == ("batch",)
    assert known.failover_timeout == 30


async def test_an_empty_id_counts_as_none(pool: Pool) -> None:
    framework = await pool.framework(id={"value": ""})
    assert framework.id


async def test_protobuf_is_spoken_too(pool: Pool) -> None:
    call = binary.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO}}, "Call")
    kind = "application/x-protobuf"
    async with pool.http.post(
        pool.url, data=call, headers={"Content-Type": kind, "Accept": kind}
    ) as got:
        assert got.headers["Content-Type"] == kind
        size = int(await got.content.readuntil(b"\n"))
        event = binary.loads(await got.content.readexactly(size), "Event")
        assert event["type"] == "SUBSCRIBED"
        assert event["subscribed"]["heartbeat_interval_seconds"] == 15.0
