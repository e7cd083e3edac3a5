"""Routes to the other nodes' pods."""

from kubelet.network import routes


def test_only_differences_are_carried_out() -> None:
    wanted = {"10.71.1.0/24": "10.71.0.11", "10.71.2.0/24": "10.71.0.12"}
    present = {"10.71.1.0/24": "10.71.0.11", "10.71.3.0/24": "10.71.0.13"}
    assert routes.commands(wanted, present) == [
        "route del 10.71.3.0/24",
        "route replace 10.71.2.0/24 via 10.71.0.12",
    ]


def test_what_is_no_address_never_reaches_a_command() -> None:
    node = {
        "spec": {"podCIDR": "10.0.0.0/24 dev lo"},
        "status": {"addresses": [{"type": "InternalIP", "address": "1.2.3.4"}]},
    }
    assert routes.node_view(node) == routes.NodeView("", "")
