"""The control plane split into processes: `bireme server --only …`, two of each loop, one leading."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import BIREME, KUBECTL, Cluster, eventually

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


class Bindings:
    """Follows every pod's node from the outside: which ones each pod was ever seen on."""

    def __init__(self, cluster: Cluster) -> None:
        columns = "custom-columns=NAME:.metadata.name,NODE:.spec.nodeName"
        self.log = cluster.root / "bindings.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [KUBECTL, "get", "pods", "--watch", "--no-headers", "-o", columns],
                env=cluster.environment, stdout=out,
            )  # fmt: skip

    def nodes(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for line in self.log.read_text().splitlines():
            name, node = line.split()
            if node != "<none>":
                found.setdefault(name, set()).add(node)
        return found

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def bindings(split: Processes) -> Iterator[Bindings]:
    made = Bindings(split.cluster)
    try:
        yield made
    finally:
        made.stop()


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSTOP])
def test_a_scheduler_that_falls_silent_is_followed_by_another(
    split: Processes, bindings: Bindings, sign: signal.Signals
) -> None:
    """Killed, or paused past its term and then awake again: each pod is bound, and once."""
    cluster = split.cluster
    for part, number in (("controllers", 1), ("scheduling", 1), ("scheduling", 2)):
        split.start_part(part, number)
    eventually(lambda: cluster.kubectl("create", "deployment", "a", "--image=x", "--replicas=100"))
    eventually(lambda: len(bindings.nodes()) > 10)
    old = leader(cluster, "bireme-scheduling")
    os.kill(old, sign)
    cluster.kubectl("create", "deployment", "b", "--image=x", "--replicas=100")
    eventually(lambda: len(bindings.nodes()) == 200)
    assert leader(cluster, "bireme-scheduling") != old
    if sign is signal.SIGSTOP:
        os.kill(old, signal.SIGCONT)
        cluster.kubectl("create", "deployment", "c", "--image=x", "--replicas=50")
        eventually(lambda: len(bindings.nodes()) == 250)
        assert leader(cluster, "bireme-scheduling") != old
    for name in ("a", "b"):
        eventually(
            lambda n=name: cluster.get("deployment", n)["status"].get("readyReplicas") == 100
        )
    assert all(len(nodes) == 1 for nodes in bindings.nodes().values())


def test_a_part_without_credentials_says_what_it_needs(tmp_path: Path) -> None:
    done = subprocess.run(
        [*BIREME, "server", "--only", "controllers", "--data-dir", str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("bireme: --only controllers needs --kubeconfig")
