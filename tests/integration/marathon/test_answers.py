"""What the API says to good, odd and bad requests."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.integration.marathon.conftest import Json, Marathon
from tests.integration.offers.conftest import Pool

APP: Json = {"id": "/web", "cmd": "sleep 1000", "cpus": 0.1, "mem": 32}


async def test_who_it_is(marathon: Marathon) -> None:
    assert await marathon.ask("GET", "/ping") == (200, "pong")
    info = await marathon.get("/v2/info")
    assert info["name"] == "marathon"
    assert info["frameworkId"]
    assert info["http_config"]["http_port"] == int(marathon.url.rpartition(":")[2])
    assert (await marathon.get("/v2/leader"))["leader"] == info["leader"]
    await marathon.do("POST", "/v2/apps", APP, expect=201)
    await marathon.settled()
    gauges = (await marathon.get("/metrics"))["gauges"]
    assert gauges["marathon.instances.running.gauge"] == {"value": 1}
    text = await marathon.get("/metrics/prometheus", text=True)
    assert "marathon_apps_active_gauge 1\n" in text


async def test_a_leader_that_abdicates_comes_back(marathon: Marathon) -> None:
    await marathon.do("DELETE", "/v2/leader")
    await marathon.until(lambda: marathon.get("/readyz", text=True), lambda found: found == "ok")
    await marathon.do("POST", "/v2/apps", APP, expect=201)
    await marathon.running("/web", 1)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v2/apps/none", None, 404),
        ("PUT", "/v2/apps/new", {"cpus": 1}, 422),
        ("DELETE", "/v2/apps/none", None, 404),
        ("POST", "/v2/apps/none/restart", None, 404),
        ("GET", "/v2/apps/none/tasks", None, 404),
        ("GET", "/v2/apps/none/versions", None, 404),
        ("POST", "/v2/apps", [], 422),
        ("POST", "/v2/apps", {"id": "/a"}, 422),
        ("POST", "/v2/apps", {**APP, "instances": "many"}, 422),
        ("PUT", "/v2/apps", {}, 422),
        ("PUT", "/v2/apps", [{"cmd": "x"}], 422),
        ("PUT", "/v2/apps/web?force=perhaps", APP, 400),
        ("POST", "/v2/tasks/delete", {"ids": "x"}, 422),
        ("GET", "/v2/apps?label=(", None, 400),
        ("GET", "/v2/nothing", None, 404),
        ("DELETE", "/v2/info", None, 405),
        ("DELETE", "/v2/deployments/none", None, 404),
        ("GET", "/v2/pods", None, 200),
        ("POST", "/v2/pods", {}, 422),
        ("POST", "/v2/pods", [], 422),
        ("POST", "/v2/pods", {"id": "x", "containers": []}, 422),
        ("GET", "/v2/pods::status", None, 200),
        ("GET", "/v2/pods/x::status", None, 404),
        ("GET", "/v2/pods/x::versions", None, 404),
        ("PUT", "/v2/pods/x", {}, 404),
        ("DELETE", "/v2/pods/x", None, 404),
        ("DELETE", "/v2/pods/x::instances/y", None, 404),
        ("GET", "/v2/pods/x", None, 404),
    ],
)
async def test_status_codes(
    marathon: Marathon, method: str, path: str, body: Any, status: int
) -> None:
    found, answer = await marathon.ask(method, path, body)
    assert found == status, answer
    if status >= 400:
        assert answer["message"]


async def test_bodies_that_are_no_json(marathon: Marathon) -> None:
    for data in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"id": NaN}'):
        async with marathon.pool.http.post(
            f"{marathon.url}/v2/apps", data=data, headers={"Content-Type": "application/json"}
        ) as answer:
            assert answer.status == 400
            assert (await answer.json())["message"] == "Invalid JSON"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 201),
        ({"Content-Type": "application/json", "Origin": "http://evil.example"}, 403),
        ({"Content-Type": "application/json", "Host": "evil.example:8080"}, 403),
        ({"Content-Type": "application/json", "Host": "localhost"}, 201),
    ],
)
async def test_web_pages_run_no_commands_here(
    marathon: Marathon, headers: dict[str, str], status: int
) -> None:
    """What a browser sends for a page of somebody else's is refused."""
    url, body = f"{marathon.url}/v2/apps", json.dumps({**APP, "instances": 0})
    async with marathon.pool.http.post(url, data=body, headers=headers) as answer:
        assert answer.status == status


async def test_taken_ids(marathon: Marathon) -> None:
    await marathon.do("POST", "/v2/apps", APP, expect=201)
    found = await marathon.do("POST", "/v2/apps", APP, expect=409)
    assert found["message"] == "An app with id [/web] already exists."


async def test_searching(marathon: Marathon) -> None:
    for name, labels in (("a", {"tier": "1"}), ("b", {"tier": "2"})):
        body = {**APP, "id": name, "labels": labels, "instances": 0}
        await marathon.do("POST", "/v2/apps", body, expect=201)

    async def ids(query: str) -> list[str]:
        return [app["id"] for app in (await marathon.get(f"/v2/apps?{query}"))["apps"]]

    assert await ids("") == ["/a", "/b"]
    assert await ids("label=tier==2") == ["/b"]
    assert await ids("id=a") == ["/a"]
    assert await ids("cmd=nothing") == []


