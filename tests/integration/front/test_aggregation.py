"""Groups that another server answers: a small one of aiohttp, behind an APIService."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from apiserver.identity.pki import Pki

from .conftest import Cluster

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
GROUP = "weather.example.com"
BASE = f"/apis/{GROUP}/v1"
STATIONS = f"{BASE}/namespaces/default/stations"


class Backend:
    """Answers with what it was asked; shows its discovery and a stream."""

    def __init__(self, keys: Pki, trusted: Path) -> None:
        self.keys = keys
        self.trusted = trusted
        self.port = 0
        self.seen: list[dict[str, Any]] = []
        self.broken = False
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        pair = self.keys.kubelet_server("localhost", ["localhost"])
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.trusted))
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_cert_chain(pair.cert, pair.key)
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.broken:
            return web.Response(status=500)
        if request.path == BASE:
            names = [("stations", "Station"), ("stations/status", "Station")]
            rows = [
                {"name": name, "singularName": "", "namespaced": True, "kind": kind}
                | {"verbs": ["get", "list", "create"]}
                for name, kind in names
            ]
            head = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/v1"}
            return web.json_response({**head, "resources": rows})
        transport = request.transport
        assert transport is not None
        subject = dict(part[0] for part in transport.get_extra_info("peercert")["subject"])
        self.seen.append(
            {
                "method": request.method,
                "path": request.path_qs,
                "headers": request.headers.copy(),
                "body": await request.read(),
                "peer": subject["commonName"],
            }
        )
        if request.query.get("watch"):
            return await self._stream(request)
        return web.json_response({"kind": "Station", "apiVersion": f"{GROUP}/v1"}, status=201)

    async def _stream(self, request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        await answer.write(b'{"type":"ADDED","object":{}}\n')
        await asyncio.sleep(3600)
        return answer


@pytest.fixture
async def backend(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Backend]:
    made = Backend(Pki(tmp_path / "backend"), cluster.keys.front_proxy_authority.ca.cert)
    await made.start()
    yield made
    await made.stop()


async def register(cluster: Cluster, backend: Backend) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "weather"},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    }
    code, answer = await cluster.send("POST", "/api/v1/namespaces/default/services", service)
    assert code == 201, answer
    code, answer = await cluster.send("POST", SERVICES, api_service(backend))
    assert code == 201, answer


def api_service(backend: Backend) -> dict[str, Any]:
    bundle = base64.b64encode(backend.keys.ca.cert.read_bytes()).decode()
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1.{GROUP}"},
        "spec": {
            "group": GROUP,
            "version": "v1",
            "groupPriorityMinimum": 1000,
            "versionPriority": 10,
            "caBundle": bundle,
            "service": {"namespace": "default", "name": "weather", "port": backend.port},
        },
    }


async def available(cluster: Cluster, wanted: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            _, found = await cluster.send("GET", f"{SERVICES}/v1.{GROUP}")
            conditions = (found.get("status") or {}).get("conditions") or []
            if conditions and conditions[0]["status"] == wanted:
                return conditions[0]
            await asyncio.sleep(0.02)


async def test_requests_are_passed_on(cluster: Cluster, backend: Backend) -> None:
    await register(cluster, backend)
    assert (await available(cluster, "True"))["reason"] == "Passed"
    code, answer = await cluster.send("POST", STATIONS, {"a": 1}, dryRun="All")
    assert (code, answer["kind"]) == (201, "Station")
    (seen,) = backend.seen
    assert (seen["method"], seen["path"]) == ("POST", f"{STATIONS}?dryRun=All")
    assert seen["body"] == b'{"a": 1}'
    assert seen["peer"] == "front-proxy-client"


async def test_the_server_is_told_who_asks(cluster: Cluster, backend: Backend) -> None:
    await register(cluster, backend)
    await available(cluster, "True")
    async with aiohttp.ClientSession() as session:
        headers = {
            "Authorization": "Bearer the-administrators-token",
            "X-Remote-User": "somebody",
            "X-Remote-Group": "else",
        }
        url = cluster.url + STATIONS
        async with session.get(url, headers=headers, ssl=cluster.tls()) as answer:
            await answer.read()
    (seen,) = backend.seen
    assert seen["headers"].getall("X-Remote-User") == ["admin"]
    assert "system:masters" in seen["headers"].getall("X-Remote-Group")
    assert "else" not in seen["headers"].getall("X-Remote-Group")
    assert "Authorization" not in seen["headers"]


async def test_who_may_not_gets_nothing(cluster: Cluster, backend: Backend) -> None:
    await register(cluster, backend)
    await available(cluster, "True")
    code, answer = await cluster.send("GET", STATIONS, token="janes-token")
    assert code == 403
    assert 'cannot list resource "stations" in API group "weather.example.com"' in answer["message"]
    assert backend.seen == []


async def test_discovery_shows_the_group(cluster: Cluster, backend: Backend) -> None:
    await register(cluster, backend)
    await available(cluster, "True")
    code, output, errors = await cluster.kubectl("api-resources", "--api-group", GROUP)
    assert code == 0, errors
    assert "stations" in output
    _, groups = await cluster.send("GET", "/apis")
    assert GROUP in [one["name"] for one in groups["groups"]]
    _, group = await cluster.send("GET", f"/apis/{GROUP}")
    assert group["preferredVersion"]["groupVersion"] == f"{GROUP}/v1"
    _, listed = await cluster.send("GET", BASE)
    assert [one["name"] for one in listed["resources"]] == ["stations", "stations/status"]


async def test_streams_come_as_they_are(cluster: Cluster, backend: Backend) -> None:
    await register(cluster, backend)
    await available(cluster, "True")
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": "Bearer the-administrators-token"}
        async with session.get(
            f"{cluster.url}{STATIONS}?watch=1", headers=headers, ssl=cluster.tls()
        ) as answer:
            async with asyncio.timeout(30):
                assert await answer.content.readline() == b'{"type":"ADDED","object":{}}\n'


async def test_a_server_that_fails_is_not_available(cluster: Cluster, backend: Backend) -> None:
    backend.broken = True
    await register(cluster, backend)
    found = await available(cluster, "False")
    assert found["reason"] == "FailedDiscoveryCheck"
    backend.broken = False
    assert (await available(cluster, "True"))["reason"] == "Passed"


async def test_a_service_that_is_not_there(cluster: Cluster, backend: Backend) -> None:
    assert (await cluster.send("POST", SERVICES, api_service(backend)))[0] == 201
    found = await available(cluster, "False")
    assert found["reason"] == "ServiceNotFound"
    code, answer = await cluster.send("GET", STATIONS)
    assert (code, answer["reason"]) == (503, "ServiceUnavailable")


async def test_a_group_goes_with_its_service(cluster: Cluster, backend: Backend) -> None:
    await register(cluster, backend)
    await available(cluster, "True")
    assert (await cluster.send("DELETE", f"{SERVICES}/v1.{GROUP}"))[0] == 200
    async with asyncio.timeout(30):
        while (await cluster.send("GET", STATIONS))[0] != 404:
            await asyncio.sleep(0.02)
    _, groups = await cluster.send("GET", "/apis")
    assert GROUP not in [one["name"] for one in groups["groups"]]


async def test_an_api_service_is_read_changed_and_listed(
    cluster: Cluster, backend: Backend
) -> None:
    await register(cluster, backend)
    await available(cluster, "True")
    path = f"{SERVICES}/v1.{GROUP}"
    code, found = await cluster.send("GET", f"{path}/status")
    assert (code, found["status"]["conditions"][0]["type"]) == (200, "Available")
    condition = {"type": "Tested", "status": "True", "reason": "E2E", "message": "by hand"}
    found["status"]["conditions"].append(condition)
    code, found = await cluster.send("PUT", f"{path}/status", found)
    assert code == 200, found
    assert [one["type"] for one in found["status"]["conditions"]] == ["Available", "Tested"]
    found["metadata"]["labels"] = {"updated": "yes"}
    found["spec"]["versionPriority"] = 11
    code, found = await cluster.send("PUT", path, found)
    assert (code, found["spec"]["versionPriority"]) == (200, 11)
    _, listed = await cluster.send("GET", SERVICES, labelSelector="updated=yes")
    assert [one["metadata"]["name"] for one in listed["items"]] == [f"v1.{GROUP}"]
    code, _ = await cluster.send("DELETE", SERVICES, labelSelector="updated=yes")
    assert code == 200
    assert (await cluster.send("GET", path))[0] == 404


async def test_an_api_service_of_our_own_is_always_available(cluster: Cluster) -> None:
    body = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1.{GROUP}"},
        "spec": {
            "group": GROUP,
            "version": "v1",
            "groupPriorityMinimum": 1000,
            "versionPriority": 10,
        },
    }
    assert (await cluster.send("POST", SERVICES, body))[0] == 201
    assert (await available(cluster, "True"))["reason"] == "Local"


async def test_what_servers_need_to_trust_us(cluster: Cluster) -> None:
    path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
    _, found = await cluster.send("GET", path)
    assert found["data"]["requestheader-allowed-names"] == '["front-proxy-client"]'
    assert found["data"]["client-ca-file"] == cluster.keys.ca.cert.read_text()
    assert found["data"]["requestheader-client-ca-file"] != found["data"]["client-ca-file"]
