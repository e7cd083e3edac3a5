"""Mesos' own cases of its hierarchical allocator: who is asked again, who is left out.

The names and numbers are those of our list of its tests; what is Mesos' batch interval there is one
run here.
"""

import pytest

from offers import constraints
from tests.unit.offers.pool import Pool, amount

ONE = amount(1, 512)
BIG = amount(2, 1024)
LONG = 86400.0
SIZES = ({"cpu": 10}, {"memory": 32 << 20})


def test_05_offer_filter() -> None:
    pool = Pool()
    pool.framework("fw")
    pool.agent("a", ONE)
    pool.recover(pool.only(), refuse=5.0)
    assert pool.run() == []
    pool.now = 5.0
    assert pool.only().framework_id == "fw"


def test_06_small_offer_filter_timeout() -> None:
    """Ours is exact: a filter of a millisecond holds for a millisecond, an allocation is no batch."""
    pool = Pool()
    pool.framework("fw")
    pool.agent("a", ONE)
    pool.recover(pool.only(), refuse=0.001)
    assert pool.run() == []
    pool.now = 0.001
    assert len(pool.run()) == 1


@pytest.mark.parametrize(
    ("cpus", "mem", "offered"),
    [(0.005, 16, False), (0.01, 16, True), (0.005, 32, True), (0.02, 64, True), (0.0, 31, False)],
)
def test_11_allocatable(cpus: float, mem: int, *, offered: bool) -> None:
    pool = Pool()
    pool.framework("fw", sizes=SIZES)
    pool.agent("a", amount(cpus, mem))
    assert len(pool.run()) == offered


def test_12_framework_min_allocatable() -> None:
    pool = Pool()
    sizes = {"role1": ({"cpu": 2000, "memory": 1}, {"memory": 4096 << 20})}
    pool.framework("fw", "role1", "role2", sizes=SIZES, role_sizes=sizes)
    pool.agent("a", ONE)
    # The set holds for its role only.
    assert pool.only().role == "role2"
    pool.change("fw", roles=("role1",))
    pool.agent("b", amount(2, 1))
    assert pool.only("b").role == "role1"


def test_13_framework_empty_min_allocatable() -> None:
    pool = Pool()
    pool.framework("fw", "role1", sizes=SIZES, role_sizes={"role1": ()})
    pool.agent("a", amount(0.001, 1))
    assert pool.only().role == "role1"


def test_17_framework_loop_mesos_9554() -> None:
    """One that can't take an agent does not end the turn of those after it."""
    pool = Pool()
    pool.framework("fw1", "role1", capabilities=frozenset())
    pool.framework("fw2", "role2")
    pool.agent("a", {**BIG, "nvidia.com/gpu": 1})
    assert pool.only().framework_id == "fw2"


def test_18_whitelist() -> None:
    """A cordoned node is what is not on the list."""
    pool = Pool()
    pool.framework("fw")
    pool.ledger.set_node("a", BIG, {}, accepts=False)
    assert pool.run() == []
    pool.agent("a", BIG)
    assert len(pool.run()) == 1


def test_33_deactivate_and_reactivate_framework() -> None:
    """A framework that comes back has its filters no more."""
    pool = Pool()
    pool.framework("fw")
    pool.agent("a", ONE)
    pool.recover(pool.only(), refuse=LONG)
    pool.filters.clear("fw")
    assert len(pool.run()) == 1


def test_34_suppress_and_revive_offers() -> None:
    pool = Pool()
    pool.framework("fw")
    pool.agent("a", ONE)
    pool.change("fw", roles=())
    assert pool.run() == []
    pool.change("fw", roles=("*",))
    assert len(pool.run()) == 1


def test_35_revive_offers() -> None:
    pool = Pool()
    pool.framework("fw")
    pool.agent("a", ONE)
    pool.recover(pool.only(), refuse=1000.0)
    assert pool.run() == []
    pool.filters.clear("fw", ("*",))
    assert len(pool.run()) == 1


def test_36_suppress_and_revive_offers_with_multi_role() -> None:
    pool = Pool()
    pool.framework("fw", "role1", "role2")
    pool.agent("a", ONE)
    pool.change("fw", roles=("role2",))
    offer = pool.only()
    assert offer.role == "role2"
    pool.recover(offer, refuse=LONG)
    pool.change("fw", roles=("role1", "role2"))
    offer = pool.only()
    assert offer.role == "role1"
    pool.recover(offer, refuse=LONG)
    pool.filters.clear("fw", ("role2",))
    assert pool.only().role == "role2"


def test_gpus_are_for_those_who_know_of_them() -> None:
    pool = Pool()
    pool.framework("fw", capabilities=frozenset())
    pool.agent("a", {**ONE, "nvidia.com/gpu": 2})
    assert pool.run() == []
    pool.change("fw", capabilities=frozenset(["GPU_RESOURCES"]))
    assert pool.only().resources["nvidia.com/gpu"] == 2


def test_other_regions_are_for_those_who_know_of_regions() -> None:
    pool = Pool(region="here")
    region = "topology.kubernetes.io/region"
    pool.framework("fw", capabilities=frozenset())
    pool.agent("far", ONE, {region: "there"})
    pool.agent("near", ONE, {region: "here"})
    pool.agent("unsaid", ONE)
    assert {offer.node for offer in pool.run()} == {"near", "unsaid"}
    pool.change("fw", capabilities=frozenset(["REGION_AWARE"]))
    assert pool.only().node == "far"


def test_offer_constraints_keep_nodes_away() -> None:
    pool = Pool()
    wish = constraints.parse(
        {
            "role_constraints": {
                "*": {
                    "groups": [
                        {
                            "attribute_constraints": [
                                {
                                    "selector": {"attribute_name": "disk"},
                                    "predicate": {"text_equals": {"value": "ssd"}},
                                }
                            ]
                        }
                    ]
                }
            }
        }
    )
    pool.framework("fw", constraints=wish)
    pool.agent("a", ONE, {"disk": "hdd"})
    pool.agent("b", ONE, {"disk": "ssd"})
    pool.agent("c", ONE)
    assert pool.only().node == "b"


def test_nobody_holds_more_than_its_part_unanswered() -> None:
    pool = Pool()
    for number in range(4):
        pool.framework(f"fw{number}", f"role{number}", may_hoard=False)
    pool.agents(8, ONE)
    for _ in range(8):
        for offer in pool.run():
            held = [o for o in pool.ledger.offers.values() if o.framework_id == offer.framework_id]
            assert len(held) <= 4  # twice a fourth of eight
    pool = Pool()
    pool.framework("alone", may_hoard=False)
    pool.agents(8, ONE)
    assert len(pool.run()) == 8


def test_optimistic_offers() -> None:
    """MESOS-1607: the same for two, and the first that accepts has it."""
    pool = Pool(rivals=2)
    for number in range(3):
        pool.framework(f"fw{number}", f"role{number}")
    pool.agent("a", ONE)
    first, second = pool.run()
    assert first.framework_id != second.framework_id
    assert first.resources == second.resources == ONE
    assert pool.ledger.accounts["a"].offered == ONE
    assert pool.ledger.rivals(second.id) == [first.id]
    pool.ledger.give_back(first.id)
    assert pool.ledger.accounts["a"].offered == ONE
    assert pool.ledger.roles.role(second.role).allocated == ONE
    pool.use(second)
    assert pool.ledger.accounts["a"].used == ONE
    assert not pool.ledger.offers
