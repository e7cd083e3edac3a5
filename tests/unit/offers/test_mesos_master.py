"""Mesos' cases of master and allocator together, and what ours does better: in virtual time."""

import itertools
import time

import pytest

from offers import demand, messages
from offers.messages import Offers, Rescind
from tests.unit.offers.masters import Node, Taint, running

pytestmark = pytest.mark.looptime(start=time.monotonic)


async def test_49_resources_unused() -> None:
    """What a launch leaves over is offered to another at once, to the same one after its filter."""
    async with running() as world:
        world.node("n", cpu=4000)
        one = world.framework("one", "a")
        await world.settle()
        one.launch(cpu=1000, memory=1, seconds=60)
        two = world.framework("two", "b")
        await world.settle()
        (offer,) = two.offers.values()
        assert offer.resources["cpu"] == 3000
        assert not one.offers


async def test_50_scheduler_failover() -> None:
    """A framework that comes back finds what its tasks use still taken, the rest offered anew."""
    async with running() as world:
        world.node("n", cpu=4000)
        one = world.framework("one")
        await world.settle()
        one.launch(cpu=1000, memory=1)
        world.master.unsubscribe("one")
        again = world.framework("one")
        await world.settle()
        (offer,) = again.offers.values()
        assert offer.resources["cpu"] == 3000


async def test_51_slave_lost() -> None:
    async with running() as world:
        world.node("n")
        one = world.framework("one")
        await world.settle()
        (offer_id,) = one.offers
        world.nodes.remove("n")
        await world.settle()
        assert one.rescinded == [offer_id]
        assert not one.offers
        assert world.master.ledger.total == {}


async def test_52_task_finished() -> None:
    async with running() as world:
        world.node("n", cpu=4000)
        one = world.framework("one")
        await world.settle()
        uid = one.launch()
        await world.settle()
        assert not one.offers
        world.end(uid)
        await world.settle()
        (offer,) = one.offers.values()
        assert offer.resources["cpu"] == 4000


@pytest.mark.parametrize("first", ["framework", "agent"])
async def test_53_framework_or_slave_reregisters_first(first: str) -> None:
    async with running() as world:
        if first == "agent":
            world.node("n")
        one = world.framework("one")
        world.node("n")
        await world.settle()
        assert one.nodes == ["n"]


async def test_54_offer_timeout() -> None:
    async with running(offer_timeout=30.0) as world:
        world.node("n")
        one = world.framework("one")
        await world.settle()
        (offer_id,) = one.offers
        await world.settle(29.0)
        assert not one.rescinded
        await world.settle(1.1)
        assert one.rescinded == [offer_id]
        assert one.nodes == ["n"]  # offered again: without a filter


async def test_54_offer_not_rescinded_once_used_or_declined() -> None:
    async with running(offer_timeout=30.0) as world:
        world.node("n1")
        world.node("n2")
        one = world.framework("one")
        await world.settle()
        one.launch()
        one.decline(3600)
        await world.settle(100)
        assert not one.rescinded


async def test_55_launch_combined_offer() -> None:
    """Two offers of one agent carry one launch that neither could."""
    async with running() as world:
        world.node("n", cpu=4000)
        one = world.framework("one")
        await world.settle()
        uid = one.launch(cpu=3000, memory=1)
        await world.settle()
        world.end(uid)
        await world.settle()
        assert [offer.resources["cpu"] for offer in one.offers.values()] == [1000, 3000]
        whole = messages.Launch("whole", "*", {"cpu": 4000})
        assert one.call(messages.Accept(tuple(one.offers), (whole,)))


async def test_56_launch_across_slaves() -> None:
    async with running() as world:
        world.node("n1")
        world.node("n2")
        one = world.framework("one")
        await world.settle()
        wide = messages.Launch("wide", "*", {"cpu": 5000})
        assert not one.call(messages.Accept(tuple(one.offers), (wide,)))
        assert not world.master.ledger.usages


async def test_57_launch_duplicate_offer() -> None:
    """An offer named twice is one offer: it carries no more than it has."""
    async with running() as world:
        world.node("n", cpu=4000)
        one = world.framework("one")
        await world.settle()
        (offer_id,) = one.offers
        twice = messages.Launch("twice", "*", {"cpu": 8000})
        assert not one.call(messages.Accept((offer_id, offer_id), (twice,)))


