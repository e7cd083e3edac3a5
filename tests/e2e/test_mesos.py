"""Frameworks that know only Mesos run real tasks on real nodes, unmodified."""

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
def pool() -> Iterator[Cluster]:
    # As with Mesos, what an agent's tasks find without an image is what the agent has on its PATH.
    with pytest.MonkeyPatch.context() as patch:
        tools = Path(environment("pymesos")).parent
        patch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
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


def test_pymesos_runs_an_executor_of_its_own(pool: Cluster) -> None:
    """All tasks in one process on the node; data, labels and messages pass both ways."""
    done = run([environment("pymesos"), str(FOREIGN / "pymesos_executor.py"), master(pool)])
    heard = json.loads(done.stdout)
    assert heard["in_time"], heard
    ends = {name: states[-1] for name, states in heard["states"].items()}
    assert ends == {
        "ok-0": "TASK_FINISHED",
        "ok-1": "TASK_FINISHED",
        "ok-2": "TASK_FINISHED",
        "bad": "TASK_FAILED",
        "long": "TASK_KILLED",
    }
    assert len({data.split()[0] for data in heard["data"].values()}) == 1
    assert heard["data"]["bad"].endswith("data of bad")
    assert set(heard["labels"].values()) == {"1.5"}
    assert heard["words"] == ["HELLO"]
    # The framework has gone, and its executor with it.
    assert eventually(lambda: not executors(pool, heard["framework"]))


def test_toil_runs_a_whole_workflow_with_its_executor(pool: Cluster, tmp_path: Path) -> None:
    script = tmp_path / "workflow.py"
    script.write_text((FOREIGN / "toil_workflow.py").read_text())
    options = [
        str(tmp_path / "jobs"), "--batchSystem", "mesos", "--mesosEndpoint", master(pool),
        "--disableCaching", "--retryCount", "0", "--workDir", str(tmp_path),
    ]  # fmt: skip
    done = run([environment("pymesos"), str(script), *options])
    assert json.loads(done.stdout.splitlines()[-1]) == {"sum": 0 + 1 + 4 + 9}


def test_pymesos_operator_asks_changes_and_listens(pool: Cluster) -> None:
    agent = f"{nodes(pool)[0][0]['address']}:5051"
    command = [environment("pymesos"), str(FOREIGN / "pymesos_operator.py"), master(pool), agent]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as operator:
        assert operator.stdin is not None
        assert operator.stdout is not None
        heard = json.loads(operator.stdout.readline())
        assert (heard["health"], heard["agents"], heard["master"]) == (True, 2, True)
        assert heard["state"] == ["get_agents", "get_executors", "get_frameworks", "get_tasks"]
        assert heard["metrics"] > 10
        assert heard["weights"] >= 1
        assert (heard["quota"], heard["windows"], heard["draining"]) == ("kept", 1, 1)
        assert heard["agent"]["health"]
        assert heard["agent"]["version"] == heard["version"]
        run([environment("pymesos"), str(FOREIGN / "pymesos_batch.py"), master(pool)])
        for event in ("framework added", "task added", "task updated"):
            operator.stdin.write(f"{event}\n")
            operator.stdin.flush()
            assert json.loads(operator.stdout.readline()) == {"heard": True}
        operator.stdin.close()


def test_an_agent_is_drained_by_the_real_master(pool: Cluster) -> None:
    """With the rights that it has there: cordon, kill, evict, note it down."""
    command = [environment("pymesos"), str(FOREIGN / "pymesos_hold.py"), master(pool)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            framework = json.loads(holder.stdout.readline())["framework"]
            tasks = pool.get("tasks", "-n", "frameworks")["items"]
            node = next(t for t in tasks if t["spec"]["frameworkID"] == framework)
            name = node["spec"]["agentID"]
            agent = {"agent_id": {"value": name}}
            operate(pool, "DRAIN_AGENT", {**agent, "max_grace_period": {"nanoseconds": 0}})
            plan = "offers.bireme.dev/maintenance"
            assert eventually(
                lambda: '"DRAINED"' in pool.get("node", name)["metadata"]["annotations"][plan]
            )
            assert pool.get("node", name)["spec"]["unschedulable"]
            operate(pool, "REACTIVATE_AGENT", agent)
            assert "unschedulable" not in pool.get("node", name)["spec"]
        finally:
            holder.send_signal(signal.SIGKILL)


def operate(cluster: Cluster, kind: str, body: dict[str, Any]) -> None:
    """One call of the operator API."""
    request = urllib.request.Request(
        f"http://{master(cluster)}/api/v1",
        data=json.dumps({"type": kind, kind.lower(): body}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status in (200, 202)


@pytest.mark.parametrize("module", ["mesoshttp", "avmesos"])
def test_libraries_that_read_lines_run_tasks(pool: Cluster, module: str) -> None:
    script = str(FOREIGN / "mesoshttp_batch.py")
    done = run([environment("avmesos"), script, module, master(pool)])
    heard = json.loads(done.stdout)
    assert heard["in_time"], heard
    ends = {name: states[-1] for name, states in heard["states"].items()}
    assert (ends.pop("bad"), ends.pop("long")) == ("TASK_FAILED", "TASK_KILLED")
    assert set(ends.values()) == {"TASK_FINISHED"}


def test_tfmesos2_launches_and_hears_addresses(pool: Cluster) -> None:
    settings = {"MESOS_MASTER": master(pool), "DOCKER_IMAGE": "busybox"}
    script = str(FOREIGN / "tfmesos2_launch.py")
    done = run([environment("avmesos"), script], env={**os.environ, **settings})
    heard = json.loads(done.stdout)
    assert heard["in_time"], heard
    addresses = {address["address"] for node in nodes(pool) for address in node}
    assert set(heard["addresses"]) <= addresses
    assert all(heard["known"])


def test_avmesos_cli_lists_agents_frameworks_and_tasks(pool: Cluster, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'plugins = []\n[master]\n  address = "{master(pool)}"\n')
    tools = Path(environment("avmesos-cli")).parent
    settings = {"MESOS_CLI_CONFIG": str(config), "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}

    def cli(*words: str) -> str:
        return run([str(tools / "mesos-cli"), *words], env={**os.environ, **settings}).stdout

    command = [environment("pymesos"), str(FOREIGN / "pymesos_hold.py"), master(pool)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            framework = json.loads(holder.stdout.readline())["framework"]
            assert [line.split()[0] for line in cli("agent", "list").splitlines()[1:]] == [
                "node-1",
                "node-2",
            ]
            assert framework in cli("framework", "list")
            assert f"hold it  TASK_RUNNING  {framework}" in cli("task", "list")
        finally:
            holder.send_signal(signal.SIGKILL)


def nodes(cluster: Cluster) -> list[list[dict[str, str]]]:
    """The addresses of each node."""
    return [node["status"]["addresses"] for node in cluster.get("nodes")["items"]]


def executors(cluster: Cluster, framework: str) -> list[dict[str, Any]]:
    found = cluster.get("executors.offers.bireme.dev", "-n", "frameworks")["items"]
    return [one for one in found if one["spec"]["frameworkID"] == framework]


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
