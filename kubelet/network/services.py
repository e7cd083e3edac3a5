"""What the network must know of Services and EndpointSlices, and the frontends they make. Pure.

`ServiceView` and `SliceView` are what the informers keep of each object: parsed once on arrival.
Neighbours: `proxy` turns frontends into rules, `dns` answers names from the same views.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from apimachinery.wire import JsonObject
from kubelet.network.rules import Frontend, Target
from kubelet.runtime.podnetwork import PodAttachment

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
"""On an EndpointSlice: the Service that it belongs to (KEP-752)."""
PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name"
"""On a Service: another proxy serves it (KEP-2447)."""
HEADLESS_LABEL = "service.kubernetes.io/headless"
"""On a Service: no proxy serves it, though it has an address."""

PROTOCOLS = frozenset({"tcp", "udp"})
"""What the rules balance; SCTP ports are left out."""


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service."""

    name: str
    protocol: str
    """lower case"""
    port: int
    node_port: int
    """0 for none"""


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One Service; `cluster_ip` is empty for headless and ExternalName ones."""

    namespace: str
    name: str
    cluster_ip: str
    headless: bool
    external_name: str
    external_ips: tuple[str, ...]
    balanced_ips: tuple[str, ...]
    """The addresses that a load balancer reported."""
    sources: tuple[str, ...]
    """The ranges from which the balanced addresses may be asked; none means all."""
    health_port: int
    """Where each node tells a load balancer whether it runs endpoints; 0 for nowhere."""
    ports: tuple[ServicePort, ...]
    affinity_seconds: int
    external_local: bool
    """externalTrafficPolicy: Local"""
    internal_local: bool
    """internalTrafficPolicy: Local"""
    elsewhere: bool
    """Another proxy's business."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint of a slice, its conditions resolved."""

    addresses: tuple[str, ...]
    ready: bool
    serving: bool
    terminating: bool
    node: str
    hostname: str
    for_zones: tuple[str, ...] = ()
    for_nodes: tuple[str, ...] = ()
    """Who should use it, as its hints say."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node is. The host of several nodes is nowhere."""

    node: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class SliceView:
    """One EndpointSlice of IPv4 addresses (others count as empty)."""

    key: str
    service: str
    """namespace/name, or empty if it belongs to none"""
    ports: tuple[tuple[str, str, int], ...]
    """(name, protocol in lower case, port)"""
    endpoints: tuple[Endpoint, ...]


def service_view(obj: JsonObject) -> ServiceView:
    """Keep of a Service what the network reads."""
    meta, spec = obj["metadata"], obj.get("spec") or {}
    cluster_ip = spec.get("clusterIP") or ""
    affinity = 0
    if spec.get("sessionAffinity") == "ClientIP":
        config = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        affinity = int(config.get("timeoutSeconds") or 10800)
    ingress = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    balanced = [one["ip"] for one in ingress if one.get("ip") and one.get("ipMode") != "Proxy"]
    names = meta.get("labels") or {}
    return ServiceView(
        namespace=meta["namespace"],
        name=meta["name"],
        cluster_ip=next(iter(_addresses([cluster_ip])), ""),
        headless=cluster_ip == "None",
        external_name=spec.get("externalName") or "",
        external_ips=_addresses(spec.get("externalIPs") or ()),
        balanced_ips=_addresses(balanced),
        sources=_ranges(spec.get("loadBalancerSourceRanges") or ()),
        health_port=int(spec.get("healthCheckNodePort") or 0),
        ports=tuple(
            port
            for port in map(_service_port, spec.get("ports") or ())
            if port.protocol in PROTOCOLS
        ),
        affinity_seconds=affinity,
        external_local=spec.get("externalTrafficPolicy") == "Local",
        internal_local=spec.get("internalTrafficPolicy") == "Local",
        elsewhere=PROXY_NAME_LABEL in names or HEADLESS_LABEL in names,
    )


def _addresses(candidates: Iterable[Any]) -> tuple[str, ...]:
    """The IPv4 addresses among them, in one spelling: nothing else may reach a rule."""
    found = []
    for candidate in candidates:
        try:
            found.append(str(ipaddress.IPv4Address(candidate)))
        except ValueError:
            continue
    return tuple(found)


def _ranges(candidates: Iterable[str]) -> tuple[str, ...]:
    """The IPv4 ranges among them, none within another: nothing else may reach a rule."""
    found = []
    for candidate in candidates:
        try:
            found.append(ipaddress.IPv4Network(candidate.strip(), strict=False))
        except ValueError:
            continue
    return tuple(map(str, ipaddress.collapse_addresses(found)))


def _service_port(port: Mapping[str, Any]) -> ServicePort:
    return ServicePort(
        name=port.get("name") or "",
        protocol=(port.get("protocol") or "TCP").lower(),
        port=int(port["port"]),
        node_port=int(port.get("nodePort") or 0),
    )


def ranges_of(obj: JsonObject) -> tuple[str, ...]:
    """Of a ServiceCIDR the ranges of IPv4."""
    return _ranges((obj.get("spec") or {}).get("cidrs") or ())


