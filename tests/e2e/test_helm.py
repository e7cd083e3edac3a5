"""helm on a cluster that runs pods: hooks that are jobs, `--wait`, tests, an upgrade that fails."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Cluster

HELM = Path(__file__).parents[2] / ".clients" / "helm" / "helm"
SPACE = "released"
CHART = "{apiVersion: v2, name: shop, version: 0.1.0}"
VALUES = "{command: 'trap exit TERM; sleep 1000 & wait'}"
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  replicas: 2
  selector: {matchLabels: {app: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: "{{ .Release.Name }}"}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
        - {name: web, image: busybox, command: [sh, -c, "{{ .Values.command }}"]}
"""
JOB = """
apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ .Release.Name }}-before"
  annotations: {helm.sh/hook: pre-install, helm.sh/hook-delete-policy: before-hook-creation}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: hook, image: busybox, command: [echo, from the hook]}]
"""
TEST = """
apiVersion: v1
kind: Pod
metadata:
  name: "{{ .Release.Name }}-test"
  annotations: {helm.sh/hook: test}
spec:
  restartPolicy: Never
  containers: [{name: test, image: busybox, command: [echo, all is well]}]
"""

Helm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text(CHART)
    (tmp_path / "values.yaml").write_text(VALUES)
    for name, text in (("deployment", DEPLOYMENT), ("job", JOB), ("test", TEST)):
        (tmp_path / "templates" / f"{name}.yaml").write_text(text)
    return tmp_path


@pytest.fixture
def helm(cluster: Cluster, tmp_path: Path) -> Iterator[Helm]:
    homes = {
        f"HELM_{kind}_HOME": str(tmp_path / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")
    }

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(HELM), "-n", SPACE, *map(str, arguments)],
            capture_output=True, text=True, timeout=120, check=False,
            env=cluster.environment | homes,
        )  # fmt: skip

    cluster.kubectl("create", "namespace", SPACE)
    yield run
    cluster.kubectl("delete", "namespace", SPACE)


def test_a_release_that_runs(helm: Helm, chart: Path, cluster: Cluster) -> None:
    done = helm("install", "one", chart, "--wait", "--timeout", "60s")
    assert done.returncode == 0, done.stderr
    get = ("get", "deployment", "one", "-n", SPACE, "-o", "jsonpath={.status.readyReplicas}")
    assert cluster.kubectl(*get) == "2"
    assert cluster.kubectl("logs", "-n", SPACE, "job/one-before") == "from the hook\n"

    tested = helm("test", "one", "--logs")
    assert tested.returncode == 0, tested.stderr
    assert "all is well" in tested.stdout

    failed = helm(
        "upgrade", "one", chart, "--set", "command=exit 3", "--atomic", "--timeout", "15s"
    )
    assert failed.returncode != 0
    assert "rolled back" in failed.stderr
    history = json.loads(helm("history", "one", "-o", "json").stdout)
    assert [one["status"] for one in history] == ["superseded", "failed", "deployed"]
    assert cluster.kubectl(*get) == "2"

    gone = helm("uninstall", "one", "--wait", "--timeout", "60s")
    assert gone.returncode == 0, gone.stderr
    assert cluster.kubectl("get", "deployments", "-n", SPACE, "-o", "name") == ""
