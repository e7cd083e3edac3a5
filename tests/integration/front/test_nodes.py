"""What a node's key opens: its own node and pods, and what these pods use; nothing else."""

import asyncio
from typing import Any

import pytest

from apimachinery import wire
from apiserver.access import selectors
from apiserver.access.node_authz import NodeAuthorizer
from apiserver.attributes import Attributes

from .conftest import Cluster

NODE = wire.UserInfo("system:node:n1", groups=("system:nodes", "system:authenticated"))


@pytest.fixture
async def pods(cluster: Cluster) -> None:
    """`here` on n1 uses secret `mine` as account `robot`; `there` on n2 uses `theirs`."""
    await cluster.send(
        "POST",
        "/api/v1/namespaces/default/serviceaccounts",
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}},
    )
    for name, node, secret, account in (
        ("here", "n1", "mine", "robot"),
        ("there", "n2", "theirs", "default"),
    ):
        spec = {
            "nodeName": node,
            "serviceAccountName": account,
            "containers": [{"name": "a", "image": "x"}],
            "volumes": [{"name": "s", "secret": {"secretName": secret}}],
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        code, answer = await cluster.send("POST", "/api/v1/namespaces/default/pods", pod)
        assert code == 201, answer


def may(cluster: Cluster, verb: str, resource: str, name: str = "", **more: Any) -> bool:
    more = {"namespace": "default"} | more
    asked = Attributes(
        NODE, verb, is_resource=True, path="", resource=resource, name=name, version="v1", **more
    )
    return cluster.process.server.core.authorizer.authorize(asked).allowed


@pytest.mark.usefixtures("pods")
class TestNode:
    async def test_reads_secrets_of_its_pods(self, cluster: Cluster) -> None:
        assert may(cluster, "get", "secrets", "mine")

    async def test_reads_no_other_secrets(self, cluster: Cluster) -> None:
        assert not may(cluster, "get", "secrets", "theirs")
        assert not may(cluster, "get", "secrets", "mine", namespace="kube-system")

    async def test_lists_no_secrets(self, cluster: Cluster) -> None:
        assert not may(cluster, "list", "secrets")
        assert not may(cluster, "watch", "secrets")

    async def test_writes_no_secrets(self, cluster: Cluster) -> None:
        assert not may(cluster, "update", "secrets", "mine")

    async def test_gets_tokens_for_accounts_of_its_pods(self, cluster: Cluster) -> None:
        assert may(cluster, "create", "serviceaccounts", "robot", subresource="token")
        assert not may(cluster, "create", "serviceaccounts", "default", subresource="token")

    async def test_reports_its_own_pods(self, cluster: Cluster) -> None:
        assert may(cluster, "patch", "pods", "here", subresource="status")
        assert not may(cluster, "patch", "pods", "there", subresource="status")

    async def test_deletes_its_own_pods(self, cluster: Cluster) -> None:
        assert may(cluster, "delete", "pods", "here")
        assert not may(cluster, "delete", "pods", "there")

    async def test_changes_no_pod(self, cluster: Cluster) -> None:
        assert not may(cluster, "update", "pods", "here")
        assert not may(cluster, "create", "pods", "here", subresource="exec")

    async def test_changes_its_own_node(self, cluster: Cluster) -> None:
        assert may(cluster, "patch", "nodes", "n1", subresource="status", namespace="")
        assert not may(cluster, "patch", "nodes", "n2", subresource="status", namespace="")

    async def test_renews_its_own_lease(self, cluster: Cluster) -> None:
        lease = {"group": "coordination.k8s.io", "namespace": "kube-node-lease"}
        assert may(cluster, "update", "leases", "n1", **lease)
        assert not may(cluster, "update", "leases", "n2", **lease)

    async def test_sees_what_it_routes_to(self, cluster: Cluster) -> None:
        assert may(cluster, "watch", "services", namespace="")
        assert may(cluster, "list", "endpointslices", group="discovery.k8s.io", namespace="")


async def test_name_alone_makes_no_node(cluster: Cluster) -> None:
    asked = Attributes(
        wire.UserInfo("system:node:n1"), "list", is_resource=True, path="", resource="services"
    )
    assert not cluster.process.server.core.authorizer.authorize(asked).allowed


async def test_refusal_tells_why(cluster: Cluster) -> None:
    asked = Attributes(
        NODE, "get", is_resource=True, path="", resource="secrets", namespace="ns", name="x"
    )
    decision = cluster.process.server.core.authorizer.authorize(asked)
    assert decision.reason == "no relationship found between node 'n1' and this object"


@pytest.mark.usefixtures("pods")
@pytest.mark.parametrize(
    ("verb", "resource", "name", "selector", "reason"),
    [
        ("list", "pods", "", "spec.nodeName=n1", None),
        ("watch", "pods", "", "spec.nodeName=n1,status.phase!=Failed", None),
        ("list", "pods", "", "spec.nodeName=n2",
         "can only list/watch pods with spec.nodeName field selector"),
        ("list", "pods", "", "spec.nodeName!=n1",
         "can only list/watch pods with spec.nodeName field selector"),
        ("get", "pods", "here", "", None),
        ("get", "pods", "there", "", "no relationship found between node 'n1' and this object"),
        ("get", "nodes", "n1", "", None),
        ("get", "nodes", "n2", "", "node 'n1' cannot read 'n2', only its own Node object"),
        ("list", "nodes", "", "", "node 'n1' cannot read all nodes, only its own Node object"),
        ("list", "persistentvolumes", "", "", "can only get individual resources of this type"),
        ("get", "persistentvolumes", "v", "",
         "no relationship found between node 'n1' and this object"),
        ("update", "secrets", "mine", "", "can only read resources of this type"),
    ],
)  # fmt: skip
async def test_what_the_node_authorizer_itself_lets_through(
    cluster: Cluster, verb: str, resource: str, name: str, selector: str, reason: str | None
) -> None:
    """Without the role that the network of a node has; words are Kubernetes'."""
    asked = Attributes(
        NODE, verb, is_resource=True, path="", resource=resource, namespace="default", name=name,
        field_selector=selectors.field_selector(selector),
    )  # fmt: skip
    decision = NodeAuthorizer(cluster.process.server.core.cache).authorize(asked)
    assert (decision.allowed, decision.reason) == (reason is None, reason or "")


async def test_the_network_of_a_node_sees_all_pods_by_a_role(cluster: Cluster) -> None:
    assert may(cluster, "watch", "pods", namespace="")
    binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:bireme:node-network"
    assert (await cluster.send("DELETE", binding))[0] == 200
    async with asyncio.timeout(30):
        while may(cluster, "watch", "pods", namespace=""):
            await asyncio.sleep(0.01)


async def test_selectors_of_reviews_reach_the_authorizer(cluster: Cluster) -> None:
    binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:bireme:node-network"
    await cluster.send("DELETE", binding)
    reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

    async def answer(selector: Any) -> Any:
        wanted = {"verb": "list", "resource": "pods", "fieldSelector": selector}
        spec = {"user": NODE.name, "groups": list(NODE.groups), "resourceAttributes": wanted}
        return await cluster.send("POST", reviews, {"spec": spec})

    one = {"key": "spec.nodeName", "operator": "In", "values": ["n1"]}
    async with asyncio.timeout(30):
        while (await answer({"rawSelector": "spec.nodeName=n2"}))[1]["status"]["allowed"]:
            await asyncio.sleep(0.01)
    for selector in ({"rawSelector": "spec.nodeName=n1"}, {"requirements": [one]}):
        assert (await answer(selector))[1]["status"]["allowed"]
    code, refused = await answer({"rawSelector": "spec.nodeName=n1", "requirements": [one]})
    assert (code, refused["details"]["causes"][0]["field"]) == (
        422, "spec.resourceAttributes.fieldSelector.rawSelector"
    )  # fmt: skip
