"""What an agent tells operators of itself, in the v1 messages (Mesos' AgentAPITest.Get…)."""

import base64
import json
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from apimachinery.mesos import marks
from kubelet.mesos.calls import ContainerCalls
from kubelet.mesos.containers import Containers
from kubelet.mesos.facts import Facts
from kubelet.mesos.gate import Gate
from kubelet.mesos.operator import AgentOperator

from .conftest import World, is_ready

Json = dict[str, Any]


class Asker:
    """The operator API of a node on which one task of two runs and one has ended."""

    def __init__(self, client: TestClient[web.Request, web.Application]) -> None:
        self.client = client

    async def ask(self, kind: str, **body: Any) -> Json:
        async with self.client.post("/api/v1", json={"type": kind, kind.lower(): body}) as answer:
            assert answer.status == 200, await answer.text()
            found = json.loads(await answer.text())
        assert found["type"] == kind
        return found[kind.lower()]


async def launched(world: World) -> tuple[Facts, web.Application]:
    agent = await world.start_agent()
    assert agent.pods is not None
    for name, command in (("runs", "serve"), ("ended", "true")):
        ids = {marks.FRAMEWORK_ID: "f", marks.TASK_IDS: name}
        mount = {"name": "sandbox", "mountPath": marks.SANDBOX}
        container = {"name": "task-0", "image": "app:1", "command": [command]}
        await world.pod(
            name,
            metadata={"annotations": ids},
            containers=[{**container, "volumeMounts": [mount]}],
            volumes=[{"name": "sandbox", "emptyDir": {}}],
            restartPolicy="Never",
        )
    await world.until(is_ready, "runs")
    await world.until(lambda pod: pod["status"].get("phase") == "Succeeded", "ended")
    none: Any = None
    facts = Facts(agent.kit, agent.pods, none, 5051)
    gate = Gate(world.client, "10.0.0.1", ("127.0.0.1",))
    calls = ContainerCalls(agent.kit.driver, Containers(agent.pods.workers), gate)
    app = web.Application()
    app.router.add_post("/api/v1", AgentOperator(facts, calls).handle)
    return facts, app


async def test_what_runs_here(world: World) -> None:
    _, app = await launched(world)
    async with TestClient(TestServer(app)) as client:
        asker = Asker(client)
        tasks = await asker.ask("GET_TASKS")
        (runs,), (ended,) = tasks["launched_tasks"], tasks["terminated_tasks"]
        assert (runs["task_id"], runs["state"]) == ({"value": "runs"}, "TASK_RUNNING")
        assert (ended["task_id"], ended["state"]) == ({"value": "ended"}, "TASK_FINISHED")
        assert runs["framework_id"] == {"value": "f"}
        executors = await asker.ask("GET_EXECUTORS")
        (executor,), (over,) = executors["executors"], executors["completed_executors"]
        assert executor["executor_info"]["executor_id"] == {"value": "runs"}
        assert over["executor_info"]["executor_id"] == {"value": "ended"}
        (framework,) = (await asker.ask("GET_FRAMEWORKS"))["frameworks"]
        assert framework["framework_info"]["id"] == {"value": "f"}
        state = await asker.ask("GET_STATE")
        assert state["get_tasks"] == tasks
        assert state["get_executors"] == executors


async def test_what_it_is(world: World) -> None:
    _, app = await launched(world)
    async with TestClient(TestServer(app)) as client:
        asker = Asker(client)
        assert await asker.ask("GET_HEALTH") == {"healthy": True}
        assert (await asker.ask("GET_VERSION"))["version_info"]["version"] == marks.VERSION
        metrics = {m["name"]: m["value"] for m in (await asker.ask("GET_METRICS"))["metrics"]}
        assert metrics["slave/tasks_running"] == metrics["slave/executors_running"] == 1
        assert metrics["slave/cpus_total"] > 0
        flags = {flag["name"]: flag["value"] for flag in (await asker.ask("GET_FLAGS"))["flags"]}
        assert flags["port"] == "5051"
        agent = (await asker.ask("GET_AGENT"))["agent_info"]
        assert agent["port"] == 5051
        assert await asker.ask("GET_LOGGING_LEVEL") == {"level": 0}
        assert await asker.ask("GET_OPERATIONS") == {"operations": []}
        assert await asker.ask("GET_RESOURCE_PROVIDERS") == {"resource_providers": []}
        for kind in ("PRUNE_IMAGES", "DRAIN_AGENT", "NOTHING"):
            async with client.post("/api/v1", json={"type": kind}) as answer:
                assert answer.status == 501


async def test_files_of_a_sandbox(world: World) -> None:
    """LIST_FILES and READ_FILE: parts, what is not there, ways out."""
    facts, app = await launched(world)
    (path,) = (each for each in facts.sandboxes() if "/executors/runs/" in each)
    (facts.sandboxes()[path].directory / "result").write_bytes(b"0123456789")
    async with TestClient(TestServer(app)) as client:
        asker = Asker(client)
        listed = (await asker.ask("LIST_FILES", path=path))["file_infos"]
        assert [one["size"] for one in listed if one["path"] == f"{path}/result"] == [10]
        for more, data in (({}, b"0123456789"), ({"offset": 4, "length": 3}, b"456"),
                           ({"offset": 9, "length": 99}, b"9"), ({"offset": 99}, b"")):  # fmt: skip
            found = await asker.ask("READ_FILE", path=f"{path}/result", **more)
            assert (base64.b64decode(found["data"]), found["size"]) == (data, 10)
        for kind in ("LIST_FILES", "READ_FILE"):
            for bad, status in (
                (f"{path}/none", 404),
                (f"{path}/../../../../../etc", 404),
                (5, 400),
            ):
                call = {"type": kind, kind.lower(): {"path": bad}}
                async with client.post("/api/v1", json=call) as answer:
                    assert answer.status == status, (kind, bad)