def slice_view(obj: JsonObject) -> SliceView:
    """Keep of an EndpointSlice what the network reads."""
    meta = obj["metadata"]
    name = (meta.get("labels") or {}).get(SERVICE_NAME_LABEL)
    ours = obj.get("addressType") == "IPv4"
    return SliceView(
        key=f"{meta['namespace']}/{meta['name']}",
        service=f"{meta['namespace']}/{name}" if name else "",
        ports=tuple(
            (port.get("name") or "", (port.get("protocol") or "TCP").lower(), int(port["port"]))
            for port in obj.get("ports") or ()
            if port.get("port") is not None
        ),
        endpoints=tuple(_endpoint(e) for e in obj.get("endpoints") or ()) if ours else (),
    )


def _endpoint(entry: Mapping[str, Any]) -> Endpoint:
    conditions, hints = entry.get("conditions") or {}, entry.get("hints") or {}
    ready = conditions.get("ready") is not False
    serving = conditions.get("serving")
    return Endpoint(
        addresses=_addresses(entry.get("addresses") or ()),
        ready=ready,
        serving=ready if serving is None else serving,
        terminating=conditions.get("terminating") is True,
        node=entry.get("nodeName") or "",
        hostname=entry.get("hostname") or "",
        for_zones=tuple(one["name"] for one in hints.get("forZones") or ()),
        for_nodes=tuple(one["name"] for one in hints.get("forNodes") or ()),
    )


def usable(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """The ready ones; if there are none, those that still serve while they end (KEP-1669)."""
    everyone = list(endpoints)
    ready = [e for e in everyone if e.ready]
    return ready or [e for e in everyone if e.serving and e.terminating]


def near(endpoints: list[Endpoint], place: Place) -> list[Endpoint]:
    """Of ready endpoints those meant for this place; all of them unless every one has a hint and
    some are for here (KEP-4444).
    """
    for hints, here in (
        ([e.for_nodes for e in endpoints], place.node),
        ([e.for_zones for e in endpoints], place.zone),
    ):
        if here and all(hints) and any(here in names for names in hints):
            return [e for e, names in zip(endpoints, hints, strict=True) if here in names]
    return endpoints


def backends(
    port: ServicePort, slices: Iterable[SliceView], place: Place, *, local: bool = False
) -> tuple[tuple[str, int], ...]:
    """The sorted (address, port) pairs behind a service's port; of this node only if `local`."""
    candidates = [
        (number, endpoint)
        for view in slices
        for name, protocol, number in view.ports
        if name == port.name and protocol == port.protocol
        for endpoint in view.endpoints
        if not local or endpoint.node == place.node
    ]
    chosen = usable(endpoint for _, endpoint in candidates)
    if not local:
        chosen = near(chosen, place)
    return tuple(
        sorted({(address, n) for n, e in candidates if e in chosen for address in e.addresses[:1]})
    )


def frontends(
    service: ServiceView | None,
    slices: Iterable[SliceView],
    *,
    place: Place,
    node_addresses: Iterable[str],
) -> dict[Frontend, Target]:
    """Every address under which this node must know a service, and where each leads.

    A host that runs no pods itself is no place; the Local policies don't apply there.
    """
    if service is None or service.elsewhere or not service.cluster_ip:
        return {}
    behind, mine = list(slices), list(node_addresses)
    found: dict[Frontend, Target] = {}
    for port in service.ports:
        here = bool(place.node)
        internal = backends(port, behind, place, local=service.internal_local and here)
        found[Frontend(service.cluster_ip, port.protocol, port.port)] = Target(
            internal, affinity_seconds=service.affinity_seconds
        )
        local = service.external_local and here
        external = Target(
            backends(port, behind, place, local=local),
            masquerade=not local,
            affinity_seconds=service.affinity_seconds,
        )
        balanced = replace(external, sources=service.sources)
        for target, addresses in (
            (external, service.external_ips),
            (balanced, service.balanced_ips),
        ):
            for ip in addresses:
                # What a node cannot answer itself it leaves to the node that has the address; so
                # does the host of several nodes, which runs no pods.
                if not service.external_local or ip in mine or (here and external.backends):
                    found[Frontend(ip, port.protocol, port.port)] = target
        if port.node_port:
            for ip in mine:
                found[Frontend(ip, port.protocol, port.node_port)] = external
    return found


def local_endpoints(
    service: ServiceView | None, slices: Iterable[SliceView], place: Place
) -> tuple[int, int] | None:
    """(health port, ready endpoints here) of a service that load balancers ask each node about."""
    if service is None or not service.health_port or not service.external_local:
        return None
    behind = list(slices)
    counts = (len(backends(port, behind, place, local=True)) for port in service.ports)
    return service.health_port, max(counts, default=0)


def host_ports(
    attachments: Iterable[PodAttachment], node_addresses: Iterable[str]
) -> dict[Frontend, Target]:
    """The ports of this node that lead straight to one of its pods (`hostPort`)."""
    addresses = list(node_addresses)
    found: dict[Frontend, Target] = {}
    for attachment in attachments:
        for mapping in attachment.port_mappings:
            protocol = mapping.protocol.lower()
            target = Target(((attachment.ip, mapping.container_port),), masquerade=True)
            for ip in _addresses([mapping.host_ip]) or addresses:
                if protocol in PROTOCOLS:
                    found[Frontend(ip, protocol, mapping.host_port)] = target
    return found
