"""Addresses and node ports: dealt once, given back, never twice, also under concurrency."""

import asyncio

import pytest

from apiserver.server import ApiServer

SERVICES = "/api/v1/namespaces/default/services"


def service(name, **spec):
    ports = spec.pop("ports", [{"port": 80}])
    return {"metadata": {"name": name}, "spec": {"ports": ports, **spec}}


async def test_a_service_gets_an_address(api):
    spec = (await api.made(SERVICES, service("s")))["spec"]
    assert spec["clusterIP"].startswith("10.96.")
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")


async def test_no_two_services_share_one(api):
    answers = await asyncio.gather(
        *[api.post(SERVICES, service(f"s{n}", type="NodePort")) for n in range(40)]
    )
    specs = [answer.json["spec"] for answer in answers]
    assert len({spec["clusterIP"] for spec in specs}) == 40
    ports = [spec["ports"][0]["nodePort"] for spec in specs]
    assert len(set(ports)) == 40
    assert all(30000 <= port <= 32767 for port in ports)


async def test_a_taken_address_is_refused(api):
    answer = await api.post(SERVICES, service("s", clusterIP="10.96.0.1"))
    assert answer.status == 422
    assert answer.message.endswith(
        "failed to allocate IP 10.96.0.1: provided IP is already allocated"
    )


@pytest.mark.parametrize("address", ["10.97.0.1", "10.96.0.0", "10.96.255.255"])
async def test_an_address_outside_the_range(api, address):
    answer = await api.post(SERVICES, service("s", clusterIP=address))
    assert answer.status == 422
    assert "not in the valid range" in answer.message
    assert "10.96.0.0/16" in answer.message


async def test_an_address_comes_back(api):
    await api.made(SERVICES, service("s", clusterIP="10.96.0.50"))
    await api.delete(f"{SERVICES}/s")
    await api.made(SERVICES, service("t", clusterIP="10.96.0.50"))


async def test_a_refused_service_takes_nothing(api):
    body = service(
        "s", clusterIP="10.96.0.50", type="NodePort", ports=[{"port": 80, "nodePort": 5}]
    )
    assert (await api.post(SERVICES, body)).status == 422
    await api.made(SERVICES, service("t", clusterIP="10.96.0.50"))


async def test_a_dry_run_takes_nothing(api):
    body = service("s", clusterIP="10.96.0.50")
    assert (await api.post(SERVICES, body, dryRun="All")).status == 201
    await api.made(SERVICES, body)


async def test_a_name_that_is_taken_takes_nothing(api):
    await api.made(SERVICES, service("s"))
    assert (await api.post(SERVICES, service("s", clusterIP="10.96.0.50"))).status == 409
    await api.made(SERVICES, service("t", clusterIP="10.96.0.50"))


async def test_headless_and_external_services_need_no_address(api):
    headless = (await api.made(SERVICES, service("h", clusterIP="None")))["spec"]
    assert (headless["clusterIP"], headless["clusterIPs"]) == ("None", ["None"])
    body = service("e", type="ExternalName", externalName="example.com")
    assert "clusterIP" not in (await api.made(SERVICES, body))["spec"]


async def test_another_servers_services_are_seen(api):
    other = ApiServer(api.server.core.store)
    await other.core.cache.start()
    other.core.registries.load()
    elsewhere = type(api)(other)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(other.core.registries.follow())
        made = await api.made(SERVICES, service("s", clusterIP="10.96.0.50"))
        events = elsewhere.watch(SERVICES, fieldSelector="metadata.name=s", resourceVersion="0")
        assert (await anext(events))["object"] == made
        await events.aclose()
        await asyncio.sleep(0)  # its other watcher's turn
        taken = await elsewhere.post(SERVICES, service("t", clusterIP="10.96.0.50"))
        await api.delete(f"{SERVICES}/s")
        await other.core.cache.fresh()
        free = await elsewhere.post(SERVICES, service("t", clusterIP="10.96.0.50"))
        following.cancel()
    await other.core.cache.stop()
    assert (taken.status, free.status) == (422, 201)


async def test_the_dns_address_is_dealt_only_by_name(api):
    pool = api.server.core.registries._services.addresses
    free = {pool.first + 9, pool.first + 20}
    owner = next(iter(pool.taken.values()))
    pool.taken = {n: owner for n in range(pool.first, pool.last + 1) if n not in free}
    dealt = (await api.made(SERVICES, service("s")))["spec"]["clusterIP"]
    assert dealt == "10.96.0.21"
    assert (await api.post(SERVICES, service("t"))).status == 500
    await api.made(SERVICES, service("dns", clusterIP="10.96.0.10"))


