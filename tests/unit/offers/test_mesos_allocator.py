"""Mesos' own cases of its hierarchical allocator, held against ours.

The names are those of its tests; the numbers are our list's. What is Mesos' batch interval there is
one run here. Cases of the master that need its loop are in `test_mesos_master`.
"""

import pytest

from offers import constraints, parts
from offers.messages import ANY_SIZE
from tests.unit.offers.pool import Pool, amount, kept

ONE = amount(1, 512)
BIG = amount(2, 1024)
LONG = 86400.0


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


def test_09_reservations() -> None:
    pool = Pool()
    pool.framework("fw1", "role1")
    pool.framework("fw2", "role2")
    pool.agent("a", {**kept(ONE, "role1"), **kept(ONE, "role2")})
    offers = {offer.framework_id: offer.resources for offer in pool.run()}
    assert offers == {"fw1": kept(ONE, "role1"), "fw2": kept(ONE, "role2")}
    pool = Pool()
    pool.framework("fw3", "role3")
    pool.agent("a", kept(ONE, "role1"))
    assert pool.run() == []


def test_10_recover_resources() -> None:
    pool = Pool()
    pool.framework("fw", "role1")
    pool.agent("a", {**kept(ONE, "role1"), **ONE})
    offer = pool.only()
    pool.recover(offer)
    again = pool.only()
    assert again.resources == offer.resources
    uid = pool.use(again)
    assert pool.run() == []
    pool.ledger.gone(uid)
    assert pool.only().resources == offer.resources


SIZES = ({"cpu": 10}, {"memory": 32 << 20})


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


def test_14_update_allocation() -> None:
    """RESERVE and CREATE change what was offered in place; the rest returns as it is then."""
    pool = Pool()
    pool.framework("fw", "role1")
    pool.agent("a", {**BIG, "ephemeral-storage": 100})
    volume = kept({"ephemeral-storage": 100}, "role1", detail='{"disk":{"id":"v"}}')
    reserved = kept({"cpu": 1000, "ephemeral-storage": 100}, "role1")
    (disk,) = (key for key in reserved if key.startswith("ephemeral"))
    changes = [
        ({"cpu": 1000, "ephemeral-storage": 100}, reserved),
        ({disk: 100}, volume),
    ]
    uid = pool.use(pool.only(), {**kept({"cpu": 500}, "role1"), **volume}, changes)
    rest = pool.only().resources
    assert rest == {**kept({"cpu": 500}, "role1"), "cpu": 1000, "memory": BIG["memory"]}
    pool.ledger.gone(uid)
    assert pool.ledger.accounts["a"].carved == {
        "cpu": -1000, "ephemeral-storage": -100, **kept({"cpu": 1000}, "role1"), **volume,
    }  # fmt: skip
    assert pool.ledger.total == {**BIG, "ephemeral-storage": 100}


def test_15_update_slave_total_resources() -> None:
    """An agent that shrinks below what is used of it survives, and is offered when it is free."""
    pool = Pool()
    pool.framework("fw")
    pool.agent("a", amount(100, 512))
    uid = pool.use(pool.only(), amount(80, 256))
    pool.agent("a", amount(60, 512))
    assert pool.ledger.accounts["a"].free["cpu"] == -20_000
    assert pool.run() == []
    pool.ledger.gone(uid)
    assert pool.only().resources == amount(60, 512)


def test_16_remove_slave_recover_resources() -> None:
    pool = Pool()
    pool.framework("fw", "role1")
    pool.agent("a", {**kept(ONE, "role1"), **ONE})
    uid = pool.use(pool.only(), ONE)
    assert [offer.framework_id for offer in pool.run()] == ["fw"]
    assert len(pool.ledger.remove_node("a")) == 1
    assert pool.ledger.total == {}
    assert pool.ledger.roles.role("role1").reserved == {}
    pool.ledger.gone(uid)
    assert pool.ledger.roles.root.allocated == {}
    assert pool.ledger.accounts == {}


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


def test_20_quota_provides_guarantee() -> None:
    """What one with a guarantee declines is held back for it, not given to others."""
    pool = Pool()
    pool.quota("quota", amount(2, 1024), {})
    pool.framework("fw1", "quota")
    pool.framework("fw2", "other")
    pool.agents(2, ONE)
    offers = pool.run()
    assert pool.held(offers) == {"fw1": 2}
    for offer in offers:
        pool.recover(offer, refuse=LONG)
    assert pool.run() == []
    pool.filters.clear("fw1")
    assert pool.held(pool.run()) == {"fw1": 2}