async def test_several_apps_in_one_deployment(marathon: Marathon) -> None:
    apps = [{**APP, "id": "/a"}, {**APP, "id": "/b", "dependencies": ["/a"]}]
    url = f"{marathon.url}/v2/events?event_type=deployment_success"
    async with asyncio.timeout(30), marathon.pool.http.get(url) as stream:
        made = await marathon.do("PUT", "/v2/apps", apps)
        text = (await stream.content.readuntil(b"\r\n\r\n")).decode()
    plan = json.loads(text.partition("data: ")[2])["plan"]
    assert plan["id"] == made["deploymentId"]
    assert [app["id"] for app in plan["target"]["apps"]] == ["/a", "/b"]
    await marathon.running("/b", 1)


async def test_what_is_embedded(marathon: Marathon) -> None:
    await marathon.do("POST", "/v2/apps", APP, expect=201)
    await marathon.running("/web", 1)
    (app,) = (await marathon.get("/v2/apps?embed=apps.tasks&embed=apps.taskStats"))["apps"]
    assert app["tasks"][0]["appId"] == "/web"
    assert app["taskStats"]["totalSummary"]["stats"]["counts"]["running"] == 1
    text = {"Accept": "text/plain"}
    async with marathon.pool.http.get(f"{marathon.url}/v2/tasks", headers=text) as answer:
        name, port, where, _ = (await answer.text()).split("\t")
    assert (name, port) == ("web", "10000")
    assert where.endswith(f":{app['tasks'][0]['ports'][0]}")
    assert (await marathon.get("/v2/tasks?status=staging"))["tasks"] == []


async def test_tasks_of_one_app_and_of_a_group(marathon: Marathon) -> None:
    for name in ("/shop/web", "/shop/db", "/other"):
        await marathon.do("POST", "/v2/apps", {**APP, "id": name}, expect=201)
        await marathon.running(name, 1)

    async def owners(path: str) -> list[str]:
        return sorted(task["appId"] for task in (await marathon.get(path))["tasks"])

    assert await owners("/v2/apps/shop/web/tasks") == ["/shop/web"]
    assert await owners("/v2/apps/shop/*/tasks") == ["/shop/db", "/shop/web"]
    assert await owners("/v2/apps/*/tasks") == ["/other", "/shop/db", "/shop/web"]
    text, url = {"Accept": "text/plain"}, f"{marathon.url}/v2/apps/shop/web/tasks"
    async with marathon.pool.http.get(url, headers=text) as answer:
        (line,) = (await answer.text()).splitlines()
    assert line.startswith("shop_web\t")
    both = "scale=true&wipe=true"
    for path in ("/v2/apps/shop/web/tasks", "/v2/apps/shop/web/tasks/x"):
        status, said = await marathon.ask("DELETE", f"{path}?{both}")
        assert (status, said["message"][:13]) in ((400, "You cannot us"), (404, "Task 'x' does"))
    ids = {"ids": [task["id"] for task in (await marathon.get("/v2/tasks"))["tasks"]]}
    await marathon.do("POST", f"/v2/tasks/delete?{both}", ids, expect=400)
    assert len((await marathon.get("/v2/tasks"))["tasks"]) == 3


@pytest.mark.parametrize("body", [{"id": "/a"}, {"id": "/a", "cmd": "x", "args": ["x"]}])
async def test_what_to_run_is_said_once(marathon: Marathon, body: Json) -> None:
    """The sentence is Marathon's own: tools look for it."""
    said = await marathon.do("POST", "/v2/apps", body, expect=422)
    assert said["details"] == [{"path": "/", "errors": [
        "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."]}]  # fmt: skip


async def test_events(marathon: Marathon) -> None:
    """From the first event of an app to the end of its deployment, as a browser reads them."""
    kinds: list[str] = []
    async with asyncio.timeout(30), marathon.pool.http.get(f"{marathon.url}/v2/events") as stream:
        assert stream.content_type == "text/event-stream"
        await marathon.do("POST", "/v2/apps", APP, expect=201)
        async for raw in stream.content:
            line = raw.decode()
            if line.startswith("event: "):
                kinds.append(line.removeprefix("event: ").strip())
            if kinds[-1:] == ["deployment_success"]:
                break
    assert kinds[0] == "event_stream_attached"
    for kind in ("api_post_event", "group_change_success", "deployment_info", "status_update_event",
                 "instance_changed_event", "deployment_step_success"):  # fmt: skip
        assert kind in kinds
    assert kinds.index("api_post_event") < kinds.index("status_update_event")


async def test_some_events_only(marathon: Marathon) -> None:
    url = f"{marathon.url}/v2/events?event_type=deployment_success"
    async with asyncio.timeout(30), marathon.pool.http.get(url) as stream:
        await marathon.do("POST", "/v2/apps", {**APP, "instances": 0}, expect=201)
        line = (await stream.content.readline()).decode()
    assert line == "event: deployment_success\r\n"


async def test_credentials(pool: Pool, tmp_path: Path) -> None:
    made = Marathon(pool, tmp_path / "m.db", credentials="user:pass")
    await made.start()
    try:
        assert (await made.ask("GET", "/v2/apps"))[0] == 401
        for given, status in (("wrong", 401), ("pass", 200)):
            headers = {"Authorization": aiohttp.encode_basic_auth("user", given)}
            assert (await made.ask("GET", "/v2/apps", headers=headers))[0] == status
        assert (await made.ask("GET", "/ping"))[0] == 200
    finally:
        await made.stop()
