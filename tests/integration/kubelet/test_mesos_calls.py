"""The agent's calls on containers over real HTTP: sessions, streams, who may."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from apimachinery import scheme
from apimachinery.mesos import marks, recordio
from kubelet.mesos.calls import RECORDIO, ContainerCalls
from kubelet.mesos.containers import Containers
from kubelet.mesos.facts import Facts
from kubelet.mesos.gate import Gate
from kubelet.mesos.operator import AgentOperator
from kubelet.runtime.fake import Behaviour
from kubelet.runtime.interface import ExecResult

from .conftest import World, is_ready

Json = dict[str, Any]
STREAMED = {"Content-Type": RECORDIO, "Message-Content-Type": "application/json"}


class Agent:
    """One pod on a fake runtime, and the endpoint."""

    def __init__(self, world: World, http: aiohttp.ClientSession) -> None:
        self.world, self.http = world, http
        self.headers: dict[str, str] = {}

    async def start(self, *, address: str = "10.0.0.1") -> None:
        agent = await self.world.start_agent()
        pod = await self.world.pod(metadata={"annotations": {marks.FRAMEWORK_ID: "f"}})
        await self.world.until(is_ready)
        assert agent.pods is not None
        self.uid = pod["metadata"]["uid"]
        gate = Gate(self.world.client, address, ("127.0.0.1",))
        facts: Any = None
        self.calls = ContainerCalls(agent.kit.driver, Containers(agent.pods.workers), gate)
        app = web.Application()
        app.router.add_post("/api/v1", AgentOperator(facts, self.calls).handle)
        self.server = TestServer(app, handler_cancellation=True)
        await self.server.start_server()
        self.url = self.server.make_url("/api/v1")

    def id(self, *names: str) -> Json:
        found: Json = {"value": self.uid}
        for name in names:
            found = {"value": name, "parent": found}
        return found

    async def call(self, kind: str, *names: str, **more: Any) -> tuple[int, str]:
        body = {"container_id": self.id(*names), **more}
        return await self.send({"type": kind, kind.lower(): body})

    async def send(self, call: Any) -> tuple[int, str]:
        async with self.http.post(self.url, json=call, headers=self.headers) as answer:
            return answer.status, await answer.text()

    def feed(self, *records: Any) -> Any:
        return self.http.post(self.url, data=self.records(*records), headers=STREAMED)

    def records(self, *records: Any) -> bytes:
        return b"".join(recordio.record(json.dumps(each).encode()) for each in records)

    def input(self, *names: str) -> Json:
        return _input(type="CONTAINER_ID", container_id=self.id(*names))


def _input(**body: Any) -> Json:
    return {"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": body}


def typed(data: bytes) -> Json:
    part = {"type": "STDIN", "data": base64.b64encode(data).decode()}
    return _input(type="PROCESS_IO", process_io={"type": "DATA", "data": part})


async def outputs(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, bytes]]:
    while line := await answer.content.readline():
        record = json.loads(await answer.content.readexactly(int(line)))
        if record["type"] == "DATA":
            yield record["data"]["type"], base64.b64decode(record["data"]["data"])


@pytest.fixture
async def agent(world: World) -> AsyncIterator[Agent]:
    world.machine.behaviour = lambda _: Behaviour(
        run=lambda argv: ExecResult(3, " ".join(argv).encode(), b"err")
    )
    async with aiohttp.ClientSession() as http:
        made = Agent(world, http)
        await made.start()
        yield made
        await made.calls.sessions.close()
        await made.server.close()


RUN = {"command": {"value": "run", "arguments": ["run", "this one"], "shell": False}}


async def test_a_session_is_a_process_with_input_and_output(agent: Agent) -> None:
    body = {"container_id": agent.id("s"), **RUN}
    call = {
        "type": "LAUNCH_NESTED_CONTAINER_SESSION",
        "launch_nested_container_session": body,
    }
    async with agent.http.post(agent.url, json=call) as answer:
        assert answer.headers["Content-Type"] == RECORDIO
        heard = outputs(answer)
        assert await anext(heard) == ("STDOUT", b"run this one")
        assert await anext(heard) == ("STDERR", b"err")
        async with agent.feed(agent.input("s")) as tried:
            assert tried.status == 200  # input is not at its end: a tool only tries
        size = {"type": "TTY_INFO", "tty_info": {"window_size": {"rows": 0, "columns": 0}}}
        control = _input(type="PROCESS_IO", process_io={"type": "CONTROL", "control": size})
        async with agent.feed(agent.input("s"), control, typed(b"hi"), typed(b"")) as fed:
            assert fed.status == 200
        assert [piece async for piece in heard] == [("STDOUT", b"hi")]
    status, text = await agent.call("WAIT_CONTAINER", "s")
    assert (status, json.loads(text)["wait_container"]) == (200, {"exit_status": 3 << 8})
    async with agent.feed(agent.input("s")) as late:
        assert late.status == 500


async def test_a_session_ends_with_its_connection(agent: Agent) -> None:
    body = {"container_id": agent.id("s"), **RUN}
    call = {"type": "LAUNCH_NESTED_CONTAINER_SESSION", "launch_nested_container_session": body}
    answer = await agent.http.post(agent.url, json=call)
    await anext(outputs(answer))
    answer.close()
    status, text = await agent.call("WAIT_NESTED_CONTAINER", "s")
    assert (status, json.loads(text)["wait_nested_container"]) == (200, {"exit_status": 9})


async def test_a_nested_container_is_launched_heard_killed_and_removed(agent: Agent) -> None:
    assert await agent.call("LAUNCH_NESTED_CONTAINER", "n", **RUN) == (200, "")
    assert await agent.call("LAUNCH_NESTED_CONTAINER", "n", **RUN) == (202, "")
    assert [one.path for one in agent.calls.sessions.below((agent.uid,))] == [(agent.uid, "n")]
    assert (await agent.call("REMOVE_NESTED_CONTAINER", "n"))[0] == 500  # it runs
    body = {"container_id": agent.id("n")}
    call = {"type": "ATTACH_CONTAINER_OUTPUT", "attach_container_output": body}
    async with agent.http.post(agent.url, json=call) as answer:
        assert await anext(outputs(answer)) == ("STDOUT", b"run this one")
        assert await agent.call("KILL_NESTED_CONTAINER", "n") == (200, "")
        assert ("STDERR", b"err") in [piece async for piece in outputs(answer)]
    assert await agent.call("REMOVE_NESTED_CONTAINER", "n") == (200, "")
    assert (await agent.call("WAIT_NESTED_CONTAINER", "n"))[0] == 404


async def test_a_task_s_own_output_and_end(agent: Agent) -> None:
    async with agent.feed(agent.input(), typed(b"x")) as fed:
        assert fed.status == 200
    waiting = asyncio.create_task(agent.call("WAIT_CONTAINER"))
    assert (await agent.call("KILL_CONTAINER"))[0] == 400  # its framework does that
    await agent.world.client.delete(scheme.PODS, "web", "default", grace_period=1)
    async with asyncio.timeout(20):
        assert (await waiting)[0] == 200


@pytest.mark.parametrize(
    ("names", "more", "status"),
    [
        ((), RUN, 400),
        (("a", "b"), RUN, 404),
        (("n",), {"command": {"shell": True}}, 400),
        (("n",), {"command": {"value": "x", "user": "root"}}, 400),
        (("n",), {"command": {"value": "x", "uris": [{"value": "http://x/y"}]}}, 400),
        (("n",), {**RUN, "container": {"type": "MESOS", "mesos": {"image": {"type": "DOCKER"}}}},
         400),
        (("n",), {"command": {"value": "x", "environment": {
            "variables": [{"name": "-S sh", "value": ""}]}}}, 400),
    ],
)  # fmt: skip
async def test_what_cannot_be_launched(
    agent: Agent, names: tuple[str, ...], more: Json, status: int
) -> None:
    assert (await agent.call("LAUNCH_NESTED_CONTAINER", *names, **more))[0] == status


@pytest.mark.parametrize("body", [None, {}, {"container_id": "x"}, {"container_id": {}}])
async def test_calls_without_a_container_are_bad(agent: Agent, body: Any) -> None:
    assert (await agent.send({"type": "WAIT_CONTAINER", "wait_container": body}))[0] == 400


async def test_an_id_of_a_hundred_parents_is_bad(agent: Agent) -> None:
    assert (await agent.call("WAIT_CONTAINER", *("x" * 100)))[0] == 400


@pytest.mark.parametrize(
    "data",
    [b"", b"x\n{}", b"-1\n", b"99999999999\nx", b"2\n{}", b"4\nnull", b"99\n{}", b"5\n\xff\xff",
     b"9" * 5000 + b"\n{}", b"9" * 1_000_000],
)  # fmt: skip
async def test_input_that_is_none(agent: Agent, data: bytes) -> None:
    async with agent.http.post(agent.url, data=data, headers=STREAMED) as answer:
        assert answer.status == 400
    async with agent.http.post(agent.url, data=data, headers={"Content-Type": RECORDIO}) as answer:
        assert answer.status == 415


async def test_input_cut_and_split_anywhere(agent: Agent) -> None:
    """What came whole is heard; the rest is a bad request; the session lives through it.

    Each single byte: `tests/unit/apimachinery/test_recordio.py`.
    """
    assert (await agent.call("LAUNCH_NESTED_CONTAINER", "s", **RUN))[0] == 200
    whole = agent.records(agent.input("s"), typed(b"x"))
    ends = {len(agent.records(agent.input("s"))), len(whole)}
    for at in (*range(0, len(whole), 5), *ends):
        async with agent.http.post(agent.url, data=whole[:at], headers=STREAMED) as answer:
            assert answer.status == (200 if at in ends else 400), at

    async def pieces(at: int) -> AsyncIterator[bytes]:
        yield whole[:at]
        await asyncio.sleep(0)
        yield whole[at:]

    for at in range(1, len(whole), 5):
        async with agent.http.post(agent.url, data=pieces(at), headers=STREAMED) as answer:
            assert answer.status == 200, at
    (session,) = agent.calls.sessions.below((agent.uid,))
    assert not session.ended.is_set()


async def test_sessions_have_a_bound(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubelet.mesos.sessions.SESSIONS_MAX", 1)
    assert (await agent.call("LAUNCH_NESTED_CONTAINER", "a", **RUN))[0] == 200
    assert (await agent.call("LAUNCH_NESTED_CONTAINER", "b", **RUN))[0] == 503
    await agent.call("KILL_NESTED_CONTAINER", "a")
    assert (await agent.call("LAUNCH_NESTED_CONTAINER", "b", **RUN))[0] == 200


async def test_each_task_of_a_group_has_its_sandbox(world: World) -> None:
    agent = await world.start_agent()
    assert agent.pods is not None
    both = [
        {"name": name, "image": "app:1", "volumeMounts": [{"name": each, "mountPath": "/s"}]}
        for name, each in (("task-0", "sandbox"), ("task-1", "sandbox-1"))
    ]
    ids = {marks.FRAMEWORK_ID: "f", marks.TASK_IDS: "a\nb"}
    volumes = [{"name": each, "emptyDir": {}} for each in ("sandbox", "sandbox-1")]
    await world.pod(metadata={"annotations": ids}, containers=both, volumes=volumes)
    await world.until(is_ready)
    none: Any = None
    found = Facts(agent.kit, agent.pods, none, 5051).sandboxes()
    outer = min(found, key=len)
    places = {path.removeprefix(outer): one.directory.name for path, one in found.items()}
    assert places == {"": "sandbox", "/tasks/a": "sandbox", "/tasks/b": "sandbox-1"}
    assert all(one.directory.is_dir() for one in found.values())


class Reviews:
    """An API server that knows one token and grants one user one thing."""

    async def create(self, resource: Any, review: Json) -> Json:
        spec = review["spec"]
        if resource is scheme.TOKENREVIEWS:
            known = {"good": "alice", "poor": "bob"}.get(spec["token"])
            return {"status": {"authenticated": bool(known), "user": {"username": known}}}
        wanted = spec["resourceAttributes"]
        assert (wanted["resource"], wanted["subresource"]) == ("pods", "exec")
        return {"status": {"allowed": spec["user"] == "alice"}}


@pytest.mark.parametrize(
    ("token", "status"), [("", 401), ("bad", 401), ("poor", 403), ("good", 200)]
)
async def test_an_address_alone_opens_nothing(agent: Agent, token: str, status: int) -> None:
    """A task in the node's network has the node's address, and may be root there."""
    reviews: Any = Reviews()
    agent.calls._gate = Gate(reviews, "127.0.0.1", ("127.0.0.1",))
    if token:
        text = base64.b64encode(f"token:{token}".encode()).decode()
        agent.headers["Authorization"] = f"Basic {text}"
    assert (await agent.call("LAUNCH_NESTED_CONTAINER", "n", **RUN))[0] == status
