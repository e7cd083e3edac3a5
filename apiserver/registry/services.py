"""Services: cluster addresses and node ports, dealt out once and given back.

What a write has taken it gives back if the store refuses it. Neighbours:
`apiserver.registry.allocations` knows who has what, `apiserver.registry.generic` calls reserve,
then undo or commit.
"""

import ipaddress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from apimachinery import status
from apimachinery.resource import Resource
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject
from apiserver.registry.allocations import HEADLESS, Allocations, Owner, address, held, owner_of
from apiserver.registry.strategy import Context, Reservation, Strategy

# Hooks keep the signature of their base, used or not.
# ruff: noqa: ARG002

_WITH_ADDRESS = frozenset({"ClusterIP", "NodePort", "LoadBalancer"})
_WITH_PORTS = frozenset({"NodePort", "LoadBalancer"})


@dataclass(slots=True)
class _Taking:
    """One write's takings: what its service had before, what it has taken now."""

    owner: Owner
    had_addresses: set[int]
    had_ports: set[int]
    addresses: set[int] = field(default_factory=set)
    ports: set[int] = field(default_factory=set)


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
        self._give_back(owner_of(obj), *held(obj))

    # --- what both share ---

    def _give_back(self, owner: Owner, addresses: set[int], ports: set[int]) -> None:
        self._allocations.addresses.give_back(addresses, owner)
        self._allocations.ports.give_back(ports, owner)

    def _reserve(self, obj: JsonObject, old: JsonObject | None) -> Reservation:
        """Take what the service asks for or needs, beyond what it had."""
        taking = _Taking(owner_of(obj), *(held(old) if old is not None else (set(), set())))
        allocations = self._allocations
        allocations.begin(taking.owner)

        def undo() -> None:
            allocations.end(taking.owner)
            self._give_back(taking.owner, taking.addresses, taking.ports)

        try:
            self._take_address(obj, taking)
            self._take_ports(obj, taking)
        except BaseException:
            undo()
            raise
        addresses, ports = held(obj)

        def commit() -> None:
            allocations.end(taking.owner)
            self._give_back(
                taking.owner, taking.had_addresses - addresses, taking.had_ports - ports
            )

        return Reservation(undo, commit, lambda: allocations.end(taking.owner))

    def _take_address(self, obj: JsonObject, taking: _Taking) -> None:
        spec = obj["spec"]
        if spec.get("type", "ClusterIP") not in _WITH_ADDRESS or spec.get("clusterIP") == HEADLESS:
            return
        wanted = spec.get("clusterIP") or ""
        value = address(wanted) if wanted else self._allocations.deal_address(taking.owner)
        if value in taking.had_addresses:
            return
        if not wanted and value is None:
            raise status.internal_error("failed to allocate a serviceIP: range is full")
        if value is None or not any(pool.holds(value) for pool in self._allocations.ranges()):
            raise self._refused(
                obj, "spec.clusterIPs", [wanted], self._address_detail(wanted, value)
            )
        if wanted and not self._take_named_address(value, taking.owner):
            raise self._refused(
                obj,
                "spec.clusterIPs",
                [wanted],
                f"failed to allocate IP {wanted}: provided IP is already allocated",
            )
        taking.addresses.add(value)
        spec["clusterIP"] = str(ipaddress.IPv4Address(value))
        spec["clusterIPs"] = [spec["clusterIP"]]

    def _take_named_address(self, value: int, owner: Owner) -> bool:
        pool = self._allocations.addresses
        return not self._allocations.claimed(value) and self._allocations.take(pool, value, owner)

    def _address_detail(self, wanted: str, value: int | None) -> str:
        if value is None:
            return f"failed to allocate IP {wanted}: must be a valid IPv4 address"
        return (
            f"failed to allocate IP {wanted}: the provided IP ({wanted}) is not in the valid range. "
            f"The range of valid IPs is {self._allocations.network}"
        )

    def _take_ports(self, obj: JsonObject, taking: _Taking) -> None:
        spec = obj["spec"]
        if spec.get("type", "ClusterIP") not in _WITH_PORTS:
            return
        if spec.get("type") == "LoadBalancer":
            self._take_health_port(obj, taking)
            if spec.get("allocateLoadBalancerNodePorts") is False:
                return
        # Those that are named come first, so that none is dealt to a sibling.
        by_number: dict[int, set[str]] = {}
        for index, port in enumerate(spec.get("ports") or []):
            if port.get("nodePort"):
                self._take_named_port(obj, index, taking, by_number)
        dealt: dict[int, int] = {}
        for port in spec.get("ports") or []:
            if not port.get("nodePort"):
                port["nodePort"] = self._deal_port(port, dealt, taking)

    def _take_health_port(self, obj: JsonObject, taking: _Taking) -> None:
        """Load balancers ask nodes there who runs pods of a service with local endpoints only."""
        spec = obj["spec"]
        if spec.get("externalTrafficPolicy") != "Local":
            return
        number = spec.get("healthCheckNodePort")
        if not number:
            spec["healthCheckNodePort"] = self._deal_port({}, {}, taking)
        elif number not in taking.had_ports:
            self._take_port(obj, "spec.healthCheckNodePort", number, taking)

    def _take_named_port(
        self,
        obj: JsonObject,
        index: int,
        taking: _Taking,
        by_number: dict[int, set[str]],
    ) -> None:
        port = obj["spec"]["ports"][index]
        number, protocol = port["nodePort"], port.get("protocol", "TCP")
        users = by_number.setdefault(number, set())
        where = f"spec.ports[{index}].nodePort"
        if users and protocol not in users:
            users.add(protocol)  # TCP and UDP of one service may share a number
            return
        users.add(protocol)
        if number in taking.had_ports:
            return
        self._take_port(obj, where, number, taking)

    def _take_port(self, obj: JsonObject, where: str, number: int, taking: _Taking) -> None:
        pool = self._allocations.ports
        if not pool.holds(number):
            raise self._refused(
                obj,
                where,
                number,
                "provided port is not in the valid range. The range of valid ports is "
                f"{pool.first}-{pool.last}",
            )
        if not self._allocations.take(pool, number, taking.owner):
            raise self._refused(obj, where, number, "provided port is already allocated")
        taking.ports.add(number)

    def _deal_port(self, port: JsonObject, dealt: dict[int, int], taking: _Taking) -> int:
        """Any free port; the same one for the same service port in another protocol."""
        number = port.get("port", 0)
        if number in dealt:
            return dealt[number]
        value = self._allocations.ports.deal(taking.owner)
        if value is None:
            raise status.internal_error("failed to allocate a nodePort: range is full")
        taking.ports.add(value)
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
            if not spec.get(key) or (old is not None and spec[key] == old.get(key)):
                spec.pop(key, None)
        if old is not None:
            _drop_what_the_type_lost(spec, old)
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


def _has_health_port(spec: JsonObject) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _carry(spec: JsonObject, old: JsonObject) -> None:
    """An update that leaves out what was dealt keeps it."""
    if old.get("type") == "ExternalName":
        return
    if not spec.get("clusterIP") and not spec.get("clusterIPs"):
        for key in ("clusterIP", "clusterIPs"):
            if key in old:
                spec[key] = old[key]
    elif spec.get("clusterIPs") == old.get("clusterIPs") and spec.get("clusterIP") != old.get(
        "clusterIP"
    ):
        # Old clients know one address only, and send the others as they found them.
        spec["clusterIPs"] = [spec["clusterIP"]] if spec.get("clusterIP") else []
    for key in ("ipFamilies", "ipFamilyPolicy"):
        if key not in spec and key in old:
            spec[key] = old[key]
    if _has_health_port(spec) and _has_health_port(old) and "healthCheckNodePort" in old:
        spec.setdefault("healthCheckNodePort", old["healthCheckNodePort"])
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
        lost += ("allocateLoadBalancerNodePorts", "loadBalancerClass")
    if _has_health_port(old) and not _has_health_port(spec):
        lost += ("healthCheckNodePort",)
    for key in lost:
        if key in spec and spec[key] == old.get(key):
            del spec[key]
