"""What a pod asks of its node: sums over containers, and ports."""

import pytest

from apimachinery import requests


def container(**asked: str) -> dict:
    return {"name": "c", "resources": {"requests": asked}}


def test_limits_stand_for_requests_that_are_not_given() -> None:
    one = {"resources": {"limits": {"cpu": "2", "memory": "1Ki"}, "requests": {"cpu": "1"}}}
    assert requests.of_container(one) == {"cpu": 1000, "memory": 1024}


def test_requests_are_the_larger_of_init_and_main() -> None:
    init = container(cpu="3")
    sidecar = {**container(cpu="1"), "restartPolicy": "Always"}
    spec = {"containers": [container(cpu="1")], "initContainers": [init, sidecar]}
    assert requests.of_pod(spec)["cpu"] == 3000
    spec["initContainers"].reverse()
    assert requests.of_pod(spec)["cpu"] == 4000


def test_overhead_comes_on_top_of_what_the_pod_itself_says() -> None:
    spec = {
        "containers": [container(cpu="1", memory="1Ki")],
        "resources": {"requests": {"cpu": "500m"}},
        "overhead": {"cpu": "100m"},
    }
    assert requests.of_pod(spec) == {"cpu": 600, "memory": 1024, "pods": 1}


def ports(*, host_network: bool = False, **port: object) -> tuple[requests.HostPort, ...]:
    spec = {"hostNetwork": host_network, "containers": [{"ports": [{"containerPort": 1, **port}]}]}
    return requests.host_ports(spec)


def test_only_host_ports_are_taken() -> None:
    assert ports() == ()
    assert ports(hostPort=80, protocol="UDP") == (requests.HostPort("", "UDP", 80),)
    assert ports(host_network=True) == (requests.HostPort("", "TCP", 1),)


@pytest.mark.parametrize(
    ("address", "other", "clash"),
    [
        ("", "10.0.0.1", True),
        ("0.0.0.0", "10.0.0.1", True),
        ("10.0.0.2", "0.0.0.0", True),
        ("10.0.0.2", "10.0.0.1", False),
    ],
)
def test_an_address_that_means_all_clashes_with_each(
    address: str, other: str, *, clash: bool
) -> None:
    (one,), (two,) = ports(hostPort=80, hostIP=address), ports(hostPort=80, hostIP=other)
    assert one.clashes(two) is clash


@pytest.mark.parametrize(
    ("asked", "set_aside", "in_force", "reason", "held"),
    [
        ("100m", "100m", "100m", "", 100),
        ("300m", "100m", "100m", "Deferred", 300),
        ("300m", "100m", "100m", "Infeasible", 100),
        ("100m", "100m", "300m", "", 300),
        ("100m", "200m", "300m", "", 300),
    ],
)
def test_a_pod_that_is_resized_holds_the_most(
    asked: str, set_aside: str, in_force: str, reason: str, held: int
) -> None:
    entry = {
        "name": "c",
        "allocatedResources": {"cpu": set_aside},
        "resources": {"requests": {"cpu": in_force}},
    }
    told = [{"type": "PodResizePending", "reason": reason}] if reason else []
    pod = {
        "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": asked}}}]},
        "status": {"containerStatuses": [entry], "conditions": told},
    }
    assert requests.held(pod)["cpu"] == held
