"""The agent under its own identity: real HTTPS, node authorizer, tokens, kubectl's way in."""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from apimachinery import scheme, status
from apimachinery.client import kubeconfig
from apimachinery.client.rest import Client
from apimachinery.client.transport import DirectTransport, HttpTransport
from apiserver.assembly import Process, Security
from apiserver.identity.pki import KeyPair, Pki, write_kubeconfig
from apiserver.storage.memory import MemoryStore
from kubelet.options import Serving
from kubelet.runtime.fake import Behaviour

from .conftest import ADMIN, World, gone, is_ready

TOKEN_DIR = "/var/run/secrets/kubernetes.io/serviceaccount"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@dataclass
class Cluster:
    world: World
    node: Client
    url: str
    pki: Pki
    kubeconfig: Path

    async def kubectl(self, *words: str) -> tuple[int, str, str]:
        program = Path(sys.executable).with_name("kubectl")
        process = await asyncio.create_subprocess_exec(
            program, "--kubeconfig", str(self.kubeconfig), "-n", "default", *words,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(20):
            out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


def config(url: str, pki: Pki, pair: KeyPair) -> kubeconfig.Config:
    return kubeconfig.Config(
        url, pki.ca.cert.read_bytes(), pair.cert.read_bytes(), pair.key.read_bytes()
    )


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    pki = Pki(tmp_path / "pki")
    process = Process(MemoryStore(), Security(keys=pki, hosts=("127.0.0.1",)))
    port = free_port()
    await process.start([("127.0.0.1", port)])
    admin = Client(DirectTransport(process.server.handle, ADMIN))
    for resource, name, data in (
        (scheme.SERVICEACCOUNTS, "default", {}),
        (scheme.CONFIGMAPS, "kube-root-ca.crt", {"data": {"ca.crt": "the authority"}}),
    ):
        obj = {
            "apiVersion": "v1", "kind": resource.kind,
            "metadata": {"name": name, "namespace": "default"}, **data,
        }  # fmt: skip
        with contextlib.suppress(status.AlreadyExists):
            await admin.create(resource, obj)
    url = f"https://127.0.0.1:{port}"
    node = Client(HttpTransport(config(url, pki, pki.node("node-1"))))
    world = World(node, tmp_path / "node")
    world.machine.behaviour = lambda _: Behaviour(stdout="hello")
    pair = pki.kubelet_server("node-1", ["127.0.0.1"])
    serving = Serving(pair.cert, pair.key, pki.ca.cert, "127.0.0.1", free_port())
    await world.start_agent(serving=serving, address="127.0.0.1")
    world.client = admin
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, server=url, ca=pki.ca.cert, client=pki.admin())
    yield Cluster(world, node, url, pki, path)
    await world.stop_agent()
    world.machine.close()
    await node.close()
    await process.stop()


async def test_a_pod_with_its_account_s_token(cluster: Cluster) -> None:
    world = cluster.world
    await world.pod(automountServiceAccountToken=True)
    await world.until(is_ready)
    container = world.machine.containers[world.named("app")[0]]
    (mount,) = container.config.mounts
    assert (mount.container_path, mount.read_only) == (TOKEN_DIR, True)
    files = {p.name: p.read_text() for p in Path(mount.host_path).iterdir() if p.is_file()}
    assert files["ca.crt"] == "the authority"
    assert files["namespace"] == "default"
    bare = kubeconfig.Config(cluster.url, cluster.pki.ca.cert.read_bytes(), token=files["token"])
    client = Client(HttpTransport(bare))
    try:
        with pytest.raises(status.Forbidden, match="system:serviceaccount:default:default"):
            await client.list(scheme.PODS, "default")
    finally:
        await client.close()
    await world.client.delete(scheme.PODS, "web", "default")
    await world.until(gone)


async def test_kubectl_reads_logs_and_executes(cluster: Cluster) -> None:
    await cluster.world.pod()
    await cluster.world.until(is_ready)
    assert (await cluster.kubectl("logs", "web"))[:2] == (0, "hello\n")
    code, _, err = await cluster.kubectl("exec", "web", "--", "true")
    assert (code, err) == (0, "")
    code, _, err = await cluster.kubectl("logs", "web", "--previous")
    assert code == 1
    assert 'previous terminated container "app" in pod "web" not found' in err


async def test_an_api_server_that_is_away_stops_no_pod(cluster: Cluster) -> None:
    """A crash is handled without the API; the news is told when it is back."""
    world = cluster.world
    await world.pod()
    await world.until(is_ready)
    transport = cluster.node._transport
    assert isinstance(transport, HttpTransport)
    good = transport.config
    transport.config = kubeconfig.Config("https://127.0.0.1:1", good.ca, good.certificate, good.key)
    world.machine.kill(world.named("app")[0], 9)
    async with asyncio.timeout(30):
        while not world.named("app"):
            await asyncio.sleep(0.01)
    transport.config = good
    pod = await world.until(
        lambda p: p and p["status"]["containerStatuses"][0]["restartCount"] == 1 and is_ready(p)
    )
    assert pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 9
