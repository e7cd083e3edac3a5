"""Flow schemas and levels as stored objects, and a server that a greedy client cannot fill."""

import asyncio
import time

from .conftest import Cluster

GROUP = "/apis/flowcontrol.apiserver.k8s.io/v1"
SCHEMAS, LEVELS = f"{GROUP}/flowschemas", f"{GROUP}/prioritylevelconfigurations"


async def conditions(cluster: Cluster, name: str) -> dict[str, str]:
    """Once there are some."""
    async with asyncio.timeout(30):
        while True:
            code, found = await cluster.send("GET", f"{SCHEMAS}/{name}")
            told = found.get("status", {}).get("conditions") if code == 200 else None
            if told:
                return {one["type"]: one["status"] for one in told}
            await asyncio.sleep(0.02)


async def test_every_cluster_has_the_default_schemas(cluster: Cluster) -> None:
    assert await conditions(cluster, "catch-all") == {"Dangling": "False"}
    _, schemas = await cluster.send("GET", SCHEMAS)
    _, levels = await cluster.send("GET", LEVELS)
    assert len(schemas["items"]) == 13
    assert {one["metadata"]["name"] for one in levels["items"]} == {
        "catch-all",
        "exempt",
        "global-default",
        "leader-election",
        "node-high",
        "system",
        "workload-high",
        "workload-low",
    }


async def test_a_schema_without_its_level_dangles(cluster: Cluster) -> None:
    body = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": "mine"},
        "spec": {
            "priorityLevelConfiguration": {"name": "none"},
            "matchingPrecedence": 500,
            "rules": [
                {
                    "subjects": [{"kind": "User", "user": {"name": "jane"}}],
                    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
                }
            ],
        },
    }
    code, answer = await cluster.send("POST", SCHEMAS, body)
    assert code == 201, answer
    assert await conditions(cluster, "mine") == {"Dangling": "True"}


async def test_one_among_many(cluster: Cluster) -> None:
    """Requests of one user in numbers: another's single one does not wait for all of them."""
    done: list[str] = []

    async def ask(token: str) -> None:
        code, _ = await cluster.send("GET", "/version", token=token)
        assert code == 200
        done.append(token)

    began = time.monotonic()
    greedy = [asyncio.create_task(ask("janes-token")) for _ in range(40)]
    await ask("janes-token")
    await asyncio.gather(*greedy)
    assert len(done) == 41
    assert time.monotonic() - began < 30
    _, metrics = await cluster.send("GET", "/metrics")
    assert "apiserver_flowcontrol_current_executing_requests 0" in metrics