async def test_41_remove_filters() -> None:
    """A node with other attributes is another node: who declined it is asked again."""
    async with running() as world:
        world.node("n")
        one = world.framework("one")
        await world.settle()
        one.decline(3600)
        await world.settle()
        assert not one.offers
        world.node("n", labels={"disk": "ssd"})
        await world.settle()
        assert one.nodes == ["n"]


async def test_69_no_offers_with_all_roles_suppressed() -> None:
    async with running() as world:
        world.node("n")
        one = world.framework("one", "a", "b", suppressed=("a", "b"))
        await world.settle(10)
        assert not one.events
        world.master.unsubscribe("one")
        again = world.framework("one", "a", "b", suppressed=("a", "b"))
        await world.settle(10)
        assert not again.events
        again.call(messages.Revive(roles=("b",)))
        await world.settle()
        assert [offer.role for offer in again.offers.values()] == ["b"]


# --- what Mesos' users complained of (§6.4)


async def test_a_declined_agent_is_with_another_within_20_ms() -> None:
    async with running() as world:
        world.node("n")
        one = world.framework("one", "a")
        await world.settle()
        two = world.framework("two", "b")
        await world.settle()
        began = world.now
        one.decline()
        await world.settle()
        when, event = two.events[-1]
        assert isinstance(event, Offers)
        assert when - began <= 0.02


async def test_a_filter_ends_to_the_moment_without_a_sweep() -> None:
    async with running() as world:
        world.node("n")
        one = world.framework("one")
        await world.settle()
        one.decline(5.0)
        began = world.now
        await world.settle(6)
        when, _ = one.events[-1]
        assert 5.0 <= when - began <= 5.02


async def test_a_burst_of_changes_is_few_allocations() -> None:
    async with running() as world:
        one = world.framework("one")
        for number in range(100):
            world.node(f"n{number}")
        await world.settle()
        assert len(one.offers) == 100
        assert len(one.events) <= 2


async def test_an_event_holds_a_hundred_offers_at_most() -> None:
    async with running() as world:
        for number in range(250):
            world.node(f"n{number}")
        one = world.framework("one")
        await world.settle()
        sizes = [len(e.offers) for _, e in one.events if isinstance(e, Offers)]
        assert sum(sizes) == 250
        assert max(sizes) <= 100


async def test_who_has_nothing_gets_an_offer_of_who_sits_on_many() -> None:
    async with running(offer_timeout=300.0) as world:
        for number in range(6):
            world.node(f"n{number}")
        one = world.framework("one", "a")
        await world.settle()
        assert len(one.offers) == 6
        two = world.framework("two", "b")
        await world.settle(demand.HELD_S + 2.0)
        assert len(two.offers) >= 1
        assert len(one.rescinded) == len(two.offers)


async def test_nobody_loses_an_offer_to_one_who_has_as_much() -> None:
    async with running(offer_timeout=300.0) as world:
        world.node("n0")
        one = world.framework("one", "a")
        await world.settle()
        two = world.framework("two", "b")
        await world.settle(60.0)
        # To take the only node from one would only turn the tables.
        assert not one.rescinded
        assert not two.offers


async def test_one_that_declines_for_ever_rests_longer_and_longer() -> None:
    async with running() as world:
        world.node("n")
        one = world.framework("one")
        rounds = []
        for _ in range(9):
            while not one.offers:
                await world.settle(0.01)
            rounds.append(world.now)
            one.decline(0.0)
        gaps = [round(b - a, 1) for a, b in itertools.pairwise(rounds)]
        assert gaps[:3] == [0.0, 0.0, 0.0]
        assert gaps[3:] == [0.5, 1.0, 2.0, 4.0, 8.0]
        began = world.now
        one.call(messages.Revive())
        await world.settle()
        assert one.offers
        assert one.events[-1][0] - began <= 0.02


async def test_a_launch_ends_the_rest() -> None:
    async with running() as world:
        world.node("n")
        one = world.framework("one")
        for _ in range(6):
            while not one.offers:
                await world.settle(0.01)
            one.decline(0.0)
        while not one.offers:
            await world.settle(0.01)
        one.launch(cpu=1000, memory=1)
        began = world.now
        await world.settle()
        assert one.events[-1][0] - began <= 0.02


