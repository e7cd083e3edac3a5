"""The node's own admission and the sums behind it."""

import pytest

from kubelet import resources
from kubelet.admission import Load, admit, load_of
from kubelet.options import Capacity

EMPTY = Load()
CAPACITY = Capacity(cpu_milli=2000, memory_bytes=1 << 30, ephemeral_bytes=1 << 30, pods=2)


def pod(requests: dict | None = None, **spec) -> dict:
    container = {"name": "app", "resources": {"requests": requests or {}}}
    container.update(spec.pop("container", {}))
    return {"metadata": {"uid": "u"}, "spec": {"containers": [container], **spec}}


def reason(one: dict, load: Load = EMPTY, labels: dict | None = None) -> str:
    refusal = admit(one, load, CAPACITY, labels or {})
    return refusal.reason if refusal else ""


def test_what_fits_is_taken() -> None:
    assert reason(pod({"cpu": "2", "memory": "1Gi"})) == ""


@pytest.mark.parametrize(
    ("requests", "load", "expected"),
    [
        ({"cpu": "2001m"}, Load(), "OutOfcpu"),
        ({"cpu": "1"}, Load({"cpu": 1001}), "OutOfcpu"),
        ({"memory": "1025Mi"}, Load(), "OutOfmemory"),
        ({}, Load({"pods": 2}), "OutOfpods"),
        ({"ephemeral-storage": "2Gi"}, Load(), "OutOfephemeral-storage"),
    ],
)
def test_what_does_not_fit_is_named(requests: dict, load: Load, expected: str) -> None:
    assert reason(pod(requests), load) == expected


def test_a_pod_that_asks_nothing_fits_on_a_full_node() -> None:
    assert reason(pod(), Load({"cpu": 9999, "memory": 9 << 40})) == ""


def test_the_message_has_the_numbers() -> None:
    refusal = admit(pod({"cpu": "3"}), Load({"cpu": 500}), CAPACITY, {})
    assert refusal is not None
    assert refusal.message == (
        "Pod was rejected: Node didn't have enough resource: cpu, "
        "requested: 3000, used: 500, capacity: 2000"
    )


@pytest.mark.parametrize(
    ("one", "other", "collide"),
    [
        ({"hostPort": 80}, {"hostPort": 80}, True),
        ({"hostPort": 80}, {"hostPort": 80, "protocol": "UDP"}, False),
        ({"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 80, "hostIP": "10.0.0.2"}, False),
        ({"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 80, "hostIP": "0.0.0.0"}, True),
    ],
)
def test_host_ports(one: dict, other: dict, *, collide: bool) -> None:
    first = pod(container={"ports": [{"containerPort": 1, **one}]})
    second = pod(container={"ports": [{"containerPort": 1, **other}]})
    assert (reason(second, load_of([first])) == "NodePorts") is collide


def test_a_selector_that_does_not_match_is_refused() -> None:
    assert reason(pod(nodeSelector={"zone": "a"}), labels={"zone": "b"}) == "NodeAffinity"
    assert reason(pod(nodeSelector={"zone": "a"}), labels={"zone": "a"}) == ""


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ({"key": "n", "operator": "In", "values": ["4", "5"]}, True),
        ({"key": "n", "operator": "NotIn", "values": ["5"]}, False),
        ({"key": "n", "operator": "Exists"}, True),
        ({"key": "m", "operator": "DoesNotExist"}, True),
        ({"key": "n", "operator": "Gt", "values": ["4"]}, True),
        ({"key": "n", "operator": "Lt", "values": ["x"]}, False),
    ],
)
def test_affinity_expressions(expression: dict, *, matches: bool) -> None:
    required = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    key = "requiredDuringSchedulingIgnoredDuringExecution"
    one = pod(affinity={"nodeAffinity": {key: required}})
    assert (reason(one, labels={"n": "5"}) == "") is matches


@pytest.mark.parametrize(
    ("spec", "qos"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
    ],
)
def test_quality_of_service(spec: dict, qos: str) -> None:
    assert resources.qos_class(pod(container={"resources": spec})) == qos


def test_cgroup_numbers() -> None:
    one = pod(container={"resources": {"limits": {"cpu": "500m", "memory": "64Mi"}}})
    values = resources.container_resources(one, one["spec"]["containers"][0], 1 << 30)
    assert (values.cpu_shares, values.cpu_quota, values.cpu_period) == (512, 50_000, 100_000)
    assert values.memory_limit_bytes == 64 << 20
    assert values.oom_score_adj == -997


def test_the_less_a_container_asked_for_the_earlier_it_is_killed() -> None:
    small = pod({"memory": "64Mi"})
    large = pod({"memory": "512Mi"})
    scores = [
        resources.oom_score_adj(one, one["spec"]["containers"][0], 1 << 30)
        for one in (large, small, pod())
    ]
    assert scores == sorted(scores)
    assert scores[-1] == 1000
