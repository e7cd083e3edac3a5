"""Pods over HTTP, on the real offer API: a task group for each instance."""

import asyncio
import json
from typing import Any

import pytest

from apimachinery import scheme
from apimachinery.mesos import marks
from tests.integration.marathon.conftest import Json, Marathon


def container(name: str, **more: Any) -> Json:
    taken = {"cpus": 0.1, "mem": 32}
    return {"name": name, "exec": {"command": {"shell": "sleep 1000"}}, "resources": taken, **more}


# These nodes have no disk to offer.
BARE: Json = {"executorResources": {"disk": 0}}
POD: Json = {"id": "/shop", "containers": [container("web"), container("logger")], **BARE}


async def stable(marathon: Marathon, pod_id: str, count: int) -> list[Json]:
    """Its instances, once so many run and nothing is under way."""

    def right(found: Json) -> bool:
        return found["status"] == "STABLE" and len(found["instances"]) == count

    found = await marathon.until(lambda: marathon.get(f"/v2/pods{pod_id}::status"), right)
    instances: list[Json] = found["instances"]
    return instances


async def pods(marathon: Marathon) -> list[Json]:
    listed = await marathon.pool.client.list(scheme.PODS, "frameworks")
    return [one for one in listed["items"] if "deletionTimestamp" not in one["metadata"]]


async def test_a_pod_from_its_beginning_to_its_end(marathon: Marathon) -> None:
    async with marathon.pool.http.post(f"{marathon.url}/v2/pods", json=POD) as answer:
        made = await answer.json()
        assert (answer.status, answer.headers["Location"]) == (201, "/v2/pods/shop")
        assert answer.headers["Marathon-Deployment-Id"]
    assert made["scaling"] == {"kind": "fixed", "instances": 1}
    assert made["networks"] == [{"mode": "host"}]
    (instance,) = await stable(marathon, "/shop", 1)
    assert [one["status"] for one in instance["containers"]] == ["TASK_RUNNING"] * 2
    (pod,) = await pods(marathon)
    ids = [one["containerId"] for one in instance["containers"]]
    assert pod["metadata"]["annotations"][marks.TASK_IDS].split("\n") == ids
    assert [c["name"] for c in pod["spec"]["containers"]] == ["task-0", "task-1"]
    assert (await marathon.get("/v2/apps"))["apps"] == []
    assert (await marathon.get("/v2/tasks"))["tasks"] == []
    assert [one["id"] for one in (await marathon.get("/v2/groups"))["pods"]] == ["/shop"]

    await marathon.do("PUT", "/v2/pods/shop", {**POD, "scaling": {"instances": 2}})
    after = await stable(marathon, "/shop", 2)
    assert instance["id"] in {one["id"] for one in after}  # it scales, nothing restarts
    versions = await marathon.get("/v2/pods/shop::versions")
    assert len(versions) == 2
    old = await marathon.get(f"/v2/pods/shop::versions/{versions[-1]}")
    assert (old["id"], old["scaling"]["instances"]) == ("/shop", 1)

    await marathon.do("DELETE", "/v2/pods/shop", expect=202)
    assert await marathon.get("/v2/pods/shop") is None
    await marathon.settled()
    await marathon.until(lambda: pods(marathon), lambda found: not found)


async def test_a_change_rolls_and_a_killed_instance_is_replaced(marathon: Marathon) -> None:
    await marathon.do("POST", "/v2/pods", POD, expect=201)
    (first,) = await stable(marathon, "/shop", 1)
    await marathon.do("PUT", "/v2/pods/shop", {**POD, "environment": {"A": "1"}})
    await marathon.settled()
    (second,) = await stable(marathon, "/shop", 1)
    assert second["id"] != first["id"]
    shown = await marathon.do("DELETE", f"/v2/pods/shop::instances/{second['id']}")
    assert shown["id"] == second["id"]
    await marathon.until(lambda: pods(marathon), lambda found: len(found) == 1)

    def other(found: Json) -> bool:
        ids = [one["id"] for one in found["instances"]]
        return found["status"] == "STABLE" and second["id"] not in ids

    found = await marathon.until(lambda: marathon.get("/v2/pods/shop::status"), other)
    (third,) = found["instances"]
    shown = await marathon.do("DELETE", "/v2/pods/shop::instances", [third["id"], "none"])
    assert [one["id"] for one in shown] == [third["id"]]


