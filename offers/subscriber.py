"""A framework as the offer master knows it: where its events go, what it has on offer, what it wants.

Neighbours: `master` keeps one for each framework that is subscribed; `allocator` decides for them.
"""

from dataclasses import dataclass, field

from offers.allocator import Wanting
from offers.demand import Interest
from offers.messages import FrameworkInfo
from offers.resources import Vector
from offers.views import Receiver


@dataclass(slots=True)
class OfferCounts:
    """What became of a framework's offers."""

    sent: int = 0
    accepted: int = 0
    declined: int = 0
    rescinded: int = 0
    waited_s: float = 0.0
    """How long it wanted an offer and had none, the last time that it got one."""


@dataclass(slots=True)
class Subscriber:
    """See the module's docstring."""

    info: FrameworkInfo
    receiver: Receiver
    suppressed: set[str]
    """Roles for which no offers are made."""
    smallest: Vector = field(default_factory=dict)
    nodes: frozenset[str] | None = None
    """The only ones it wants offers of for now."""
    offer_ids: set[str] = field(default_factory=set)
    outstanding: Vector = field(default_factory=dict)
    """What it has on offer."""
    interest: Interest = field(default_factory=Interest)
    counts: OfferCounts = field(default_factory=OfferCounts)

    @property
    def wanting(self) -> tuple[str, ...]:
        """The roles for which it takes offers."""
        return tuple(role for role in self.info.roles if role not in self.suppressed)

    def as_wanting(self) -> Wanting:
        """What the allocator must know of it."""
        info = self.info
        return Wanting(
            info.id,
            self.wanting,
            self.smallest,
            info.wants_ports,
            info.avoids_taints,
            info.sizes,
            info.role_sizes,
            info.capabilities,
            info.constraints,
            self.outstanding,
            may_hoard=not info.offers_expire,
            serves_below=info.serves_below,
            nodes=self.nodes,
        )
