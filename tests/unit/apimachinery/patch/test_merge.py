"""JSON merge patch: the examples of RFC 7386 and its laws."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import status
from apimachinery.patch import merge

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.text(max_size=2), JSON, max_size=4)


@pytest.mark.parametrize(
    ("obj", "change", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": "foo"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_the_examples_of_the_rfc(obj: Any, change: Any, expected: Any) -> None:
    assert merge.patch(obj, change) == expected


@given(OBJECTS, OBJECTS)
def test_patching_twice_is_patching_once(obj: Any, change: Any) -> None:
    once = merge.patch(obj, change)
    assert merge.patch(once, change) == once


@given(OBJECTS)
def test_the_empty_patch_changes_nothing(obj: Any) -> None:
    assert merge.patch(obj, {}) == obj


@given(OBJECTS, OBJECTS)
def test_arguments_stay_as_they_are(obj: Any, change: Any) -> None:
    before = repr((obj, change))
    merge.patch(obj, change)
    assert repr((obj, change)) == before


@pytest.mark.parametrize("change", [[], "x", None, 3])
def test_only_objects_are_patches(change: Any) -> None:
    with pytest.raises(status.BadRequest, match="error decoding patch"):
        merge.patch({}, change)


def test_a_bottomless_patch_is_refused() -> None:
    change: Any = {}
    for _ in range(2000):
        change = {"a": change}
    with pytest.raises(status.BadRequest, match="error decoding patch"):
        merge.patch({}, change)
