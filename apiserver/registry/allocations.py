"""What services hold exclusively: cluster addresses and node ports, each with its owner.

Kept in memory by each server, filled from the cache at start, and following it for what other
servers do; two servers that deal the same thing in the same instant are not kept apart. The event loop makes each step
atomic, because nothing here waits. An owner that the cache no longer shows holds nothing, even
where its deletion has not been told here yet: so an address is free as soon as a watcher can have
seen its service go. Neighbours: `apiserver.registry.services` asks.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from apimachinery import meta, scheme
from apimachinery.wire import JsonObject
from apiserver.cache import WatchCache
from apiserver.options import Options

HEADLESS = "None"
OURS = "ipallocator.k8s.io"
"""Who manages the IPAddress objects that stand for services' addresses."""
MANAGED_BY = "ipaddress.kubernetes.io/managed-by"


class Owner(NamedTuple):
    """A service, told apart from others of the same name by its uid."""

    namespace: str
    name: str
    uid: str


def owner_of(obj: JsonObject) -> Owner:
    found = obj["metadata"]
    return Owner(found.get("namespace", ""), found.get("name", ""), found.get("uid", ""))


@dataclass(slots=True)
class Pool:
    """Things dealt out one by one; the lower part is kept for those who ask by name."""

    first: int
    last: int
    reserved: int
    """How many of the first are dealt by name only, as long as others are free."""
    kept: frozenset[int] = frozenset()
    """Never dealt, only given to those who ask by name."""
    taken: dict[int, Owner] = field(default_factory=dict)
    _next: int = 0

    def holds(self, value: int) -> bool:
        return self.first <= value <= self.last

    def deal(self, owner: Owner) -> int | None:
        """Take any; None when all are gone."""
        size = self.last - self.first + 1
        upper = size - self.reserved
        for step in range(size):
            # Round and round through the upper part first, then the reserved lower part.
            if step < upper:
                value = self.first + self.reserved + (self._next + step) % upper
            else:
                value = self.first + step - upper
            if value not in self.taken and value not in self.kept:
                self.taken[value] = owner
                self._next = (value - self.first - self.reserved + 1) % max(upper, 1)
                return value
        return None

    def give_back(self, values: Iterable[int], owner: Owner) -> None:
        """Free what the owner has; what somebody else has meanwhile stays theirs."""
        for value in values:
            if self.taken.get(value) == owner:
                del self.taken[value]


