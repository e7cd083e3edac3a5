"""Names and numbers of a pod's interface; what the kernel makes of them is for conformance."""

from hypothesis import given
from hypothesis import strategies as st

from kubelet.network import netlink
from kubelet.network.pods import INTERFACE_PREFIX, interface_name, pod_hardware_address


@given(st.text())
def test_interface_names_fit_and_bear_our_prefix(sandbox_id: str) -> None:
    name = interface_name(sandbox_id)
    assert name.startswith(INTERFACE_PREFIX)
    assert len(name) == netlink.MAX_NAME_LENGTH


def test_a_pods_hardware_address_is_its_own_and_local() -> None:
    address = pod_hardware_address("10.71.1.2")
    assert address == bytes([0x0A, 0x58, 10, 71, 1, 2])
    assert address[0] & 0b11 == 0b10  # Locally administered, for one receiver.
