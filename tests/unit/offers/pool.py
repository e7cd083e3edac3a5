"""A pool of agents with allocator, books and filters, but no master: what the tests of it share."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from offers import allocator, filters, parts, resources
from offers.allocator import Grant, Wanting
from offers.filters import Filters
from offers.ledger import Ledger
from offers.messages import Conversion, Launch, Offer
from offers.parts import Part
from offers.resources import Vector

MB = 1 << 20


def amount(cpus: float, mem: int, **more: int) -> dict[str, int]:
    """A vector from Mesos' numbers: cpus, and memory in megabytes."""
    return resources.positive({"cpu": round(cpus * 1000), "memory": mem * MB, **more})


def kept(vector: Vector, role: str, traits: str = "", detail: str = "") -> dict[str, int]:
    """The same, reserved for a role."""
    return {Part(name, role, traits, detail).key: value for name, value in vector.items()}


class Pool:
    """See the module's docstring. Time stands still unless a test moves it."""

    def __init__(self, *, region: str = "", rivals: int = 1) -> None:
        self.ledger = Ledger()
        self.filters = Filters()
        self.frameworks: dict[str, Wanting] = {}
        self.now = 0.0
        self.region, self.rivals = region, rivals
        self.counter = 0
        self.seed = 7

    # --- what there is

    def agent(self, name: str, has: Vector, labels: Mapping[str, str] | None = None) -> str:
        self.ledger.set_node(name, has, labels or {}, accepts=True)
        return name

    def agents(self, count: int, has: Vector) -> list[str]:
        return [self.agent(f"agent{number:03}", has) for number in range(count)]

    def framework(self, name: str, *roles: str, **more: Any) -> str:
        self.frameworks[name] = Wanting(name, roles or ("*",), **more)
        return name

    def change(self, name: str, **more: Any) -> None:
        self.frameworks[name] = replace(self.frameworks[name], **more)

    def quota(self, role: str, guarantee: Vector, limit: Vector | None = None) -> None:
        self.ledger.roles.guarantee(role, guarantee)
        self.ledger.roles.role(role).limit = guarantee if limit is None else limit

    # --- what happens

    def run(self, *nodes: str) -> list[Offer]:
        """One run over these agents, or all."""
        self.seed += 1
        made: list[Offer] = []
        counted = ""
        for grant in allocator.allocate(
            self.ledger,
            self.frameworks.values(),
            self.filters,
            nodes=nodes or list(self.ledger.accounts),
            now=self.now,
            seed=self.seed,
            region=self.region,
            rivals=self.rivals,
        ):
            offer = self._offer(grant)
            self.ledger.offer(offer, beside=counted if grant.beside else "")
            counted = counted if grant.beside else offer.id
            made.append(offer)
        return made

    def _offer(self, grant: Grant) -> Offer:
        self.counter += 1
        return Offer(
            str(self.counter), grant.framework_id, grant.role, grant.node, grant.resources,
            ports=grant.ports,
        )  # fmt: skip

    def only(self, *nodes: str) -> Offer:
        """The one offer of a run."""
        (offer,) = self.run(*nodes)
        return offer

    def recover(self, offer: Offer, refuse: float = 0.0) -> None:
        """The framework declines."""
        self.ledger.give_back(offer.id)
        if refuse > 0:
            until = filters.end(self.now, refuse)
            self.filters.decline(offer.framework_id, offer.role, offer.node, offer.resources, until)

    def use(
        self,
        offer: Offer,
        taken: Vector | None = None,
        conversions: Iterable[tuple[Vector, Vector]] = (),
    ) -> str:
        """The framework launches one task on an offer, of this much or of all; the task's name."""
        self.counter += 1
        uid = f"task{self.counter}"
        launch = Launch(uid, offer.role, offer.resources if taken is None else taken)
        changes = tuple(Conversion(before, after) for before, after in conversions)
        assert self.ledger.accept((offer.id,), (launch,), self.now + 30, changes)
        return uid

    # --- what is asserted

    def held(self, offers: Iterable[Offer]) -> dict[str, int]:
        """Framework → how many of these offers are its own."""
        found: dict[str, int] = {}
        for offer in offers:
            found[offer.framework_id] = found.get(offer.framework_id, 0) + 1
        return found

    def total(self, offers: Iterable[Offer], name: str = "cpu") -> int:
        return sum(parts.folded(offer.resources).get(name, 0) for offer in offers)