async def test_an_update_keeps_what_was_dealt(api):
    made = await api.made(SERVICES, service("s", type="NodePort"))
    answer = await api.put(f"{SERVICES}/s", service("s", type="NodePort", ports=[{"port": 80}]))
    assert answer.status == 200, answer.raw
    assert answer.json["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    assert answer.json["spec"]["ports"] == made["spec"]["ports"]


async def test_a_service_may_change_its_type(api):
    await api.made(SERVICES, service("s"))
    opened = (await api.patch(f"{SERVICES}/s", {"spec": {"type": "NodePort"}})).json["spec"]
    port = opened["ports"][0]["nodePort"]
    closed = await api.patch(f"{SERVICES}/s", {"spec": {"type": "ClusterIP"}})
    assert closed.status == 200, closed.raw
    assert "nodePort" not in closed.json["spec"]["ports"][0]
    body = service("t", type="NodePort", ports=[{"port": 80, "nodePort": port}])
    await api.made(SERVICES, body)


async def test_a_taken_node_port_is_refused(api):
    body = service("s", type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
    await api.made(SERVICES, body)
    body["metadata"]["name"] = "t"
    answer = await api.post(SERVICES, body)
    assert answer.status == 422
    assert answer.message == (
        'Service "t" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is '
        "already allocated"
    )


async def test_a_node_port_outside_the_range(api):
    body = service("s", type="NodePort", ports=[{"port": 80, "nodePort": 80}])
    answer = await api.post(SERVICES, body)
    assert answer.status == 422
    assert "The range of valid ports is 30000-32767" in answer.message


async def test_one_number_for_two_protocols(api):
    ports = [
        {"name": "t", "port": 53, "protocol": "TCP", "nodePort": 30053},
        {"name": "u", "port": 53, "protocol": "UDP", "nodePort": 30053},
    ]
    await api.made(SERVICES, service("dns", type="NodePort", ports=ports))


async def test_a_restarted_server_knows_what_is_taken(api):
    made = await api.made(SERVICES, service("s", type="NodePort"))
    later = ApiServer(api.server.core.store)
    await later.core.cache.start()
    later.core.registries.load()
    again = service("t", clusterIP=made["spec"]["clusterIP"])
    answer = await type(api)(later).post(SERVICES, again)
    await later.core.cache.stop()
    assert answer.status == 422


async def test_kubernetes_own_service(api):
    own = (await api.get(f"{SERVICES}/kubernetes")).json
    assert own["spec"]["clusterIP"] == "10.96.0.1"
    assert own["spec"]["ports"][0]["port"] == 443


async def test_kubernetes_own_service_comes_back(api):
    events = api.watch(SERVICES, fieldSelector="metadata.name=kubernetes", resourceVersion="0")
    await anext(events)
    await api.delete(f"{SERVICES}/kubernetes")
    assert [(await anext(events))["type"] for _ in range(2)] == ["DELETED", "ADDED"]
    await events.aclose()
    assert (await api.get(f"{SERVICES}/kubernetes")).json["spec"]["clusterIP"] == "10.96.0.1"


async def test_a_caller_that_goes_away_frees_nothing(api):
    """Its write goes on: the address is taken by whoever it was for."""
    async with asyncio.TaskGroup() as group:
        body = service("s", clusterIP="10.96.0.50")
        creating = group.create_task(api.post(SERVICES, body))
        while not api.server.core.registries._services._pending:
            await asyncio.sleep(0)
        creating.cancel()
    again = await api.post(SERVICES, service("t", clusterIP="10.96.0.50"))
    assert again.status == 422
    events = api.watch(SERVICES, fieldSelector="metadata.name=s", resourceVersion="0")
    assert (await anext(events))["type"] == "ADDED"
    await events.aclose()
    await api.delete(f"{SERVICES}/s")
    assert (await api.post(SERVICES, service("t", clusterIP="10.96.0.50"))).status == 201


RANGES = "/apis/networking.k8s.io/v1/servicecidrs"
ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"


async def test_further_ranges_give_addresses(api):
    assert (await api.get(f"{RANGES}/kubernetes")).json["spec"]["cidrs"] == ["10.96.0.0/16"]
    await api.made(RANGES, {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.97.0.0/28"]}})
    await api.made(SERVICES, service("s", clusterIP="10.97.0.3"))
    answer = await api.post(SERVICES, service("t", clusterIP="10.97.0.3"))
    assert "already allocated" in answer.message
    await api.delete(f"{SERVICES}/s")
    await api.made(SERVICES, service("t", clusterIP="10.97.0.3"))
    await api.delete(f"{RANGES}/more")
    answer = await api.post(SERVICES, service("u", clusterIP="10.97.0.4"))
    assert "not in the valid range" in answer.message


async def test_an_address_of_somebody_else_is_not_dealt(api):
    parent = {"resource": "gateways", "group": "example.com", "name": "g"}
    await api.made(ADDRESSES, {"metadata": {"name": "10.96.7.7"}, "spec": {"parentRef": parent}})
    answer = await api.post(SERVICES, service("s", clusterIP="10.96.7.7"))
    assert "already allocated" in answer.message


async def test_a_health_port_while_traffic_stays_local(api):
    local = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    made = await api.made(SERVICES, service("s", **local))
    number = made["spec"]["healthCheckNodePort"]
    assert 30000 <= number <= 32767
    assert number != made["spec"]["ports"][0]["nodePort"]
    del made["spec"]["healthCheckNodePort"]
    kept = (await api.put(f"{SERVICES}/s", made)).json
    assert kept["spec"]["healthCheckNodePort"] == number
    answer = await api.post(SERVICES, service("t", healthCheckNodePort=number, **local))
    assert "already allocated" in answer.message
    kept["spec"]["externalTrafficPolicy"] = "Cluster"
    assert "healthCheckNodePort" not in (await api.put(f"{SERVICES}/s", kept)).json["spec"]
    await api.made(SERVICES, service("t", healthCheckNodePort=number, **local))


async def test_a_node_port_becomes_an_external_name(api):
    made = await api.made(SERVICES, service("s", type="NodePort"))
    made["spec"] |= {"type": "ExternalName", "externalName": "example.com"}
    spec = (await api.put(f"{SERVICES}/s", made)).json["spec"]
    assert "clusterIP" not in spec
    assert "externalTrafficPolicy" not in spec
    assert "nodePort" not in spec["ports"][0]