async def test_a_container_that_fails_takes_its_instance_along(marathon: Marathon) -> None:
    bad = container("bad", exec={"command": {"shell": "exit 3"}})
    await marathon.do("POST", "/v2/pods", {**POD, "containers": [*POD["containers"], bad]}, 201)
    found = await marathon.until(
        lambda: marathon.get("/v2/pods/shop::status"), lambda found: found["terminationHistory"]
    )
    assert found["status"] == "DEGRADED"
    assert "Command exited with status 3" in found["terminationHistory"][0]["message"]
    (queued,) = (await marathon.get("/v2/queue"))["queue"] or [{"pod": {"id": "/shop"}}]
    assert queued["pod"]["id"] == "/shop"


async def test_networks_volumes_files_and_checks_reach_the_pod(marathon: Marathon) -> None:
    web = container(
        "web",
        endpoints=[{"name": "http", "containerPort": 80, "hostPort": 0}],
        environment={"MODE": "own"},
        volumeMounts=[{"name": "data", "mountPath": "/data"}],
        artifacts=[{"uri": "http://files/web.tgz", "destPath": "in/web.tgz"}],
        healthCheck={"http": {"endpoint": "http", "path": "/ok"}, "delaySeconds": 1},
        image={"kind": "DOCKER", "id": "busybox"},
    )
    logger = container("logger", volumeMounts=[{"name": "data", "mountPath": "/logs"}])
    body = {
        **BARE,
        "id": "/net",
        "containers": [web, logger],
        "networks": [{"mode": "container/bridge"}],
        "volumes": [{"name": "data"}],
        "environment": {"MODE": "pod", "ALL": "yes"},
    }
    await marathon.do("POST", "/v2/pods", body, expect=201)
    (instance,) = await stable(marathon, "/net", 1)
    (endpoint,) = instance["containers"][0]["endpoints"]
    (pod,) = await pods(marathon)
    first, second = pod["spec"]["containers"]
    assert not pod["spec"].get("hostNetwork")
    port = {"containerPort": 80, "hostPort": endpoint["allocatedHostPort"], "protocol": "TCP"}
    assert (first["ports"], second.get("ports")) == ([port], None)
    env = {one["name"]: one.get("value") for one in first["env"]}
    assert (env["MODE"], env["ALL"], env["ENDPOINT_HTTP"]) == ("own", "yes", "80")
    assert env["EP_HOST_HTTP"] == str(endpoint["allocatedHostPort"])
    assert first["image"] == "busybox"
    probe = first["readinessProbe"]["httpGet"]
    assert (probe["port"], probe["path"], probe.get("host", "")) == (80, "/ok", "")
    volumes = [{m["mountPath"]: m["name"] for m in one["volumeMounts"]} for one in (first, second)]
    assert volumes[0]["/data"] == volumes[1]["/logs"]
    assert volumes[0][marks.SANDBOX] != volumes[1][marks.SANDBOX]
    fetched = json.loads(pod["metadata"]["annotations"][marks.FETCH])
    assert fetched["task-0"][0]["output_file"] == "in/web.tgz"


