"""Seats and queues: nobody is starved, nothing grows without bound, nothing is lost."""

import asyncio
from typing import Any

import pytest

from apimachinery import status, wire
from apiserver.fairness import Gate, gate, levels

PATH = "/api/v1/namespaces/default/pods"


def user(name: str, *groups: str) -> wire.UserInfo:
    return wire.UserInfo(name, groups=(*groups, "system:authenticated"))


class Work:
    """A server that answers when it is told to."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.going = asyncio.Event()

    async def __call__(self, request: wire.Request) -> wire.Response:
        assert request.user is not None
        self.began.append(request.user.name)
        await self.going.wait()
        return wire.Response(200)


async def at_once(request: wire.Request) -> wire.Response:
    del request
    return wire.Response(200)


def ask(gate_: Gate, work: Any, who: wire.UserInfo, count: int = 1) -> list[asyncio.Task[Any]]:
    loop = asyncio.get_running_loop()
    return [
        loop.create_task(gate_.run(wire.Request("GET", PATH, user=who), work)) for _ in range(count)
    ]


async def settle() -> None:
    for _ in range(2000):
        await asyncio.sleep(0)


async def test_a_polite_client_is_not_behind_a_greedy_one() -> None:
    tested, order = Gate(), []

    async def work(request: wire.Request) -> wire.Response:
        assert request.user is not None
        order.append(request.user.name)
        return wire.Response(200)

    greedy = ask(tested, work, user("greedy"), 500)
    polite = ask(tested, work, user("polite"))
    await asyncio.gather(*greedy, *polite)
    assert order.index("polite") <= levels.BURST


async def test_those_who_wait_are_served_in_turns() -> None:
    tested, work = Gate(), Work()
    held = ask(tested, work, user("greedy"), 700)
    await settle()
    taken = len(work.began)
    assert taken < 700
    polite = ask(tested, work, user("polite"), 3)
    await settle()
    assert len(work.began) == taken
    work.going.set()
    await asyncio.gather(*held, *polite, return_exceptions=True)
    last = max(index for index, name in enumerate(work.began) if name == "polite")
    assert last < taken + 10


async def test_the_masters_are_exempt() -> None:
    tested, work = Gate(), Work()
    asked = ask(tested, work, user("admin", "system:masters"), 2000)
    await settle()
    assert len(work.began) == 2000
    work.going.set()
    await asyncio.gather(*asked)


async def test_who_finds_the_queue_full_is_told_to_come_again() -> None:
    tested, work = Gate(), Work()
    asked = ask(tested, work, user("greedy"), 400)
    await settle()
    asked += ask(tested, work, user("greedy"), 400)
    await settle()
    refused = [task for task in asked if task.done()]
    assert refused
    error = refused[0].exception()
    assert isinstance(error, status.TooManyRequests)
    assert error.to_status()["details"]["retryAfterSeconds"] == 1
    assert tested.rejected() == len(refused)
    work.going.set()
    await asyncio.gather(*asked, return_exceptions=True)
    assert (tested.executing(), tested.in_queue()) == (0, 0)


@pytest.mark.looptime
async def test_nobody_waits_for_ever() -> None:
    tested, work = Gate(), Work()
    asked = ask(tested, work, user("greedy"), 400)
    await settle()
    assert tested.in_queue() > 0
    await asyncio.sleep(levels.WAIT_SECONDS + 1)
    assert tested.in_queue() == 0
    work.going.set()
    await asyncio.gather(*asked, return_exceptions=True)


async def test_a_client_that_leaves_takes_its_place_with_it() -> None:
    tested, work = Gate(), Work()
    asked = ask(tested, work, user("greedy"), 400)
    await settle()
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert (tested.executing(), tested.in_queue()) == (0, 0)
    await asyncio.gather(*ask(tested, at_once, user("polite"), 50))


async def test_a_failed_request_gives_its_seat_back() -> None:
    tested = Gate()

    async def broken(request: wire.Request) -> wire.Response:
        raise ValueError(request.path)

    for task in ask(tested, broken, user("jane"), 3):
        with pytest.raises(ValueError, match=PATH):
            await task
    assert tested.executing() == 0


async def test_stored_objects_change_the_levels() -> None:
    tested = Gate()
    level = {
        "metadata": {"name": "slow"},
        "spec": {
            "type": "Limited",
            "limited": {"nominalConcurrencyShares": 0, "limitResponse": {"type": "Reject"}},
        },
    }
    everything = {
        "verbs": ["*"],
        "apiGroups": ["*"],
        "resources": ["*"],
        "namespaces": ["*"],
        "clusterScope": True,
    }
    subject = {"kind": "User", "user": {"name": "jane"}}
    schema = {
        "metadata": {"name": "slow"},
        "spec": {
            "priorityLevelConfiguration": {"name": "slow"},
            "matchingPrecedence": 10,
            "rules": [{"subjects": [subject], "resourceRules": [everything]}],
        },
    }
    tested.configure([schema], [level])
    work = Work()
    asked = ask(tested, work, user("jane"), gate.SPARE + 5)
    await settle()
    assert len(work.began) == gate.SPARE
    assert sum(task.done() for task in asked) == 5
    work.going.set()
    await asyncio.gather(*asked, return_exceptions=True)
