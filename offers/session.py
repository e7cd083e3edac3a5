"""A framework's line to the offer master.

The promise, whichever way the line runs: `Subscribed` is the first event; an offer is in force
from its `Offers` event until the framework has used or declined it or a `Rescind` names it;
calls take effect in the order made; a call about an offer that is no longer in force does
nothing but give back what the call would have used. A framework that does not read its events is
cut off: its events end, its offers return.

Neighbours: `master` gives in-process sessions, `scheduler` uses one.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from offers.messages import Call, Event
from offers.resources import Vector


class Budget(Protocol):
    """What roles may still have by quota, as of one moment."""

    def take(self, path: str, amount: Vector) -> bool:
        """Whether a role may have this much more; if so, it is taken."""
        ...

    def refusal(self, path: str, amount: Vector) -> str:
        """Why a role may not have so much even if nothing else had been taken; else empty."""
        ...


class OfferSession(Protocol):
    """See the module's docstring."""

    def budget(self) -> Budget:
        """What the roles that launches are charged to may have now."""
        ...

    def call(self, call: Call) -> bool:
        """Make a call; False if it was about an offer no longer in force."""
        ...

    def events(self) -> AsyncIterator[Event]:
        """The events, in order; ends when the session is over. One reader."""
        ...

    def close(self) -> None:
        """End the session; offers in hand return."""
        ...
