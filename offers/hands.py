"""Offers in the hands of frameworks: given, taken back, at their end, and for whom they make room.

An offer is held by one framework (those that stand beside it by others) until it answers, the offer
expires, or something about its node or its role changes; whoever has waited for one may get that of
another who has plenty. Neighbours: `master` gives them as the allocator decides, and hears the
answers; `ledger` counts them; `demand` (pure) says who makes room for whom.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from apimachinery.aio.clock import Clock
from offers import demand, messages, parts, resources
from offers.filters import Filters
from offers.ledger import Ledger
from offers.messages import Offer
from offers.subscriber import Subscriber

OFFER_TIMEOUT_S = 30.0
"""Offers that a framework leaves unanswered go to others after this long (Mesos: never)."""


class Hands:
    """See the module's docstring."""

    def __init__(
        self,
        ledger: Ledger,
        frameworks: Mapping[str, Subscriber],
        filters: Filters,
        clock: Clock,
        mark: Callable[..., None],
        *,
        timeout: float = OFFER_TIMEOUT_S,
    ) -> None:
        """`mark` is told of nodes that have something free now."""
        self._ledger, self._frameworks, self._filters = ledger, frameworks, filters
        self._clock, self._mark = clock, mark
        self.timeout = timeout
        self._expiring: deque[tuple[float, str]] = deque()
        """(when, offer) in the order of making, which is that of ending."""

    def give(self, framework: Subscriber, offer: Offer) -> None:
        """An offer that is in the books is a framework's from now on."""
        framework.offer_ids.add(offer.id)
        framework.counts.sent += 1
        size = parts.folded(offer.resources)
        framework.outstanding = resources.add(framework.outstanding, size)
        if framework.info.offers_expire:
            self._expiring.append((offer.made + self.timeout, offer.id))

    def drop(self, framework: Subscriber, offer: Offer) -> None:
        """An offer is no longer in a framework's hands."""
        framework.offer_ids.discard(offer.id)
        size = parts.folded(offer.resources)
        framework.outstanding = resources.subtract(framework.outstanding, size)
        if not framework.offer_ids:
            framework.interest.hungry_since = self._clock.monotonic()

    def rescind(self, offer_id: str) -> None:
        """Take an offer back, if it is in force still, and say so."""
        offer = self._ledger.give_back(offer_id)
        if offer is not None:
            self.lost([offer])
            self._mark(offer.node)

    def lost(self, offers: Iterable[Offer]) -> None:
        """Offers that are not in the books any more: whoever has them is told."""
        for offer in offers:
            framework = self._frameworks.get(offer.framework_id)
            if framework is not None:
                self.drop(framework, offer)
                framework.counts.rescinded += 1
                framework.receiver.deliver(messages.Rescind(offer.id))

    def times_of(self, offer_id: str) -> tuple[float, float | None]:
        """When an offer was made, and when it ends by itself (both monotonic)."""
        offer = self._ledger.offers[offer_id]
        holder = self._frameworks.get(offer.framework_id)
        ends = holder is not None and holder.info.offers_expire
        return offer.made, offer.made + self.timeout if ends else None

    def expire(self) -> None:
        """Take back what has been unanswered for too long."""
        now = self._clock.monotonic()
        while self._expiring and self._expiring[0][0] <= now:
            self.rescind(self._expiring.popleft()[1])

    def feed(self, now: float) -> None:
        """Take an offer from one who has plenty for each who has waited with none."""
        hungry = [
            demand.Hungry(framework.info.id, framework.wanting, self._taker(framework, now))
            for framework in self._frameworks.values()
            if framework.wanting
            and framework.info.offers_expire
            and not framework.offer_ids
            and framework.interest.is_hungry(now)
        ]
        if hungry:
            old = (self._ledger.offers.get(offer_id) for _, offer_id in self._expiring)
            offers = (offer for offer in old if offer is not None)
            for offer_id in list(demand.to_rescind(self._ledger, hungry, offers, now)):
                self.rescind(offer_id)

    def _taker(self, framework: Subscriber, now: float) -> Callable[[str, Offer], bool]:
        def takes(role: str, offer: Offer) -> bool:
            amount = parts.folded(offer.resources)
            sizes = framework.info.role_sizes.get(role, framework.info.sizes)
            return (
                self._filters.allows(framework.info.id, role, offer.node, amount, now)
                and resources.fits(framework.smallest, amount)
                and (not sizes or any(resources.fits(size, amount) for size in sizes))
            )

        return takes

    def next_end(self) -> float | None:
        """When the next offer expires, or somebody's patience ends."""
        while self._expiring and self._expiring[0][1] not in self._ledger.offers:
            self._expiring.popleft()
        if not self._expiring:
            return None
        ends = [self._expiring[0][0]]
        now = self._clock.monotonic()
        for framework in self._frameworks.values():
            since = framework.interest.hungry_since
            if since is not None and framework.wanting:
                # Looked at again and again, since those who could make room must be old enough.
                ends.append(max(since + demand.HUNGER_S, now + demand.HUNGER_S))
        return min(ends)
