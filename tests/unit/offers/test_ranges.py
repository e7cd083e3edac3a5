"""Ranges behave as the sets of numbers that they stand for."""

from hypothesis import given
from hypothesis import strategies as st

from offers import ranges
from offers.ranges import Ranges

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6)


def numbers(found: Ranges) -> set[int]:
    return {n for begin, end in found for n in range(begin, end + 1)}


@given(spans, spans)
def test_difference_and_union_are_those_of_sets(
    left: list[tuple[int, int]], right: list[tuple[int, int]]
) -> None:
    a, b = ranges.normal(left), ranges.normal(right)
    assert numbers(ranges.subtract(a, b)) == numbers(a) - numbers(b)
    assert numbers(ranges.union(a, b)) == numbers(a) | numbers(b)
    assert ranges.contains(a, b) == (numbers(b) <= numbers(a))
    assert ranges.size(a) == len(numbers(a))


@given(spans, st.integers(0, 100))
def test_the_first_are_the_lowest(found: list[tuple[int, int]], count: int) -> None:
    whole = ranges.normal(found)
    assert numbers(ranges.first(whole, count)) == set(sorted(numbers(whole))[:count])
