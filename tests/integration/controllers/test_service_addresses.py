"""Addresses of services: of load balancers, of ranges, and the objects that stand for them."""

import time
from typing import Any

import pytest

from apimachinery import scheme
from controllers import manager

pytestmark = pytest.mark.looptime(start=time.monotonic)


def service(name: str, port: int, **spec: Any) -> dict[str, Any]:
    body = {"type": "LoadBalancer", "selector": {"app": name}, "ports": [{"port": port}]}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": body | spec}


async def add_node(cluster: Any, name: str, address: str) -> None:
    await cluster.add_node(name)
    addresses = [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]
    patch = {"status": {"addresses": addresses}}
    await cluster.client.patch(scheme.NODES, name, patch, subresource="status")


async def has(cluster: Any, name: str, *wanted: str) -> None:
    async def check() -> bool:
        found = await cluster.client.get(scheme.SERVICES, name, "default")
        ingress = found["status"]["loadBalancer"].get("ingress") or []
        assert all(one["ipMode"] == "VIP" for one in ingress)
        return [one["ip"] for one in ingress] == list(wanted)

    await cluster.eventually(check)


async def test_load_balancers_report_the_ready_nodes(cluster: Any) -> None:
    await add_node(cluster, "a", "10.0.0.2")
    await add_node(cluster, "b", "10.0.0.1")
    await cluster.client.create(scheme.SERVICES, service("web", 80))
    await has(cluster, "web", "10.0.0.1", "10.0.0.2")
    label = {"node.kubernetes.io/exclude-from-external-load-balancers": ""}
    await cluster.client.patch(scheme.NODES, "b", {"metadata": {"labels": label}})
    await has(cluster, "web", "10.0.0.2")
    classed = service("other", 81, loadBalancerClass="example.com/one")
    await cluster.client.create(scheme.SERVICES, classed)
    await cluster.client.patch(scheme.SERVICES, "web", {"spec": {"type": "ClusterIP"}}, "default")
    await has(cluster, "web")
    await has(cluster, "other")


async def test_a_port_is_had_once_and_who_waits_says_why(cluster: Any) -> None:
    await add_node(cluster, "a", "10.0.0.1")
    await cluster.client.create(scheme.SERVICES, service("first", 80))
    await has(cluster, "first", "10.0.0.1")
    await cluster.client.create(scheme.SERVICES, service("second", 80))

    assert await news(cluster, "second") == [
        "port 80/TCP is taken on the nodes: port of service default/first"
    ]
    await has(cluster, "second")
    await cluster.client.delete(scheme.SERVICES, "first", "default")
    await has(cluster, "second", "10.0.0.1")
    await cluster.client.create(scheme.SERVICES, service("agent", 10250))
    await has(cluster, "agent")


@pytest.fixture
def options() -> manager.Options:
    return manager.Options(server_ports={5050: "the offer API"})


async def test_servers_of_the_cluster_keep_their_ports(cluster: Any) -> None:
    """On a node that runs them no service is led to; on the others it is."""
    await add_node(cluster, "a", "10.0.0.1")
    await add_node(cluster, "server", "10.71.0.1")
    for number, who in ((6443, "the API server"), (5050, "the offer API")):
        name = f"on-{number}"
        await cluster.client.create(scheme.SERVICES, service(name, number))
        await has(cluster, name, "10.0.0.1")
        told = f"port {number}/TCP of node address 10.71.0.1 is the port of {who}"
        assert told in await news(cluster, name)
    udp = service("datagrams", 0, ports=[{"port": 6443, "protocol": "UDP"}])
    await cluster.client.create(scheme.SERVICES, udp)
    await has(cluster, "datagrams", "10.0.0.1", "10.71.0.1")


async def news(cluster: Any, name: str) -> list[str]:
    await cluster.settle()
    events = (await cluster.client.list(scheme.EVENTS, "default"))["items"]
    return [
        one["message"]
        for one in events
        if one["reason"] == "SyncLoadBalancerFailed" and one["involvedObject"]["name"] == name
    ]


async def test_each_address_has_an_object_and_each_range_is_held(cluster: Any) -> None:
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR"}
    more = {**kind, "metadata": {"name": "more"}, "spec": {"cidrs": ["10.200.0.0/24"]}}
    await cluster.client.create(scheme.SERVICECIDRS, more)

    async def ready() -> bool:
        found = await cluster.client.get(scheme.SERVICECIDRS, "more")
        conditions = (found.get("status") or {}).get("conditions") or ()
        return [one["status"] for one in conditions if one["type"] == "Ready"] == ["True"]

    await cluster.eventually(ready)
    there = service("there", 80, type="ClusterIP", clusterIP="10.200.0.9")
    await cluster.client.create(scheme.SERVICES, there)

    async def stands() -> bool:
        if not await cluster.exists(scheme.IPADDRESSES, "10.200.0.9", ""):
            return False
        found = await cluster.client.get(scheme.IPADDRESSES, "10.200.0.9")
        parent = found["spec"]["parentRef"]
        return bool(parent["resource"] == "services" and parent["name"] == "there")

    await cluster.eventually(stands)
    await cluster.client.delete(scheme.SERVICECIDRS, "more")

    async def held() -> bool:
        found = await cluster.client.get(scheme.SERVICECIDRS, "more")
        return bool(found["status"]["conditions"][0]["reason"] == "Terminating")

    await cluster.eventually(held)
    await cluster.client.delete(scheme.SERVICES, "there", "default")
    await cluster.gone(scheme.IPADDRESSES, "10.200.0.9", "")
    await cluster.gone(scheme.SERVICECIDRS, "more", "")
