"""Resources of real pods: changed while they run, and what becomes of those that take too much."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Cluster, eventually

SPACE = "resources"
WAIT = "trap 'exit 0' TERM; sleep 3600 & wait"
QUOTA = (
    "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 /sys/fs/cgroup/cpu.max"
)


class Space:
    """Pods in a namespace of their own."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        return self.cluster.kubectl("-n", SPACE, *arguments, stdin=stdin)

    def make(self, name: str, script: str = WAIT, **more: Any) -> None:
        spec = {"terminationGracePeriodSeconds": 1, **more.pop("spec", {})}
        main = {"name": "main", "image": "busybox", "command": ["sh", "-c", script], **more}
        pod = {"metadata": {"name": name}, "spec": {**spec, "containers": [main]}}
        self("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "Pod", **pod}))

    def status(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.cluster.get("pod", name, "-n", SPACE)["status"]
        return found

    def resize(self, name: str, resources: dict[str, Any]) -> None:
        wanted = {"spec": {"containers": [{"name": "main", "resources": resources}]}}
        self("patch", "pod", name, "--subresource", "resize", "-p", json.dumps(wanted))

    def shown(self, name: str) -> dict[str, str]:
        """Reason by condition of those that hold."""
        conditions = self.status(name)["conditions"]
        return {c["type"]: c.get("reason", "") for c in conditions if c["status"] == "True"}


@pytest.fixture(scope="module")
def space(cluster: Cluster) -> Iterator[Space]:
    cluster.kubectl("create", "namespace", SPACE)
    yield Space(cluster)
    cluster.kubectl("delete", "namespace", SPACE)


def cpu(amount: str) -> dict[str, Any]:
    return {"requests": {"cpu": amount}, "limits": {"cpu": amount}}


def test_a_pod_gets_more_cpu_without_a_restart(space: Space) -> None:
    space.make("grows", resources=cpu("100m"))
    eventually(lambda: space.status("grows")["containerStatuses"][0]["ready"])
    assert space("exec", "grows", "--", "sh", "-c", QUOTA).strip() == "10000"
    space.resize("grows", cpu("300m"))
    eventually(lambda: space("exec", "grows", "--", "sh", "-c", QUOTA).strip() == "30000")
    eventually(lambda: space.status("grows")["containerStatuses"][0]["resources"] == cpu("300m"))
    (container,) = space.status("grows")["containerStatuses"]
    assert (container["restartCount"], container["allocatedResources"]) == (0, {"cpu": "300m"})
    space.resize("grows", cpu("1000"))
    eventually(lambda: space.shown("grows").get("PodResizePending") == "Infeasible")
    assert space.status("grows")["containerStatuses"][0]["resources"] == cpu("300m")
    space.resize("grows", cpu("300m"))
    eventually(lambda: "PodResizePending" not in space.shown("grows"))


def test_who_fills_more_of_a_volume_than_it_said_is_ended(space: Space) -> None:
    fill = "head -c 3000000 /dev/urandom > /v/file; sleep 3600"
    volume = {"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}
    mounts = [{"name": "v", "mountPath": "/v"}]
    space.make("fills", fill, volumeMounts=mounts, spec={"volumes": [volume]})
    eventually(lambda: space.status("fills").get("reason") == "Evicted")
    status = space.status("fills")
    assert status["phase"] == "Failed"
    assert status["message"] == 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '
    assert space.shown("fills")["DisruptionTarget"] == "TerminationByKubelet"


def test_an_image_as_a_volume_and_a_file_of_variables(space: Space) -> None:
    source = {"fileKeyRef": {"volumeName": "out", "path": "vars", "key": "GREETING"}}
    out = [{"name": "out", "mountPath": "/out"}]
    write = ["sh", "-c", "echo \"GREETING='good day'\" > /out/vars"]
    first = {"name": "first", "image": "busybox", "command": write, "volumeMounts": out}
    image = {"name": "tools", "image": {"reference": "busybox", "pullPolicy": "IfNotPresent"}}
    space.make(
        "reads",
        'echo "$GREETING"; ls /tools/bin/sh; touch /tools/x 2>&1 || true',
        env=[{"name": "GREETING", "valueFrom": source}],
        volumeMounts=[{"name": "tools", "mountPath": "/tools"}],
        spec={
            "restartPolicy": "Never",
            "initContainers": [first],
            "volumes": [{"name": "out", "emptyDir": {}}, image],
        },
    )
    eventually(lambda: space.status("reads")["phase"] == "Succeeded")
    told = space("logs", "reads")
    assert told.startswith("good day\n/tools/bin/sh\n")
    assert "Read-only file system" in told
