"""`metrics.k8s.io` and kubectl top: asked of the agents, not stored."""

import pytest

from apimachinery import status
from apimachinery.client.rest import Client
from apimachinery.client.transport import DirectTransport

from .conftest import ADMIN, Cluster
from .fake_agent import FakeAgent

GROUP = "/apis/metrics.k8s.io/v1beta1"


async def test_kubectl_top(cluster: Cluster, agent: FakeAgent) -> None:
    code, output, errors = await cluster.kubectl("top", "pods", "--containers", "--no-headers")
    assert (code, errors) == (0, "")
    assert output.split() == ["web", "app", "250m", "64Mi"]
    code, output, errors = await cluster.kubectl("top", "pod", "web", "--no-headers")
    assert (code, output.split()) == (0, ["web", "250m", "64Mi"])


async def test_a_node_shows_its_share_of_what_it_offers(cluster: Cluster, agent: FakeAgent) -> None:
    await cluster.send(
        "PATCH",
        "/api/v1/nodes/n1/status",
        {"status": {"allocatable": {"cpu": "1", "memory": "256Mi"}}},
        content_type="application/merge-patch+json",
    )
    code, output, errors = await cluster.kubectl("top", "nodes", "--no-headers")
    assert (code, errors) == (0, "")
    assert output.split() == ["n1", "250m", "25%", "64Mi", "25%"]


async def test_selectors_and_namespaces(cluster: Cluster, agent: FakeAgent) -> None:
    path = f"{GROUP}/namespaces/default/pods"
    _, found = await cluster.send("GET", path)
    assert [item["metadata"]["name"] for item in found["items"]] == ["web"]
    assert found["items"][0]["containers"][0]["usage"] == {"cpu": "250000000n", "memory": "65536Ki"}
    _, none = await cluster.send("GET", path, labelSelector="app=other")
    assert none["items"] == []
    _, elsewhere = await cluster.send("GET", f"{GROUP}/namespaces/kube-system/pods")
    assert elsewhere["items"] == []
    code, missing = await cluster.send("GET", f"{path}/one")
    assert (code, missing["reason"]) == (404, "NotFound")


async def test_an_agent_is_asked_once_for_many(cluster: Cluster, agent: FakeAgent) -> None:
    for _ in range(3):
        await cluster.send("GET", f"{GROUP}/nodes")
        await cluster.send("GET", f"{GROUP}/pods")
    assert agent.requests == ["/stats/summary"]


async def test_a_request_is_passed_on_to_a_node_also_from_inside(
    cluster: Cluster, agent: FakeAgent
) -> None:
    path = "/api/v1/nodes/n1/proxy/localVolumes/pvc-1"
    assert await cluster.send("DELETE", path) == (200, "removed")
    inside = Client(DirectTransport(cluster.process.server.handle, ADMIN))
    await inside.request("DELETE", path)
    assert agent.requests == ["DELETE /localVolumes/pvc-1"] * 2
    with pytest.raises(status.NotFound):
        await inside.request("DELETE", path.replace("n1", "n2"))


async def test_an_agent_that_does_not_answer_is_left_out(
    cluster: Cluster, agent: FakeAgent
) -> None:
    await agent.stop()
    code, found = await cluster.send("GET", f"{GROUP}/nodes")
    assert (code, found["items"]) == (200, [])
