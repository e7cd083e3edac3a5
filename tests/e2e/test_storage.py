"""A StatefulSet whose pods have disks: data outlive pods, and go with their claims."""

from pathlib import Path

from tests.e2e.conftest import SAMPLES, Cluster, eventually


def directories(cluster: Cluster) -> list[Path]:
    """Of volumes, on the disks of all nodes."""
    return sorted(cluster.root.glob("nodes/*/local-volumes/*"))


def starts(cluster: Cluster, pod: str) -> list[str]:
    return cluster.kubectl("exec", pod, "--", "cat", "/data/starts").split()


def test_data_outlive_pods_and_go_with_their_claims(cluster: Cluster) -> None:
    file = str(SAMPLES / "stateful.yaml")
    cluster.kubectl("apply", "-f", file)
    try:
        cluster.kubectl("rollout", "status", "statefulset/counter", "--timeout=90s")
        assert starts(cluster, "counter-1") == ["counter-1"]
        assert len(directories(cluster)) == 3
        before = cluster.get("pod", "counter-1")
        cluster.kubectl("delete", "pod", "counter-1")
        cluster.kubectl("rollout", "status", "statefulset/counter", "--timeout=90s")
        eventually(lambda: starts(cluster, "counter-1") == ["counter-1", "counter-1"])
        after = cluster.get("pod", "counter-1")
        assert after["metadata"]["uid"] != before["metadata"]["uid"]
        # The disk is on one node, so the pod is.
        assert after["spec"]["nodeName"] == before["spec"]["nodeName"]
    finally:
        cluster.kubectl("delete", "-f", file)
        cluster.kubectl("delete", "pvc", "-l", "app=counter", "--timeout=60s")
    eventually(lambda: cluster.get("pv")["items"] == [])
    assert directories(cluster) == []
