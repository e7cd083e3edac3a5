"""What NetworkPolicies say, and whom they speak of. Pure.

`Policy`, `Pod` and the namespaces' labels are what the informers keep of each object: parsed once
on arrival. A policy isolates the pods that it selects, in the directions that it names; what some
policy of a direction allows passes. Neighbours: `firewall` turns all of it into rules, `enforcer`
follows the API. Only IPv4; pods on their host's network are the node, not pods.
"""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from apimachinery import labels
from apimachinery.labels import Selector
from apimachinery.wire import JsonObject

Direction = Literal["ingress", "egress"]
DIRECTIONS: tuple[Direction, Direction] = ("ingress", "egress")
LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod with an address; `ip` is empty where it has none, or where nothing of it counts."""

    namespace: str
    labels: Mapping[str, str]
    uid: str
    ip: str
    ports: tuple[tuple[str, str, int], ...] = ()
    """(name, protocol in lower case, number) of its named ports."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Pods by their labels, in one namespace or in those of certain labels."""

    pods: Selector
    namespace: str = ""
    namespaces: Selector | None = None

    def matches(self, pod: Pod, labels_of: Callable[[str], Mapping[str, str] | None]) -> bool:
        """`labels_of` gives a namespace's labels; None if it is not known."""
        if self.namespaces is None:
            return pod.namespace == self.namespace and self.pods.matches(pod.labels)
        found = labels_of(pod.namespace)
        return (
            found is not None and self.namespaces.matches(found) and self.pods.matches(pod.labels)
        )


@dataclass(frozen=True, slots=True)
class Block:
    """A range of addresses, without some parts of it."""

    cidr: str
    excepted: tuple[str, ...] = ()

    def holds(self, ip: str) -> bool:
        address = ipaddress.IPv4Address(ip)
        return address in ipaddress.IPv4Network(self.cidr) and not any(
            address in ipaddress.IPv4Network(part) for part in self.excepted
        )


@dataclass(frozen=True, slots=True)
class Port:
    """Ports of one protocol: a range, or what the destination calls by a name."""

    protocol: str
    first: int = 0
    last: int = LAST_PORT
    name: str = ""

    @property
    def every(self) -> bool:
        return not self.name and self.first == 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is allowed: with any of these peers, on any of these ports."""

    anyone: bool
    peers: tuple[Peer, ...] = ()
    blocks: tuple[Block, ...] = ()
    ports: tuple[Port, ...] = ()
    """None: every protocol and port."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One NetworkPolicy. A direction without rules allows nothing; None: not its business."""

    namespace: str
    pods: Selector
    ingress: tuple[Rule, ...] | None
    egress: tuple[Rule, ...] | None

    def rules(self, direction: Direction) -> tuple[Rule, ...] | None:
        return self.ingress if direction == "ingress" else self.egress

    def isolates(self, pod: Pod, direction: Direction) -> bool:
        return (
            self.rules(direction) is not None
            and pod.namespace == self.namespace
            and self.pods.matches(pod.labels)
        )


def policy_of(obj: JsonObject) -> Policy:
    """Keep of a NetworkPolicy what the rules are made from."""
    namespace, spec = obj["metadata"]["namespace"], obj.get("spec") or {}
    types = spec.get("policyTypes") or ("Ingress", *(("Egress",) if spec.get("egress") else ()))

    def rules(kind: str, peers: str) -> tuple[Rule, ...]:
        found = spec.get(kind) or ()
        return tuple(_rule(namespace, rule.get(peers), rule.get("ports")) for rule in found)

    return Policy(
        namespace=namespace,
        pods=labels.from_label_selector(spec.get("podSelector") or {}),
        ingress=rules("ingress", "from") if "Ingress" in types else None,
        egress=rules("egress", "to") if "Egress" in types else None,
    )


def _rule(namespace: str, peers: list[JsonObject] | None, ports: list[JsonObject] | None) -> Rule:
    found = peers or ()
    return Rule(
        anyone=not found,
        peers=tuple(_peer(namespace, peer) for peer in found if not peer.get("ipBlock")),
        blocks=tuple(
            block for peer in found if (block := _block(peer.get("ipBlock") or {})) is not None
        ),
        ports=tuple(map(_port, ports or ())),
    )


def _peer(namespace: str, peer: Mapping[str, Any]) -> Peer:
    spaces = peer.get("namespaceSelector")
    return Peer(
        pods=labels.from_label_selector(peer.get("podSelector") or {}),
        namespace=namespace if spaces is None else "",
        namespaces=None if spaces is None else labels.from_label_selector(spaces),
    )


def _block(block: Mapping[str, Any]) -> Block | None:
    """None for ranges of IPv6, which no packet here is in."""
    cidr = _network(block.get("cidr") or "")
    if cidr is None:
        return None
    parts = [part for text in block.get("except") or () if (part := _network(text)) is not None]
    # The kernel refuses a set of ranges that overlap.
    merged = ipaddress.collapse_addresses(parts)
    return Block(str(cidr), tuple(map(str, merged)))


def _network(text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        return None


def _port(port: Mapping[str, Any]) -> Port:
    protocol, value = (port.get("protocol") or "TCP").lower(), port.get("port")
    if value is None:
        return Port(protocol)
    if isinstance(value, str):
        return Port(protocol, name=value)
    return Port(protocol, first=value, last=port.get("endPort") or value)


def pod_of(obj: JsonObject) -> Pod:
    """Keep of a Pod what policies ask for."""
    metadata, spec, state = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    counts = not spec.get("hostNetwork") and state.get("phase") not in ("Succeeded", "Failed")
    ip = _network(state.get("podIP") or "") if counts else None
    return Pod(
        namespace=metadata["namespace"],
        labels=metadata.get("labels") or {},
        uid=metadata.get("uid") or "",
        ip=str(ip.network_address) if ip is not None else "",
        ports=tuple(
            (port["name"], (port.get("protocol") or "TCP").lower(), int(port["containerPort"]))
            for container in _containers(spec)
            for port in container.get("ports") or ()
            if port.get("name")
        ),
    )


def _containers(spec: Mapping[str, Any]) -> list[JsonObject]:
    """Those that live as long as the pod."""
    lasting = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    return [*(spec.get("containers") or ()), *lasting]


def namespace_of(obj: JsonObject) -> Mapping[str, str]:
    """Of a Namespace only the labels."""
    found: Mapping[str, str] = obj["metadata"].get("labels") or {}
    return found
