"""What a pod's spec asks of a node, on real ones: readiness, limits, images.

More of it, many pods at once, is in `test_containers`, `test_lives` and `test_volumes`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Cluster, eventually
from tests.e2e.images import archive

SPACE = "pods"
WAIT = "trap 'exit 0' TERM; sleep 3600 & wait"
OFTEN = {"periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 5}
IMAGE = "registry.example.com/team/hello:v1"


class Space:
    """Pods in a namespace of their own."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def __call__(self, *arguments: str, stdin: str = "", check: bool = True) -> str:
        return self.cluster.kubectl("-n", SPACE, *arguments, stdin=stdin, check=check)

    def make(self, name: str, *containers: dict[str, Any], **spec: Any) -> None:
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name},
                "spec": {"terminationGracePeriodSeconds": 2, "containers": containers, **spec},
            }
        )

    def apply(self, obj: dict[str, Any]) -> None:
        self("apply", "-f", "-", stdin=json.dumps(obj))

    def status(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.cluster.get("pod", name, "-n", SPACE)["status"]
        return found

    def container(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.status(name)["containerStatuses"][0]
        return found

    def is_ready(self, name: str) -> bool:
        conditions = {one["type"]: one["status"] for one in self.status(name)["conditions"]}
        return conditions.get("Ready") == "True"


@pytest.fixture(scope="module")
def space(cluster: Cluster) -> Iterator[Space]:
    cluster.kubectl("create", "namespace", SPACE)
    yield Space(cluster)
    cluster.kubectl("delete", "namespace", SPACE)


def container(script: str, name: str = "main", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "busybox", "command": ["sh", "-c", script], **more}


def test_a_readiness_probe_decides_who_is_ready(space: Space) -> None:
    probe = {"exec": {"command": ["test", "-f", "/tmp/ready"]}, **OFTEN}
    space.make("gated", container(WAIT, readinessProbe=probe))
    eventually(lambda: "running" in space.container("gated")["state"])
    eventually(lambda: "Readiness probe failed" in space("events", "--for", "pod/gated"))
    assert not space.is_ready("gated")
    space("exec", "gated", "--", "touch", "/tmp/ready")
    eventually(lambda: space.is_ready("gated"))
    space("exec", "gated", "--", "rm", "/tmp/ready")
    eventually(lambda: not space.is_ready("gated"))
    assert space.container("gated")["restartCount"] == 0


def test_a_limit_of_memory_holds(space: Space) -> None:
    limits = {"resources": {"limits": {"memory": "24Mi"}}}
    space.make("hungry", container("tail /dev/zero", **limits), restartPolicy="Never")
    eventually(lambda: space.status("hungry")["phase"] == "Failed")
    ended = space.container("hungry")["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


def test_an_imported_image_needs_no_registry(space: Space, tmp_path: Path) -> None:
    runs = {"Cmd": ["/bin/busybox", "cat", "/greeting"]}
    file = archive(tmp_path / "hello.tar", IMAGE, runs, greeting=b"made elsewhere\n")
    told = space.cluster.bireme("image", "import", str(file)).stdout
    assert told == f"{IMAGE}\n"
    assert re.search(
        rf"^{re.escape(IMAGE)} ", space.cluster.bireme("image", "list").stdout, re.MULTILINE
    )
    space.make("imported", {"name": "main", "image": IMAGE}, restartPolicy="Never")
    eventually(lambda: space.status("imported")["phase"] == "Succeeded")
    assert space("logs", "imported") == "made elsewhere\n"
    space("delete", "pod", "imported")
    space.cluster.bireme("image", "rm", IMAGE)
    assert IMAGE not in space.cluster.bireme("image", "list").stdout


def test_a_missing_image_says_what_helps(space: Space) -> None:
    image = "no-such-registry.invalid/team/app:v1"
    space.make("missing", {"name": "main", "image": image})

    def waiting() -> dict[str, Any]:
        found: dict[str, Any] = space.container("missing")["state"]["waiting"]
        return found

    eventually(lambda: waiting()["reason"] in ("ErrImagePull", "ImagePullBackOff"))
    assert image in waiting()["message"]
    eventually(lambda: "bireme image import FILE" in space("events", "--for", "pod/missing"))
    assert "ImagePull" in space("get", "pod", "missing")
