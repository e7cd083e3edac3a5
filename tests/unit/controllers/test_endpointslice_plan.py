"""Slices: complete, bounded, and changed as little as possible."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import meta
from controllers import services
from controllers.endpoints import plan as endpoints
from controllers.endpointslice import plan as planning


def service(**spec: Any) -> services.Service:
    body = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]} | spec
    metadata = {"name": "web", "namespace": "ns", "uid": "svc", "labels": {"team": "x"}}
    return services.service_of({"metadata": metadata, "spec": body})


FACE = planning.face_of(service(), planning.SELECTED, {})
GROUP = ("IPv4", (("", 8080, "TCP", ""),))


class Server:
    """Slices as stored."""

    def __init__(self) -> None:
        self.slices: dict[str, dict[str, Any]] = {}
        self.serial = itertools.count()
        self.writes = 0

    def apply(self, wanted: planning.Wanted) -> None:
        import copy

        changes = planning.plan(FACE, wanted, copy.deepcopy(list(self.slices.values())))
        for piece in changes.create:
            name = f"web-{next(self.serial)}"
            stored = copy.deepcopy(piece)
            stored["metadata"]["name"] = name
            self.slices[name] = stored
        for piece in changes.update:
            self.slices[meta.name(piece)] = copy.deepcopy(piece)
        for piece in changes.delete:
            del self.slices[meta.name(piece)]
        self.writes = len(changes.create) + len(changes.update) + len(changes.delete)

    @property
    def uids(self) -> list[str]:
        return sorted(
            one["targetRef"]["uid"] for piece in self.slices.values() for one in piece["endpoints"]
        )


def wanted_of(uids: Any, *, ready: bool = True) -> planning.Wanted:
    return {
        GROUP: {
            uid: {
                "addresses": ["10.0.0.1"],
                "conditions": {"ready": ready},
                "targetRef": {"name": uid, "uid": uid},
            }
            for uid in uids
        }
    }


people = st.sets(st.integers(0, 450).map(str), max_size=350)


@given(st.lists(people, min_size=1, max_size=5))
def test_every_endpoint_is_in_one_slice_and_slices_are_bounded(states: list[set[str]]) -> None:
    server = Server()
    for uids in states:
        server.apply(wanted_of(uids))
        assert server.uids == sorted(uids)
        assert all(len(one["endpoints"]) <= planning.SLICE_MAX for one in server.slices.values())
        assert len(server.slices) >= 1
        server.apply(wanted_of(uids))
        assert server.writes == 0


@given(people, st.integers(0, 450).map(str))
def test_one_pod_changes_one_slice(uids: set[str], other: str) -> None:
    server = Server()
    server.apply(wanted_of(uids))
    server.apply(wanted_of(uids ^ {other}))
    assert server.writes == 1


def test_another_port_reuses_the_slice() -> None:
    server = Server()
    server.apply(wanted_of("ab"))
    moved = {("IPv4", (("", 9090, "TCP", ""),)): wanted_of("ab")[GROUP]}
    server.apply(moved)
    assert (server.writes, len(server.slices)) == (1, 1)
    (piece,) = server.slices.values()
    assert piece["ports"] == [{"name": "", "port": 9090, "protocol": "TCP"}]


def test_a_pod_without_the_named_port_is_listed_without_ports(make_pod) -> None:
    named = service(clusterIP="None", ports=[{"port": 80, "targetPort": "http"}])
    found = planning.selected(named, [make_pod(ip="10.0.0.1", ready=True)], {})
    assert {
        group: [one["addresses"] for one in ends.values()] for group, ends in found.items()
    } == {
        ("IPv4", ()): [["10.0.0.1"]],
    }


def test_both_families_get_slices(make_pod) -> None:
    found = planning.selected(
        service(ipFamilies=["IPv4", "IPv6"]), [make_pod(ip="10.0.0.1,fd00::1", ready=True)], {}
    )
    assert {
        group[0]: [one["addresses"] for one in ends.values()] for group, ends in found.items()
    } == {
        "IPv4": [["10.0.0.1"]],
        "IPv6": [["fd00::1"]],
    }


@pytest.mark.parametrize(
    ("fields", "publish", "expected"),
    [
        ({"ready": True}, False, (True, True, False)),
        ({"ready": False}, False, (False, False, False)),
        ({"ready": False}, True, (True, False, False)),
        ({"ready": True, "deletionTimestamp": "x"}, False, (False, True, True)),
    ],
)
def test_conditions(make_pod, fields, publish, expected) -> None:
    pod = make_pod(ip="10.0.0.1", **fields)
    found = planning.selected(service(publishNotReadyAddresses=publish), [pod], {})
    (endpoint,) = next(iter(found.values())).values()
    values = endpoint["conditions"]
    assert (values["ready"], values["serving"], values["terminating"]) == expected


def test_finished_pods_and_pods_without_address_are_left_out(make_pod) -> None:
    pods = [make_pod("a", ip="10.0.0.1", phase="Succeeded"), make_pod("b")]
    assert planning.selected(service(), pods, {}) == {("IPv4", ()): {}}


def test_zone_and_hostname(make_pod) -> None:
    pod = make_pod(ip="10.0.0.1", node="n", hostname="h", subdomain="web")
    found = planning.selected(service(), [pod], {"n": "z"})
    (endpoint,) = next(iter(found.values())).values()
    assert (endpoint["zone"], endpoint["hostname"]) == ("z", "h")


@pytest.mark.parametrize(
    ("distribution", "hints"),
    [
        (None, None),
        ("PreferClose", {"forZones": [{"name": "z"}]}),
        ("PreferSameZone", {"forZones": [{"name": "z"}]}),
        ("PreferSameNode", {"forZones": [{"name": "z"}], "forNodes": [{"name": "n"}]}),
    ],
)
def test_hints_say_who_should_use_an_endpoint(make_pod, distribution, hints) -> None:
    pods = [make_pod(ip="10.0.0.1", node="n", ready=True), make_pod("b", ip="10.0.0.2", node="n")]
    found = planning.selected(service(trafficDistribution=distribution), pods, {"n": "z"})
    ready, unready = next(iter(found.values())).values()
    assert ready.get("hints") == hints
    assert "hints" not in unready


class TestEndpoints:
    """The older form."""

    def test_pods_with_other_ports_get_a_subset_of_their_own(self, make_pod) -> None:
        one = service(ports=[{"port": 80, "targetPort": "http"}])
        pods = [
            make_pod("a", ip="10.0.0.1", ready=True, ports=[{"name": "http", "containerPort": 1}]),
            make_pod("b", ip="10.0.0.2", ready=True, ports=[{"name": "http", "containerPort": 2}]),
            make_pod("c", ip="10.0.0.3", ready=True),
        ]
        subsets = endpoints.endpoints_of(one, pods)["subsets"]
        assert [(s["ports"][0]["port"], s["addresses"][0]["ip"]) for s in subsets] == [
            (1, "10.0.0.1"),
            (2, "10.0.0.2"),
        ]

    def test_addresses_are_sorted_as_numbers(self, make_pod) -> None:
        pods = [make_pod(ip, ip=ip, ready=True) for ip in ("10.0.0.10", "10.0.0.9")]
        (subset,) = endpoints.endpoints_of(service(), pods)["subsets"]
        assert [one["ip"] for one in subset["addresses"]] == ["10.0.0.9", "10.0.0.10"]

    def test_beyond_capacity_the_ready_stay(self, make_pod, monkeypatch) -> None:
        monkeypatch.setattr(endpoints, "CAPACITY", 1)
        pods = [make_pod("a", ip="10.0.0.1"), make_pod("b", ip="10.0.0.2", ready=True)]
        found = endpoints.endpoints_of(service(), pods)
        assert found["metadata"]["annotations"] == {endpoints.OVER_CAPACITY: "truncated"}
        assert [one["ip"] for one in found["subsets"][0]["addresses"]] == ["10.0.0.2"]

    def test_equal_states_read_equal(self, make_pod) -> None:
        pods = [make_pod(f"p{n}", ip=f"10.0.0.{n}", ready=n % 2 == 0) for n in range(1, 9)]
        one = endpoints.endpoints_of(service(), pods)
        other = endpoints.endpoints_of(service(), pods[::-1])
        assert not endpoints.differs(one, other)
