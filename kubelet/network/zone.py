"""The names of a cluster: which records Services and endpoints make. Pure.

Follows the Kubernetes DNS specification (schema 1.1.0): A and SRV for services, the endpoints of
headless ones, PTR for their addresses, CNAME for ExternalName, A for pod addresses. Changing one
service touches its own names only. Neighbours: `dns` packs the answers, `services` has the views.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from kubelet.network.services import ServiceView, SliceView

DOMAIN = "cluster.local"


@dataclass(frozen=True, slots=True)
class Srv:
    """One SRV record."""

    port: int
    target: str


@dataclass(slots=True)
class Records:
    """What one name has. A name without any exists only as part of longer ones."""

    a: tuple[str, ...] = ()
    srv: tuple[Srv, ...] = ()
    ptr: tuple[str, ...] = ()
    cname: str = ""


@dataclass(slots=True)
class Zone:
    """The names of one cluster, in lower case without the final dot."""

    names: dict[str, Records] = field(default_factory=dict)
    _parents: dict[str, int] = field(default_factory=dict)
    """How many names lie below each: those exist too, without records."""
    _owned: dict[str, list[str]] = field(default_factory=dict)
    """Names per service key."""

    def update(self, key: str, service: ServiceView | None, slices: Iterable[SliceView]) -> None:
        """Replace what one service contributes."""
        for name in self._owned.pop(key, ()):
            self._drop(name)
        if service is None:
            return
        records = service_records(service, list(slices))
        self._owned[key] = [name for name in records if name not in self.names]
        for name in self._owned[key]:
            self.names[name] = records[name]
            for parent in _ancestors(name):
                self._parents[parent] = self._parents.get(parent, 0) + 1

    def _drop(self, name: str) -> None:
        del self.names[name]
        for parent in _ancestors(name):
            self._parents[parent] -= 1
            if not self._parents[parent]:
                del self._parents[parent]

    def find(self, name: str) -> Records | None:
        """The records of a name; an empty one if it only has names below; None if unknown."""
        found = self.names.get(name)
        if found is not None:
            return found
        if name in self._parents or name == DOMAIN:
            return Records()
        return _pod_record(name)

    def covers(self, name: str) -> bool:
        """Whether this zone answers for the name, be it there or not."""
        return name == DOMAIN or name.endswith(f".{DOMAIN}") or name in self.names


def _ancestors(name: str) -> list[str]:
    labels = name.split(".")
    return [".".join(labels[i:]) for i in range(1, len(labels))]


def _pod_record(name: str) -> Records | None:
    """`1-2-3-4.NAMESPACE.pod.cluster.local` is the address in its own name."""
    suffix = f".pod.{DOMAIN}"
    if not name.endswith(suffix):
        return None
    labels = name[: -len(suffix)].split(".")
    if len(labels) != 2:
        return None
    try:
        return Records(a=(str(ipaddress.IPv4Address(labels[0].replace("-", "."))),))
    except ValueError:
        return None


def reverse(ip: str) -> str:
    """The name under which an address' PTR stands."""
    return ".".join(reversed(ip.split("."))) + ".in-addr.arpa"


def service_records(service: ServiceView, slices: list[SliceView]) -> dict[str, Records]:
    """All names of one service."""
    base = f"{service.name}.{service.namespace}.svc.{DOMAIN}"
    if service.external_name:
        return {base: Records(cname=service.external_name.rstrip(".").lower())}
    if service.headless:
        return _headless(base, slices)
    if not service.cluster_ip:
        return {}
    records = {base: Records(a=(service.cluster_ip,))}
    for port in service.ports:
        if port.name:
            records[f"_{port.name}._{port.protocol}.{base}"] = Records(srv=(Srv(port.port, base),))
    records[reverse(service.cluster_ip)] = Records(ptr=(base,))
    return records


def _headless(base: str, slices: list[SliceView]) -> dict[str, Records]:
    """The ready endpoints under the service's name, each under a name of its own too."""
    addresses: dict[str, str] = {}
    records: dict[str, Records] = {}
    targets: dict[str, set[Srv]] = {}
    for view in slices:
        for endpoint in view.endpoints:
            if not endpoint.ready:
                continue
            for ip in endpoint.addresses:
                name = f"{endpoint.hostname or ip.replace('.', '-')}.{base}"
                addresses[ip] = name
                for port_name, protocol, number in view.ports:
                    if port_name:
                        key = f"_{port_name}._{protocol}.{base}"
                        targets.setdefault(key, set()).add(Srv(number, name))
    for ip, name in addresses.items():
        entry = records.setdefault(name, Records())
        entry.a = (*entry.a, ip)
        records[reverse(ip)] = Records(ptr=(name,))
    if addresses:
        records[base] = Records(a=tuple(sorted(addresses)))
    for key, found in targets.items():
        ordered = sorted(found, key=lambda srv: (srv.target, srv.port))
        records[key] = Records(srv=tuple(ordered))
    return records
