"""Credentials, principals, and what frameworks may not do without a right to it."""

import base64
import contextlib
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from apimachinery import scheme, status, wire
from apimachinery.client.rest import Client
from apimachinery.client.transport import DirectTransport
from apimachinery.mesos import marks
from apiserver.attributes import ALLOW, Attributes, Decision
from offers.http.access import socket_user
from offers.http.credentials import Credentials, parse
from tests.fakes.mesos import RawFramework, task
from tests.integration.offers.conftest import Pool

INFO = {"user": "root", "name": "raw", "failover_timeout": 60.0}


class NoHostTasks:
    """Whoever came with a principal may use no node's own files, and is no operator."""

    def authorize(self, asked: Attributes) -> Decision:
        theirs = asked.user.name.startswith("offers:") or asked.user.name == "alice"
        dangerous = asked.resource == "hosttasks" or asked.verb == "update"
        return Decision(allowed=False, reason="no") if theirs and dangerous else ALLOW

    def rules(self, user: Any, namespace: str) -> list[Any]:
        return []

    def role_rules(self, namespace: str, name: str) -> list[Any]:
        return []


@pytest.fixture
async def guarded(pool: Pool, tmp_path: Path) -> Pool:
    """Everybody must bring credentials."""
    file = tmp_path / "credentials"
    file.write_text("toil s3cret\nbatch other\n")
    access = pool.side.server.access
    access.required, access.secrets = True, Credentials(file)
    pool.server.core.authorizer = NoHostTasks()
    return pool


def basic(name: str, secret: str) -> dict[str, str]:
    text = base64.b64encode(f"{name}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


def as_principal(pool: Pool, name: str, secret: str, **info: Any) -> RawFramework:
    made = RawFramework(pool.http, pool.url, **info)
    made.headers = basic(name, secret)
    return made


async def code(pool: Pool, path: str, auth: dict[str, str] | None = None) -> int:
    url = pool.url.removesuffix("/api/v1/scheduler") + path
    async with pool.http.get(url, headers=auth) as answer:
        return answer.status


async def test_without_credentials_there_is_nothing_to_see(guarded: Pool) -> None:
    call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO}}
    for auth in (None, basic("toil", "wrong"), basic("eve", "s3cret")):
        async with guarded.http.post(guarded.url, json=call, headers=auth) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert await code(guarded, "/state", auth) == 401
    operator = {"type": "GET_STATE"}
    async with guarded.http.post(guarded.url.removesuffix("/scheduler"), json=operator) as answer:
        assert answer.status == 401
    assert await code(guarded, "/health") == 200
    assert await code(guarded, "/state", basic("toil", "s3cret")) == 200


async def test_the_proven_principal_is_the_framework_s(guarded: Pool) -> None:
    framework = as_principal(guarded, "toil", "s3cret")
    await framework.subscribe()
    assert guarded.side.frameworks.known[framework.id].principal == "toil"
    assert await framework.call("REVIVE") == 202
    thief = as_principal(guarded, "batch", "other")
    thief.id, thief.stream_id = framework.id, framework.stream_id
    assert await thief.call("TEARDOWN") == 400


async def test_another_name_than_the_proven_one_is_refused(guarded: Pool) -> None:
    info = {**INFO, "principal": "batch"}
    call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
    auth = basic("toil", "s3cret")
    async with guarded.http.post(guarded.url, json=call, headers=auth) as answer:
        assert answer.status == 400
        assert "does not match" in await answer.text()


async def test_operators_need_a_right(guarded: Pool) -> None:
    call = {"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": []}}
    url, auth = guarded.url.removesuffix("/scheduler"), basic("toil", "s3cret")
    async with guarded.http.post(url, json=call, headers=auth) as answer:
        assert answer.status == 403


HOST_VOLUME = {"mode": "RW", "container_path": "/x", "host_path": "/etc"}


@pytest.mark.parametrize(
    "container",
    [
        {"type": "MESOS", "volumes": [HOST_VOLUME]},
        {"type": "DOCKER", "docker": {"image": "busybox", "privileged": True}},
        {"type": "DOCKER", "docker": {"image": "bireme.dev/host-rootfs"}},
        {"type": "DOCKER", "docker": {"image": "bireme.dev/host-rootfs:nobody"}},
    ],
)
async def test_the_node_s_own_files_need_a_right(guarded: Pool, container: Any) -> None:
    await guarded.node("n1")
    framework = as_principal(guarded, "toil", "s3cret")
    await framework.subscribe()
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t", container=container), task(offer, "good"))
    refused = await framework.update("t")
    assert (refused["state"], refused["reason"]) == ("TASK_ERROR", "REASON_TASK_UNAUTHORIZED")
    await framework.update("good", "TASK_RUNNING")
    (pod,) = (await guarded.client.list(scheme.PODS, "frameworks"))["items"]
    assert pod["spec"]["containers"][0]["image"] == "busybox"


