"""Field sets are sets of paths, whatever their trie looks like."""

from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery.patch import fieldsets
from apimachinery.patch.fieldsets import FieldSet

Path = tuple[str, ...]
PATHS = st.lists(st.sampled_from(["f:a", "f:b", 'k:{"n":"x"}']), min_size=1, max_size=3).map(tuple)


def single(path: Path) -> FieldSet:
    node: FieldSet = {}
    for element in reversed(path):
        node = {element: node}
    return node


def build(paths: set[Path]) -> FieldSet:
    return reduce(fieldsets.union, map(single, sorted(paths)), {})


def members(node: FieldSet, prefix: Path = ()) -> set[Path]:
    found = {prefix} if prefix and fieldsets.is_member(node) else set()
    for key, child in node.items():
        if key != fieldsets.HERE:
            found |= members(child, (*prefix, key))
    return found


def covered(path: Path, paths: set[Path]) -> bool:
    """Whether the path is in the set, or below a leaf of it."""
    leaves = {one for one in paths if not any(o != one and o[: len(one)] == one for o in paths)}
    return path in paths or any(path[:n] in leaves for n in range(1, len(path)))


SETS = st.sets(PATHS, max_size=5)


@given(SETS)
def test_a_set_has_the_members_it_was_built_from(paths: set[Path]) -> None:
    assert members(build(paths)) == paths
    assert fieldsets.is_valid(build(paths))


@given(SETS, SETS)
def test_union(one: set[Path], other: set[Path]) -> None:
    assert members(fieldsets.union(build(one), build(other))) == one | other


@given(SETS, SETS)
def test_difference(one: set[Path], other: set[Path]) -> None:
    made = fieldsets.difference(build(one), build(other))
    assert members(made) == {path for path in one if not covered(path, other)}


@given(SETS, SETS)
def test_intersection(one: set[Path], other: set[Path]) -> None:
    made = fieldsets.intersection(build(one), build(other))
    assert members(made) == {path for path in one if covered(path, other)}


@given(SETS, SETS)
def test_contains(one: set[Path], other: set[Path]) -> None:
    assert fieldsets.contains(build(one), build(other)) == (other <= one)


def test_paths_read_as_in_conflict_messages() -> None:
    fields = {
        "f:spec": {
            "f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:name": {}}},
            "f:finalizers": {'v:"x"': {}},
        }
    }
    assert list(fieldsets.paths(fields)) == [
        '.spec.finalizers[="x"]',
        '.spec.ports[port=80,protocol="TCP"]',
        '.spec.ports[port=80,protocol="TCP"].name',
    ]
    assert list(fieldsets.paths({})) == []


@pytest.mark.parametrize(
    "value",
    [None, [], {"spec": {}}, {"f:a": None}, {"f:a": 1}, {".": {}}, {"k:x": {}}, {"z:a": {}}],
    ids=str,
)
def test_rubbish_is_no_field_set(value: Any) -> None:
    assert not fieldsets.is_valid(value)
