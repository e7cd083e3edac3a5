"""The Node object and what counts as a change of it."""

from pathlib import Path

import pytest

from kubelet.images.interface import Image, ImageConfig
from kubelet.node_status import (
    Health,
    Machine,
    node_labels,
    node_object,
    node_status,
    overwritten,
    resource_list,
    status_differs,
)
from kubelet.options import Capacity, Options, Taint

MACHINE = Machine(kernel="6.1", os_image="Debian", runtime="bireme-oci://1.1")
CAPACITY = Capacity(2500, 4 << 30, 10 << 30)


def options(**changes) -> Options:
    return Options("node-1", Path("/x"), address="10.71.0.11", **changes)


def status(health: Health = Health(), previous: dict | None = None, now: float = 0.0, images=()):  # noqa: B008  frozen
    return node_status(options(), MACHINE, CAPACITY, health, images, previous or {}, now)


def conditions(one: dict) -> dict[str, str]:
    return {c["type"]: c["status"] for c in one["conditions"]}


def test_capacity_is_spelled_as_kubernetes_does() -> None:
    assert resource_list(CAPACITY) == {
        "cpu": "2500m", "ephemeral-storage": "10485760Ki", "hugepages-1Gi": "0",
        "hugepages-2Mi": "0", "memory": "4194304Ki", "pods": "110",
    }  # fmt: skip
    assert resource_list(Capacity(4000, 0, 0))["cpu"] == "4"


def test_a_well_node_is_ready() -> None:
    one = status()
    assert conditions(one)["Ready"] == "True"
    assert one["nodeInfo"]["containerRuntimeVersion"] == "bireme-oci://1.1"
    assert one["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 10250}}
    assert {"type": "InternalIP", "address": "10.71.0.11"} in one["addresses"]


def test_pressure_and_trouble_are_told() -> None:
    ill = status(Health(frozenset({"DiskPressure"}), not_ready="broken"))
    assert conditions(ill)["DiskPressure"] == "True"
    assert conditions(ill)["Ready"] == "False"


def test_a_heartbeat_is_no_change() -> None:
    first = status(now=0.0)
    assert not status_differs(status(previous=first, now=60.0), first)
    assert status_differs(status(Health(frozenset({"PIDPressure"})), first), first)


def test_transition_times_move_only_with_the_condition() -> None:
    first = status(now=0.0)
    later = status(Health(frozenset({"DiskPressure"})), first, now=60.0)
    times = {c["type"]: c["lastTransitionTime"] for c in later["conditions"]}
    assert times["Ready"] == "1970-01-01T00:00:00Z"
    assert times["DiskPressure"] == "1970-01-01T00:01:00Z"


def test_only_the_largest_images_are_listed() -> None:
    images = [Image(f"id{n}", (f"i:{n}",), (), n, ImageConfig(), ()) for n in range(60)]
    listed = status(images=images)["images"]
    assert len(listed) == 50
    assert listed[0] == {"names": ["i:59"], "sizeBytes": 59}


def test_the_options_shape_the_node() -> None:
    taint = Taint("dedicated", "NoSchedule", "gpu")
    one = node_object(options(pod_cidr="10.71.1.0/24", taints=(taint,)), MACHINE, {})
    assert one["spec"] == {
        "podCIDR": "10.71.1.0/24",
        "podCIDRs": ["10.71.1.0/24"],
        "taints": [{"key": "dedicated", "effect": "NoSchedule", "value": "gpu"}],
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [("kubernetes.io/hostname", "node-1"), ("kubernetes.io/os", "linux"), ("zone", "a")],
)
def test_labels(key: str, value: str) -> None:
    assert node_labels(options(labels={"zone": "a"}), MACHINE)[key] == value


def test_a_condition_that_another_wrote_is_noticed() -> None:
    ours = status()
    assert not overwritten(ours, ours)
    other = [{**c, "status": "Unknown"} if c["type"] == "Ready" else c for c in ours["conditions"]]
    assert overwritten(ours, {"conditions": other})
