"""Guarantees of roles within roles: each is kept once, and for whom it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers import guarantees
from offers.roles import RoleTree

PATHS = ("a", "a/b", "a/c", "a/b/x", "d")
amounts = st.dictionaries(st.sampled_from(PATHS), st.integers(0, 8))


def tree(kept: dict[str, int], used: dict[str, int]) -> RoleTree:
    made = RoleTree()
    for path, cpu in used.items():
        made.charge(path, {"cpu": cpu} if cpu else {})
    for path, cpu in kept.items():
        made.guarantee(path, {"cpu": cpu} if cpu else {})
    return made


def cpu(vector: object) -> int:
    assert isinstance(vector, dict)
    return int(vector.get("cpu", 0))


@pytest.mark.parametrize(
    ("kept", "used", "required"),
    [
        ({"a": 10, "a/b": 6}, {}, 10),
        ({"a": 10, "a/b": 6, "a/c": 4}, {}, 10),
        ({"a": 10, "a/b": 8, "a/c": 4}, {}, 12),  # who promised too much keeps what he promised
        ({"a": 10, "a/b": 6}, {"a/c": 8}, 6),  # two would do for a, but not for b
        ({"a": 10, "a/b": 6}, {"a/b": 6}, 4),
        ({"a": 10, "a/b": 6}, {"a/b": 9}, 1),
        ({"a/b": 6, "d": 2}, {"a": 10}, 8),  # what is above b is not b's
        ({"a": 10, "a/b": 6}, {"a/b/x": 4}, 6),
    ],
)
def test_what_is_kept(kept: dict[str, int], used: dict[str, int], required: int) -> None:
    assert cpu(tree(kept, used).required) == required


def test_together_each_counts_once() -> None:
    wanted = {"a": {"cpu": 3}, "a/b": {"cpu": 2, "memory": 5}, "a/c": {"cpu": 2}, "d": {"cpu": 1}}
    assert guarantees.together(wanted) == {"cpu": 5, "memory": 5}


def need(kept: dict[str, int], used: dict[str, int], path: str) -> int:
    """The same from scratch, by the definition."""
    inner = [p for p in PATHS if p.startswith(f"{path}/") or (not path)]
    depth = path.count("/") + 2 if path else 1
    below = sum(need(kept, used, p) for p in inner if p.count("/") + 1 == depth)
    mine = sum(n for p, n in used.items() if p == path or p.startswith(f"{path}/"))
    return max(kept.get(path, 0) - mine, below, 0) if path else below


@given(amounts, amounts, st.sampled_from(PATHS), st.integers(0, 40))
def test_one_may_have_what_leaves_the_others_theirs_and_no_less(
    kept: dict[str, int], used: dict[str, int], path: str, spare: int
) -> None:
    made = tree(kept, used)
    required = need(kept, used, "")
    assert cpu(made.required) == required
    allowed = cpu(made.headroom(path, {"cpu": 100}, {"cpu": spare}))
    if not required or spare < required:
        return  # nothing is kept, or there is less than is promised
    for more, fine in ((allowed, True), (allowed + 1, False)):
        after = {**used, path: used.get(path, 0) + more}
        assert (spare - more >= need(kept, after, "")) == fine


@given(amounts, st.lists(st.tuples(st.sampled_from(PATHS), st.integers(1, 5)), max_size=12))
def test_kept_along_the_way_is_kept_from_scratch(
    kept: dict[str, int], charges: list[tuple[str, int]]
) -> None:
    made = tree(kept, {})
    used = dict.fromkeys(PATHS, 0)
    for number, (path, much) in enumerate(charges):
        if number % 3 == 2 and used[path] >= much:
            made.release(path, {"cpu": much})
            used[path] -= much
        else:
            made.charge(path, {"cpu": much})
            used[path] += much
        assert cpu(made.required) == need(kept, used, "")
        supposed = made.needs.supposed()
        supposed.reckon([("", {}), ("d", {"cpu": 99})])
        assert cpu(made.required) == need(kept, used, "")
