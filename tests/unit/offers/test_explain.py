"""Why a framework that wants offers has none, in words for people."""

from collections.abc import Callable

import pytest

from offers import explain
from offers.allocator import Wanting
from tests.unit.offers.pool import Pool, amount

HAS = amount(4, 1024)


def held(pool: Pool) -> None:
    pool.framework("g", "eng/held")
    pool.use(pool.only("agent000"), amount(4, 1024))


def reached(pool: Pool) -> None:
    pool.quota("eng", {}, {"cpu": 2500})
    pool.ledger.roles.charge("eng/other", {"cpu": 2500})


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (lambda pool: None, "it is about to be offered some"),
        (held, "1 of 2 nodes: 1 have nothing free"),
        (lambda pool: pool.quota("sci", amount(8, 2048)), "0 of 2 nodes: 2 kept for the guar"),
        (reached, "role eng may have cpu=2500m, and has 2500m"),
        (lambda pool: [pool.ledger.remove_node(f"agent00{n}") for n in (0, 1)], "there are no"),
    ],
)
def test_why(happens: Callable[[Pool], object], said: str) -> None:
    pool = Pool()
    pool.agents(2, HAS)
    happens(pool)
    one = Wanting("f", ("eng",))
    assert explain.why(pool.ledger, one, "eng", pool.filters, now=0.0).startswith(said)


def test_what_is_declined_is_told_as_such() -> None:
    pool = Pool()
    pool.agents(2, HAS)
    pool.framework("f", "eng")
    for offer in pool.run():
        pool.recover(offer, refuse=60.0)
    one = pool.frameworks["f"]
    assert explain.why(pool.ledger, one, "eng", pool.filters, now=0.0) == (
        "0 of 2 nodes: 2 declined"
    )
