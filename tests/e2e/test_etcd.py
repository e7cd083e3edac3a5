"""Objects in etcd: one of our own, and one that is the user's."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.conftest import a_cluster, eventually, run


def keys(endpoint: str) -> list[str]:
    found = run(
        ["etcdctl", "--endpoints", endpoint, "get", "/registry", "--prefix", "--keys-only"],
        env={**os.environ, "ETCDCTL_API": "3"},
    )
    return found.stdout.split()


def test_etcdctl_shows_the_objects_and_a_killed_etcd_loses_none() -> None:
    with a_cluster("--store", "etcd") as cluster:
        cluster.kubectl("create", "configmap", "kept", "--from-literal=k=v")
        (path,) = cluster.root.glob("etcd/client:*")
        assert "/registry/configmaps/default/kept" in keys(f"unix://{path}")
        os.kill(cluster.pid("etcd"), signal.SIGKILL)
        eventually(lambda: cluster.kubectl("create", "configmap", "after", "--from-literal=k=v"))
        found = {item["metadata"]["name"] for item in cluster.get("configmaps")["items"]}
        assert {"kept", "after"} <= found
        eventually(lambda: cluster.kubectl("get", "--raw", "/readyz") == "ok")


@contextlib.contextmanager
def an_etcd() -> Iterator[str]:
    """A server that is none of ours; gives its URL."""
    home = Path(tempfile.mkdtemp(prefix="brme", dir="/tmp"))
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    client, peer = (f"http://127.0.0.1:{port}" for port in ports)
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            ["etcd", "--data-dir", str(home / "data"), "--listen-client-urls", client,
             "--advertise-client-urls", client, "--listen-peer-urls", peer,
             "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield client
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(home)


def test_a_cluster_on_the_users_etcd() -> None:
    with an_etcd() as url, a_cluster("--store", url) as cluster:
        cluster.kubectl("create", "configmap", "mine", "--from-literal=k=v")
        assert "/registry/configmaps/default/mine" in keys(url)
        cluster.bireme("down")
        cluster.bireme("up", "--detach")
        assert cluster.get("configmap", "mine")["data"] == {"k": "v"}
