"""Endpoints and EndpointSlices follow services and pods."""

import asyncio
import time

import pytest

from apimachinery import meta, scheme
from apimachinery.client import informer

pytestmark = pytest.mark.looptime(start=time.monotonic)


def service(name="web", **spec):
    body = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "labels": {"team": "x"}},
        "spec": body | spec,
    }


class Behind:
    """What stands behind a service, by both kinds of objects."""

    def __init__(self, cluster) -> None:
        self.cluster = cluster

    async def endpoints(self, name="web"):
        return await self.cluster.client.get(scheme.ENDPOINTS, name, "default")

    async def slices(self, name="web"):
        selector = f"kubernetes.io/service-name={name}"
        found = await self.cluster.client.list(
            scheme.ENDPOINTSLICES, "default", label_selector=selector
        )
        return found["items"]

    async def ready(self, count: int, name="web"):
        """The ready addresses once there are `count`, by both kinds."""

        async def check():
            by_slice = sorted(
                address
                for piece in await self.slices(name)
                for one in piece.get("endpoints") or ()
                if one["conditions"].get("ready")
                for address in one["addresses"]
            )
            if not await self.cluster.exists(scheme.ENDPOINTS, name):
                return None
            subsets = (await self.endpoints(name)).get("subsets") or ()
            by_object = sorted(
                one["ip"] for subset in subsets for one in subset.get("addresses") or ()
            )
            return [by_slice] if len(by_slice) == count and by_object == by_slice else None

        return (await self.cluster.eventually(check))[0]


@pytest.fixture
def behind(cluster) -> Behind:
    return Behind(cluster)


@pytest.fixture
async def web(cluster, nodes, make, behind) -> Behind:
    """A service with three ready pods."""
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(3))
    await cluster.client.create(scheme.SERVICES, service())
    await behind.ready(3)
    return behind


async def test_ready_pods_are_behind_the_service(web) -> None:
    pods = await web.cluster.pods("app=web")
    assert await web.ready(3) == sorted(pod["status"]["podIP"] for pod in pods)


async def test_the_slice_says_what_proxies_need(web) -> None:
    (piece,) = await web.slices()
    assert piece["addressType"] == "IPv4"
    assert piece["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
    one = piece["endpoints"][0]
    assert one["conditions"] == {"ready": True, "serving": True, "terminating": False}
    assert one["targetRef"]["kind"] == "Pod"
    assert one["nodeName"].startswith("n")
    assert meta.labels(piece)["endpointslice.kubernetes.io/managed-by"] == (
        "endpointslice-controller.k8s.io"
    )
    assert meta.owner_controller(piece)["kind"] == "Service"


async def test_pods_come_and_go(web) -> None:
    client = web.cluster.client
    await client.patch(scheme.REPLICASETS, "web", {"spec": {"replicas": 5}}, "default")
    await web.ready(5)
    await client.patch(scheme.REPLICASETS, "web", {"spec": {"replicas": 1}}, "default")
    await web.ready(1)


async def test_an_unready_pod_gets_no_traffic(web) -> None:
    pod = (await web.cluster.pods("app=web"))[0]
    condition = {"type": "Ready", "status": "False"}
    await web.cluster.client.patch(
        scheme.PODS,
        meta.name(pod),
        {"status": {"conditions": [condition]}},
        "default",
        subresource="status",
    )
    assert pod["status"]["podIP"] not in await web.ready(2)
    (subset,) = (await web.endpoints())["subsets"]
    assert subset["notReadyAddresses"][0]["ip"] == pod["status"]["podIP"]


async def test_a_terminating_pod_serves_but_is_not_ready(web, nodes) -> None:
    nodes.silent.update(nodes.names)
    pod = (await web.cluster.pods("app=web"))[0]
    await web.cluster.client.delete(scheme.PODS, meta.name(pod), "default")
    await web.ready(2)
    found = [
        one["conditions"]
        for piece in await web.slices()
        for one in piece["endpoints"]
        if one["addresses"] == [pod["status"]["podIP"]]
    ]
    assert found == [{"ready": False, "serving": True, "terminating": True}]


async def test_named_ports_are_looked_up_in_each_pod(cluster, nodes, make, behind) -> None:
    template = make.template()
    template["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": 9000}]
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(1, template=template))
    ports = [{"name": "web", "port": 80, "targetPort": "http"}]
    await cluster.client.create(scheme.SERVICES, service(ports=ports))
    await behind.ready(1)
    (piece,) = [one for one in await behind.slices() if one["endpoints"]]
    assert piece["ports"] == [{"name": "web", "port": 9000, "protocol": "TCP"}]
    assert (await behind.endpoints())["subsets"][0]["ports"] == [
        {"name": "web", "port": 9000, "protocol": "TCP"}
    ]