class Allocations:
    """The addresses and node ports of one cluster."""

    def __init__(self, options: Options, cache: WatchCache) -> None:
        network = options.service_network
        first, last = _ends(network)
        self.network = network
        self.addresses = Pool(
            first,
            last,
            reserved=_reserved(last - first + 1),
            kept=frozenset({int(network[1]), int(network[10])}),
        )
        ports = options.node_port_last - options.node_port_first + 1
        self.ports = Pool(
            options.node_port_first,
            options.node_port_last,
            reserved=min(max(16, ports // 32), 128) if ports > 16 else 0,
        )
        self._more: dict[str, Pool] = {}
        """Ranges beyond the first, which ServiceCIDR objects brought. All share what is taken."""
        self._cache = cache
        self._pending: set[Owner] = set()
        """Services on their way into the store: the cache does not show them yet."""

    def load(self) -> None:
        """Take what the stored services have."""
        for entry in self._cache.list(scheme.SERVICES).entries:
            obj = entry.parse()
            addresses, ports = held(obj)
            owner = owner_of(obj)
            self.addresses.taken |= dict.fromkeys(addresses, owner)
            self.ports.taken |= dict.fromkeys(ports, owner)

    async def follow(self) -> None:
        """Learn of what other servers of the same store deal out. Runs until cancelled."""
        while True:
            async with self._cache.watch(scheme.SERVICES) as watcher:
                async for batch in watcher:
                    for item in batch:
                        if item.entry is not None:
                            self._learn(item.entry.parse(), gone=item.type == "DELETED")

    def _learn(self, obj: JsonObject, *, gone: bool) -> None:
        """Take over what a service has: as it is now, for the event may tell of the past."""
        owner = owner_of(obj)
        now = None if gone else self._now(owner)
        for index, pool in enumerate((self.addresses, self.ports)):
            if now is None:
                pool.give_back(held(obj)[index], owner)
            else:
                for value in held(now)[index]:
                    pool.taken.setdefault(value, owner)

    def ranges(self) -> list[Pool]:
        """Where addresses come from now: the first range, and those of ServiceCIDRs."""
        found = [self.addresses]
        for entry in self._cache.list(scheme.SERVICECIDRS).entries:
            obj = entry.parse()
            if meta.is_deleting(obj):
                continue
            for cidr in (obj.get("spec") or {}).get("cidrs") or ():
                network = _network(cidr)
                if network is not None and network != self.network:
                    found.append(self._pool(network))
        return found

    def _pool(self, network: ipaddress.IPv4Network) -> Pool:
        pool = self._more.get(str(network))
        if pool is None:
            first, last = _ends(network)
            pool = self._more[str(network)] = Pool(
                first, last, _reserved(last - first + 1), taken=self.addresses.taken
            )
        return pool

    def deal_address(self, owner: Owner) -> int | None:
        """Take any address, of the first range that has one; None when all are gone."""
        foreign = []
        try:
            for pool in self.ranges():
                while (value := pool.deal(owner)) is not None:
                    if not self.claimed(value):
                        return value
                    foreign.append(value)
        finally:
            self.addresses.give_back(foreign, owner)
        return None

    def claimed(self, value: int) -> bool:
        """Whether somebody else than a service has the address: an IPAddress object says so."""
        entry = self._cache.get(scheme.IPADDRESSES, "", str(ipaddress.IPv4Address(value)))
        return entry is not None and meta.labels(entry.parse()).get(MANAGED_BY) != OURS

    def begin(self, owner: Owner) -> None:
        """The owner is being written."""
        self._pending.add(owner)

    def end(self, owner: Owner) -> None:
        """The owner's write has ended, well or not."""
        self._pending.discard(owner)

    def take(self, pool: Pool, value: int, owner: Owner) -> bool:
        """Take a certain one; False if somebody has it."""
        holder = pool.taken.get(value)
        if holder is not None and self._holds(holder, value):
            return False
        pool.taken[value] = owner
        return True

    def _holds(self, owner: Owner, value: int) -> bool:
        """Whether somebody who took something still has it."""
        if owner in self._pending:
            return True
        now = self._now(owner)
        return now is not None and any(value in values for values in held(now))

    def _now(self, owner: Owner) -> JsonObject | None:
        """The service as the cache shows it; None where it is gone or another of its name."""
        entry = self._cache.get(scheme.SERVICES, owner.namespace, owner.name)
        obj = entry.parse() if entry is not None else None
        return obj if obj is not None and owner_of(obj) == owner else None


def _network(text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text)
    except ValueError:
        return None


def _ends(network: ipaddress.IPv4Network) -> tuple[int, int]:
    """The first and the last address that services can have."""
    if network.prefixlen >= 31:  # too small for a name and a broadcast of its own
        return int(network[0]), int(network[-1])
    return int(network[1]), int(network[-2])


def _reserved(size: int) -> int:
    return min(max(16, size // 16), 256) if size > 16 else 0


def held(obj: JsonObject) -> tuple[set[int], set[int]]:
    """The cluster addresses and node ports that a service has."""
    spec = obj.get("spec") or {}
    addresses = set()
    for text in {spec.get("clusterIP"), *(spec.get("clusterIPs") or [])}:
        if (number := address(text)) is not None:
            addresses.add(number)
    ports = {port["nodePort"] for port in spec.get("ports") or [] if port.get("nodePort")}
    if spec.get("healthCheckNodePort"):
        ports.add(spec["healthCheckNodePort"])
    return addresses, ports


def address(text: Any) -> int | None:
    """An IPv4 address as a number; None for anything else."""
    if not text or text == HEADLESS:
        return None
    try:
        return int(ipaddress.IPv4Address(text))
    except ipaddress.AddressValueError:
        return None
