"""Seats of a priority level, and the queues of those who wait for one: a queue for each flow.

A request takes a seat while it is worked on. Where none is free, or where its flow has had its share
of this turn of the event loop, it waits in the queue of its flow; flows are served in turn, so that a
client with a thousand requests delays one with a single request by one. Reads are answered
without waiting for anything, so seats alone would never run out: hence the share of a turn.

Neighbour: `gate` says which level and flow. Nothing here knows what a request is.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from apimachinery import status
from apimachinery.wire import JsonObject

BURST = 16
"""Requests of a flow in one turn of the event loop: about two milliseconds of work."""

WAIT_SECONDS = 15.0
"""A quarter of a request's minute, as in Kubernetes; who waited so long is told to come again."""

RETRY_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Spec:
    """A PriorityLevelConfiguration, read."""

    name: str
    exempt: bool = False
    shares: int = 0
    per_flow: int = 0
    """Requests of one flow that may wait; 0: whoever finds no seat is refused."""
    waiting: int = 0
    """Requests that may wait in all."""


def read(obj: JsonObject) -> Spec:
    """A PriorityLevelConfiguration object as the value that counts."""
    name, spec = obj["metadata"]["name"], obj.get("spec") or {}
    if spec.get("type") == "Exempt":
        return Spec(name, exempt=True)
    limited = spec.get("limited") or {}
    shares = limited.get("nominalConcurrencyShares")
    response = limited.get("limitResponse") or {}
    queuing = response.get("queuing") or {}
    if response.get("type") != "Queue":
        return Spec(name, shares=30 if shares is None else shares)
    length = queuing.get("queueLengthLimit") or 50
    return Spec(
        name,
        shares=30 if shares is None else shares,
        per_flow=length * (queuing.get("handSize") or 8),
        waiting=length * (queuing.get("queues") or 64),
    )


@dataclass(slots=True)
class Flow:
    """The requests of one user or namespace in a level."""

    turn: int = -1
    """The turn of the loop in which `served` was counted."""
    served: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Turns:
    """What levels share: the turn of the event loop, and how many seats are taken in all."""

    def __init__(self, spare: int) -> None:
        self.now = 0
        self.taken = 0
        self.spare = spare
        """While fewer seats are taken in all, no level must keep to its own."""
        self._scheduled = False
        self._wake: dict[Level, None] = {}

    def begin(self) -> None:
        """A request is served: what follows in this turn counts with it."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._next)

    def wake(self, level: "Level") -> None:
        """In the next turn, let somebody of this level in."""
        self._wake[level] = None
        self.begin()

    def _next(self) -> None:
        self._scheduled = False
        self.now += 1
        woken, self._wake = self._wake, {}
        for level in woken:
            level.admit()


class Level:
    """One priority level of one server."""

    def __init__(self, spec: Spec, turns: Turns) -> None:
        self.spec = spec
        self.seats = 1
        self.active = 0
        self.waiting = 0
        self.rejected = 0
        self._turns = turns
        self._queue: deque[Flow] = deque()
        """Flows with requests that wait, in the order of their turns; each once."""

    def enter(self, flow: Flow) -> bool:
        """Take a seat at once, if there is one and it is this flow's turn."""
        turns = self._turns
        if flow.turn != turns.now:
            flow.turn, flow.served = turns.now, 0
            turns.begin()
        if flow.waiting or flow.served >= BURST or not self._free():
            return False
        flow.served += 1
        self.active += 1
        turns.taken += 1
        return True

    async def wait(self, flow: Flow) -> None:
        """Wait for a seat.

        Raises:
            ApiError: 429, too many wait already, or it took too long.
        """
        spec = self.spec
        # Where seats are free only the turn is waited for: connections bound how many do.
        if not self._free() and (
            len(flow.waiting) >= spec.per_flow or self.waiting >= spec.waiting
        ):
            raise self._refusal()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not flow.waiting:
            self._queue.append(flow)
        flow.waiting.append(future)
        self.waiting += 1
        if self._free():
            self._turns.wake(self)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await future
        except TimeoutError:
            self._give_up(flow, future)
            raise self._refusal() from None
        except asyncio.CancelledError:
            self._give_up(flow, future)
            raise

    def leave(self) -> None:
        """Give the seat back."""
        self.active -= 1
        self._turns.taken -= 1
        if self.waiting:
            self._turns.wake(self)

    def admit(self) -> None:
        """Let in as many as there are seats for, flow by flow; each within its share."""
        full: list[Flow] = []
        while self._queue and self._free():
            flow = self._queue.popleft()
            if flow.turn != self._turns.now:
                flow.turn, flow.served = self._turns.now, 0
            if flow.served >= BURST:
                full.append(flow)
                continue
            future = flow.waiting.popleft()
            self.waiting -= 1
            if flow.waiting:
                self._queue.append(flow)
            if future.done():
                continue  # its client has gone in this very turn
            flow.served += 1
            self.active += 1
            self._turns.taken += 1
            future.set_result(None)
        self._queue.extendleft(reversed(full))
        if self._queue and self._free():
            self._turns.wake(self)
        elif self._queue and not self.spec.per_flow:
            self._refuse_all()

    def _refuse_all(self) -> None:
        """Nobody waits for seats in a level without queues."""
        while self._queue:
            flow = self._queue.popleft()
            while flow.waiting:
                future = flow.waiting.popleft()
                self.waiting -= 1
                if not future.done():
                    future.set_exception(self._refusal())

    def _free(self) -> bool:
        turns = self._turns
        return self.active < self.seats or turns.taken < turns.spare

    def _give_up(self, flow: Flow, future: "asyncio.Future[None]") -> None:
        """A request that waits no longer; it may have been let in at the same moment."""
        if future.done() and not future.cancelled():
            if future.exception() is None:
                self.leave()
            return
        if future in flow.waiting:
            flow.waiting.remove(future)
            self.waiting -= 1
            if not flow.waiting:
                self._queue.remove(flow)

    def _refusal(self) -> status.ApiError:
        self.rejected += 1
        return status.too_many_requests(RETRY_SECONDS)
