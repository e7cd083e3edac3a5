"""Mesos' own cases of its hierarchical allocator: reservations, volumes, and what changes kind.

The names and numbers are those of our list of its tests; what is Mesos' batch interval there is one
run here.
"""

from offers import parts
from offers.messages import ANY_SIZE
from tests.unit.offers.pool import Pool, amount, kept

ONE = amount(1, 512)
BIG = amount(2, 1024)


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


def test_42_oversubscribed_not_allocated() -> None:
    revocable = kept(ONE, "", parts.REVOCABLE)
    for capable in (False, True):
        pool = Pool()
        names = frozenset(["REVOCABLE_RESOURCES"] if capable else [])
        pool.framework("fw", capabilities=names)
        pool.agent("a", {**ONE, **revocable})
        assert pool.only().resources == ({**ONE, **revocable} if capable else ONE)


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


def test_ports_are_dealt_in_proportion() -> None:
    """MESOS-9324: a quota that cuts an agent must not take all its ports."""
    pool = Pool()
    pool.quota("quota", amount(1, 512))
    pool.framework("fw1", "quota", wants_ports=True, sizes=ANY_SIZE)
    pool.framework("fw2", "other", wants_ports=True)
    pool.ledger.set_node("a", amount(4, 2048), {}, accepts=True, ports=((20000, 29999),))
    found = {offer.framework_id: offer.ports for offer in pool.run()}
    assert found == {"fw1": ((20000, 22499),), "fw2": ((22500, 29999),)}
