"""The first thing every user does: hello.yaml on three nodes, and what must heal."""

import os
import signal
import time

import pytest

from tests.e2e.conftest import SAMPLES, Cluster, eventually, run
from tests.e2e.traffic import SteadyLoad, spread, spread_from

NODE_PORT = "http://localhost:30080/"


@pytest.fixture(scope="module")
def hello(cluster: Cluster) -> Cluster:
    cluster.kubectl("apply", "-f", str(SAMPLES / "hello.yaml"))
    cluster.kubectl("rollout", "status", "deployment/hello", "--timeout=60s")
    yield cluster
    cluster.kubectl("delete", "-f", str(SAMPLES / "hello.yaml"))


def names(cluster: Cluster) -> set[str]:
    return {pod["metadata"]["name"] for pod in cluster.pods("app=hello") if ready(pod)}


def ready(pod: dict) -> bool:
    return any(
        c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", [])
    )


def three_ready(cluster: Cluster) -> set[str]:
    return eventually(lambda: len(names(cluster)) == 3 and names(cluster))


def test_three_nodes_are_ready(cluster: Cluster) -> None:
    lines = cluster.kubectl("get", "nodes", "--no-headers").splitlines()
    assert len(lines) == 3
    assert all(line.split()[1] == "Ready" for line in lines)
    # Another test may have drained one, whose taint goes a moment after.
    eventually(lambda: not any(one["spec"].get("taints") for one in cluster.get("nodes")["items"]))


def test_requests_to_the_node_port_reach_all_pods(hello: Cluster) -> None:
    assert set(eventually(lambda: (s := spread(NODE_PORT, 60)) and len(s) == 3 and s)) == names(
        hello
    )


def test_requests_to_the_cluster_ip_from_a_node_reach_all_pods(hello: Cluster) -> None:
    address = hello.get("service", "hello")["spec"]["clusterIP"]
    slot = int(address.split(".")[1]) - 96
    answers = spread_from(f"bireme{slot}-node-1", f"http://{address}/", 60)
    assert set(answers) == names(hello)
    assert sum(answers.values()) == 60


def test_the_pods_are_spread_over_the_nodes(hello: Cluster) -> None:
    assert len({pod["spec"]["nodeName"] for pod in hello.pods("app=hello")}) == 3


def test_logs_and_exec(hello: Cluster) -> None:
    pod = min(three_ready(hello))
    assert hello.kubectl("exec", pod, "--", "hostname").strip() == pod
    done = run(
        ["kubectl", "exec", pod, "--", "sh", "-c", "echo to-stderr >&2; exit 7"],
        env=hello.environment,
        check=False,
    )
    assert done.returncode == 7
    assert "to-stderr" in done.stderr


def test_a_killed_container_is_restarted_in_place(hello: Cluster) -> None:
    pod = min(three_ready(hello))
    container = hello.get("pod", pod)["status"]["containerStatuses"][0]["containerID"]
    (pid_file,) = hello.root.glob(f"nodes/*/runtime/containers/{container.split('//')[1]}/pid")
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    status = eventually(
        lambda: (
            (s := hello.get("pod", pod)["status"]["containerStatuses"][0])["restartCount"] >= 1
            and s["ready"]
            and s
        )
    )
    assert status["restartCount"] == 1
    assert "RESTARTS" in hello.kubectl("get", "pod", pod)


def test_a_deleted_pod_is_replaced(hello: Cluster) -> None:
    before = three_ready(hello)
    gone = min(before)
    hello.kubectl("delete", "pod", gone)
    after = eventually(lambda: (n := names(hello)) != before and len(n) == 3 and n)
    assert gone not in after


def test_scaling_up_and_down(hello: Cluster) -> None:
    for replicas in (6, 2, 3):
        hello.kubectl("scale", "deployment/hello", f"--replicas={replicas}")
        hello.kubectl("rollout", "status", "deployment/hello", "--timeout=60s")
        eventually(lambda wanted=replicas: len(hello.pods("app=hello")) == wanted)


def test_a_rollout_and_its_undo_lose_no_request(hello: Cluster) -> None:
    three_ready(hello)
    with SteadyLoad(NODE_PORT) as load:
        hello.kubectl("set", "image", "deployment/hello", "web=busybox:1.35")
        hello.kubectl("rollout", "status", "deployment/hello", "--timeout=90s")
        hello.kubectl("rollout", "undo", "deployment/hello")
        hello.kubectl("rollout", "status", "deployment/hello", "--timeout=90s")
        time.sleep(1)
    assert load.failures == []
    assert sum(load.answers.values()) > 50
    image = hello.get("deployment", "hello")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == "busybox"


def test_killing_the_server_loses_nothing_and_stops_no_pod(hello: Cluster) -> None:
    three_ready(hello)
    before = containers(hello)
    objects = hello.kubectl("get", "all", "-A", "-o", "name")
    old = hello.pid("server")
    with SteadyLoad(NODE_PORT) as load:
        os.kill(old, signal.SIGKILL)
        eventually(lambda: hello.pid("server") != old and hello.kubectl("get", "--raw", "/readyz"))
        eventually(lambda: hello.kubectl("get", "all", "-A", "-o", "name") == objects)
    assert load.failures == []
    assert containers(hello) == before


def test_killing_an_agent_stops_no_pod(hello: Cluster) -> None:
    three_ready(hello)
    before = containers(hello)
    old = hello.pid("node-1")
    with SteadyLoad(NODE_PORT) as load:
        os.kill(old, signal.SIGKILL)
        eventually(
            lambda: (
                (p := hello.processes()["node-1"]) and p["pid"] not in (None, old) and p["ready"]
            )
        )
        eventually(lambda: len(names(hello)) == 3)
    assert load.failures == []
    assert containers(hello) == before


def containers(cluster: Cluster) -> set[tuple[str, str, int]]:
    return {
        (pod["metadata"]["uid"], status["containerID"], status["restartCount"])
        for pod in cluster.pods("app=hello")
        for status in pod["status"]["containerStatuses"]
    }
