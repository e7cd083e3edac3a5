"""Which addresses a service of type LoadBalancer gets, or why it gets none. Pure.

There is no load balancer beside the nodes: every node opens the service's ports on its own
address, and these addresses are what the service reports. So a port can be had once in the
cluster; who came first has it. A node on a machine where a server of the cluster listens on that
port is left out: its rules would lead the server's clients to the service. Neighbours: `loadbalancer.controller` writes; the service proxy of
each node makes rules from what was written.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apimachinery import ports
from apimachinery.mesos.marks import AGENT_PORT
from apimachinery.wire import JsonObject
from controllers import views

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
"""Label of a node that shall not be an address of services (Kubernetes' name)."""

NodePort = tuple[str, int]
"""(protocol, number): what can be had once on a node."""

OWN_PORTS: Mapping[NodePort, str] = {
    ("TCP", ports.KUBELET): "the node's agent",
    ("TCP", AGENT_PORT): "the node's Mesos side",
}
"""What the nodes themselves listen on: taken away from them they would be lost."""


Servers = Mapping[tuple[str, NodePort], str]
"""What is listened on, on machines that may be nodes as well, and by whom."""


@dataclass(frozen=True, slots=True)
class Balanced:
    """A service as far as its balancing goes. It may be of another type: node ports count too."""

    key: str
    uid: str
    created: float
    ours: bool
    """Of type LoadBalancer, without a class that names another load balancer."""
    foreign: bool
    """Somebody else's load balancer: what it reports is left alone."""
    local: bool
    """Only nodes that run its pods are to be asked."""
    ports: tuple[NodePort, ...]
    node_ports: tuple[NodePort, ...]
    reported: tuple[str, ...]
    """The addresses that its status has."""

    @property
    def order(self) -> tuple[float, str]:
        """Who comes first has the port."""
        return (self.created, self.key)


def balanced_of(view: views.Object) -> Balanced:
    obj = view.load()
    spec = obj.get("spec") or {}
    balancer = spec.get("type") == "LoadBalancer"
    ports = [(one.get("protocol") or "TCP", one) for one in spec.get("ports") or ()]
    status = (obj.get("status") or {}).get("loadBalancer") or {}
    return Balanced(
        key=view.meta.key,
        uid=view.meta.uid,
        created=view.meta.created,
        ours=balancer and not spec.get("loadBalancerClass") and not view.meta.deleting,
        foreign=balancer and bool(spec.get("loadBalancerClass")),
        local=spec.get("externalTrafficPolicy") == "Local",
        ports=tuple((protocol, one["port"]) for protocol, one in ports),
        node_ports=tuple(
            (protocol, one["nodePort"]) for protocol, one in ports if one.get("nodePort")
        ),
        reported=tuple(
            one.get("ip") or one.get("hostname") or "" for one in status.get("ingress") or ()
        ),
    )


def conflict(
    service: Balanced, others: Iterable[Balanced], host_ports: Mapping[NodePort, str]
) -> str:
    """Why the service cannot have its ports; empty if it can. `host_ports` are pods' own."""
    wanted = set(service.ports)
    taken = {port: f"port of {who}" for port, who in OWN_PORTS.items()}
    taken |= {port: f"host port of pod {pod}" for port, pod in host_ports.items()}
    for other in others:
        if other.key != service.key:
            taken |= dict.fromkeys(other.node_ports, f"node port of service {other.key}")
            if other.ours and other.order < service.order:
                taken |= dict.fromkeys(other.ports, f"port of service {other.key}")
    for protocol, number in sorted(wanted & taken.keys()):
        return f"port {number}/{protocol} is taken on the nodes: {taken[protocol, number]}"
    return ""


def servers(api: JsonObject, more: Mapping[int, str]) -> Servers:
    """The API servers, by the Endpoints of their service, and what else runs beside them."""
    found: dict[tuple[str, NodePort], str] = {}
    for subset in api.get("subsets") or ():
        for address in subset.get("addresses") or ():
            own = {one["port"]: "the API server" for one in subset.get("ports") or ()}
            for number, who in (own | dict(more)).items():
                found[address["ip"], ("TCP", number)] = who
    return found


def left_free(service: Balanced, found: Iterable[str], taken: Servers) -> tuple[list[str], str]:
    """Of these addresses those that the service may have, and why it may not have the others."""
    free, reasons = [], []
    for address in found:
        meets = [(port, taken[address, port]) for port in service.ports if (address, port) in taken]
        reasons += [
            f"port {number}/{protocol} of node address {address} is the port of {who}"
            for (protocol, number), who in meets
        ]
        if not meets:
            free.append(address)
    return free, "; ".join(reasons)


def addresses(nodes: Iterable[views.Node], only: frozenset[str] | None) -> list[str]:
    """The addresses of the nodes that are ready, sorted; of `only` these, if given."""
    found = (
        address
        for node in nodes
        if node.ready == "True"
        and EXCLUDED not in node.meta.labels
        and (only is None or node.meta.name in only)
        for address in node.addresses
        if _is_ipv4(address)
    )
    return sorted(found, key=ipaddress.IPv4Address)


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def status_of(found: Iterable[str]) -> JsonObject:
    """What a service with these addresses reports."""
    ingress = [{"ip": address, "ipMode": "VIP"} for address in found]
    return {"loadBalancer": {"ingress": ingress} if ingress else {"ingress": None}}
