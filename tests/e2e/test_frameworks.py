"""The samples for framework writers at work on real nodes: a batch that dies, and an operator."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.conftest import SAMPLES, Cluster, eventually

BATCH = SAMPLES / "frameworks/batch.py"
OPERATOR = SAMPLES / "operators/batchjob.py"


def master(cluster: Cluster) -> str:
    plan = json.loads((cluster.root / "cluster.json").read_text())
    return f"http://127.0.0.1:{plan['offers_port']}"


def test_a_batch_survives_its_own_death(cluster: Cluster, tmp_path: Path) -> None:
    """200 tasks; killed with -9 when 40 are done; each is done once, and none is lost."""
    state, out = tmp_path / "batch.json", tmp_path / "out"
    command = [sys.executable, str(BATCH), master(cluster), "--state", str(state)]
    command += ["--command", f"echo $TASK >> {out}"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        progress = [first.stdout.readline() for _ in range(40)]
        first.send_signal(signal.SIGKILL)
    assert progress[-1].startswith("40/200 task-")
    kept = json.loads(state.read_text())
    assert kept["id"]
    assert len(kept["done"]) >= 40

    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    assert done.stdout.splitlines()[-1].startswith("200/200 task-")
    assert "TASK_FAILED" not in done.stdout
    assert not state.exists()
    ran = out.read_text().split()  # a task without an image has its node's own files
    assert sorted(ran) == sorted(f"task-{i}" for i in range(200))
    eventually(lambda: cluster.get("framework", kept["id"])["status"]["removed"])


@contextmanager
def operator(cluster: Cluster, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`kopf run`, as a user starts it."""
    command = [sys.executable, "-m", "kopf", "run", "--standalone", "-n", "default", str(OPERATOR)]
    environment = {**cluster.environment, "OFFERS": master(cluster)}
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def test_a_custom_resource_runs_a_framework_job(cluster: Cluster, tmp_path: Path) -> None:
    """Its operator is killed in the middle; the next one finishes the job."""
    cluster.kubectl("apply", "-f", str(OPERATOR.with_suffix(".yaml")))
    cluster.kubectl("wait", "--for=condition=Established", "crd/batchjobs.samples.bireme.dev")
    log = tmp_path / "operator.log"

    def job(name: str) -> dict[str, object]:
        status: dict[str, object] = cluster.get("batchjob", name).get("status", {})
        return status

    try:
        with operator(cluster, log) as process:
            cluster.kubectl("apply", "-f", str(OPERATOR.with_name("hundred.yaml")))
            eventually(lambda: int(str(job("hundred").get("succeeded", 0))) >= 10, within=120)
            process.send_signal(signal.SIGKILL)
        with operator(cluster, log):
            status = eventually(
                lambda: (found := job("hundred")).get("phase") == "Succeeded" and found, within=180
            )
            assert status["succeeded"] == 100
            assert status["done"] == list(range(100))
            cluster.kubectl("delete", "batchjob", "hundred", "--timeout=60s")
            a_job_that_is_deleted_ends_its_tasks(cluster)
    finally:
        cluster.kubectl(
            "delete", "crd", "batchjobs.samples.bireme.dev", "--wait=false", check=False
        )
    assert "Traceback" not in log.read_text(), log.read_text()


def a_job_that_is_deleted_ends_its_tasks(cluster: Cluster) -> None:
    long = {
        "apiVersion": "samples.bireme.dev/v1",
        "kind": "BatchJob",
        "metadata": {"name": "long"},
        "spec": {"command": "trap 'exit 0' TERM; sleep 1000 & wait", "count": 3},
    }
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(long))
    uid = cluster.get("batchjob", "long")["metadata"]["uid"]

    def running() -> int:
        tasks = cluster.get("tasks", "-n", "frameworks")["items"]
        mine = [task["status"]["state"] for task in tasks if task["spec"]["frameworkID"] == uid]
        return mine.count("TASK_RUNNING")

    eventually(lambda: running() == 3)
    cluster.kubectl("delete", "batchjob", "long", "--timeout=60s")
    eventually(lambda: running() == 0)
