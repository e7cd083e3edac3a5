"""NodeRestriction: tokens, evictions and mirror pods of nodes; texts are Kubernetes'."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from apimachinery import wire
from apiserver.attributes import AlwaysAllow, Attributes, Decision
from apiserver.server import ApiServer
from apiserver.stores import open_store

from .conftest import PODS, Api
from .test_webhook_subresources import Tokens

NODE = wire.UserInfo("system:node:n1", groups=("system:nodes", "system:authenticated"))
TOKEN = "/api/v1/namespaces/default/serviceaccounts/robot/token"


class Registry(AlwaysAllow):
    """One role, beside all that is allowed: tokens for `registry`."""

    def authorize(self, attributes: Attributes) -> Decision:
        special = attributes.verb == "request-serviceaccounts-token-audience"
        return Decision(not special or attributes.resource == "registry")


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """Nodes n1 and n2 with a pod each, whose tokens are for the API server and for `vault`."""
    server = ApiServer(open_store("memory"), tokens=Tokens(), authorizer=Registry())
    await server.start()
    found = Api(server)
    await found.made(TOKEN.removesuffix("/robot/token"), {"metadata": {"name": "robot"}})
    sources = [{"serviceAccountToken": {"path": name or "t", "audience": name}}
               for name in ("", "vault")]  # fmt: skip
    for node in ("n1", "n2"):
        await found.made("/api/v1/nodes", {"metadata": {"name": node}})
        volume = {"name": "t", "projected": {"sources": sources}}
        spec = {"nodeName": node, "serviceAccountName": "robot", "volumes": [volume]}
        await found.made(PODS, found.pod(f"on-{node}", **spec))
    yield found
    await server.stop()


async def uid(api: Api, name: str) -> str:
    return (await api.get(f"{PODS}/{name}")).json["metadata"]["uid"]


@pytest.mark.parametrize(
    ("pod", "change", "audiences", "said"),
    [
        ("on-n1", {}, [], ""),
        ("on-n1", {}, ["vault"], ""),
        ("on-n1", {}, ["registry"], ""),
        ("on-n1", {}, ["else"],
         ('audience "else" not found in pod spec volume, system:node:n1 is not authorized to '
         "request tokens for this audience")),
        ("on-n1", {}, ["vault", "registry"], "node may only request 0 or 1 audiences"),
        ("on-n1", {"kind": "Secret"}, [], "node requested token not bound to a pod"),
        ("on-n1", {"uid": ""}, [], "node requested token with a pod binding without a uid"),
        ("on-n1", {"uid": "x"}, [],
         ("the UID in the bound object reference (x) does not match the UID in record. The object "
         "might have been deleted and then recreated")),
        ("on-n2", {}, [], "node requested token bound to a pod scheduled on a different node"),
    ],
)  # fmt: skip
async def test_tokens_for_pods_of_the_node(
    api: Api, pod: str, change: dict[str, str], audiences: list[str], said: str
) -> None:
    bound = {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": await uid(api, pod), **change}
    spec = {"audiences": audiences, "boundObjectRef": bound}
    answer = await api.send("POST", TOKEN, {"spec": spec}, user=NODE)
    if not said:
        assert answer.status == 201, answer.raw
        return
    assert answer.status == 403
    assert answer.message == f'serviceaccounts "robot" is forbidden: {said}'


async def test_evictions_of_pods_of_the_node(api: Api) -> None:
    refused = await api.send("POST", f"{PODS}/on-n2/eviction", {}, user=NODE)
    assert refused.message == (
        'pods "on-n2" is forbidden: node n1 can only evict pods with spec.nodeName set to itself'
    )
    assert (await api.send("POST", f"{PODS}/on-n1/eviction", {}, user=NODE)).status == 201


async def test_other_parts_of_pods_are_not_for_nodes(api: Api) -> None:
    await api.made(PODS, api.pod("free"))
    answer = await api.send("POST", f"{PODS}/free/binding", {"target": {"name": "n1"}}, user=NODE)
    assert answer.message == (
        'pods "free" is forbidden: unexpected pod subresource "binding", only \'status\' and '
        "'eviction' are allowed"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"controller": False}, ("can only create pods with a controller owner reference set to "
         "itself")),
        ({"blockOwnerDeletion": True}, "must not set blockOwnerDeletion on an owner reference"),
        ({"name": "n2"}, "can only create pods with an owner reference set to itself"),
    ],
)  # fmt: skip
async def test_mirror_pods_are_owned_by_their_node(
    api: Api, change: dict[str, Any], said: str
) -> None:
    node = (await api.get("/api/v1/nodes/n1")).json["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": node, "controller": True}
    metadata = {
        "annotations": {"kubernetes.io/config.mirror": "x"},
        "ownerReferences": [{**owner, **change}],
    }
    mirror = api.pod("m", metadata=metadata, nodeName="n1", serviceAccountName="")
    answer = await api.send("POST", PODS, mirror, user=NODE)
    assert answer.status == (403 if said else 201), answer.raw
    if said:
        assert answer.message == f'pods "m" is forbidden: node "n1" {said}'


async def test_a_node_says_how_far_a_claim_has_grown_and_no_more(api: Api) -> None:
    claims = "/api/v1/namespaces/default/persistentvolumeclaims"
    size = {"resources": {"requests": {"storage": "1Gi"}}}
    await api.made(
        claims, {"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], **size}}
    )
    merge = {"content-type": "application/merge-patch+json"}

    async def patched(path: str, body: dict[str, Any]) -> tuple[int, str]:
        answer = await api.send("PATCH", path, body, headers=merge, user=NODE)
        return answer.status, answer.json.get("message", "")

    grown = {"status": {"capacity": {"storage": "1Gi"}}}
    assert (await patched(f"{claims}/c/status", grown))[0] == 200
    code, said = await patched(f"{claims}/c/status", {"status": {"phase": "Bound"}})
    assert (code, said.rpartition("fields other than ")[2]) == (
        403, "status.capacity and status.conditions"
    )  # fmt: skip
    code, said = await patched(f"{claims}/c", {"metadata": {"labels": {"a": "b"}}})
    assert (code, said.rpartition(": ")[2]) == (403, "may only update PVC status")
