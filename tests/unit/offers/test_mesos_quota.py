"""Mesos' own cases of its hierarchical allocator: guarantees, limits, and what is kept.

The names and numbers are those of our list of its tests; what is Mesos' batch interval there is one
run here.
"""

from offers import parts
from tests.unit.offers.pool import Pool, amount, kept

ONE = amount(1, 512)
BIG = amount(2, 1024)
LONG = 86400.0


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


def test_39_quota_with_nested_role_allocation() -> None:
    """What those below a role hold counts against its quota."""
    pool = Pool()
    pool.quota("a", amount(2, 1024))
    pool.framework("fw1", "a/b")
    pool.framework("fw2", "a/c")
    pool.framework("fw3", "d")
    pool.agents(4, ONE)
    assert pool.held(pool.run()) == {"fw1": 1, "fw2": 1, "fw3": 2}