async def test_the_local_admin_s_tasks_without_an_image_run_on_the_node_itself(pool: Pool) -> None:
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    named = task(offer, "t", command="sleep")
    named["command"]["user"] = "nobody"
    await framework.launch(offer, named)
    await framework.update("t", "TASK_RUNNING")
    (pod,) = (await pool.client.list(scheme.PODS, "frameworks"))["items"]
    assert pod["spec"]["containers"][0]["image"] == "bireme.dev/host-rootfs:nobody"


@pytest.mark.parametrize("uri", ["/etc/shadow", "FILE:///etc/shadow", " fi\tle:/etc/shadow"])
async def test_fetching_the_node_s_own_files_needs_a_right(guarded: Pool, uri: str) -> None:
    await guarded.node("n1")
    framework = as_principal(guarded, "toil", "s3cret")
    await framework.subscribe()
    (offer,) = await framework.offers()
    bad = task(offer, "t", command="sleep")
    bad["command"]["uris"] = [{"value": uri}]
    await framework.launch(offer, bad)
    assert (await framework.update("t"))["reason"] == "REASON_TASK_UNAUTHORIZED"


async def test_the_agent_is_told_what_to_fetch(pool: Pool) -> None:
    await pool.node("n1")
    framework = await pool.framework()
    (offer,) = await framework.offers()
    uris = [{"value": "file:///opt/tool.tgz", "extract": True}]
    wants = task(offer, "t", command="sleep")
    wants["command"]["uris"] = uris
    await framework.launch(offer, wants)
    await framework.update("t", "TASK_RUNNING")
    (pod,) = (await pool.client.list(scheme.PODS, "frameworks"))["items"]
    assert json.loads(pod["metadata"]["annotations"][marks.FETCH]) == {"task-0": uris}


@pytest.mark.parametrize(
    ("annotations", "image"),
    [
        ({}, "bireme.dev/host-rootfs"),
        ({marks.FETCH: '{"c": [{"value": "/etc/shadow"}]}'}, "a"),
        ({marks.FETCH: '{"c": [{"value": "http://10.0.0.1:5051/flags"}]}'}, "a"),
        ({marks.FETCH: "nonsense"}, "a"),
    ],
)
async def test_pods_may_not_reach_the_node_s_own_file_system_either(
    pool: Pool, annotations: Any, image: str
) -> None:
    pool.server.core.authorizer = NoHostTasks()
    pod = {
        "metadata": {"name": "p", "annotations": annotations},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }
    # That she may create pods at all is not the question here.
    alice = Client(DirectTransport(pool.server.handle, wire.UserInfo("alice")))
    with pytest.raises(status.Forbidden):
        await alice.create(scheme.PODS, pod, "frameworks")


@pytest.mark.parametrize(("uri", "right"), [("http://10.0.0.1/x", True), ("/etc/shadow", False)])
async def test_frameworks_may_fetch_from_the_web(pool: Pool, uri: str, right: bool) -> None:
    pool.server.core.authorizer = NoHostTasks()
    wanted = json.dumps({"c": [{"value": uri}]})
    pod = {
        "metadata": {"name": "p", "annotations": {marks.FETCH: wanted}},
        "spec": {"containers": [{"name": "c", "image": "a"}]},
    }
    toil = wire.UserInfo("offers:toil", groups=("offers:principals",))
    made = Client(DirectTransport(pool.server.handle, toil)).create(scheme.PODS, pod, "frameworks")
    with contextlib.nullcontext() if right else pytest.raises(status.Forbidden, match="hosttasks"):
        await made


async def test_the_kernel_is_asked_when_it_matters(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its table takes milliseconds: not for calls that need no more than a framework's own."""
    asked: list[int] = []
    monkeypatch.setattr("offers.http.access.socket_user", lambda _, port: asked.append(port))
    framework = await pool.framework()
    asked.clear()
    for _ in range(3):
        assert await framework.call("REVIVE") == 202
    assert not asked
    url = pool.url.removesuffix("/scheduler")
    call = {"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": []}}
    async with pool.http.post(url, json=call):
        assert asked


def test_the_kernel_tells_whose_a_socket_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            assert socket_user(*client.getsockname()) == os.getuid()
        assert socket_user("127.0.0.1", 1) is None
        assert socket_user("192.0.2.1", 80) is None


def test_both_formats_of_credentials_are_read(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    known = Credentials(file)
    assert known() == {}
    file.write_text('{"credentials": [{"principal": "a", "secret": "b"}]}')
    assert known() == {"a": "b"}
    file.write_text("a c d\n\nonly-a-name\n")
    assert known() == {"a": "c d"}
    file.unlink()
    assert known() == {}
    assert parse("") == {}


async def test_bad_headers_are_no_credentials(guarded: Pool) -> None:
    url = guarded.url.removesuffix("/api/v1/scheduler") + "/state"
    for header in ("Basic", "Basic !!", "Bearer x", f"Basic {base64.b64encode(b'x').decode()}"):
        async with guarded.http.get(url, headers={"Authorization": header}) as answer:
            assert answer.status == 401