def test_21_quota_provides_limit() -> None:
    pool = Pool()
    pool.quota("quota", {}, ONE)
    pool.framework("fw", "quota")
    pool.agents(3, ONE)
    assert pool.total(pool.run()) == 1000
    assert pool.run() == []


def test_22_remove_quota() -> None:
    pool = Pool()
    pool.quota("quota", amount(4, 2048), {})
    pool.framework("fw1", "quota")
    pool.framework("fw2", "other")
    pool.agents(4, ONE)
    offers = pool.run()
    assert pool.held(offers) == {"fw1": 4}
    for offer in offers:
        pool.recover(offer)
    pool.quota("quota", {})
    assert pool.held(pool.run()) == {"fw1": 2, "fw2": 2}


def test_23_multiple_frameworks_in_role_with_quota() -> None:
    pool = Pool()
    pool.quota("quota", amount(4, 2048))
    pool.framework("fw1", "quota")
    pool.framework("fw2", "quota")
    pool.agents(4, ONE)
    assert pool.held(pool.run()) == {"fw1": 2, "fw2": 2}


def test_24_quota_allocation_granularity() -> None:
    """An agent is cut: the role gets its quota and not the rest of the agent."""
    pool = Pool()
    pool.quota("quota", amount(1, 200))
    pool.framework("fw1", "quota")
    pool.framework("fw2", "other")
    pool.agent("a", amount(2, 1024))
    found = {offer.framework_id: offer.resources for offer in pool.run()}
    assert found == {"fw1": amount(1, 200), "fw2": amount(1, 824)}


def test_25_quota_allocation_granularity_unchoppable_resource() -> None:
    """A volume goes whole or not at all, whatever the role's limit says."""
    pool = Pool()
    pool.quota("quota", {}, {"cpu": 1000, "memory": ONE["memory"], "ephemeral-storage": 10})
    pool.framework("fw", "quota")
    mount = parts.Part("ephemeral-storage", detail='{"disk":{"source":{"type":"MOUNT"}}}').key
    pool.agent("a", {**BIG, mount: 100})
    assert pool.only().resources == {**ONE, mount: 100}


def test_26_quota_role_allocate_non_quota_resource() -> None:
    """What a quota says nothing of comes along."""
    pool = Pool()
    pool.quota("quota", {"cpu": 1000}, {"cpu": 1000})
    pool.framework("fw", "quota")
    pool.agent("a", amount(2, 1024, **{"ephemeral-storage": 100}))
    assert pool.only().resources == amount(1, 1024, **{"ephemeral-storage": 100})


def test_27_drf_with_quota() -> None:
    """Beyond the guarantee, roles with and without quota share by DRF."""
    pool = Pool()
    pool.quota("quota", amount(0.25, 128), {})
    pool.framework("fw1", "quota")
    pool.framework("fw2", "other")
    assert pool.only(pool.agent("a1", ONE)).framework_id == "fw1"
    assert pool.only(pool.agent("a2", ONE)).framework_id == "fw2"
    rest = [pool.only(pool.agent(name, ONE)).framework_id for name in ("a3", "a4")]
    assert sorted(rest) == ["fw1", "fw2"]


def test_28_quota_against_starvation() -> None:
    """Who would lose every turn to one that declines at once is served by a guarantee."""
    pool = Pool()
    pool.framework("fw1", "quota")
    pool.framework("fw2", "idle")
    pool.agents(2, ONE)
    first = next(offer for offer in pool.run() if offer.framework_id == "fw1")
    pool.use(first)
    for offer in list(pool.ledger.offers.values()):
        pool.recover(offer)
    for _ in range(3):
        offer = pool.only()
        assert offer.framework_id == "fw2"
        pool.recover(offer)
    pool.quota("quota", amount(2, 1024))
    assert pool.only().framework_id == "fw1"


def test_29_quota_absent_framework_whole_agent() -> None:
    """The headroom of a role that has nobody stays free."""
    pool = Pool()
    pool.quota("quota", amount(2, 1024))
    pool.framework("fw", "other")
    pool.agents(4, ONE)
    assert pool.total(pool.run()) == 2000
    assert pool.run() == []