async def test_ports_of_the_host(marathon: Marathon) -> None:
    web = container("web", endpoints=[{"name": "http", "hostPort": 0}])
    await marathon.do("POST", "/v2/pods", {**BARE, "id": "/p", "containers": [web]}, expect=201)
    (instance,) = await stable(marathon, "/p", 1)
    (endpoint,) = instance["containers"][0]["endpoints"]
    (pod,) = await pods(marathon)
    assert pod["spec"]["hostNetwork"]
    env = {one["name"]: one.get("value") for one in pod["spec"]["containers"][0]["env"]}
    assert env["ENDPOINT_HTTP"] == str(endpoint["allocatedHostPort"])


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"id": 7}, "/id"),
        ({"id": "/UPPER"}, "/id"),
        ({"containers": []}, "/containers"),
        ({"containers": [container("a"), container("a")]}, "/containers"),
        ({"containers": [container("A_b")]}, "/containers(0)/name"),
        ({"containers": [container("a", exec=None)]}, "/containers(0)"),
        ({"containers": [container("a", exec={"command": {}})]}, "/containers(0)/exec/command"),
        ({"containers": [container("a", volumeMounts=[{"name": "v", "mountPath": "/v"}])]},
         "/containers(0)/volumeMounts"),
        ({"containers": [container("a", healthCheck={})]}, "/containers(0)/healthCheck"),
        ({"containers": [container("a", healthCheck={"tcp": {"endpoint": "x"}})]},
         "/containers(0)/healthCheck"),
        ({"volumes": [{"name": "v", "persistent": {"size": 1}}]}, "/volumes(0)"),
        ({"secrets": {"a": {"source": "b"}}}, "/secrets"),
        ({"environment": {"A": {"secret": "b"}}}, "/environment(A)"),
        ({"scaling": {"instances": -1}}, "/scaling/instances"),
        ({"scaling": {"kind": "floating"}}, "/scaling/kind"),
        ({"scheduling": {"placement": {"constraints": [{"fieldName": "a", "operator": "X"}]}}},
         "/constraints(0)"),
    ],
)  # fmt: skip
async def test_what_is_no_pod(marathon: Marathon, change: Json, path: str) -> None:
    found = await marathon.do("POST", "/v2/pods", {**POD, **change}, expect=422)
    assert path in {one["path"] for one in found["details"]}, found


async def test_pods_in_groups_and_deployments(marathon: Marathon) -> None:
    app = {"id": "app", "cmd": "sleep 1000", "cpus": 0.1, "mem": 32}
    body = {"id": "/team", "apps": [app], "pods": [{**POD, "id": "pod"}]}
    url = f"{marathon.url}/v2/events?event_type=deployment_success"
    async with asyncio.timeout(30), marathon.pool.http.get(url) as stream:
        await marathon.do("POST", "/v2/groups", body, expect=201)
        text = (await stream.content.readuntil(b"\r\n\r\n")).decode()
    plan = json.loads(text.partition("data: ")[2])["plan"]
    assert [one["id"] for one in plan["target"]["pods"]] == ["/team/pod"]
    actions = [action for step in plan["steps"] for action in step["actions"]]
    assert {"action": "StartApplication", "pod": "/team/pod"} in actions
    await stable(marathon, "/team/pod", 1)
    await marathon.do("PUT", "/v2/groups/team", {"scaleBy": 2})
    await stable(marathon, "/team/pod", 2)
    await marathon.do("PUT", "/v2/groups/team", {"apps": [app]})  # says nothing of pods
    found = await marathon.get("/v2/groups/team")
    assert [one["id"] for one in found["pods"]] == ["/team/pod"]
    for method, path in (("PUT", "/v2/apps/team/pod"), ("PUT", "/v2/pods/team/app")):
        status, _ = await marathon.ask(method, path, {"cmd": "x", "containers": []})
        assert status in (404, 422)
    await marathon.do("DELETE", "/v2/groups/team?force=true")


async def test_events_tell_of_pods(marathon: Marathon) -> None:
    url = f"{marathon.url}/v2/events?event_type=pod_created_event&event_type=pod_deleted_event"
    async with asyncio.timeout(30), marathon.pool.http.get(url) as stream:
        await marathon.do("POST", "/v2/pods", POD, expect=201)
        assert b"pod_created_event" in await stream.content.readuntil(b"\r\n\r\n")
        await marathon.do("DELETE", "/v2/pods/shop?force=true", expect=202)
        assert b"pod_deleted_event" in await stream.content.readuntil(b"\r\n\r\n")


async def test_pods_survive_a_restart(marathon: Marathon) -> None:
    await marathon.do("POST", "/v2/pods", POD, expect=201)
    before = await stable(marathon, "/shop", 1)
    await marathon.stop()
    await marathon.start()
    assert await stable(marathon, "/shop", 1) == before
