"""The HTTPS front: identities, bounds, streams, shutdown."""

import asyncio
import gzip
import io
import json
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from apimachinery import wire
from apiserver import stores
from apiserver.assembly import Process, Security
from apiserver.front import app
from apiserver.identity.pki import Pki, Subject

from .conftest import ADMIN_TOKEN, Cluster

HEADERS = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


async def test_stranger_is_unauthorized(cluster: Cluster) -> None:
    code, answer = await cluster.send("GET", "/api/v1/pods", token="")
    assert (code, answer["reason"]) == (401, "Unauthorized")


async def test_stranger_may_ask_for_health(cluster: Cluster) -> None:
    assert await cluster.send("GET", "/readyz", token="") == (200, "ok")


async def test_client_certificate_is_a_user(cluster: Cluster) -> None:
    pair = cluster.keys.client("jane", Subject("jane", ("devs",)))
    context = cluster.tls()
    context.load_cert_chain(pair.cert, pair.key)
    async with aiohttp.ClientSession() as session:
        response = await session.post(
            f"{cluster.url}/apis/authentication.k8s.io/v1/selfsubjectreviews",
            json={"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
            ssl=context,
        )
        answer = await response.json()
    assert answer["status"]["userInfo"]["username"] == "jane"
    assert answer["status"]["userInfo"]["groups"] == ["devs", "system:authenticated"]


async def test_certificate_of_another_authority_is_refused(
    cluster: Cluster, tmp_path: Path
) -> None:
    pair = Pki(tmp_path / "other").admin()
    context = cluster.tls()
    context.load_cert_chain(pair.cert, pair.key)
    async with aiohttp.ClientSession() as session:
        with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
            await session.get(f"{cluster.url}/version", ssl=context)


async def test_query_and_path_are_decoded(cluster: Cluster) -> None:
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"x": "y"}}}
    await cluster.send("POST", CONFIGMAPS, obj)
    _, found = await cluster.send("GET", CONFIGMAPS, labelSelector="x in (y, z)")
    assert [item["metadata"]["name"] for item in found["items"]] == ["a"]


async def test_big_body_is_refused(cluster: Cluster) -> None:
    body = io.BytesIO(b" " * (app.MAX_BODY + 1))
    async with aiohttp.ClientSession() as session:
        response = await session.post(
            cluster.url + CONFIGMAPS, data=body, headers=HEADERS, ssl=cluster.tls()
        )
        answer = await response.json()
    assert (response.status, answer["reason"]) == (413, "RequestEntityTooLarge")


async def test_compressed_body_cannot_exceed_the_bound(cluster: Cluster) -> None:
    body = gzip.compress(b" " * (app.MAX_BODY * 10))
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            cluster.url + CONFIGMAPS,
            data=body,
            headers={**HEADERS, "Content-Encoding": "gzip", "Content-Type": "application/json"},
            ssl=cluster.tls(),
        ) as response,
    ):
        assert response.status in (400, 413)


async def test_too_many_parameters_are_refused(cluster: Cluster) -> None:
    query = "&".join("a=b" for _ in range(app.MAX_PARAMETERS + 1))
    code, _ = await cluster.send("GET", f"/version?{query}")
    assert code == 400


async def test_watch_tells_what_happens_and_ends_cleanly_at_shutdown(cluster: Cluster) -> None:
    async with aiohttp.ClientSession() as session:
        response = await session.get(
            cluster.url + CONFIGMAPS, params={"watch": "1"}, headers=HEADERS, ssl=cluster.tls()
        )
        obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "seen"}}
        await cluster.send("POST", CONFIGMAPS, obj)
        names = []
        while "seen" not in names:
            event = json.loads(await response.content.readline())
            names.append(event["object"]["metadata"]["name"])
        stopping = asyncio.create_task(cluster.process.front.stop())
        # A clean end of the chunked body, no broken connection.
        assert await response.content.read() == b""
        await stopping


async def test_client_that_leaves_ends_its_watch(cluster: Cluster) -> None:
    before = len(asyncio.all_tasks())
    async with aiohttp.ClientSession() as session:
        response = await session.get(
            cluster.url + CONFIGMAPS, params={"watch": "1"}, headers=HEADERS, ssl=cluster.tls()
        )
        response.close()
    async with asyncio.timeout(30):
        while len(asyncio.all_tasks()) > before:
            await asyncio.sleep(0.01)


async def test_reviews_ask_the_roles(cluster: Cluster) -> None:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": "jane", "resourceAttributes": {"verb": "get", "resource": "pods"}},
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    assert (await cluster.send("POST", path, review))[1]["status"] == {"allowed": False}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "jane"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    assert (await cluster.send("POST", bindings, binding))[0] == 201
    async with asyncio.timeout(30):
        # The authorizer follows the bindings; it is not part of the write.
        while not (await cluster.send("POST", path, review))[1]["status"]["allowed"]:
            await asyncio.sleep(0.01)