def test_30_multi_quota_with_frameworks() -> None:
    pool = Pool()
    pool.quota("quota1", amount(2, 1024))
    pool.quota("quota2", amount(1, 512))
    pool.framework("fw1", "quota1")
    pool.framework("fw2", "quota2")
    pool.framework("fw3", "other")
    pool.agents(4, ONE)
    assert pool.held(pool.run()) == {"fw1": 2, "fw2": 1, "fw3": 1}


def test_31_reservation_within_quota() -> None:
    """A reservation is part of the quota: it is not given on top."""
    pool = Pool()
    pool.quota("quota", amount(2, 512))
    pool.framework("fw1", "quota")
    pool.framework("fw2", "other")
    pool.agent("a", {**kept(amount(1, 256), "quota"), **amount(3, 1024)})
    found = {offer.framework_id: parts.folded(offer.resources) for offer in pool.run()}
    assert found == {"fw1": amount(2, 512), "fw2": amount(2, 768)}


def test_32_quota_set_aside_reserved_resources() -> None:
    """What is reserved for others serves no guarantee: the unreserved rest is kept for it."""
    pool = Pool()
    pool.quota("quota", amount(4, 512))
    pool.agent("a1", {**kept(amount(8, 3072), "other"), **amount(4, 1024)})
    pool.framework("fw", "other")
    assert pool.only().resources == {**kept(amount(8, 3072), "other"), "memory": 512 << 20}


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


def test_38_offer_ancestor_reservations_to_descendant_child() -> None:
    pool = Pool()
    pool.framework("fw1", "a/b/c")
    pool.framework("fw2", "d")
    pool.agent("s", {**kept(ONE, "a"), **kept(ONE, "a/b")})
    offer = pool.only()
    assert (offer.framework_id, len(offer.resources)) == ("fw1", 4)
    pool = Pool()
    pool.framework("fw3", "a")
    pool.agent("s", kept(ONE, "a/b"))
    assert pool.run() == []


def test_39_quota_with_nested_role_allocation() -> None:
    """What those below a role hold counts against its quota."""
    pool = Pool()
    pool.quota("a", amount(2, 1024))
    pool.framework("fw1", "a/b")
    pool.framework("fw2", "a/c")
    pool.framework("fw3", "d")
    pool.agents(4, ONE)
    assert pool.held(pool.run()) == {"fw1": 1, "fw2": 1, "fw3": 2}


def test_42_oversubscribed_not_allocated() -> None:
    revocable = kept(ONE, "", parts.REVOCABLE)
    for capable in (False, True):
        pool = Pool()
        names = frozenset(["REVOCABLE_RESOURCES"] if capable else [])
        pool.framework("fw", capabilities=names)
        pool.agent("a", {**ONE, **revocable})
        assert pool.only().resources == ({**ONE, **revocable} if capable else ONE)


# --- rules of §3.1 that have no case of their own


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


def test_refined_reservations_are_for_those_who_know_of_them() -> None:
    pool = Pool()
    pool.framework("fw", "a/b", capabilities=frozenset())
    pool.agent("s", {**kept(ONE, "a/b", parts.REFINED), **ONE})
    offer = pool.only()
    assert offer.resources == ONE
    pool.recover(offer)
    pool.change("fw", capabilities=frozenset(["RESERVATION_REFINEMENT"]))
    assert len(pool.only().resources) == 4


def test_a_shared_volume_is_offered_to_several_at_once() -> None:
    pool = Pool()
    volume = kept({"ephemeral-storage": 10}, "a", parts.SHARED, '{"disk":{"id":"v"}}')
    pool.framework("fw1", "a")
    pool.framework("fw2", "a")
    pool.agent("s", {**BIG, **volume})
    first = pool.only()
    pool.use(first, {**ONE, **volume})
    second = pool.only()
    assert second.framework_id != first.framework_id
    assert second.resources == {**ONE, **volume}
    pool.use(second)
    assert pool.ledger.accounts["s"].used == BIG


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


def test_ports_are_dealt_in_proportion() -> None:
    """MESOS-9324: a quota that cuts an agent must not take all its ports."""
    pool = Pool()
    pool.quota("quota", amount(1, 512))
    pool.framework("fw1", "quota", wants_ports=True, sizes=ANY_SIZE)
    pool.framework("fw2", "other", wants_ports=True)
    pool.ledger.set_node("a", amount(4, 2048), {}, accepts=True, ports=((20000, 29999),))
    found = {offer.framework_id: offer.ports for offer in pool.run()}
    assert found == {"fw1": ((20000, 22499),), "fw2": ((22500, 29999),)}


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
