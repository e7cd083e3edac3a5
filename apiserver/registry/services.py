"""Services: cluster addresses and node ports, dealt out once and given back.

`Allocations` is what the server holds in memory, filled from the cache at start; the event loop
makes each step atomic, because nothing here waits. What a write has taken it gives back if the
store refuses it. Neighbours: `apiserver.registry.generic` calls reserve, then undo or commit.
"""

# Hooks keep the signature of their base, used or not.
# ruff: noqa: ARG002

import ipaddress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from apimachinery import scheme, status
from apimachinery.resource import Resource
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject
from apiserver.cache import WatchCache
from apiserver.options import Options
from apiserver.registry.strategy import Context, Reservation, Strategy

HEADLESS = "None"
_WITH_ADDRESS = frozenset({"ClusterIP", "NodePort", "LoadBalancer"})
_WITH_PORTS = frozenset({"NodePort", "LoadBalancer"})


@dataclass(slots=True)
class Pool:
    """Things dealt out one by one; the lower part is kept for those who ask by name."""

    first: int
    last: int
    reserved: int
    """How many of the first are dealt by name only, as long as others are free."""
    taken: set[int] = field(default_factory=set)
    _next: int = 0

    def holds(self, value: int) -> bool:
        return self.first <= value <= self.last

    def take(self, value: int) -> bool:
        """Take a certain one; False if somebody has it."""
        if value in self.taken:
            return False
        self.taken.add(value)
        return True

    def deal(self) -> int | None:
        """Take any; None when all are gone."""
        size = self.last - self.first + 1
        upper = size - self.reserved
        for step in range(size):
            # Round and round through the upper part first, then the reserved lower part.
            if step < upper:
                value = self.first + self.reserved + (self._next + step) % upper
            else:
                value = self.first + step - upper
            if value not in self.taken:
                self.taken.add(value)
                self._next = (value - self.first - self.reserved + 1) % max(upper, 1)
                return value
        return None

    def give_back(self, value: int) -> None:
        self.taken.discard(value)


