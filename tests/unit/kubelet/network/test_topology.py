"""Addresses of several nodes on one machine."""

from kubelet.network.topology import Topology, clashes


def test_addresses_follow_slot_and_number() -> None:
    place = Topology(slot=1, nodes=3).place(2)
    assert (place.address, place.pod_cidr) == ("10.72.0.12", "10.72.2.0/24")
    assert place.netns.name == "bireme1-node-2"


def test_a_route_of_the_host_in_the_way_is_named() -> None:
    plan = Topology(slot=0, nodes=1)
    assert clashes(plan, ["default", "192.0.2.0/24", "10.0.0.0/8"]) == "10.0.0.0/8"
    assert clashes(plan, ["default", "10.96.3.0/24"]) == "10.96.3.0/24"
    assert clashes(plan, ["default", "10.72.0.0/16"]) is None
