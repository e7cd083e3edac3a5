"""Mesos' own cases of its hierarchical allocator: in which order, and to whom how much.

The names and numbers are those of our list of its tests; what is Mesos' batch interval there is one
run here.
"""

from offers import parts
from tests.unit.offers.pool import Pool, amount, kept

ONE = amount(1, 512)
BIG = amount(2, 1024)


def test_01_unreserved_drf() -> None:
    pool = Pool()
    pool.framework("fw1", "role1")
    pool.framework("fw2", "role2")
    offered = []
    sizes = ((2, 1024), (1, 512), (3, 2048), (4, 4096), (1, 512))
    for number, size in enumerate(sizes, start=1):
        if number >= 4:
            pool.framework(f"fw{number - 1}", "role1")
        offered.append(pool.only(pool.agent(f"a{number}", amount(*size))).framework_id)
    assert offered == ["fw1", "fw2", "fw2", "fw3", "fw2"]


def test_02_reserved_drf() -> None:
    """What a role holds of its reservations counts in its share."""
    pool = Pool()
    pool.framework("fw1", "role1")
    pool.framework("fw2", "role2")
    pool.agent("a1", {**kept(amount(1, 512), "role1"), **amount(1, 512)})
    first = pool.only()
    assert first.framework_id == "fw1"
    assert parts.folded(first.resources) == amount(2, 1024)
    assert pool.only(pool.agent("a2", BIG)).framework_id == "fw2"
    pool.agent("a3", kept(amount(2, 1024), "role1"))
    assert pool.only("a3").framework_id == "fw1"
    assert pool.only(pool.agent("a4", BIG)).framework_id == "fw2"


def test_03_drf_with_fairness_exclusion() -> None:
    """Excluded names are what no share counts: ports are no entry of the vectors at all."""
    pool = Pool()
    pool.framework("fw1", "role1", wants_ports=True)
    pool.framework("fw2", "role2", wants_ports=True)
    pool.ledger.set_node("a", BIG, {}, accepts=True, ports=((20000, 29999),))
    offer = pool.only()
    assert offer.ports
    assert set(pool.ledger.roles.role(offer.role).allocated) == {"cpu", "memory"}


def test_04_nested_role_drf() -> None:
    pool = Pool()
    pool.framework("fw1", "a/b")
    pool.framework("fw2", "a/c")
    pool.framework("fw3", "d")
    offered = [pool.only(pool.agent(f"s{n}", ONE)).framework_id for n in range(8)]
    # `d` has as much as `a/b` and `a/c` have together.
    assert offered.count("fw3") == 4
    assert offered.count("fw1") == offered.count("fw2") == 2


def test_07_coarse_grained() -> None:
    pool = Pool()
    pool.framework("fw1", "r1")
    pool.framework("fw2", "r2")
    pool.agents(2, BIG)
    offers = pool.run()
    assert pool.held(offers) == {"fw1": 1, "fw2": 1}
    assert all(offer.resources == BIG for offer in offers)


def test_08_same_share_fairness() -> None:
    pool = Pool()
    pool.framework("fw1")
    pool.framework("fw2")
    pool.agent("a", ONE)
    turns = []
    for _ in range(10):
        offer = pool.only()
        turns.append(offer.framework_id)
        pool.recover(offer)
    assert turns == ["fw1", "fw2"] * 5


def test_19_no_double_accounting() -> None:
    """Usage, role and agent may come to be known in any order."""
    books = []
    for agent_first in (True, False):
        pool = Pool()
        if agent_first:
            pool.agent("a", BIG)
        pool.ledger.bound("pod", "a", "role1", ONE)
        pool.agent("a", BIG)
        pool.ledger.bound("pod", "a", "role1", ONE)
        pool.framework("fw", "role1")
        offer = pool.only()
        books.append((offer.resources, dict(pool.ledger.roles.role("role1").allocated)))
    assert books[0] == books[1] == (ONE, BIG)


def test_37_update_weight() -> None:
    pool = Pool()
    pool.framework("fw1", "role1")
    pool.framework("fw2", "role2")
    pool.agents(6, BIG)
    pool.ledger.roles.role("role2").weight = 2.0
    offers = pool.run()
    assert pool.held(offers) == {"fw1": 2, "fw2": 4}
    for offer in offers:
        pool.recover(offer)
    pool.framework("fw3", "role3")
    pool.ledger.roles.role("role3").weight = 3.0
    assert pool.held(pool.run()) == {"fw1": 1, "fw2": 2, "fw3": 3}
