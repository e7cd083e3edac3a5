"""What happens in the middle of a round is not lost."""

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

from apimachinery.aio.clock import LoopClock
from offers.budget import Budget
from offers.messages import Call, Revive
from offers.roles import RoleTree
from scheduler.changes import Change
from scheduler.queue import UNHELPED_MAX_S, Queue
from scheduler.rounds import Rounds
from scheduler.telling import Teller
from scheduler.views import PodInfo
from tests.unit.scheduler.builders import node, pod


class Interrupted(Queue):
    """Something happens just before a pod is parked."""

    before: Callable[[], None] | None = None

    def park(self, pod: PodInfo, *arguments: Any, **more: Any) -> None:
        if self.before is not None:
            before, self.before = self.before, None
            before()
        super().park(pod, *arguments, **more)


class Silent:
    """A session that notes what is said, and offers nothing."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def call(self, call: Call) -> bool:
        self.calls.append(call)
        return True

    def budget(self) -> Budget:
        return Budget(RoleTree(), {}, {})


def made(queue: Queue, session: Silent | None = None) -> Rounds:
    clock = LoopClock()

    def start(work: Coroutine[Any, Any, None]) -> None:
        work.close()

    return Rounds(
        SimpleNamespace(), session or Silent(), SimpleNamespace(get=lambda _: None), {}, queue,
        Teller(SimpleNamespace(), None, clock),
        role_of=lambda namespace: f"kubernetes/{namespace}", clock=clock, start=start,
    )  # fmt: skip


async def test_room_made_between_the_verdict_and_the_parking_is_seen() -> None:
    queue = Interrupted()
    rounds = made(queue)
    rounds.placer.set_node(node("a", cpu="1"))
    rounds.placer.snapshot.put(pod("low", cpu="1"), "a")

    def room() -> None:
        rounds.placer.snapshot.take("uid-default-low")
        rounds.changed(Change.POD_GONE, "a")

    queue.put(pod("p", cpu="1"))
    queue.before = room
    await rounds.run()
    moment = queue.next_release()
    assert moment is not None
    assert moment < asyncio.get_running_loop().time() + UNHELPED_MAX_S / 2


async def test_what_does_not_help_wakes_nobody() -> None:
    queue = Interrupted()
    rounds = made(queue)
    rounds.placer.set_node(node("a", cpu="1"))
    rounds.placer.set_node(node("b", cpu="1"))
    rounds.placer.snapshot.put(pod("low", cpu="1"), "a")
    rounds.placer.snapshot.put(pod("small", cpu="500m"), "b")

    def too_little() -> None:
        rounds.changed(Change.POD_GONE, "b")
        rounds.changed(Change.POD_CAME, "a")

    queue.put(pod("p", cpu="1"))
    queue.before = too_little
    await rounds.run()
    moment = queue.next_release()
    assert moment is not None
    assert moment > asyncio.get_running_loop().time() + UNHELPED_MAX_S / 2


async def test_a_wish_is_over_with_its_pod() -> None:
    queue = Queue()
    rounds = made(queue)
    rounds.placer.set_node(node("a"))
    queue.put(pod("p"))
    await rounds.run()
    assert rounds.next_moment is not None, "it does not wait for ever"
    queue.remove("uid-default-p")
    await rounds.run()
    assert rounds.next_moment is None
    assert rounds.placer.snapshot.requested.sum() == 0, "nothing of the wish is left"


async def test_wishes_that_nobody_grants_become_modest() -> None:
    session = Silent()
    queue = Queue()
    rounds = made(queue, session)
    for name in "ab":
        rounds.placer.set_node(node(name))
    rounds.placer.snapshot.put(pod("x", cpu="1"), "b")
    queue.put(pod("p"))
    await rounds.run()
    assert session.calls == [Revive(nodes=frozenset({"a"}))]
    moment = rounds.next_moment
    assert moment is not None
    await asyncio.sleep(moment - asyncio.get_running_loop().time() + 0.01)
    await rounds.run()
    assert session.calls[1:] == [Revive()]
