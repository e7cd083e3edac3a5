"""Where instances may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frameworks.marathon import constraints


def here(value: str | None, field: str = "rack") -> dict[str, str]:
    return {"hostname": "n1"} | ({} if value is None else {field: value})


@pytest.mark.parametrize(
    ("constraint", "value", "others", "may"),
    [
        (["rack", "UNIQUE"], "a", ["b"], True),
        (["rack", "UNIQUE"], "a", ["a"], False),
        (["rack", "CLUSTER"], "a", [], True),
        (["rack", "CLUSTER"], "a", ["a"], True),
        (["rack", "CLUSTER"], "a", ["b"], False),
        (["rack", "CLUSTER", "b"], "a", [], False),
        (["rack", "CLUSTER", "a"], "a", [], True),
        (["rack", "GROUP_BY"], "a", ["a"], True),
        (["rack", "GROUP_BY"], "a", ["a", "b"], True),
        (["rack", "GROUP_BY"], "a", ["a", "a", "b"], False),
        (["rack", "GROUP_BY"], "c", ["a", "b"], True),
        (["rack", "GROUP_BY", "3"], "a", ["a", "b"], False),
        (["rack", "GROUP_BY", "2"], "a", ["a", "b"], True),
        (["rack", "MAX_PER", "2"], "a", ["a"], True),
        (["rack", "MAX_PER", "2"], "a", ["a", "a"], False),
        (["rack", "LIKE", "a|b"], "b", [], True),
        (["rack", "LIKE", "a"], "ab", [], False),
        (["rack", "UNLIKE", "a"], "ab", [], True),
        (["rack", "UNLIKE", "a.*"], "ab", [], False),
        (["rack", "IS", "a"], "a", [], True),
        (["rack", "IS", "a"], "b", [], False),
        (["rack", "IS", "2.0"], "2", [], True),
        (["rack", "UNLIKE", "a"], None, [], True),
        (["rack", "LIKE", ".*"], None, [], False),
        (["rack", "UNIQUE"], None, [], False),
        (["rack", "GROUP_BY"], None, [], False),
    ],
)
def test_operators(constraint: list[str], value: str | None, others: list[str], may: bool) -> None:
    placed = [here(one) for one in others]
    assert constraints.satisfied([constraint], here(value), placed) is may


@pytest.mark.parametrize("field", ["hostname", "@hostname"])
def test_the_hosts_name_has_two_names(field: str) -> None:
    assert not constraints.satisfied([[field, "UNIQUE"]], here("a"), [here("b")])
    assert constraints.satisfied([[field, "CLUSTER", "n1"]], here("a"), [])


def test_all_have_to_hold() -> None:
    both = [["rack", "LIKE", "a"], ["hostname", "UNLIKE", "n1"]]
    assert not constraints.satisfied(both, here("a"), [])


@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(1, 4))
def test_bounds_hold_however_instances_arrive(offers: list[str], most: int) -> None:
    """Offers of three racks come in any order; each is taken if it may be."""
    unique: list[dict[str, str]] = []
    even: list[dict[str, str]] = []
    few: list[dict[str, str]] = []
    rules = {"UNIQUE": unique, "GROUP_BY": even, "MAX_PER": few}
    values = {"UNIQUE": [], "GROUP_BY": ["3"], "MAX_PER": [str(most)]}
    for rack in offers:
        for operator, placed in rules.items():
            if constraints.satisfied([["rack", operator, *values[operator]]], here(rack), placed):
                placed.append(here(rack))
    assert len(unique) == len(set(offers))
    counts = [sum(one["rack"] == rack for one in even) for rack in "abc"]
    assert max(counts) - min(counts) <= 1
    assert all(sum(one["rack"] == rack for one in few) <= most for rack in "abc")
