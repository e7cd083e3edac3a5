"""Who is offered what."""

from hypothesis import given
from hypothesis import strategies as st

from offers import allocator, sorter
from offers.allocator import Grant, Wanting
from offers.filters import Filters
from offers.ledger import Ledger
from offers.messages import Offer

GIB = 1 << 30


def ledger(nodes: int, *, cpu: int = 4000, memory: int = 8 * GIB) -> Ledger:
    made = Ledger()
    for number in range(nodes):
        made.set_node(f"n{number}", {"cpu": cpu, "memory": memory}, {}, accepts=True)
    return made


def allocate(
    books: Ledger,
    wanting: list[Wanting],
    filters: Filters | None = None,
    now: float = 0.0,
    seed: int = 1,
) -> list[Grant]:
    """Carry the grants out as the master does."""
    made = []
    for grant in allocator.allocate(
        books, wanting, filters or Filters(), nodes=list(books.accounts), now=now, seed=seed
    ):
        made.append(grant)
        books.offer(
            Offer(str(len(made)), grant.framework_id, grant.role, grant.node, grant.resources)
        )
    return made


def test_a_lone_framework_is_offered_everything() -> None:
    assert len(allocate(ledger(3), [Wanting("f", ("a",))])) == 3


def test_nobody_wanting_means_no_offers() -> None:
    assert allocate(ledger(3), []) == []


def test_equal_roles_are_offered_equal_shares() -> None:
    grants = allocate(ledger(10), [Wanting("f", ("a",)), Wanting("g", ("b",))])
    assert sum(grant.framework_id == "f" for grant in grants) == 5


def test_weights_divide_shares() -> None:
    books = ledger(12)
    books.roles.role("a").weight = 2.0
    grants = allocate(books, [Wanting("f", ("a",)), Wanting("g", ("b",))])
    assert sum(grant.framework_id == "f" for grant in grants) == 8


def test_what_a_role_uses_already_counts() -> None:
    books = ledger(10)
    books.bound("pod", "n0", "a", {"cpu": 4000, "memory": 8 * GIB})
    grants = allocate(books, [Wanting("f", ("a",)), Wanting("g", ("b",))])
    assert sum(grant.framework_id == "g" for grant in grants) == 5
    assert len(grants) == 9


def test_siblings_share_what_their_parent_gets() -> None:
    wanting = [Wanting("f", ("k/x",)), Wanting("g", ("k/y",)), Wanting("h", ("batch",))]
    grants = allocate(ledger(12), wanting)
    counts = {f: sum(grant.framework_id == f for grant in grants) for f in "fgh"}
    assert counts == {"f": 3, "g": 3, "h": 6}


def test_the_drf_example_of_the_paper() -> None:
    """9 CPUs, 18 GB; A's tasks take <1, 4>, B's <3, 1>: A runs 3 and B 2 (NSDI 2011, §4.1)."""
    books = Ledger()
    books.set_node("n", {"cpu": 9, "memory": 18}, {}, accepts=True)
    tasks = {"A": {"cpu": 1, "memory": 4}, "B": {"cpu": 3, "memory": 1}}
    running = {"A": 0, "B": 0}
    while True:
        free = books.accounts["n"].free
        able = [r for r in tasks if all(free.get(n, 0) >= v for n, v in tasks[r].items())]
        if not able:
            break
        turn = next(iter(sorter.in_order(books.roles, able, books.total)))
        books.bound(f"{turn}{running[turn]}", "n", turn, tasks[turn])
        running[turn] += 1
    assert running == {"A": 3, "B": 2}


def test_a_declined_node_is_held_back_until_the_filter_ends() -> None:
    books, filters = ledger(1), Filters()
    filters.decline("f", "a", "n0", {"cpu": 4000, "memory": 8 * GIB}, until=5.0)
    assert allocate(books, [Wanting("f", ("a",))], filters, now=4.9) == []
    assert len(allocate(books, [Wanting("f", ("a",))], filters, now=5.0)) == 1


def test_more_than_was_declined_is_offered_at_once() -> None:
    books, filters = ledger(1), Filters()
    filters.decline("f", "a", "n0", {"cpu": 1000, "memory": GIB}, until=5.0)
    assert len(allocate(books, [Wanting("f", ("a",))], filters, now=0.0)) == 1


def test_what_is_too_small_is_not_offered() -> None:
    assert allocate(ledger(2), [Wanting("f", ("a",), smallest={"cpu": 4001})]) == []


def test_limits_bound_what_a_role_is_offered() -> None:
    books = ledger(3)
    books.roles.role("a").limit = {"cpu": 5000}
    grants = allocate(books, [Wanting("f", ("a",))])
    assert sorted(grant.resources["cpu"] for grant in grants) == [1000, 4000]


def test_cordoned_and_full_nodes_are_left_out() -> None:
    books = ledger(2)
    books.set_node("n0", {"cpu": 4000, "memory": 8 * GIB}, {}, accepts=False)
    books.bound("pod", "n1", "a", {"cpu": 4000})
    assert allocate(books, [Wanting("f", ("a",))]) == []


@given(
    st.integers(1, 20),
    st.lists(st.sampled_from(["a", "b", "k/x", "k/y"]), min_size=1, max_size=5),
    st.integers(0, 2**32),
)
def test_all_that_is_free_is_offered_and_each_node_once(
    nodes: int, roles: list[str], seed: int
) -> None:
    wanting = [Wanting(f"f{i}", (role,)) for i, role in enumerate(roles)]
    grants = allocate(ledger(nodes), wanting, seed=seed)
    assert sorted(grant.node for grant in grants) == sorted(f"n{i}" for i in range(nodes))


@given(st.integers(1, 30), st.integers(2, 5), st.integers(0, 2**32))
def test_equal_frameworks_differ_by_one_node_at_most(nodes: int, count: int, seed: int) -> None:
    wanting = [Wanting(f"f{i}", (f"r{i}",)) for i in range(count)]
    grants = allocate(ledger(nodes), wanting, seed=seed)
    held = [sum(g.framework_id == f"f{i}" for g in grants) for i in range(count)]
    assert max(held) - min(held) <= 1


def test_a_guarantee_comes_before_fairness() -> None:
    books = ledger(4)
    books.roles.guarantee("b", {"cpu": 8000})
    books.bound("pod", "n0", "b", {"cpu": 4000, "memory": 8 * GIB})
    grants = allocate(books, [Wanting("f", ("a",)), Wanting("g", ("b",))])
    assert grants[0].role == "b"


def test_tainted_nodes_are_kept_from_those_who_know_nothing_of_taints() -> None:
    books = Ledger()
    books.set_node("n", {"cpu": 4000, "memory": GIB}, {}, accepts=True, tainted=True)
    assert allocate(books, [Wanting("f", ("a",), avoids_taints=True)]) == []
    assert len(allocate(books, [Wanting("f", ("a",))])) == 1


def test_who_names_nodes_is_offered_no_others() -> None:
    picky = Wanting("picky", ("a",), nodes=frozenset({"n1", "unknown"}))
    grants = allocate(ledger(4), [picky, Wanting("any", ("b",))])
    assert {g.node for g in grants if g.framework_id == "picky"} <= {"n1"}
    assert {g.node for g in grants} == {"n0", "n1", "n2", "n3"}
    assert [g.node for g in allocate(ledger(4), [picky])] == ["n1"]
