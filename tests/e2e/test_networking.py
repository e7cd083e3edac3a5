"""The network of pods and services, held against the cases of sig-network: who answers whom.

Three servers, one a node, and a client for names; see `netserver.py`.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.batch import Batch, a_batch, container, expect
from tests.e2e.conftest import Cluster, eventually

SPACE = "networking"
SCRIPT = str(Path(__file__).with_name("netserver.py"))
NO_TOKEN: dict[str, Any] = {"automountServiceAccountToken": False}
"""On the machine's own files a token's mount point would be one of them."""
SERVERS = ("net-1", "net-2", "net-3")
HTTP = {"name": "http", "port": 80, "targetPort": "http"}
UDP = {"name": "udp", "port": 80, "targetPort": "udp", "protocol": "UDP"}
ZONE = f"{SPACE}.svc.cluster.local"
LATENCY = (100, 20, 50)
"""Services; the seconds in which half of them, and nearly all, must have their endpoints."""


def server(certificate: tuple[str, ...] = (), **host_port: Any) -> dict[str, Any]:
    """On the machine's own Python, in the pod's network."""
    ports: list[dict[str, Any]] = [
        {"name": "http", "containerPort": 8080, "protocol": "TCP"},
        {"name": "udp", "containerPort": 8081, "protocol": "UDP"},
        {"name": "tls", "containerPort": 8443, "protocol": "TCP"},
    ]
    if host_port:
        ports[host_port["protocol"] == "UDP"].update(host_port)
    command = [sys.executable, "-I", "-S", SCRIPT, "serve", *certificate]
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1, "timeoutSeconds": 5}
    more = {"image": "bireme.dev/host-rootfs", "command": command, "ports": ports}
    return {**container("", readinessProbe=probe), **more}


class Net:
    """The batch, and how its members ask each other."""

    def __init__(self, batch: Batch, slot: int) -> None:
        self.batch = batch
        self.api = batch.api
        self.slot = slot
        self.ips = {name: batch.ready(name)["podIP"] for name in SERVERS}

    def node_ip(self, number: int) -> str:
        return f"10.{71 + self.slot}.0.{10 + number}"

    def ask(self, pod: str, protocol: str, host: str, port: int, tries: int = 1) -> set[str]:
        """What a pod is told by whoever is there."""
        path = self.api.path("pods", f"{pod}:8080", "proxy/dial")
        query = {"protocol": protocol, "host": host, "port": port, "tries": tries}
        return set(expect(self.api.get(path, "*/*", **query)).raw.decode().split("\n"))

    def ask_from_node(self, number: int, protocol: str, host: str, port: int) -> str:
        space = f"--net=/run/netns/bireme{self.slot}-node-{number}"
        done = subprocess.run(
            ["nsenter", space, sys.executable, SCRIPT, "dial", protocol, host, str(port), "1"],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def service(self, name: str, **spec: Any) -> Any:
        wanted = {"selector": {"app": "net"}, "ports": [HTTP], **spec}
        return self.api.make("services", name, spec=wanted)["spec"]

    def change(self, name: str, **spec: Any) -> Any:
        path = self.api.path("services", name)
        return expect(self.api.patch(path, {"spec": spec})).json["spec"]

    def run(self, script: str) -> str:
        """In the client, where names are looked up as pods do it."""
        arguments = ("exec", "-n", SPACE, "client", "--", "sh", "-c")
        return self.batch.cluster.kubectl(*arguments, f"{script} 2>&1 || true")

    def lookup(self, name: str, kind: str = "a") -> str:
        return self.run(f"nslookup -type={kind} {name}")

    def fetch(self, url: str) -> str:
        return self.run(f"timeout 5 wget -qO- {url}")


@pytest.fixture(scope="module")
def net(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    pki = cluster.root / "pki"
    certificate = (str(pki / "apiserver.crt"), str(pki / "apiserver.key"))
    with a_batch(cluster, SPACE, tmp_path_factory.mktemp("net")) as batch:
        for number, name in enumerate(SERVERS, 1):
            labels = {"labels": {"app": "net", "pod": name}}
            spec = {"nodeName": f"node-{number}", **NO_TOKEN}
            batch.pod(name, server(certificate), metadata=labels, **spec)
        naming = {"hostname": "querier", "subdomain": "headless"}
        labels = {"labels": {"app": "client"}}
        batch.pod("client", container("sleep 3600"), nodeName="node-1", metadata=labels, **naming)
        own = {"nameservers": ["192.0.2.53"], "searches": ["resolv.conf.local"]}
        own["options"] = [{"name": "ndots", "value": "2"}]
        script = "cat /etc/resolv.conf"
        batch.pod("own-names", container(script), dnsPolicy="None", dnsConfig=own)
        batch.ready("client")
        slot = json.loads((cluster.root / "cluster.json").read_text())["slot"]
        yield Net(batch, slot)


@pytest.mark.parametrize(("protocol", "port"), [("http", 8080), ("udp", 8081)])
def test_pods_and_nodes_reach_every_pod(net: Net, protocol: str, port: int) -> None:
    for name, ip in net.ips.items():
        for other in SERVERS:
            assert net.ask(other, protocol, ip, port) == {name}
        for number in (1, 2, 3):
            assert net.ask_from_node(number, protocol, ip, port) == name


def test_two_protocols_share_a_port(net: Net) -> None:
    ip = net.service("both", ports=[HTTP, UDP])["clusterIP"]

    def answered() -> set[str]:
        asked = {one: net.ask("net-1", one, ip, 80) for one in ("http", "udp")}
        return {protocol for protocol, said in asked.items() if said <= set(SERVERS)}

    eventually(lambda: answered() == {"http", "udp"})
    for ports, protocol in (([HTTP], "http"), ([UDP], "udp")):
        net.change("both", ports=ports)
        eventually(lambda wanted={protocol}: answered() == wanted)


@pytest.mark.parametrize("second", ["net-1", "net-2"])
def test_slices_by_hand_lead_each_port_its_own_way(net: Net, second: str) -> None:
    """Of one service without a selector; to one address or to two."""
    name = f"by-hand-{second}"
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 81}]
    ip = net.service(name, selector=None, ports=ports)["clusterIP"]
    for pod, port, number in (("net-1", "a", 8080), (second, "b", 8082)):
        net.api.make(
            "endpointslices",
            f"{name}-{port}",
            metadata={"labels": {"kubernetes.io/service-name": name}},
            addressType="IPv4",
            endpoints=[{"addresses": [net.ips[pod]]}],
            ports=[{"name": port, "port": number}],
        )
    eventually(lambda: net.ask("net-3", "http", ip, 80, 5) == {"net-1"})
    eventually(lambda: net.ask("net-3", "http", ip, 81, 5) == {second})


@pytest.mark.parametrize("way", ["ClusterIP", "NodePort"])
def test_affinity_is_switched(net: Net, way: str) -> None:
    name = f"sticky-{way.lower()}"
    made = net.service(name, type=way, sessionAffinity="ClientIP")
    place = (made["clusterIP"], 80)
    if way == "NodePort":
        place = (net.node_ip(2), made["ports"][0]["nodePort"])

    def told() -> set[str]:
        return net.ask("net-1", "http", *place, tries=20)

    def is_one() -> bool:
        return len(told()) == 1 and told() <= set(SERVERS)

    eventually(is_one)
    net.change(name, sessionAffinity="None")
    eventually(lambda: len(told()) > 1 and told() <= set(SERVERS))
    net.change(name, sessionAffinity="ClientIP")
    eventually(is_one)


def test_a_service_changes_its_type(net: Net) -> None:
    """By name, by address, on every node; and what it no longer is leaves nothing behind."""
    alias = {"type": "ExternalName", "externalName": "foo.example.com"}
    name = f"changing.{ZONE}"
    assert "clusterIP" not in net.service("changing", ports=None, selector=None, **alias)
    eventually(lambda: "foo.example.com" in net.lookup(name, "cname"))
    net.change("changing", externalName="bar.example.com")
    eventually(lambda: "bar.example.com" in net.lookup(name, "cname"))
    spec = {"type": "ClusterIP", "externalName": None, "ports": [HTTP], "selector": {"app": "net"}}
    ip = net.change("changing", **spec)["clusterIP"]
    eventually(lambda: net.ask("net-1", "http", ip, 80) <= set(SERVERS))
    eventually(lambda: ip in net.lookup(name))
    assert eventually(lambda: net.fetch("http://changing/").strip()) in SERVERS
    port = net.change("changing", type="NodePort")["ports"][0]["nodePort"]
    for number in (1, 2, 3):
        node = net.node_ip(number)
        eventually(lambda host=node: net.ask("net-1", "http", host, port) <= set(SERVERS))
    after = net.change("changing", **alias, ports=None, selector=None)
    assert "clusterIP" not in after
    eventually(lambda: "foo.example.com" in net.lookup(name, "cname"))
    eventually(lambda: not net.ask("net-1", "http", ip, 80) & set(SERVERS))
    eventually(lambda: not net.ask("net-1", "http", net.node_ip(1), port) & set(SERVERS))


def test_names_of_services_and_pods(net: Net) -> None:
    ip = net.service("named", ports=[HTTP, UDP])["clusterIP"]
    net.service("headless", clusterIP="None", selector={"app": "client"})
    net.service("all", clusterIP="None", ports=[{"name": "http", "port": 8080}])
    eventually(lambda: ip in net.lookup(f"named.{ZONE}"))
    assert f"named.{ZONE}" in net.run(f"nslookup {ip}")
    assert f"80 named.{ZONE}" in net.lookup(f"_http._tcp.named.{ZONE}", "srv")
    assert f"80 named.{ZONE}" in net.lookup(f"_udp._udp.named.{ZONE}", "srv")
    assert all(one in net.lookup(f"all.{ZONE}") for one in net.ips.values())
    assert net.lookup(f"_http._tcp.all.{ZONE}", "srv").count(" 8080 ") == len(SERVERS)
    own = net.batch.status("client")["podIP"]
    eventually(lambda: own in net.lookup(f"querier.headless.{ZONE}"))
    assert own in net.lookup(f"headless.{ZONE}")
    assert net.run("hostname -f").strip() == f"querier.headless.{ZONE}"
    assert "10.96.0.1" in net.lookup("kubernetes.default.svc.cluster.local")
    for partial in (f"named.{SPACE}", f"named.{SPACE}.svc", "named"):
        assert net.fetch(f"http://{partial}/").strip() in SERVERS
    for partial in ("all", f"all.{SPACE}"):
        assert net.fetch(f"http://{partial}:8080/").strip() in SERVERS


def test_endpoints_and_slices_point_to_the_api_server(net: Net) -> None:
    api = net.batch.root.within("default")
    (subset,) = expect(api.get(api.path("endpoints", "kubernetes"))).json["subsets"]
    selector = "kubernetes.io/service-name=kubernetes"
    (found,) = api.get(api.path("endpointslices"), labelSelector=selector).json["items"]
    (address,), (port,) = found["endpoints"][0]["addresses"], found["ports"]
    assert [one["ip"] for one in subset["addresses"]] == [address]
    assert [(one["name"], one["port"]) for one in subset["ports"]] == [(port["name"], port["port"])]
    assert net.run(f"nc -w 5 {address} {port['port']} </dev/null && echo open") == "open\n"


def test_name_servers_of_a_pods_own(net: Net) -> None:
    said = net.batch.said("own-names")
    assert {"nameserver 192.0.2.53", "search resolv.conf.local", "options ndots:2"} == set(said)


def test_one_host_port_for_several_addresses_and_protocols(net: Net) -> None:
    """Three pods on one node: the scheduler and the node keep them apart."""
    node, port = net.node_ip(1), 54323
    wanted = {"loop": ("127.0.0.1", "TCP"), "own": (node, "TCP"), "datagram": (node, "UDP")}
    for name, (address, protocol) in wanted.items():
        hosted = server(hostPort=port, hostIP=address, protocol=protocol)
        where = {"kubernetes.io/hostname": "node-1"}
        net.batch.pod(name, hosted, nodeSelector=where, **NO_TOKEN)
    for name, (address, protocol) in wanted.items():
        net.batch.ready(name)
        way = "udp" if protocol == "UDP" else "http"
        eventually(lambda n=name, a=address, w=way: net.ask_from_node(1, w, a, port) == n)


@pytest.mark.parametrize("place", ["pods/net-1:8080", "pods/http:net-1:8080", "services/front",
    "services/http:front:http", "pods/https:net-1:8443", "services/https:front:tls"])  # fmt: skip
def test_proxies_take_every_method(net: Net, place: str) -> None:
    if net.api.get(net.api.path("services", "front")).code == 404:
        ports = [HTTP, {"name": "tls", "port": 443, "targetPort": "tls"}]
        net.service("front", selector={"pod": "net-1"}, ports=ports)
    base = net.api.path(*place.split("/", 1), "proxy")
    if place == "services/front":
        base = net.api.path("services", "front:http", "proxy")
    eventually(lambda: net.api.get(f"{base}/", "*/*").raw == b"net-1")
    for method in ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"):
        response = net.api.open(method, f"{base}/a/b", query={"c": "d"})
        body = response.read()
        assert response.status == 200, body
        assert body == (b"" if method == "HEAD" else f"{method} /a/b?c=d".encode())
    for method in ("DELETE", "OPTIONS", "PATCH", "POST", "PUT"):
        response = net.api.open(method, base)
        assert (response.status, response.read()) == (200, b"net-1")
    for method in ("GET", "HEAD"):
        response = net.api.open(method, base, query={"c": "d"})
        response.read()
        assert response.status == 301
        assert response.headers["Location"].endswith(f"{base}/?c=d")


def test_endpoints_of_many_services_come_soon(net: Net) -> None:
    count, half, most = LATENCY
    made: dict[str, float] = {}
    taken: dict[str, float] = {}
    path = net.api.path("endpoints")
    start = net.api.get(path).json["metadata"]["resourceVersion"]
    with net.api.watch(path, resourceVersion=start) as events:
        for number in range(count):
            name = f"many-{number}"
            made[name] = time.monotonic()
            net.service(name)
        while len(taken) < count:
            _, seen = events.next()
            name = seen["metadata"]["name"]
            if name in made and seen.get("subsets"):
                taken.setdefault(name, time.monotonic() - made[name])
    in_order = sorted(taken.values())
    assert in_order[count // 2] < half
    assert in_order[count * 9 // 10] < most
