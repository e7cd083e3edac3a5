"""Names inside pods: the cluster's DNS for services, headless ones included."""

import json

from tests.e2e.conftest import SAMPLES, Cluster, eventually

CLIENT = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "client"},
    "spec": {
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "c", "image": "busybox", "command": ["sleep", "3600"]}],
    },
}
HEADLESS = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "hello-headless"},
    "spec": {"clusterIP": "None", "selector": {"app": "hello"}, "ports": [{"port": 8080}]},
}


def test_services_are_found_by_name(cluster: Cluster) -> None:
    cluster.kubectl("apply", "-f", str(SAMPLES / "hello.yaml"))
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(CLIENT))
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(HEADLESS))
    try:
        cluster.kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=60s")
        cluster.kubectl("rollout", "status", "deployment/hello", "--timeout=60s")
        pods = {pod["metadata"]["name"] for pod in cluster.pods("app=hello")}
        for name in ("hello", "hello.default", "hello.default.svc.cluster.local"):
            answer = eventually(lambda host=name: fetch(cluster, f"http://{host}/"), within=10)
            assert answer in pods
        assert fetch(cluster, "http://hello-headless:8080/") in pods
        addresses = cluster.kubectl(
            "exec", "client", "--", "nslookup", "hello-headless.default.svc.cluster.local"
        )
        assert all(pod["status"]["podIP"] in addresses for pod in cluster.pods("app=hello"))
    finally:
        cluster.kubectl("delete", "pod/client", "service/hello-headless")
        cluster.kubectl("delete", "-f", str(SAMPLES / "hello.yaml"))


def fetch(cluster: Cluster, url: str) -> str:
    return cluster.kubectl("exec", "client", "--", "timeout", "5", "wget", "-qO-", url).strip()
