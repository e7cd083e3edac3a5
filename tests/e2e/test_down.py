"""`bireme down` leaves nothing; `up` on the same data brings everything back."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import SAMPLES, a_cluster


def leftovers(root: Path, slot: int) -> list[str]:
    """What of one cluster still stands on the machine; zombies do not count."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if str(root) in command and state != "Z" and "pytest" not in command:
                found.append(command)
    found += [
        line for line in Path("/proc/self/mounts").read_text().splitlines() if str(root) in line
    ]
    found += [str(p) for p in Path("/run/netns").glob(f"bireme{slot}-*")]
    found += [str(p) for p in Path("/sys/class/net").glob(f"brm{slot}*")]
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    found += [line for line in tables.stdout.splitlines() if f"bireme{slot}" in line]
    return found


def pod_cgroups(uids: set[str]) -> list[str]:
    """Walked, not globbed: those of other pods of the machine may go meanwhile."""
    return [
        f"{directory}/{name}"
        for directory, names, _ in os.walk("/sys/fs/cgroup")
        for name in names
        if any(uid in name for uid in uids)
    ]


@pytest.mark.parametrize("store", ["sqlite", "etcd"])
def test_down_leaves_nothing_and_up_brings_everything_back(store: str) -> None:
    with a_cluster("--nodes", "2", "--store", store) as cluster:
        slot = json.loads((cluster.root / "cluster.json").read_text())["slot"]
        cluster.kubectl("apply", "-f", str(SAMPLES / "hello.yaml"))
        cluster.kubectl("rollout", "status", "deployment/hello", "--timeout=60s")
        uids = {pod["metadata"]["uid"] for pod in cluster.pods("app=hello")}
        cluster.bireme("down")
        assert leftovers(cluster.root, slot) == []
        assert pod_cgroups(uids) == []
        cluster.bireme("up", "--detach")
        cluster.kubectl("rollout", "status", "deployment/hello", "--timeout=60s")
        assert len(cluster.pods("app=hello")) == 3
        os.kill(int((cluster.root / "run/supervisor.pid").read_text()), signal.SIGKILL)
        cluster.bireme("down")
        assert leftovers(cluster.root, slot) == []
