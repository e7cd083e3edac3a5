"""A session without a wire: a bounded queue of events, and calls made at once.

Neighbours: `offers.session` has the promise, `offers.master` makes one for each framework of its
own process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from offers.budget import Budget
from offers.messages import Call, Event

EVENTS_MAX = 10_000
"""Events a framework may leave unread before it is cut off."""


class InProcessSession:
    """See `offers.session.OfferSession`."""

    def __init__(
        self,
        call: Callable[[Call], bool],
        leave: Callable[[], None],
        budget: Callable[[], Budget],
    ) -> None:
        """All three are the master's, for this framework."""
        self.budget = budget
        self._call = call
        self._leave = leave
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(EVENTS_MAX)

    def call(self, call: Call) -> bool:
        """Make a call; False if it was about an offer no longer in force."""
        return self._call(call)

    async def events(self) -> AsyncIterator[Event]:
        """The events, in order, until the session is over."""
        while (event := await self._events.get()) is not None:
            yield event

    def close(self) -> None:
        """End the session: offers in hand return, the reader's iteration ends."""
        self._leave()
        while self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(None)

    def deliver(self, event: Event) -> None:
        """Queue an event; a framework that leaves too many unread is cut off."""
        if self._events.qsize() >= EVENTS_MAX - 1:
            self.close()
        else:
            self._events.put_nowait(event)
