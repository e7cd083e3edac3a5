"""Services to frontends: readiness, policies, affinity."""

import pytest

from kubelet.network import services
from kubelet.network.rules import Frontend, Target

SERVICE = {
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "clusterIP": "10.96.0.7",
        "ports": [{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080}],
    },
}


def a_slice(*endpoints: dict, name: str = "web-1") -> services.SliceView:
    return services.slice_view(
        {
            "metadata": {
                "name": name,
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": "web"},
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": list(endpoints),
        }
    )


def endpoint(ip: str, node: str = "node-1", **conditions: bool) -> dict:
    return {"addresses": [ip], "nodeName": node, "conditions": conditions}


def frontends(service: dict, *slices: services.SliceView, node: str = "node-1") -> dict:
    return services.frontends(
        services.service_view(service),
        slices,
        place=services.Place(node, "z1"),
        node_addresses=["10.71.0.11"],
    )


def with_spec(**more: object) -> dict:
    return {**SERVICE, "spec": {**SERVICE["spec"], **more}}


def test_a_service_answers_on_its_cluster_ip_and_on_the_nodes_port() -> None:
    found = frontends(SERVICE, a_slice(endpoint("10.71.1.2", ready=True)))
    assert found == {
        Frontend("10.96.0.7", "tcp", 80): Target((("10.71.1.2", 8080),)),
        Frontend("10.71.0.11", "tcp", 30080): Target((("10.71.1.2", 8080),), masquerade=True),
    }


def test_pods_that_are_not_ready_get_nothing() -> None:
    found = frontends(
        SERVICE, a_slice(endpoint("10.71.1.2", ready=True), endpoint("10.71.1.3", ready=False))
    )
    assert found[Frontend("10.96.0.7", "tcp", 80)].backends == (("10.71.1.2", 8080),)


def test_ending_pods_serve_when_no_other_is_ready() -> None:
    ending = endpoint("10.71.1.3", ready=False, serving=True, terminating=True)
    found = frontends(SERVICE, a_slice(ending))
    assert found[Frontend("10.96.0.7", "tcp", 80)].backends == (("10.71.1.3", 8080),)


def test_a_service_without_endpoints_is_refused() -> None:
    assert frontends(SERVICE)[Frontend("10.96.0.7", "tcp", 80)].backends == ()


def test_external_policy_local_keeps_to_the_node_and_keeps_the_clients_address() -> None:
    here, there = endpoint("10.71.1.2"), endpoint("10.71.2.2", node="node-2")
    found = frontends(with_spec(externalTrafficPolicy="Local"), a_slice(here, there))
    assert found[Frontend("10.71.0.11", "tcp", 30080)] == Target((("10.71.1.2", 8080),))
    assert len(found[Frontend("10.96.0.7", "tcp", 80)].backends) == 2


def test_affinity_lasts_three_hours_unless_told() -> None:
    found = frontends(with_spec(sessionAffinity="ClientIP"), a_slice(endpoint("10.71.1.2")))
    assert found[Frontend("10.96.0.7", "tcp", 80)].affinity_seconds == 10800


def test_headless_and_foreign_services_make_no_frontends() -> None:
    assert frontends(with_spec(clusterIP="None"), a_slice(endpoint("10.71.1.2"))) == {}
    labelled = {
        **SERVICE,
        "metadata": {**SERVICE["metadata"], "labels": {services.PROXY_NAME_LABEL: "x"}},
    }
    assert frontends(labelled, a_slice(endpoint("10.71.1.2"))) == {}


def test_several_slices_are_one_service() -> None:
    found = frontends(
        SERVICE, a_slice(endpoint("10.71.1.2")), a_slice(endpoint("10.71.1.3"), name="web-2")
    )
    assert len(found[Frontend("10.96.0.7", "tcp", 80)].backends) == 2


def balanced(**more: object) -> dict:
    status = {"loadBalancer": {"ingress": [{"ip": "10.71.0.11"}, {"ip": "10.71.0.12"}]}}
    return {**with_spec(type="LoadBalancer", **more), "status": status}


def test_balanced_addresses_answer_on_the_services_port_within_its_ranges() -> None:
    ranges = ["192.0.2.0/24", " 192.0.2.7/32", "nonsense"]
    found = frontends(
        balanced(loadBalancerSourceRanges=ranges), a_slice(endpoint("10.71.1.2", ready=True))
    )
    for ip in ("10.71.0.11", "10.71.0.12"):
        assert found[Frontend(ip, "tcp", 80)].sources == ("192.0.2.0/24",)
    assert found[Frontend("10.71.0.11", "tcp", 30080)].sources == (), "node ports are open to all"


def test_a_node_without_endpoints_leaves_local_traffic_to_those_that_have_some() -> None:
    local = balanced(externalTrafficPolicy="Local", healthCheckNodePort=30100)
    elsewhere = a_slice(endpoint("10.71.2.2", node="node-2", ready=True))
    found = frontends(local, elsewhere)
    assert Frontend("10.71.0.12", "tcp", 80) not in found
    assert not found[Frontend("10.71.0.11", "tcp", 80)].backends
    assert Frontend("10.71.0.12", "tcp", 80) in frontends(local, elsewhere, node="node-2")
    view = services.service_view(local)
    assert services.local_endpoints(view, [elsewhere], services.Place("node-1")) == (30100, 0)
    assert services.local_endpoints(view, [elsewhere], services.Place("node-2")) == (30100, 1)


def test_a_service_labelled_headless_is_nobodys_to_proxy() -> None:
    labels = {"service.kubernetes.io/headless": ""}
    service = {**SERVICE, "metadata": {**SERVICE["metadata"], "labels": labels}}
    assert frontends(service, a_slice(endpoint("10.71.1.2", ready=True))) == {}


def hinted(ip: str, *, node: str = "", zone: str = "") -> dict:
    hints = {"forNodes": [{"name": node}] if node else [], "forZones": [{"name": zone}]}
    return {**endpoint(ip, ready=True), "hints": hints if zone else {"forNodes": hints["forNodes"]}}


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ([hinted("10.71.1.2", zone="z1"), hinted("10.71.1.3", zone="z2")], {"10.71.1.2"}),
        ([hinted("10.71.1.2", zone="z3"), hinted("10.71.1.3", zone="z2")], {"10.71.1.2", "10.71.1.3"}),
        ([hinted("10.71.1.2", zone="z1"), endpoint("10.71.1.3", ready=True)], {"10.71.1.2", "10.71.1.3"}),
        (
            [hinted("10.71.1.2", node="node-1", zone="z1"), hinted("10.71.1.3", node="node-2", zone="z1")],
            {"10.71.1.2"},
        ),
        (
            [hinted("10.71.1.2", node="node-3", zone="z1"), hinted("10.71.1.3", node="node-2", zone="z2")],
            {"10.71.1.2"},
        ),
    ],
)  # fmt: skip
def test_endpoints_near_by_are_preferred(endpoints: list[dict], expected: set[str]) -> None:
    """On node-1 in zone z1: only where every endpoint has a hint, and some are for here."""
    found = frontends(SERVICE, a_slice(*endpoints))
    assert {ip for ip, _ in found[Frontend("10.96.0.7", "tcp", 80)].backends} == expected
