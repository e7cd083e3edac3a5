"""Services beyond the first sample: hairpin, refusal, policies, balancers, host ports.

Who reaches whom, and by which names, is in `test_networking.py`.
"""

import json
import socket
from typing import Any

import pytest

from tests.e2e.conftest import SAMPLES, Cluster, eventually
from tests.e2e.traffic import get, spread, spread_from


@pytest.fixture(scope="module")
def hello(cluster: Cluster) -> Cluster:
    cluster.kubectl("apply", "-f", str(SAMPLES / "hello.yaml"))
    cluster.kubectl("rollout", "status", "deployment/hello", "--timeout=60s")
    yield cluster
    cluster.kubectl("delete", "-f", str(SAMPLES / "hello.yaml"))


def service(name: str, **spec: Any) -> str:
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": "hello"}, "ports": ports, **spec},
    }
    return json.dumps(body)


def address(cluster: Cluster, name: str) -> str:
    found: str = cluster.get("service", name)["spec"]["clusterIP"]
    return found


def slot(cluster: Cluster) -> int:
    return int(json.loads((cluster.root / "cluster.json").read_text())["slot"])


def test_a_pod_reaches_itself_through_its_service(hello: Cluster) -> None:
    pod = hello.pods("app=hello")[0]["metadata"]["name"]
    answers = hello.kubectl(
        "exec", pod, "--", "sh", "-c",
        "for i in $(seq 40); do timeout 5 wget -qO- http://hello/; done",
    ).split()  # fmt: skip
    assert len(answers) == 40
    assert pod in answers


def test_a_service_without_endpoints_refuses_at_once(hello: Cluster) -> None:
    lonely = service("lonely", selector={"app": "nobody"}, type="NodePort")
    hello.kubectl("apply", "-f", "-", stdin=lonely)
    try:
        ip = address(hello, "lonely")
        node_port = hello.get("service", "lonely")["spec"]["ports"][0]["nodePort"]

        def refused(host: str, port: int) -> bool:
            try:
                socket.create_connection((host, port), timeout=3).close()
            except ConnectionRefusedError:
                return True
            return False

        eventually(lambda: refused(ip, 80), within=10)
        eventually(lambda: refused("127.0.0.1", node_port), within=10)
        pod = hello.pods("app=hello")[0]["metadata"]["name"]
        said = hello.kubectl(
            "exec", pod, "--", "sh", "-c", f"timeout 5 wget -qO- http://{ip}/ 2>&1 || true"
        )
        assert "refused" in said
    finally:
        hello.kubectl("delete", "service", "lonely")


def test_every_node_answers_on_the_node_port(hello: Cluster) -> None:
    for number in (1, 2, 3):
        node = f"10.{71 + slot(hello)}.0.{10 + number}"
        assert len(spread(f"http://{node}:30080/", 30)) == 3


def test_the_local_policy_keeps_to_the_nodes_own_pods(hello: Cluster) -> None:
    local = service("local", type="NodePort", externalTrafficPolicy="Local")
    hello.kubectl("apply", "-f", "-", stdin=local)
    try:
        port = hello.get("service", "local")["spec"]["ports"][0]["nodePort"]
        for pod in hello.pods("app=hello"):
            host = pod["status"]["hostIP"]
            mine = {
                p["metadata"]["name"]
                for p in hello.pods("app=hello")
                if p["status"]["hostIP"] == host
            }
            eventually(lambda h=host, m=mine: set(spread(f"http://{h}:{port}/", 20)) == m)
    finally:
        hello.kubectl("delete", "service", "local")


def test_a_load_balancer_is_every_node(hello: Cluster) -> None:
    """All nodes answer on the service's own port; who comes second waits and says why."""
    first = service("balanced", type="LoadBalancer", ports=[{"port": 8777, "targetPort": "http"}])
    hello.kubectl("apply", "-f", "-", stdin=first)
    hello.kubectl("apply", "-f", "-", stdin=first.replace("balanced", "second"))
    try:
        nodes = [f"10.{71 + slot(hello)}.0.{10 + number}" for number in (1, 2, 3)]

        def reported(name: str) -> list[str]:
            status = hello.get("service", name)["status"]["loadBalancer"]
            return [one["ip"] for one in status.get("ingress", ())]

        eventually(lambda: reported("balanced") == nodes, within=20)
        for node in nodes:
            eventually(lambda n=node: len(spread(f"http://{n}:8777/", 20)) > 1, within=20)
        about = ["--field-selector", "involvedObject.name=second"]
        eventually(lambda: "8777/TCP" in hello.kubectl("get", "events", *about), within=20)
        assert reported("second") == []
        hello.kubectl("delete", "service", "balanced")
        eventually(lambda: reported("second") == nodes, within=20)
    finally:
        hello.kubectl("delete", "service", "balanced", "second", "--ignore-not-found")


def hosted(name: str, **port: Any) -> str:
    """A pod on node-1 with a host port."""
    script = "mkdir -p /w; hostname > /w/index.html; exec httpd -f -p 80 -h /w"
    container = {
        "name": "c",
        "image": "busybox",
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", script],
        "ports": [{"containerPort": 80, "hostPort": 8099, **port}],
    }
    spec = {"nodeName": "node-1", "terminationGracePeriodSeconds": 0, "containers": [container]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    return json.dumps(pod)


def test_a_host_port_leads_to_its_pod(hello: Cluster) -> None:
    hello.kubectl("apply", "-f", "-", stdin=hosted("hosted"))
    try:
        hello.kubectl("wait", "--for=condition=Ready", "pod/hosted", "--timeout=60s")
        host = hello.get("pod", "hosted")["status"]["hostIP"]
        assert eventually(lambda: get(f"http://{host}:8099/")) == "hosted"
    finally:
        hello.kubectl("delete", "pod", "hosted")


def test_a_host_port_on_the_loopback_leads_to_its_pod(hello: Cluster) -> None:
    """On the node itself, and from nowhere else."""
    hello.kubectl("apply", "-f", "-", stdin=hosted("inside", hostPort=8098, hostIP="127.0.0.1"))
    try:
        hello.kubectl("wait", "--for=condition=Ready", "pod/inside", "--timeout=60s")
        node = f"bireme{slot(hello)}-node-1"
        eventually(lambda: spread_from(node, "http://127.0.0.1:8098/", 1)["inside"] == 1)
        host = hello.get("pod", "inside")["status"]["hostIP"]
        with pytest.raises(OSError, match="refused"):
            get(f"http://{host}:8098/")
    finally:
        hello.kubectl("delete", "pod", "inside")


def test_a_pod_reaches_the_api_server_by_its_service(hello: Cluster) -> None:
    """With its own token and the CA that was mounted for it."""
    pod = hello.pods("app=hello")[0]["metadata"]["name"]
    said = hello.kubectl(
        "exec", pod, "--", "sh", "-c",
        "ls /var/run/secrets/kubernetes.io/serviceaccount;"
        " nc -w 3 kubernetes.default 443 </dev/null && echo open",
    )  # fmt: skip
    assert {"ca.crt", "namespace", "token", "open"} <= set(said.split())
