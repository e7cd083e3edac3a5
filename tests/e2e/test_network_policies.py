"""NetworkPolicies hold back real traffic between real pods, and nothing that they do not name."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Cluster, eventually

SERVER = "mkdir -p /w; hostname > /w/index.html; httpd -p 8081 -h /w; exec httpd -f -p 8080 -h /w"
PORTS = [{"name": "web", "containerPort": 8080}, {"name": "other", "containerPort": 8081}]


def pod(name: str, namespace: str, node: str = "", *, serves: bool = False) -> dict[str, Any]:
    container = {
        "name": "c",
        "image": "busybox",
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", SERVER if serves else "exec sleep 3600"],
        "ports": PORTS if serves else [],
    }
    if serves:
        probe = {"httpGet": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
        container["readinessProbe"] = probe
    spec: dict[str, Any] = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    if node:
        spec["nodeName"] = node
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "server", "namespace": "walled"},
    "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": "web"}]},
}


class Walled:
    """Three pods: a server and a friend in one namespace, a stranger in another."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.server_ip = self._pod("server")["status"]["podIP"]
        self.friend_ip = self._pod("friend")["status"]["podIP"]

    def _pod(self, name: str) -> Any:
        return self.cluster.get("pod", name, "-n", "walled")

    def policy(self, name: str, **spec: Any) -> None:
        body = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": name, "namespace": "walled"},
            "spec": {"podSelector": {}, **spec},
        }
        self.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(body))

    def remove(self, name: str) -> None:
        self.cluster.kubectl("delete", "networkpolicy", "-n", "walled", name)

    def reaches(self, who: str, url: str) -> bool:
        namespace = "outside" if who == "stranger" else "walled"
        script = f"timeout 3 wget -qO- {url} || echo no"
        said = self.cluster.kubectl("exec", "-n", namespace, who, "--", "sh", "-c", script)
        return said.strip() == "server"

    def sees(self, *, friend: bool, stranger: bool, at: str = "") -> None:
        """Who reaches the server, soon: directly, and through its service."""
        for url in (at,) if at else (f"http://{self.server_ip}:8080/", "http://server.walled/"):
            eventually(lambda u=url: self.reaches("friend", u) is friend, within=20)
            eventually(lambda u=url: self.reaches("stranger", u) is stranger, within=20)


@pytest.fixture(scope="module")
def walled(cluster: Cluster) -> Iterator[Walled]:
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n, "labels": {"team": n}}}
        for n in ("walled", "outside")
    ]
    pods = [
        pod("server", "walled", "node-1", serves=True),
        pod("friend", "walled", "node-2"),
        pod("stranger", "outside", "node-1"),
    ]
    items = {"apiVersion": "v1", "kind": "List", "items": [*spaces, *pods, SERVICE]}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(items))
    for namespace in ("walled", "outside"):
        cluster.kubectl(
            "wait", "--for=condition=Ready", "pod", "--all", "-n", namespace, "--timeout=60s"
        )
    yield Walled(cluster)
    cluster.kubectl("delete", "namespace", "walled", "outside", "--wait=false")


def test_ingress_is_closed_and_opened_again(walled: Walled) -> None:
    """Nobody, then a label, then a namespace's label as well; and all as before at the end."""
    walled.sees(friend=True, stranger=True)
    walled.policy("deny")
    walled.sees(friend=False, stranger=False)
    walled.policy(
        "label", ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "friend"}}}]}]
    )
    walled.sees(friend=True, stranger=False)
    outside = {"namespaceSelector": {"matchLabels": {"team": "outside"}}}
    walled.policy("space", ingress=[{"from": [outside]}])
    walled.sees(friend=True, stranger=True)
    # The node's own probes were never held back.
    assert walled.cluster.get("pod", "server", "-n", "walled")["status"]["containerStatuses"][0][
        "ready"
    ]
    for name in ("label", "deny", "space"):
        walled.remove(name)
    walled.sees(friend=True, stranger=True)


def test_named_ports_and_ranges(walled: Walled) -> None:
    for name, ports, first, second in (
        ("named", [{"port": "web"}], True, False),
        ("range", [{"port": 8081, "endPort": 8090}], False, True),
        ("protocol", [{"protocol": "UDP"}], False, False),
    ):
        walled.policy(name, ingress=[{"ports": ports}])
        for number, wanted in ((8080, first), (8081, second)):
            url = f"http://{walled.server_ip}:{number}/"
            eventually(lambda u=url, w=wanted: walled.reaches("friend", u) is w, within=20)
        walled.remove(name)
    walled.sees(friend=True, stranger=True)


def test_a_block_but_for_a_part_of_it(walled: Walled) -> None:
    block = {"cidr": "10.0.0.0/8", "except": [f"{walled.friend_ip}/32"]}
    walled.policy("block", ingress=[{"from": [{"ipBlock": block}]}])
    walled.sees(friend=False, stranger=True)
    walled.remove("block")
    walled.sees(friend=True, stranger=True)


def test_egress_is_closed_but_for_names(walled: Walled) -> None:
    """The usual policy of who lets pods ask the cluster's DNS and nothing else."""
    dns = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    friends = {"matchLabels": {"app": "friend"}}
    walled.policy("silent", podSelector=friends, policyTypes=["Egress"])

    def finds() -> bool:
        script = (
            "timeout 5 nslookup server.walled.svc.cluster.local >/dev/null && echo found || echo no"
        )
        said = walled.cluster.kubectl("exec", "-n", "walled", "friend", "--", "sh", "-c", script)
        return said.strip() == "found"

    eventually(lambda: not finds(), within=20)
    walled.sees(friend=False, stranger=True, at=f"http://{walled.server_ip}:8080/")
    ports = [{"protocol": "UDP", "port": 53}]
    walled.policy(
        "names", podSelector=friends, policyTypes=["Egress"], egress=[{"to": [dns], "ports": ports}]
    )
    eventually(finds, within=20)
    walled.sees(friend=False, stranger=True)
    walled.remove("silent")
    walled.remove("names")
    walled.sees(friend=True, stranger=True)


def test_a_pod_is_isolated_from_its_first_moment(walled: Walled) -> None:
    """What it does as soon as it starts is judged already."""
    hasty = pod("hasty", "walled", "node-2")
    script = f"timeout 3 wget -qO- http://{walled.server_ip}:8080/ || echo no"
    hasty["spec"] |= {"restartPolicy": "Never"}
    hasty["spec"]["containers"][0]["command"] = ["sh", "-c", script]
    hasty_only = {"matchLabels": {"app": "hasty"}}
    walled.policy("hasty", podSelector=hasty_only, policyTypes=["Egress"])
    walled.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(hasty))
    phase = "jsonpath={.status.phase}=Succeeded"
    walled.cluster.kubectl("wait", "-n", "walled", "pod/hasty", f"--for={phase}", "--timeout=60s")
    assert "no" in walled.cluster.kubectl("logs", "-n", "walled", "hasty").split()
    walled.remove("hasty")
