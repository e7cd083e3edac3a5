"""Numbers about the allocator and about each framework's offers, under Mesos' names.

Counted since this master began (of a framework: since it subscribed). Neighbours: `hands` and
`master` count, `http.legacy` shows them in `/metrics/snapshot`.
"""

from collections.abc import Mapping

from apimachinery.aio.clock import Clock
from offers import shapes, sorter
from offers.filters import Filters
from offers.ledger import Ledger
from offers.pace import Pace
from offers.subscriber import Subscriber

ALLOCATOR = "allocator/mesos"
ROLES_MAX = 200
"""Roles that are told of: each is asked about at all refusals."""


class Metrics:
    """See the module's docstring."""

    def __init__(
        self,
        ledger: Ledger,
        frameworks: Mapping[str, Subscriber],
        filters: Filters,
        pace: Pace,
        clock: Clock,
    ) -> None:
        self._ledger, self._frameworks, self._filters = ledger, frameworks, filters
        self._pace, self._clock = pace, clock

    def snapshot(self) -> dict[str, float]:
        """All of them."""
        return {**self._allocator(), **self._roles(), **self._offers()}

    def _allocator(self) -> dict[str, float]:
        found: dict[str, float] = {
            f"{ALLOCATOR}/allocation_runs": self._pace.runs,
            f"{ALLOCATOR}/allocation_run_ms": self._pace.last_s * 1000,
        }
        total = shapes.scalars(self._ledger.total)
        taken = shapes.scalars(self._ledger.roles.root.allocated)
        for name, value in total.items():
            found[f"{ALLOCATOR}/resources/{name}/total"] = value
            found[f"{ALLOCATOR}/resources/{name}/offered_or_allocated"] = taken.get(name, 0.0)
        return found

    def _roles(self) -> dict[str, float]:
        tree, found = self._ledger.roles, {}
        refusals = self._filters.active()
        for path in tree.paths()[:ROLES_MAX]:
            role = tree.role(path)
            share = sorter.share_of(tree, path, self._ledger.total)
            found[f"{ALLOCATOR}/roles/{path}/shares/dominant"] = share
            found[f"{ALLOCATOR}/offer_filters/roles/{path}/active"] = refusals.get(path, 0)
            consumed = shapes.scalars(role.consumed)
            for word, quota in (("guarantee", role.guarantee), ("limit", role.limit)):
                for name, value in shapes.scalars(quota).items():
                    prefix = f"{ALLOCATOR}/quota/roles/{path}/resources/{name}"
                    found[f"{prefix}/{word}"] = value
                    found[f"{prefix}/offered_or_allocated"] = consumed.get(name, 0.0)
        return found

    def _offers(self) -> dict[str, float]:
        found: dict[str, float] = {}
        now, offers = self._clock.monotonic(), self._ledger.offers
        for framework_id, one in self._frameworks.items():
            made = [offers[offer_id].made for offer_id in one.offer_ids]
            counts = one.counts
            for name, value in (
                ("sent", counts.sent),
                ("accepted", counts.accepted),
                ("declined", counts.declined),
                ("rescinded", counts.rescinded),
                ("outstanding", len(made)),
                ("oldest_secs", now - min(made) if made else 0.0),
                ("waited_secs", counts.waited_s),
            ):
                found[f"master/frameworks/{one.info.name}/{framework_id}/offers/{name}"] = value
        return found
