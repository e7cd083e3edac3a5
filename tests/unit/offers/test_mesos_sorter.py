"""Mesos' own cases of its sorters, and the worked examples of fair sharing, to the number."""

import pytest

from offers import sorter
from offers.ledger import Ledger
from offers.messages import Offer
from offers.roles import RoleTree
from offers.sorter import Turns


def charge(tree: RoleTree, path: str, first: int, second: int) -> None:
    tree.charge(path, {"cpu": first, "memory": second})


def order(tree: RoleTree, paths: str | list[str], cpu: int = 100, memory: int = 100) -> list[str]:
    return list(sorter.in_order(tree, list(paths), {"cpu": cpu, "memory": memory}))


def test_43_drf() -> None:
    tree = RoleTree()
    for path, cpu, memory in (("a", 5, 5), ("b", 6, 6), ("c", 1, 1), ("d", 3, 1)):
        charge(tree, path, cpu, memory)
    assert order(tree, "abcd") == ["c", "d", "a", "b"]
    tree.release("a", {"cpu": 5, "memory": 5})
    tree.release("b", {"cpu": 4, "memory": 4})
    assert order(tree, "bcd") == ["c", "b", "d"]
    charge(tree, "e", 1, 5)
    assert order(tree, "bcde", 50, 100) == ["c", "b", "e", "d"]
    charge(tree, "f", 5, 1)
    charge(tree, "c", 0, 15)
    assert order(tree, "bcdef", 50, 200) == ["e", "b", "d", "c", "f"]


def test_44_wdrf() -> None:
    tree = RoleTree()
    for path, cpu, memory in (("a", 5, 5), ("b", 6, 6), ("c", 4, 4), ("d", 10, 20)):
        charge(tree, path, cpu, memory)
    tree.role("b").weight = 2.0
    tree.role("d").weight = 10.0
    assert order(tree, "abcd") == ["d", "b", "c", "a"]
    tree.release("b", {"cpu": 6, "memory": 6})
    charge(tree, "d", 10, 25)
    assert order(tree, "acd") == ["c", "d", "a"]
    charge(tree, "e", 1, 1)
    tree.role("e").weight = 0.1
    assert order(tree, "acde") == ["c", "d", "a", "e"]


def test_45_allocation_count_tie_break() -> None:
    """Between equals the one that was offered less often, then the name."""
    books = Ledger()
    books.set_node("n", {"cpu": 100}, {}, accepts=True)
    for number, role in enumerate("aab"):
        books.offer(Offer(str(number), "f", role, "n", {"cpu": 1}))
        books.give_back(str(number))
    assert order(books.roles, "ab") == ["b", "a"]
    assert order(books.roles, "ac") == ["c", "a"]
    assert order(books.roles, "dc") == ["c", "d"]


def test_46_hierarchical_allocation() -> None:
    tree = RoleTree()
    charge(tree, "a", 0, 0)
    charge(tree, "b/c", 3, 3)
    charge(tree, "b/d", 6, 6)
    charge(tree, "a/e", 4, 4)
    assert tree.role("b").allocated == {"cpu": 9, "memory": 9}
    assert order(tree, ["a/e", "b/c", "b/d"]) == ["a/e", "b/c", "b/d"]
    charge(tree, "a/e", 6, 6)
    assert order(tree, ["a/e", "b/c", "b/d"]) == ["b/c", "b/d", "a/e"]


def test_47_add_child_to_leaf_and_remove_leaf_collapse_parent() -> None:
    """A role with frameworks and roles below it competes with these for itself."""
    tree = RoleTree()
    charge(tree, "a", 2, 2)
    charge(tree, "a/b", 1, 1)
    charge(tree, "c", 4, 4)
    assert order(tree, ["a", "a/b", "c"]) == ["a/b", "a", "c"]
    assert tree.role("a").allocated == {"cpu": 3, "memory": 3}
    assert tree.role("a").own.allocated == {"cpu": 2, "memory": 2}
    tree.release("a/b", {"cpu": 1, "memory": 1})
    assert order(tree, ["a", "c"]) == ["a", "c"]
    charge(tree, "a", 3, 3)
    assert order(tree, ["a", "c"]) == ["c", "a"]


def test_48_split_resource_shares() -> None:
    """Resources of one name from several agents, reserved or not, are one share."""
    tree = RoleTree()
    tree.charge("a", {"cpu": 5, "cpu a - ": 5})
    tree.charge("b", {"cpu": 9})
    assert sorter.share_of(tree, "a", {"cpu": 100}) == 0.1
    assert order(tree, "ab") == ["b", "a"]


