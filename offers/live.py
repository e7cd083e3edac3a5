"""What the API server shows of offers: made when somebody asks, from the ledger, never stored.

An `apiserver.live.LiveResource` by its shape; neither knows of the other. Neighbours: `master`
has the offers; `bireme.cli.server` joins the two where they share a process.
"""

from collections.abc import Iterable

from apimachinery import meta
from apimachinery.aio.clock import Clock, SystemClock
from apimachinery.mesos import marks
from apimachinery.wire import JsonObject
from offers import ranges, resources
from offers.master import OfferMaster
from offers.messages import Offer

RESOURCE = f"offers.{marks.GROUP}"
"""As the API server names it."""


class LiveOffers:
    """The offers in force."""

    def __init__(self, master: OfferMaster, *, clock: Clock | None = None) -> None:
        self._master = master
        self._clock = clock or SystemClock()

    async def objects(self, namespace: str, name: str = "") -> Iterable[JsonObject]:
        """All of them: offers live in no namespace."""
        del namespace, name
        return [self._object(offer) for offer in self._master.ledger.offers.values()]

    def _object(self, offer: Offer) -> JsonObject:
        amounts = resources.quantities(offer.resources)
        if offer.ports:
            amounts["ports"] = str(ranges.size(offer.ports))
        info = self._master.info_of(offer.framework_id)
        made, expires = self._master.hands.times_of(offer.id)
        # What the master counts is monotonic; people read the clock on the wall.
        shift = self._clock.now() - self._clock.monotonic()
        spec: JsonObject = {
            "frameworkID": offer.framework_id,
            "frameworkName": info.name if info else offer.framework_id,
            "role": offer.role,
            "nodeName": offer.node,
            "resources": amounts,
        }
        if expires is not None:
            spec["expires"] = meta.format_micro_time(expires + shift)
        return {
            "apiVersion": f"{marks.GROUP}/v1",
            "kind": "Offer",
            "metadata": {
                "name": offer.id.lower(),
                "creationTimestamp": meta.format_time(made + shift),
            },
            "spec": spec,
        }
