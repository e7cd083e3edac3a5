"""Pools deal each thing once."""

from hypothesis import given
from hypothesis import strategies as st

from apiserver.registry.allocations import Owner, Pool

ME, YOU = Owner("n", "me", "1"), Owner("n", "you", "2")


@given(st.integers(0, 5), st.integers(1, 30))
def test_a_pool_deals_everything_once(reserved, size):
    pool = Pool(100, 100 + size - 1, min(reserved, size))
    dealt = [pool.deal(ME) for _ in range(size)]
    assert sorted(dealt) == list(range(100, 100 + size))
    assert pool.deal(ME) is None


def test_the_lower_part_comes_last():
    pool = Pool(1, 10, reserved=4)
    assert [pool.deal(ME) for _ in range(10)] == [5, 6, 7, 8, 9, 10, 1, 2, 3, 4]


def test_what_is_kept_is_never_dealt():
    pool = Pool(1, 3, reserved=0, kept=frozenset({2}))
    assert [pool.deal(ME) for _ in range(3)] == [1, 3, None]


def test_only_its_owner_gives_a_thing_back():
    pool = Pool(1, 3, reserved=0)
    value = pool.deal(YOU)
    pool.give_back([value], ME)
    assert pool.taken == {value: YOU}
    pool.give_back([value], YOU)
    assert not pool.taken


def test_a_thing_given_back_is_not_dealt_next():
    pool = Pool(1, 3, reserved=0)
    first = pool.deal(ME)
    pool.give_back([first], ME)
    assert pool.deal(ME) != first
