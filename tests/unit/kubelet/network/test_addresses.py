"""Pod addresses: never two at once, never again too soon."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelet.network.addresses import AddressesExhaustedError, AddressPool


def test_the_first_addresses_are_the_nodes() -> None:
    assert AddressPool("10.71.1.0/24").allocate() == "10.71.1.2"


def test_a_released_address_comes_last() -> None:
    pool = AddressPool("10.0.0.0/29")
    first = pool.allocate()
    pool.release(first)
    given_out = [pool.allocate() for _ in range(5)]
    assert given_out[-1] == first
    assert len(set(given_out)) == 5


def test_among_released_ones_the_longest_free_comes_first() -> None:
    pool = AddressPool("10.0.0.0/29")
    addresses = [pool.allocate() for _ in range(5)]
    for address in (addresses[3], addresses[1]):
        pool.release(address)
    assert [pool.allocate(), pool.allocate()] == [addresses[3], addresses[1]]


def test_a_full_range_says_so() -> None:
    pool = AddressPool("10.0.0.0/30")
    pool.allocate()
    with pytest.raises(AddressesExhaustedError, match=r"10\.0\.0\.0/30"):
        pool.allocate()


def test_what_survivors_hold_is_not_given() -> None:
    pool = AddressPool("10.0.0.0/29")
    pool.take("10.0.0.3")
    assert "10.0.0.3" not in {pool.allocate() for _ in range(4)}


def test_an_address_of_an_earlier_range_is_kept_but_not_reused() -> None:
    pool = AddressPool("10.0.0.0/29")
    pool.take("10.9.9.9")
    assert pool.used == {"10.9.9.9"}
    pool.release("10.9.9.9")
    assert "10.9.9.9" not in {pool.allocate() for _ in range(5)}


@given(st.lists(st.one_of(st.just("allocate"), st.integers(0, 20)), max_size=200))
def test_no_address_is_held_twice(steps: list[str | int]) -> None:
    pool = AddressPool("10.0.0.0/27")
    network = ipaddress.IPv4Network("10.0.0.0/27")
    held: list[str] = []
    for step in steps:
        if isinstance(step, int):
            if step < len(held):
                pool.release(held.pop(step))
            continue
        try:
            address = pool.allocate()
        except AddressesExhaustedError:
            assert len(held) == network.num_addresses - 3
            continue
        assert address not in held
        assert ipaddress.IPv4Address(address) in network
        held.append(address)
    assert pool.used == set(held)
