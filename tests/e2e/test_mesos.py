"""Frameworks that know only Mesos run real tasks on real nodes, unmodified."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import Cluster, a_cluster, eventually, run

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = Path(__file__).with_name("foreign")


def environment(name: str) -> str:
    """The Python of a foreign client's own environment."""
    python = ROOT / ".clients" / name / "bin" / "python"
    if not python.exists():
        pytest.fail(f"{name} is not installed: `make clients` makes {python.parent.parent}")
    return str(python)


@pytest.fixture(scope="module")
def pool() -> Cluster:
    with a_cluster("--nodes", "2") as made:
        yield made


def master(cluster: Cluster) -> str:
    return f"127.0.0.1:{json.loads((cluster.root / 'cluster.json').read_text())['offers_port']}"


def test_pymesos_runs_tasks_and_hears_how_they_end(pool: Cluster) -> None:
    done = run([environment("pymesos"), str(FOREIGN / "pymesos_batch.py"), master(pool)])
    heard = json.loads(done.stdout)
    assert heard["in_time"], heard
    ends = {name: states[-1] for name, states in heard["states"].items()}
    assert ends.pop("bad") == "TASK_FAILED"
    assert ends.pop("long") == "TASK_KILLED"
    assert set(ends.values()) == {"TASK_FINISHED"}
    assert heard["messages"]["bad"] == "Command exited with status 7"
    framework = pool.get("framework", heard["framework"])
    assert framework["spec"]["name"] == "pymesos-batch"
    assert eventually(lambda: not pool.get("framework", heard["framework"])["status"]["connected"])


def test_tasks_are_pods_that_everyone_can_see(pool: Cluster) -> None:
    command = [environment("pymesos"), str(FOREIGN / "pymesos_hold.py"), master(pool)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            framework = json.loads(holder.stdout.readline())["framework"]
            tasks = pool.get("tasks", "-n", "frameworks")["items"]
            mine = [t for t in tasks if t["spec"]["frameworkID"] == framework]
            assert [t["status"]["state"] for t in mine] == ["TASK_RUNNING"]
            pod = pool.get("pod", mine[0]["spec"]["pod"], "-n", "frameworks")
            assert pod["metadata"]["annotations"]["offers.bireme.dev/task-ids"] == "hold it"
            assert pool.kubectl("logs", "-n", "frameworks", pod["metadata"]["name"]) == "held\n"
        finally:
            holder.send_signal(signal.SIGKILL)


def test_tasks_outlive_the_master(pool: Cluster) -> None:
    """kill -9 of the server: the framework comes back by itself, its task runs on."""
    command = [environment("pymesos"), str(FOREIGN / "pymesos_hold.py"), master(pool)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            framework = json.loads(holder.stdout.readline())["framework"]
            before = held(pool, framework)
            os.kill(pool.pid("server"), signal.SIGKILL)
            assert json.loads(holder.stdout.readline())["again"] == framework
            assert held(pool, framework) == before
        finally:
            holder.send_signal(signal.SIGKILL)


def held(cluster: Cluster, framework: str) -> tuple[str, str]:
    """(pod's uid, task's state) of a framework's one task."""
    tasks = eventually(lambda: cluster.get("tasks", "-n", "frameworks")["items"])
    task = next(t for t in tasks if t["spec"]["frameworkID"] == framework)
    pod = cluster.get("pod", task["spec"]["pod"], "-n", "frameworks")
    return pod["metadata"]["uid"], task["status"]["state"]