async def test_optimistic_offers_and_the_second_to_accept() -> None:
    async with running(rivals=2) as world:
        world.node("n")
        one, two = world.framework("one", "a"), world.framework("two", "b")
        await world.settle()
        assert one.nodes == two.nodes == ["n"]
        (late,) = two.offers
        one.launch()
        await world.settle()
        assert two.rescinded == [late]
        launch = messages.Launch("late", "b", {"cpu": 1})
        assert not two.call(messages.Accept((late,), (launch,)))
        assert world.master.ledger.accounts["n"].free == {}


async def test_a_taint_takes_offers_back_from_those_who_know_none() -> None:
    async with running() as world:
        world.node("n")
        one = world.framework("one")
        await world.settle()
        world.nodes.set("n", Node({"cpu": 4000, "memory": 1 << 30}, taints=(Taint(),)))
        await world.settle()
        assert not one.offers
        assert any(isinstance(event, Rescind) for _, event in one.events)


async def test_a_new_limit_takes_back_what_is_beyond_it() -> None:
    async with running() as world:
        f, other = world.framework("f", "web/shop"), world.framework("other", "eng")
        for name in ("n1", "n2", "n3", "n4"):
            world.node(name)
        await world.settle()
        assert (len(f.offers), len(other.offers)) == (2, 2)
        world.master.configure("web", 1.0, {}, {"cpu": 4000})
        assert (len(f.rescinded), len(f.offers), len(other.rescinded)) == (1, 1, 0)
        await world.settle()
        assert (len(f.offers), len(other.offers)) == (1, 3)


async def test_a_new_guarantee_takes_back_what_it_needs() -> None:
    """From who has nothing guaranteed, and no more than that."""
    async with running() as world:
        world.master.configure("own", 1.0, {"cpu": 4000}, {"cpu": 4000})
        own, f = world.framework("own", "own"), world.framework("f", "web")
        for name in ("n1", "n2", "n3", "n4"):
            world.node(name)
        await world.settle()
        assert (len(own.offers), len(f.offers)) == (1, 3)
        world.master.configure("eng", 1.0, {"cpu": 6000}, {})
        assert (len(own.rescinded), len(f.rescinded), len(f.offers)) == (0, 2, 1)
        late = world.framework("late", "eng")
        await world.settle()
        assert len(late.offers) == 2


GONE = Taint("NoExecute", "node.kubernetes.io/unreachable")


@pytest.mark.parametrize("how", ["unreachable", "down", "removed"])
async def test_what_is_not_there_counts_for_nothing(how: str) -> None:
    """Neither in the total nor against a limit; back again, it does, though it be too much."""
    changes = {"unreachable": {"taints": (GONE,)}, "down": {"maintenance": '{"down": true}'}}
    async with running(role_of_pod=lambda _: "web") as world:
        world.master.configure("web", 1.0, {}, {"cpu": 4000})
        f = world.framework("f", "web")
        world.node("n1")
        await world.settle()
        f.launch()
        world.node("n2")
        await world.settle()
        assert not f.offers
        if how == "removed":
            world.nodes.remove("n1")
        else:
            world.node("n1", **changes[how])
        await world.settle()
        assert f.nodes == ["n2"]
        ledger = world.master.ledger
        assert ledger.total["cpu"] == 4000
        assert ledger.roles.root.allocated["cpu"] == 4000
        f.launch()
        world.node("n1")
        await world.settle()
        assert ledger.total["cpu"] == ledger.roles.role("web").consumed["cpu"] == 8000
        world.end("f-1")
        await world.settle()
        assert not f.offers  # n1 is free, and n2 is all that the role may have


async def test_a_framework_that_never_answers_harms_nobody() -> None:
    """Three frameworks, one silent: the others work on, and it never has more than its part."""
    async with running(offer_timeout=30.0) as world:
        for number in range(9):
            world.node(f"n{number}", cpu=1000)
        silent = world.framework("silent", "a")
        busy = [world.framework(f"busy{n}", f"b{n}") for n in range(2)]
        done = 0
        for _ in range(100):
            await world.settle(1.0)
            for one in busy:
                while one.offers:
                    world.end(one.launch())
                    done += 1
            assert len(silent.offers) <= 6
        assert done >= 300
