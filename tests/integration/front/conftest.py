"""A whole API server process on the memory store, over real HTTPS, with a node's agent beside it."""

import asyncio
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from apimachinery import wire
from apiserver import stores
from apiserver.assembly import Process, Security
from apiserver.identity import pki

from . import fake_agent

ADMIN_TOKEN = "the-administrators-token"
ADMIN = wire.UserInfo("admin", groups=("system:masters",))
KUBECTL = Path(sys.executable).parent / "kubectl"


class Cluster:
    """What the tests talk to."""

    def __init__(self, process: Process, keys: pki.Pki, folder: Path) -> None:
        self.process = process
        self.keys = keys
        self.folder = folder
        self.host, self.port = process.front.addresses[0]
        self.url = f"https://{self.host}:{self.port}"
        self.kubeconfig = folder / "kubeconfig"
        pki.write_kubeconfig(self.kubeconfig, server=self.url, ca=keys.ca.cert, client=keys.admin())

    async def send(
        self,
        method: str,
        path: str,
        obj: Any = None,
        *,
        token: str = ADMIN_TOKEN,
        content_type: str = "application/json",
        **query: str,
    ) -> tuple[int, Any]:
        """A request of its own session: code and decoded JSON."""
        headers = {"Content-Type": content_type}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        async with aiohttp.ClientSession() as session:
            response = await session.request(
                method, self.url + path, json=obj, headers=headers, params=query, ssl=self.tls()
            )
            text = await response.text()
        return response.status, json.loads(text) if text.startswith("{") else text

    def tls(self) -> Any:
        return ssl.create_default_context(cafile=str(self.keys.ca.cert))

    async def kubectl(
        self, *arguments: str, stdin: bytes = b"", **environment: str
    ) -> tuple[int, str, str]:
        """Exit code, output, errors of the real kubectl."""
        process = await asyncio.create_subprocess_exec(
            str(KUBECTL),
            *("--kubeconfig", str(self.kubeconfig), "--cache-dir", str(self.folder / "cache")),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **environment},
        )
        output, errors = await process.communicate(stdin)
        return process.returncode or 0, output.decode(), errors.decode()


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    keys = pki.Pki(tmp_path / "pki")
    tokens = {ADMIN_TOKEN: ADMIN, "janes-token": wire.UserInfo("jane")}
    security = Security(keys=keys, tokens=tokens)
    process = Process(stores.open_store("memory"), security)
    await process.start([("127.0.0.1", 0)])
    yield Cluster(process, keys, tmp_path)
    await process.stop()


@pytest.fixture
async def agent(cluster: Cluster) -> AsyncIterator[fake_agent.FakeAgent]:
    """A node `n1` with a running pod `web` (containers app and waiting) and `one` (app)."""
    found = fake_agent.FakeAgent(cluster.keys, "n1")
    await found.start()
    code, _ = await cluster.send("POST", "/api/v1/nodes", found.node())
    assert code == 201
    for name, containers in (("web", ("app", "waiting")), ("one", ("app",))):
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {
                "nodeName": "n1",
                "containers": [{"name": one, "image": "x"} for one in containers],
            },
        }
        pods = "/api/v1/namespaces/default/pods"
        code, made = await cluster.send("POST", pods, pod)
        assert code == 201, made
        made["status"]["phase"] = "Running"
        code, answer = await cluster.send("PUT", f"{pods}/{name}/status", made)
        assert code == 200, answer
    yield found
    await found.stop()
