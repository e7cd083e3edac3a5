"""What a pod's spec asks of a node, on real ones: probes, restarts, volumes, limits, images."""

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
SERVE = "trap 'exit 0' TERM; httpd -f -p 8080 -h /tmp & wait"
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


def test_a_liveness_probe_restarts_what_hangs(space: Space) -> None:
    probe = {"exec": {"command": ["test", "!", "-f", "/tmp/dead"]}, **OFTEN}
    space.make("fragile", container(WAIT, livenessProbe=probe))
    eventually(lambda: space.container("fragile")["ready"])
    space("exec", "fragile", "--", "touch", "/tmp/dead")
    eventually(lambda: space.container("fragile")["restartCount"] == 1)
    eventually(lambda: space.container("fragile")["ready"])
    assert "Liveness probe failed" in space("events", "--for", "pod/fragile")


@pytest.mark.parametrize(
    ("kind", "action", "wrong"),
    [
        ("http", {"httpGet": {"port": "web", "path": "/up"}}, {"httpGet": {"port": 8080}}),
        ("tcp", {"tcpSocket": {"port": 8080}}, {"tcpSocket": {"port": 8081}}),
    ],
)
def test_probes_over_the_network(
    space: Space, kind: str, action: dict[str, Any], wrong: dict[str, Any]
) -> None:
    ports = [{"name": "web", "containerPort": 8080}]
    script = f"echo up > /tmp/up; {SERVE}"
    for name, probe in ((f"{kind}-good", action), (f"{kind}-bad", wrong)):
        space.make(name, container(script, ports=ports, readinessProbe={**probe, **OFTEN}))
    eventually(lambda: space.is_ready(f"{kind}-good"))
    eventually(lambda: "Readiness probe failed" in space("events", "--for", f"pod/{kind}-bad"))
    assert not space.is_ready(f"{kind}-bad")


def test_restart_policies(space: Space) -> None:
    space.make("again", container("exit 3"))
    space.make("once", container("exit 3"), restartPolicy="Never")
    space.make("done", container("exit 0"), restartPolicy="OnFailure")
    eventually(lambda: space.status("once")["phase"] == "Failed")
    eventually(lambda: space.status("done")["phase"] == "Succeeded")
    assert space.container("once")["state"]["terminated"]["exitCode"] == 3
    eventually(lambda: space.container("again")["restartCount"] >= 2)
    eventually(lambda: space.container("again")["state"]["waiting"]["reason"] == "CrashLoopBackOff")
    assert space.container("again")["lastState"]["terminated"]["exitCode"] == 3


def test_init_containers_come_first_and_volumes_are_shared(space: Space, tmp_path: Path) -> None:
    (tmp_path / "host").write_text("from the host\n")
    tmp_path.chmod(0o755)
    space("create", "configmap", "settings", "--from-literal=colour=green")
    space("create", "secret", "generic", "key", "--from-literal=word=hush")
    mounts = [
        {"name": name, "mountPath": f"/{name}"} for name in ("settings", "key", "work", "host")
    ]
    space.make(
        "reader",
        container(
            f'cat /settings/colour /key/word /work/first /host/host; echo "$COLOUR $NAME"; {WAIT}',
            volumeMounts=mounts,
            env=[
                {
                    "name": "COLOUR",
                    "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "colour"}},
                },
                {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
        ),
        initContainers=[container("echo first > /work/first", "init", volumeMounts=mounts[2:3])],
        volumes=[
            {"name": "settings", "configMap": {"name": "settings"}},
            {"name": "key", "secret": {"secretName": "key", "defaultMode": 0o400}},
            {"name": "work", "emptyDir": {}},
            {"name": "host", "hostPath": {"path": str(tmp_path)}},
        ],
    )
    eventually(lambda: space.is_ready("reader"))
    said = space("logs", "reader")
    assert said == "greenhushfirst\nfrom the host\ngreen reader\n"
    assert space("exec", "reader", "--", "stat", "-L", "-c", "%a", "/key/word") == "400\n"


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