async def test_each_port_lists_the_pods_that_have_it(cluster, nodes, behind) -> None:
    """Of two ports by name, each found in one pod only."""

    async def subsets() -> dict[str, int]:
        found = (await behind.endpoints()).get("subsets") or ()
        return {
            address["targetRef"]["name"]: port["port"]
            for subset in found
            for address in subset["addresses"]
            for port in subset["ports"]
        }

    async def become(**wanted: int) -> None:
        async def check() -> bool:
            return await subsets() == wanted

        await cluster.eventually(check)

    ports = [{"name": f"p{n}", "port": 80 + n, "targetPort": f"t{n}"} for n in (1, 2)]
    await cluster.client.create(scheme.SERVICES, service(ports=ports))
    await become()
    for number in (1, 2):
        port = {"name": f"t{number}", "containerPort": 100 * number}
        container = {"name": "c", "image": "busybox", "ports": [port]}
        metadata = {"name": f"pod{number}", "namespace": "default", "labels": {"app": "web"}}
        body = {"metadata": metadata, "spec": {"containers": [container]}}
        await cluster.client.create(scheme.PODS, body)
        await become(**{f"pod{n}": 100 * n for n in range(1, number + 1)})
    await cluster.client.delete(scheme.PODS, "pod1", "default")
    await become(pod2=200)
    await cluster.client.delete(scheme.PODS, "pod2", "default")
    await become()


async def test_headless_without_ports_lists_addresses(cluster, nodes, make, behind) -> None:
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(2))
    await cluster.client.create(scheme.SERVICES, service(clusterIP="None", ports=None))
    await behind.ready(2)
    pieces = await behind.slices()
    assert all("service.kubernetes.io/headless" in meta.labels(one) for one in pieces)


async def test_publishing_unready_addresses(cluster, nodes, make, behind) -> None:
    nodes.broken_images.add("busybox")
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(1))
    (pod,) = await cluster.pods_are(1)
    state = {"podIP": "10.71.9.9", "podIPs": [{"ip": "10.71.9.9"}]}
    await cluster.client.patch(
        scheme.PODS, meta.name(pod), {"status": state}, "default", subresource="status"
    )
    await cluster.client.create(scheme.SERVICES, service(publishNotReadyAddresses=True))
    assert await behind.ready(1) == ["10.71.9.9"]


async def test_a_service_without_pods_has_an_empty_slice(cluster, behind) -> None:
    await cluster.client.create(scheme.SERVICES, service())
    await behind.ready(0)
    await cluster.settle()
    (piece,) = await behind.slices()
    assert not piece.get("endpoints")


async def test_slices_hold_a_hundred(cluster, nodes, make, behind) -> None:
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(230))
    await cluster.client.create(scheme.SERVICES, service())
    await behind.ready(230)
    await cluster.settle()
    sizes = sorted(len(one["endpoints"]) for one in await behind.slices())
    assert sum(sizes) == 230
    assert sizes[-1] <= 100
    assert len(sizes) == 3


async def test_hand_written_endpoints_are_mirrored(cluster, behind) -> None:
    await cluster.client.create(scheme.SERVICES, service(selector=None))
    by_hand = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "web", "namespace": "default"},
        "subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 5}]}],
    }
    await cluster.client.create(scheme.ENDPOINTS, by_hand)
    assert await behind.ready(1) == ["192.0.2.1"]
    (piece,) = await behind.slices()
    assert meta.labels(piece)["endpointslice.kubernetes.io/managed-by"] == (
        "endpointslicemirroring-controller.k8s.io"
    )
    subset = {"addresses": [{"ip": "192.0.2.2"}, {"ip": "192.0.2.3"}], "ports": [{"port": 6}]}
    await cluster.client.patch(scheme.ENDPOINTS, "web", {"subsets": [subset]}, "default")
    assert await behind.ready(2) == ["192.0.2.2", "192.0.2.3"]
    assert [one["ports"][0]["port"] for one in await behind.slices()] == [6]
    await cluster.client.delete(scheme.ENDPOINTS, "web", "default")

    async def empty():
        return not await behind.slices()

    await cluster.eventually(empty)


async def test_deleting_the_service_takes_both_along(web) -> None:
    await web.cluster.client.delete(scheme.SERVICES, "web", "default")
    await web.cluster.gone(scheme.ENDPOINTS, "web")

    async def empty():
        return not await web.slices()

    await web.cluster.eventually(empty)


async def test_at_rest_nothing_is_written(web) -> None:
    await web.cluster.settle()
    before = [meta.resource_version(one) for one in await web.slices()]
    await web.cluster.settle(30)
    assert [meta.resource_version(one) for one in await web.slices()] == before


async def test_many_pods_make_few_writes(cluster, nodes, make, behind) -> None:
    """Each write holds all addresses, so one per pod would cost their square."""
    counts = {"endpointslices": 0, "endpoints": 0}
    followed = []
    for resource in (scheme.ENDPOINTSLICES, scheme.ENDPOINTS):
        mirror = informer.Informer(cluster.client, resource, meta.resource_version)

        def count(*_: object, plural: str = resource.plural) -> None:
            counts[plural] += 1

        mirror.add_handler(count)
        followed.append(asyncio.create_task(mirror.run()))
    await cluster.client.create(scheme.SERVICES, service())
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(100))
    await behind.ready(100)
    await cluster.settle()
    for task in followed:
        task.cancel()
    assert counts["endpointslices"] < 25
    assert counts["endpoints"] < 25
