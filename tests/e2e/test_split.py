"""The control plane split into processes: `bireme server --only …`, two of each loop, one leading."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import BIREME, Cluster, eventually

PARTS = ("controllers", "scheduling")


class Processes:
    """Everything that the test started, by name."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str) -> None:
        with (self.cluster.root / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen([*BIREME, *arguments], stdout=log, stderr=log)

    def start_part(self, part: str, number: int) -> None:
        self.start(
            f"{part}-{number}", "server", "--only", part, "--data-dir", str(self.cluster.root),
            "--kubeconfig", str(self.cluster.root / "kubeconfig"),
        )  # fmt: skip

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)


@pytest.fixture
def split() -> Iterator[Processes]:
    root = Path(tempfile.mkdtemp(prefix="brms", dir="/tmp"))
    processes = Processes(Cluster(root))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    try:
        processes.start(
            "apiserver", "server", "--only", "apiserver", "--data-dir", str(root), "--port", port
        )
        eventually(lambda: processes.cluster.kubectl("get", "--raw", "/readyz") == "ok")
        processes.start(
            "nodes", "node", "--hollow", "3", "--kubeconfig", str(root / "kubeconfig"),
            "--data-dir", str(root / "nodes"),
        )  # fmt: skip
        yield processes
    finally:
        processes.stop()
        shutil.rmtree(root)


def leader(cluster: Cluster, lease: str) -> int:
    """The pid of the process that holds a lease."""
    found = cluster.get("lease", lease, "-n", "kube-system")["spec"]["holderIdentity"]
    return int(found.rsplit("-", 1)[1])


def test_parts_elect_a_leader_and_replace_it(split: Processes) -> None:
    for part in PARTS:
        for number in (1, 2):
            split.start_part(part, number)
    cluster = split.cluster
    eventually(lambda: cluster.kubectl("create", "deployment", "one", "--image=x", "--replicas=3"))
    eventually(lambda: cluster.get("deployment", "one")["status"].get("readyReplicas") == 3)
    before = {part: leader(cluster, f"bireme-{part}") for part in PARTS}
    for pid in before.values():
        os.kill(pid, 9)
    cluster.kubectl("create", "deployment", "two", "--image=x", "--replicas=3")
    eventually(lambda: cluster.get("deployment", "two")["status"].get("readyReplicas") == 3)
    assert all(leader(cluster, f"bireme-{part}") != before[part] for part in PARTS)


def test_a_part_without_credentials_says_what_it_needs(tmp_path: Path) -> None:
    done = subprocess.run(
        [*BIREME, "server", "--only", "controllers", "--data-dir", str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("bireme: --only controllers needs --kubeconfig")
