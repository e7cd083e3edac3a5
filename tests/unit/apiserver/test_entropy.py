"""Randomness is fetched by the page and given out once."""

import uuid

from apimachinery import names
from apiserver import entropy


def test_uids_are_random_uuids_and_all_different() -> None:
    made = [entropy.uid() for _ in range(2000)]
    assert len(set(made)) == len(made)
    assert {uuid.UUID(one).version for one in made} == {4}
    assert all(str(uuid.UUID(one)) == one for one in made)


def test_no_byte_is_given_twice() -> None:
    pool = entropy._Pool()
    taken = [pool.take(16) for _ in range(1000)]
    assert len(set(taken)) == len(taken)
    assert len(pool.take(3 * entropy.PAGE)) == 3 * entropy.PAGE


def test_draws_stay_in_range_and_reach_all_of_it() -> None:
    source = entropy.Entropy()
    assert {source.randrange(5) for _ in range(500)} == set(range(5))
    assert all(0 <= source.random() < 1 for _ in range(100))
    assert source.getrandbits(1) in (0, 1)
    assert len({names.random_suffix(source) for _ in range(200)}) == 200
