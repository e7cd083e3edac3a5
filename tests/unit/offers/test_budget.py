"""What roles below `kubernetes` may have by quota: limits, guarantees, and what is taken of both."""

from hypothesis import given
from hypothesis import strategies as st

from offers.budget import Budget
from offers.roles import RoleTree

A, B = "kubernetes/a", "kubernetes/b"


def tree(
    limits: dict[str, int] | None = None,
    guarantees: dict[str, int] | None = None,
    used: dict[str, int] | None = None,
) -> RoleTree:
    made = RoleTree()
    for path, cpu in (limits or {}).items():
        made.role(path).limit = {"cpu": cpu}
    for path, cpu in (guarantees or {}).items():
        made.guarantee(path, {"cpu": cpu})
    for path, cpu in (used or {}).items():
        made.charge(path, {"cpu": cpu})
    return made


def test_without_quota_everything_is_granted() -> None:
    budget = Budget(tree(), {}, dict)
    assert budget.take(A, {"cpu": 10**9})
    assert budget.refusal(A, {"cpu": 10**9}) == ""


def test_a_limit_holds_for_what_is_used_and_taken_together() -> None:
    budget = Budget(tree({A: 4000}, used={A: 1000}), {"cpu": 9000}, dict)
    assert budget.take(A, {"cpu": 3000})
    assert not budget.take(A, {"cpu": 1})
    assert budget.refusal(A, {"cpu": 1}) == ""  # it only came too late
    assert budget.refusal(A, {"cpu": 3001}) == f"role {A} may have no more than cpu=4"
    assert budget.take(B, {"cpu": 10_000})
    assert budget.take(A, {"memory": 1})


def test_a_limit_above_holds_for_all_below() -> None:
    budget = Budget(tree({"eng": 3000, "eng/x": 2000}), {}, dict)
    assert budget.take("eng/x", {"cpu": 2000})
    assert not budget.take("eng/x", {"cpu": 500})
    assert not budget.take("eng/y", {"cpu": 1500})
    assert budget.take("eng/y", {"cpu": 1000})


def test_what_is_on_offer_to_the_asker_counts_as_its_own() -> None:
    books = tree({"kubernetes": 4000})
    books.charge("kubernetes", {"cpu": 4000}, offered=True)
    assert Budget(books, {}, lambda: {"kubernetes": {"cpu": 4000}}).take(A, {"cpu": 4000})
    assert not Budget(books, {}, dict).take(A, {"cpu": 1})


def test_guarantees_are_left_to_their_owners() -> None:
    books = tree(guarantees={A: 4000}, used={A: 1000})
    books.charge("kubernetes", {"cpu": 2000}, offered=True)
    budget = Budget(books, {"cpu": 2000}, lambda: {"kubernetes": {"cpu": 2000}})
    # Four are left, three of them for A.
    assert not budget.take(B, {"cpu": 1500})
    assert "guarantees of other roles" in budget.refusal(B, {"cpu": 1500})
    assert budget.take(B, {"cpu": 1000})
    assert budget.take(A, {"cpu": 3000})
    assert not budget.take(A, {"cpu": 1})


def test_a_namespace_draws_on_its_own_guarantee_and_on_what_its_parent_has_beyond() -> None:
    books = tree(guarantees={"kubernetes": 6000, A: 4000, "other": 3000})
    budget = Budget(books, {"cpu": 9000}, dict)
    assert not budget.take(B, {"cpu": 2001})  # four of the six are for A
    assert budget.take(B, {"cpu": 2000})
    assert not budget.take(B, {"cpu": 1})
    assert budget.take(A, {"cpu": 4000})
    assert not budget.take(A, {"cpu": 1})  # the rest is for the others


@given(
    st.fixed_dictionaries({A: st.integers(0, 8), B: st.integers(0, 8)}),
    st.fixed_dictionaries({A: st.integers(0, 4), B: st.integers(0, 4)}),
    st.integers(0, 20),
    st.lists(st.tuples(st.sampled_from([A, B, "kubernetes/c"]), st.integers(0, 4)), max_size=20),
)
def test_what_is_taken_never_breaks_quota(
    limits: dict[str, int], guarantees: dict[str, int], spare: int, wanted: list[tuple[str, int]]
) -> None:
    guarantees = {path: min(cpu, limits[path]) for path, cpu in guarantees.items()}
    budget = Budget(tree(limits, guarantees), {"cpu": spare}, dict)
    taken: dict[str, int] = {A: 0, B: 0, "kubernetes/c": 0}
    for path, cpu in wanted:
        if budget.take(path, {"cpu": cpu}):
            taken[path] += cpu
        if budget.refusal(path, {"cpu": cpu}):
            assert not budget.take(path, {"cpu": cpu})
    assert all(taken[path] <= limit for path, limit in limits.items() if limit)
    if sum(guarantees.values()) <= spare and any(guarantees.values()):
        kept = sum(max(0, cpu - taken[path]) for path, cpu in guarantees.items())
        assert sum(taken.values()) + kept <= spare
