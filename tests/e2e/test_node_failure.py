"""A node that stops answering: its pods move to the others."""

import os
import signal

from tests.e2e.conftest import SAMPLES, Cluster, a_cluster, eventually

TOLERATION = (
    '{"spec":{"template":{"spec":{"tolerations":['
    '{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":1},'
    '{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":1}]}}}}'
)


def running_on(cluster: Cluster) -> list[str]:
    """The nodes of the running pods."""
    pods = cluster.pods("app=hello")
    return [p["spec"]["nodeName"] for p in pods if p["status"]["phase"] == "Running"]


def test_pods_move_away_from_a_node_whose_agent_is_gone() -> None:
    with a_cluster("--nodes", "2", "--node-monitor-grace-period", "12") as cluster:
        cluster.kubectl("apply", "-f", str(SAMPLES / "hello.yaml"))
        cluster.kubectl("patch", "deployment/hello", "-p", TOLERATION)
        cluster.kubectl("rollout", "status", "deployment/hello", "--timeout=90s")
        frozen = cluster.pid("node-1")
        os.kill(frozen, signal.SIGSTOP)
        try:
            eventually(lambda: "NotReady" in cluster.kubectl("get", "node", "node-1"))
            eventually(lambda: running_on(cluster) == ["node-2"] * 3)
        finally:
            os.kill(frozen, signal.SIGCONT)
        eventually(lambda: "NotReady" not in cluster.kubectl("get", "node", "node-1"))
