"""Pods that have to wait: for their gates, for a change that helps them, for another try."""

import asyncio
import contextlib
from typing import Any

import pytest

from apimachinery import scheme, status, wire
from apimachinery.client.rest import Client
from apimachinery.client.transport import DirectTransport
from apiserver.server import ApiServer
from tests.integration.scheduler.cluster import ADMIN, Cluster, condition

GATED = "Scheduling is blocked due to non-empty scheduling gates"
TAINTED = (
    "0/1 nodes are available: 1 node(s) had untolerated taint(s). preemption: 0/1 nodes are"
    " available: 1 Preemption is not helpful for scheduling."
)


async def test_a_gated_pod_waits_until_its_gates_are_gone(cluster: Cluster) -> None:
    await cluster.node("a")
    gates = [{"name": "example.com/one"}, {"name": "example.com/two"}]
    made = await cluster.pod("p", schedulingGates=gates)
    assert (condition(made)["reason"], condition(made)["message"]) == ("SchedulingGated", GATED)
    await cluster.pod("other")
    await cluster.bound("other")
    assert "nodeName" not in (await cluster.get("p"))["spec"]
    patch: dict[str, Any] = {"spec": {"schedulingGates": []}}
    await cluster.client.patch(scheme.PODS, "p", patch, "default")
    assert await cluster.bound("p") == "a"
    assert condition(await cluster.get("p"))["status"] == "True"


async def test_pods_of_other_schedulers_are_left_alone(cluster: Cluster) -> None:
    await cluster.node("a")
    await cluster.pod("theirs", schedulerName="my-scheduler")
    await cluster.pod("ours")
    await cluster.bound("ours")
    assert "nodeName" not in (await cluster.get("theirs"))["spec"]


async def test_what_others_bound_is_counted(cluster: Cluster) -> None:
    await cluster.node("a", cpu="1")
    await cluster.pod("placed", cpu="1", nodeName="a")
    await cluster.pod("p", cpu="1")
    await cluster.refused(
        "p",
        "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available:"
        " 1 No preemption victims found for incoming pod.",
    )


async def test_a_taint_that_goes_lets_pods_in(cluster: Cluster) -> None:
    await cluster.node("a", taints=[{"key": "k", "effect": "NoSchedule"}])
    await cluster.pod("p")
    await cluster.refused("p", TAINTED)
    await cluster.client.patch(scheme.NODES, "a", {"spec": {"taints": None}})
    assert await cluster.bound("p") == "a"


async def test_a_claim_that_is_bound_lets_its_pod_in(cluster: Cluster) -> None:
    await cluster.node("a")
    await cluster.node("b")
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
    await cluster.pod("p", volumes=[volume])
    await cluster.refused(
        "p",
        '0/2 nodes are available: persistentvolumeclaim "data" not found. preemption: 0/2 nodes'
        " are available: 2 Preemption is not helpful for scheduling.",
    )
    only_b = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["b"]}
    disk = {
        "metadata": {"name": "disk"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/var/empty"},
            "nodeAffinity": {
                "required": {"nodeSelectorTerms": [{"matchExpressions": [only_b]}]},
            },
        },
    }
    await cluster.client.create(scheme.PERSISTENTVOLUMES, disk)
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "volumeName": "disk",
            "storageClassName": "",
        },
    }
    await cluster.client.create(scheme.PERSISTENTVOLUMECLAIMS, claim, "default")
    assert await cluster.bound("p") == "b"


async def test_company_that_comes_lets_pods_in(cluster: Cluster) -> None:
    await cluster.node("a")
    near = {
        "labelSelector": {"matchLabels": {"app": "db"}},
        "topologyKey": "kubernetes.io/hostname",
    }
    await cluster.pod(
        "web",
        affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [near]}},
    )
    await cluster.refused(
        "web",
        "0/1 nodes are available: 1 node(s) didn't match pod affinity rules. preemption: 0/1 nodes"
        " are available: 1 Preemption is not helpful for scheduling.",
    )
    await cluster.pod("db", labels={"app": "db"})
    assert await cluster.bound("web") == "a"


async def test_the_more_important_go_first_when_room_comes(cluster: Cluster) -> None:
    await cluster.priority("high", 1000, preemptionPolicy="Never")
    await asyncio.gather(*(cluster.pod(f"low{i}", cpu="1") for i in range(5)))
    await cluster.pod("vip", cpu="1", priorityClassName="high")
    await cluster.node("a", cpu="1")
    assert await cluster.bound("vip") == "a"


class Failing(DirectTransport):
    """Fails the first bindings, before or after they took effect."""

    def __init__(self, server: ApiServer, *, failures: int, lost: bool) -> None:
        super().__init__(server.handle, ADMIN)
        self.failures = failures
        self.lost = lost

    async def request(self, request: wire.Request, *, stream: bool = False) -> wire.Response:
        if not request.path.endswith("/binding") or not self.failures:
            return await super().request(request, stream=stream)
        self.failures -= 1
        if self.lost:
            await super().request(request, stream=stream)
        raise status.internal_error("as the test wants it")


@pytest.mark.parametrize("lost", [False, True])
async def test_a_binding_that_fails_is_tried_again(server: ApiServer, lost: bool) -> None:
    transport = Failing(server, failures=2, lost=lost)
    cluster = Cluster(Client(transport))
    running = asyncio.create_task(cluster.run())
    try:
        await cluster.node("a", cpu="1")
        await cluster.pod("p", cpu="1")
        assert await cluster.bound("p") == "a"
        assert transport.failures == (1 if lost else 0)
        await cluster.pod("q", cpu="1")
        await cluster.until("q", lambda p: condition(p).get("reason") == "Unschedulable")
        assert cluster.master.ledger.accounts["a"].free.get("cpu", 0) == 0
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
