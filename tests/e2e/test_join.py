"""A machine joins by token: here a network namespace on the same switch, with an agent by hand."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import BIREME, Cluster, a_cluster, eventually, run

NAME = "brmjoin"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "guest", "labels": {"app": "guest"}},
    "spec": {
        "nodeSelector": {"kubernetes.io/hostname": NAME},
        "terminationGracePeriodSeconds": 0,
        "containers": [
            {
                "name": "c",
                "image": "busybox",
                "imagePullPolicy": "IfNotPresent",
                "command": ["sh", "-c", "mkdir /w; hostname > /w/index.html; httpd -f -p 80 -h /w"],
            }
        ],
    },
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with a_cluster("--nodes", "1") as made:
        yield made


@contextlib.contextmanager
def machine(slot: int) -> Iterator[str]:
    """A namespace with an address on the nodes' switch; gives that address."""
    address, host = f"10.{71 + slot}.0.200", f"10.{71 + slot}.0.1"
    run(["ip", "netns", "add", NAME])
    try:
        switch = ["ip", "-n", f"bireme{slot}-switch"]
        run([*switch, "link", "add", NAME, "type", "veth", "peer", "name", "eth0", "netns", NAME])
        run([*switch, "link", "set", NAME, "master", "switch", "up"])
        inside = ["ip", "-n", NAME]
        run([*inside, "addr", "add", f"{address}/24", "dev", "eth0"])
        for link in ("lo", "eth0"):
            run([*inside, "link", "set", link, "up"])
        run([*inside, "route", "add", "default", "via", host])
        yield address
    finally:
        run(["ip", "netns", "del", NAME])


@contextlib.contextmanager
def agent(cluster: Cluster, slot: int, token: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    home = Path(tempfile.mkdtemp(prefix="brmj", dir="/tmp"))
    command = [
        *BIREME, "node", "--name", NAME, "--server", f"https://10.{71 + slot}.0.1:{port}",
        "--token", token, "--data-dir", str(home), "--images", str(cluster.root / "images"),
        "--service-cidr", f"10.{96 + slot}.0.0/16", "--cluster-cidr", f"10.{71 + slot}.0.0/16",
        "--cgroup-root", "/brmjoin",
    ]  # fmt: skip
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{NAME}", *command], stdout=log, stderr=log
        )
        try:
            yield process
        except AssertionError as error:
            error.add_note((home / "log").read_text()[-4000:])
            raise
        finally:
            process.terminate()
            process.wait(10)
            script = (
                "from pathlib import Path; from kubelet import mounts;"
                "from kubelet.runtime.oci import cleanup, node;"
                f"cleanup.remove_all(node.OciOptions(Path({str(home / 'runtime')!r}),"
                " cgroup_root='/brmjoin')); mounts.remove_below(Path"
                f"({str(home)!r})); cleanup.remove_cgroups('/brmjoin')"
            )
            run([BIREME[0], "-c", script])
            shutil.rmtree(home, ignore_errors=True)


def test_a_joined_machine_runs_pods_that_everybody_reaches(cluster: Cluster) -> None:
    options = json.loads((cluster.root / "cluster.json").read_text())
    token = cluster.bireme("token", "create").stdout.strip()
    slot = options["slot"]
    with machine(slot), agent(cluster, slot, token, options["port"]) as process:
        eventually(lambda: " Ready" in cluster.kubectl("get", "node", NAME))
        node = cluster.get("node", NAME)
        assert node["spec"]["podCIDR"].startswith(f"10.{71 + slot}.")
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps(POD))
        cluster.kubectl("wait", "--for=condition=Ready", "pod/guest", "--timeout=60s")
        assert cluster.kubectl("exec", "guest", "--", "hostname").strip() == "guest"
        cluster.kubectl("expose", "pod", "guest", "--port=80")
        address = cluster.get("service", "guest")["spec"]["clusterIP"]
        get = ["curl", "-s", "-m", "3", f"http://{address}/"]
        eventually(lambda: run(get, check=False).stdout.strip() == "guest")
        from_node = ["nsenter", f"--net=/run/netns/bireme{slot}-node-1", *get]
        eventually(lambda: run(from_node, check=False).stdout.strip() == "guest")
        assert process.poll() is None
        cluster.kubectl("delete", "pod/guest", "service/guest")


def test_a_token_that_is_cut_short_is_refused_in_a_sentence(cluster: Cluster) -> None:
    token = cluster.bireme("token", "create").stdout.strip()
    assert token.split(".")[0] in cluster.bireme("token", "list").stdout
    done = run(
        [*BIREME, "node", "--name", "x", "--server", "https://127.0.0.1:1", "--token", token[:40],
         "--address", "127.0.0.1", "--data-dir", f"/tmp/brmx{os.getpid()}"],
        check=False,
    )  # fmt: skip
    shutil.rmtree(f"/tmp/brmx{os.getpid()}", ignore_errors=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "--token is not whole" in done.stderr