def test_turns_keep_the_order_that_sorting_anew_gives() -> None:
    tree, total = RoleTree(), {"cpu": 100}
    wanting = {"a": {"f": 1, "g": 2}, "a/b": {"f": 4}, "c/d": {"h": 8}, "c/e": {"h": 16}}
    turns = Turns(tree, wanting, total)
    for step in range(40):
        kept = [(turn.role.path, turn.framework) for turn in turns.walk(31)]
        anew = [(t.role.path, t.framework) for t in Turns(tree, wanting, total).walk(31)]
        assert kept == anew
        turn = next(turns.walk(31 if step % 3 else 26))
        tree.charge(turn.role.path, {"cpu": 1 + step % 4}, turn.framework, offered=True)
        turns.moved(turn)


# --- the paper's examples


def fill(
    total: tuple[int, int], wants: dict[str, tuple[int, int]]
) -> list[tuple[str, float, float]]:
    """Progressive filling: who got a task, and both shares after it."""
    tree = RoleTree()
    names = ("cpu", "memory")
    whole = dict(zip(names, total, strict=True))
    free = dict(whole)
    tasks = {role: dict(zip(names, want, strict=True)) for role, want in wants.items()}
    steps = []
    while True:
        able = [r for r, t in tasks.items() if all(free[n] >= t[n] for n in names)]
        if not able:
            return steps
        turn = next(iter(sorter.in_order(tree, able, whole)))
        tree.charge(turn, tasks[turn])
        free = {n: free[n] - tasks[turn][n] for n in names}
        shares = [sorter.share_of(tree, role, whole) for role in wants]
        steps.append((turn, round(shares[0], 6), round(shares[1], 6)))


def test_drf_worked_example() -> None:
    """9 CPUs, 18 GB; A's tasks take <1, 4>, B's <3, 1>; every step of the paper's table.

    There B begins; here the name breaks the first tie, so B is the first by name.
    """
    steps = fill((9, 18), {"later": (1, 4), "first": (3, 1)})
    third = round(1 / 3, 6)
    assert steps == [
        ("first", 0.0, third),
        ("later", round(2 / 9, 6), third),
        ("later", round(4 / 9, 6), third),
        ("first", round(4 / 9, 6), round(2 / 3, 6)),
        ("later", round(2 / 3, 6), round(2 / 3, 6)),
    ]


def test_drf_gives_what_the_linear_program_says() -> None:
    """x + 3y <= 9, 4x + y <= 18, 2x/9 = y/3: 3 and 2 tasks; all CPUs, 14 of 18 GB."""
    steps = [turn for turn, _, _ in fill((9, 18), {"a": (1, 4), "b": (3, 1)})]
    x, y = steps.count("a"), steps.count("b")
    assert (x, y) == (3, 2)
    assert (x + 3 * y, 4 * x + y) == (9, 14)


def test_sharing_incentive_where_asset_fairness_has_none() -> None:
    """<30, 30>, demands <1, 3> and <1, 1>: asset fairness gives user 2 less than half of both."""
    steps = [turn for turn, _, _ in fill((30, 30), {"one": (1, 3), "two": (1, 1)})]
    one, two = steps.count("one"), steps.count("two")
    half = {"one": 15 // 3, "two": 15}
    assert one >= half["one"]
    assert two >= half["two"]
    assert (one, two) != (6, 12)


def test_lying_about_demands_gains_nothing() -> None:
    """<100, 100>, <16, 1> and <1, 2>: where CEEI rewards the lie <16, 8>, DRF does not."""
    truth = [turn for turn, _, _ in fill((100, 100), {"one": (16, 1), "two": (1, 2)})]
    lie = [turn for turn, _, _ in fill((100, 100), {"one": (16, 8), "two": (1, 2)})]
    assert lie.count("one") <= truth.count("one")


@pytest.mark.parametrize(
    ("one", "two", "share"),
    [((1, 10), (1, 1), 0.727), ((2, 4), (1, 1), 0.50), ((1, 7), (1, 1), 0.651)],
)
def test_drf_dynamic_experiment(one: tuple[int, int], two: tuple[int, int], share: float) -> None:
    """48 nodes of 4 CPUs and 15 GB as one pool: the ideal dominant shares of the three phases."""
    steps = fill((192, 720), {"one": one, "two": two})
    assert steps[-1][1] == pytest.approx(share, abs=0.015)
    assert steps[-1][2] == pytest.approx(share, abs=0.015)