class Allocations:
    """The addresses and node ports of one cluster."""

    def __init__(self, options: Options) -> None:
        network = options.service_network
        first, last = int(network[1]), int(network[-2])
        size = last - first + 1
        self.network = network
        self.kept = {int(network[1]), int(network[10])}
        """Addresses for default/kubernetes and the DNS: dealt only when asked by name."""
        self.addresses = Pool(first, last, reserved=min(max(16, size // 16), 256))
        ports = options.node_port_last - options.node_port_first + 1
        self.ports = Pool(
            options.node_port_first,
            options.node_port_last,
            reserved=min(max(16, ports // 32), 128) if ports > 16 else 0,
        )

    def load(self, cache: WatchCache) -> None:
        """Take what the stored services have."""
        for entry in cache.list(scheme.SERVICES).entries:
            addresses, ports = held(entry.parse())
            self.addresses.taken |= addresses
            self.ports.taken |= ports

    def give_back(self, addresses: set[int], ports: set[int]) -> None:
        for value in addresses:
            self.addresses.give_back(value)
        for value in ports:
            self.ports.give_back(value)


def held(obj: JsonObject) -> tuple[set[int], set[int]]:
    """The cluster addresses and node ports that a service has."""
    spec = obj.get("spec") or {}
    addresses = set()
    for text in {spec.get("clusterIP"), *(spec.get("clusterIPs") or [])}:
        if (number := _address(text)) is not None:
            addresses.add(number)
    ports = {port["nodePort"] for port in spec.get("ports") or [] if port.get("nodePort")}
    if spec.get("healthCheckNodePort"):
        ports.add(spec["healthCheckNodePort"])
    return addresses, ports


def _address(text: Any) -> int | None:
    if not text or text == HEADLESS:
        return None
    try:
        return int(ipaddress.IPv4Address(text))
    except ipaddress.AddressValueError:
        return None


class Services(Strategy):
    """Single-stack IPv4."""

    counts_generation: ClassVar[bool] = False
    returns_deleted: ClassVar[bool] = True
    create_on_update: ClassVar[bool] = True

    def __init__(self, resource: Resource, allocations: Allocations) -> None:
        super().__init__(resource)
        self._allocations = allocations

    # --- create ---

    def prepare_create(self, obj: JsonObject, context: Context) -> None:
        super().prepare_create(obj, context)
        obj["status"] = {"loadBalancer": {}}
        _normalize(obj.setdefault("spec", {}), None)

    def reserve_create(self, obj: JsonObject, context: Context) -> Reservation | None:
        return self._reserve(obj, None)

    # --- update ---

    def prepare_update(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        super().prepare_update(new, old, context)
        _normalize(new.setdefault("spec", {}), old.get("spec") or {})

    def reserve_update(
        self, new: JsonObject, old: JsonObject, context: Context
    ) -> Reservation | None:
        return self._reserve(new, old)

    def deleted(self, obj: JsonObject) -> None:
        self._allocations.give_back(*held(obj))

    # --- what both share ---

    def _reserve(self, obj: JsonObject, old: JsonObject | None) -> Reservation:
        """Take what the service asks for or needs, beyond what it had."""
        had_addresses, had_ports = held(old) if old is not None else (set(), set())
        taken: tuple[set[int], set[int]] = (set(), set())

        def undo() -> None:
            self._allocations.give_back(*taken)

        try:
            self._take_address(obj, had_addresses, taken[0])
            self._take_ports(obj, had_ports, taken[1])
        except BaseException:
            undo()
            raise
        now_addresses, now_ports = held(obj)

        def commit() -> None:
            self._allocations.give_back(had_addresses - now_addresses, had_ports - now_ports)

        return Reservation(undo, commit)

    def _take_address(self, obj: JsonObject, had: set[int], taken: set[int]) -> None:
        spec = obj["spec"]
        if spec.get("type", "ClusterIP") not in _WITH_ADDRESS or spec.get("clusterIP") == HEADLESS:
            return
        pool = self._allocations.addresses
        wanted = spec.get("clusterIP") or ""
        if wanted:
            value = _address(wanted)
            if value in had:
                return
            if value is None or not pool.holds(value):
                raise self._refused(
                    obj, "spec.clusterIPs", [wanted], self._address_detail(wanted, value)
                )
            if not pool.take(value):
                raise self._refused(
                    obj,
                    "spec.clusterIPs",
                    [wanted],
                    f"failed to allocate IP {wanted}: provided IP is already allocated",
                )
        else:
            value = self._deal_address(obj)
        taken.add(value)
        spec["clusterIP"] = str(ipaddress.IPv4Address(value))
        spec["clusterIPs"] = [spec["clusterIP"]]

    def _deal_address(self, obj: JsonObject) -> int:
        pool, skipped = self._allocations.addresses, []
        value = pool.deal()
        while value in self._allocations.kept:
            skipped.append(value)
            value = pool.deal()
        for one in skipped:
            pool.give_back(one)
        if value is None:
            raise status.internal_error(
                f"failed to allocate a serviceIP for {obj['metadata'].get('name')}: range is full"
            )
        return value

    def _address_detail(self, wanted: str, value: int | None) -> str:
        if value is None:
            return f"failed to allocate IP {wanted}: must be a valid IPv4 address"
        return (
            f"failed to allocate IP {wanted}: the provided IP ({wanted}) is not in the valid range. "
            f"The range of valid IPs is {self._allocations.network}"
        )

    def _take_ports(self, obj: JsonObject, had: set[int], taken: set[int]) -> None:
        spec = obj["spec"]
        if spec.get("type", "ClusterIP") not in _WITH_PORTS:
            return
        if (
            spec.get("type") == "LoadBalancer"
            and spec.get("allocateLoadBalancerNodePorts") is False
        ):
            return
        # Those that are named come first, so that none is dealt to a sibling.
        by_number: dict[int, set[str]] = {}
        for index, port in enumerate(spec.get("ports") or []):
            if port.get("nodePort"):
                self._take_named_port(obj, index, port, had, taken, by_number)
        dealt: dict[int, int] = {}
        for port in spec.get("ports") or []:
            if not port.get("nodePort"):
                port["nodePort"] = self._deal_port(port, dealt, taken)

    def _take_named_port(
        self,
        obj: JsonObject,
        index: int,
        port: JsonObject,
        had: set[int],
        taken: set[int],
        by_number: dict[int, set[str]],
    ) -> None:
        number, protocol = port["nodePort"], port.get("protocol", "TCP")
        users = by_number.setdefault(number, set())
        pool = self._allocations.ports
        where = f"spec.ports[{index}].nodePort"
        if users and protocol not in users:
            users.add(protocol)  # TCP and UDP of one service may share a number
            return
        users.add(protocol)
        if number in had:
            return
        if not pool.holds(number):
            raise self._refused(
                obj,
                where,
                number,
                "provided port is not in the valid range. The range of valid ports is "
                f"{pool.first}-{pool.last}",
            )
        if not pool.take(number):
            raise self._refused(obj, where, number, "provided port is already allocated")
        taken.add(number)

    def _deal_port(self, port: JsonObject, dealt: dict[int, int], taken: set[int]) -> int:
        """Any free port; the same one for the same service port in another protocol."""
        number = port.get("port", 0)
        if number in dealt:
            return dealt[number]
        value = self._allocations.ports.deal()
        if value is None:
            raise status.internal_error("failed to allocate a nodePort: range is full")
        taken.add(value)
        dealt[number] = value
        return value

    def _refused(self, obj: JsonObject, where: str, value: Any, detail: str) -> status.ApiError:
        error: FieldError = status.invalid_value(where, value, detail)
        return status.invalid("Service", obj["metadata"].get("name", ""), [error])


def _normalize(spec: JsonObject, old: JsonObject | None) -> None:
    """ClusterIP and clusterIPs alike, families of a single-stack cluster, what a type drops."""
    kind = spec.get("type", "ClusterIP")
    if kind == "ExternalName":
        for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if old is None or spec.get(key) == old.get(key):
                spec.pop(key, None)
        return
    if old is not None:
        _carry(spec, old)
    if not spec.get("clusterIP") and spec.get("clusterIPs"):
        spec["clusterIP"] = spec["clusterIPs"][0]
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if old is not None:
        _drop_what_the_type_lost(spec, old)


def _carry(spec: JsonObject, old: JsonObject) -> None:
    """An update that leaves out what was dealt keeps it."""
    if old.get("type") == "ExternalName":
        return
    if not spec.get("clusterIP") and not spec.get("clusterIPs"):
        for key in ("clusterIP", "clusterIPs"):
            if key in old:
                spec[key] = old[key]
    for key in ("ipFamilies", "ipFamilyPolicy"):
        if key not in spec and key in old:
            spec[key] = old[key]
    if spec.get("type") in _WITH_PORTS and old.get("type") in _WITH_PORTS:
        known = {
            (port.get("port"), port.get("protocol", "TCP")): port.get("nodePort")
            for port in old.get("ports") or []
        }
        used = {port.get("nodePort") for port in spec.get("ports") or []}
        for port in spec.get("ports") or []:
            number = known.get((port.get("port"), port.get("protocol", "TCP")))
            if not port.get("nodePort") and number and number not in used:
                port["nodePort"] = number


def _drop_what_the_type_lost(spec: JsonObject, old: JsonObject) -> None:
    """A service that changes its type loses what only the old type could have, if left alone."""
    before, now = old.get("type", "ClusterIP"), spec.get("type", "ClusterIP")
    lost: tuple[str, ...] = ()
    if before in _WITH_PORTS and now not in _WITH_PORTS:
        known = {port.get("nodePort") for port in old.get("ports") or []}
        for port in spec.get("ports") or []:
            if port.get("nodePort") in known:
                port.pop("nodePort", None)
        lost = ("externalTrafficPolicy",)
    if before == "LoadBalancer" and now != "LoadBalancer":
        lost += ("allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort")
    for key in lost:
        if key in spec and spec[key] == old.get(key):
            del spec[key]