async def test_service_account_token_goes_the_whole_way(cluster: Cluster) -> None:
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    code, answer = await cluster.send("POST", path, request)
    assert code == 201, answer
    token = answer["status"]["token"]
    code, refused = await cluster.send("GET", "/api/v1/pods", token=token)
    assert code == 403
    assert "system:serviceaccount:default:default" in refused["message"]
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token},
    }
    _, told = await cluster.send("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)
    assert told["status"]["authenticated"] is True


async def test_discovery_is_cached_by_its_tag(cluster: Cluster) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    headers = {**HEADERS, "Accept": accept}
    async with aiohttp.ClientSession(headers=headers) as session:
        first = await session.get(f"{cluster.url}/apis", ssl=cluster.tls())
        # The very form matters: clients compare it with what they asked for.
        assert first.headers["Content-Type"] == accept
        assert first.headers["Vary"] == "Accept"
        assert (await first.json(content_type=None))["kind"] == "APIGroupDiscoveryList"
        again = await session.get(
            f"{cluster.url}/apis",
            headers={"If-None-Match": first.headers["ETag"]},
            ssl=cluster.tls(),
        )
        assert again.status == 304


async def test_old_discovery(cluster: Cluster) -> None:
    _, groups = await cluster.send("GET", "/apis")
    apps = next(group for group in groups["groups"] if group["name"] == "apps")
    assert apps["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    _, core = await cluster.send("GET", "/api/v1")
    names = {resource["name"] for resource in core["resources"]}
    assert {"pods", "pods/exec", "namespaces"} <= names
    assert (await cluster.send("GET", "/apis/nope/v1"))[0] == 404


async def test_metrics_count_requests(cluster: Cluster) -> None:
    await cluster.send("GET", CONFIGMAPS)
    _, text = await cluster.send("GET", "/metrics")
    assert (
        'apiserver_request_total{verb="LIST",group="",version="v1",resource="configmaps",'
        'subresource="",scope="namespace",code="200"} 1'
    ) in text


async def test_one_health_check_alone(cluster: Cluster) -> None:
    assert await cluster.send("GET", "/readyz/etcd") == (200, "ok")
    assert (await cluster.send("GET", "/readyz/nope"))[0] == 404
    code, text = await cluster.send("GET", "/livez?verbose")
    assert code == 200
    assert "[+]ping ok" in text


async def test_server_that_stops_is_not_ready(cluster: Cluster) -> None:
    cluster.process.server.core.stopping = True
    code, text = await cluster.send("GET", "/readyz")
    assert code == 500
    assert "[-]shutdown failed: reason withheld" in text


async def test_nobody_grants_more_than_he_has(cluster: Cluster) -> None:
    await _allow_jane_to_write_roles(cluster)
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles"
    code, answer = await cluster.send("POST", path, _role("secrets"), token="janes-token")
    assert code == 403
    assert answer["message"].endswith(
        "is attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'
    )
    code, answer = await cluster.send("POST", path, _role("configmaps"), token="janes-token")
    assert code == 201, answer


async def test_nobody_binds_a_role_beyond_his_own(cluster: Cluster) -> None:
    await _allow_jane_to_write_roles(cluster)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "mine"},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "User", "name": "jane", "apiGroup": RBAC}],
    }
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings"
    code, answer = await cluster.send("POST", path, binding, token="janes-token")
    assert (code, answer["reason"]) == (403, "Forbidden")


RBAC = "rbac.authorization.k8s.io"


def _role(resource: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": f"reads-{resource}"},
        "rules": [{"apiGroups": [""], "resources": [resource], "verbs": ["get"]}],
    }


async def _allow_jane_to_write_roles(cluster: Cluster) -> None:
    """A role of her own in the namespace: she writes roles, and reads config maps."""
    base = f"/apis/{RBAC}/v1/namespaces/default"
    role = _role("configmaps")
    role["metadata"]["name"] = "writer"
    role["rules"].append(
        {"apiGroups": [RBAC], "resources": ["roles", "rolebindings"], "verbs": ["create"]}
    )
    await cluster.send("POST", f"{base}/roles", role)
    binding = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "writer"},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "writer"},
        "subjects": [{"kind": "User", "name": "jane", "apiGroup": RBAC}],
    }
    await cluster.send("POST", f"{base}/rolebindings", binding)
    async with asyncio.timeout(30):
        while not cluster.process.server.core.authorizer.rules(wire.UserInfo("jane"), "default"):
            await asyncio.sleep(0.01)


async def test_renewed_certificate_is_served_to_new_connections(cluster: Cluster) -> None:
    async def serial() -> str:
        _, writer = await asyncio.open_connection(
            cluster.host, cluster.port, ssl=cluster.tls(), server_hostname="localhost"
        )
        found = writer.get_extra_info("peercert")["serialNumber"]
        writer.close()
        await writer.wait_closed()
        return str(found)

    before = await serial()
    (cluster.keys.ca.cert.parent / "index.json").unlink()
    cluster.process.renew_certificates()
    assert await serial() != before


async def test_port_that_is_taken_is_an_error_and_leaves_nothing(
    cluster: Cluster, tmp_path: Path
) -> None:
    before = asyncio.all_tasks()
    other = Process(stores.open_store("memory"), Security(keys=Pki(tmp_path / "other")))
    with pytest.raises(OSError, match="in use"):
        await other.start([(cluster.host, cluster.port)])
    assert asyncio.all_tasks() == before


async def test_metrics_count_open_watches(cluster: Cluster) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            cluster.url + CONFIGMAPS, params={"watch": "1"}, headers=HEADERS, ssl=cluster.tls()
        ),
    ):
        _, text = await cluster.send("GET", "/metrics")
    assert "\napiserver_longrunning_requests 1\n" in text
