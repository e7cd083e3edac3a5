"""Which EndpointSlices a service should have, with as few changes as possible. Pure.

Endpoints of one address family and one set of target ports share slices of at most `SLICE_MAX`.
An endpoint stays in the slice where it is; gaps are filled; a slice is made only when no other
has room. So one changed pod changes one slice.

Neighbours: `controllers.service_mirror` finds pods; `endpointslice.controller` writes.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from apimachinery import meta
from apimachinery.wire import JsonObject
from controllers import services, views
from controllers.endpoints import plan as endpoints

SLICE_MAX = 100
"""Endpoints of one slice (Kubernetes' number): a change is read by every node."""

MIRRORED_MAX = 1000
"""Addresses mirrored from one subset (Kubernetes' number)."""

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SELECTED = "endpointslice-controller.k8s.io"
MIRRORED = "endpointslicemirroring-controller.k8s.io"
SKIP_MIRROR = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_BY_NODE = "PreferSameNode"
_BY_ZONE = frozenset({"PreferClose", "PreferSameZone", _BY_NODE})
"""trafficDistribution of a service."""

Group = tuple[str, endpoints.Ports]
"""Address family and target ports."""

Wanted = dict[Group, dict[str, JsonObject]]
"""Endpoints by identity (pod uid or address), by group."""


@dataclass(slots=True)
class Changes:
    """Slices to create, to write again and to delete."""

    create: list[JsonObject] = field(default_factory=list)
    update: list[JsonObject] = field(default_factory=list)
    delete: list[JsonObject] = field(default_factory=list)


# --- what is wanted


def selected(
    service: services.Service, pods: Iterable[views.Pod], zones: Mapping[str, str]
) -> Wanted:
    """The endpoints of a service with a selector. `zones` are the zones of nodes."""
    wanted: Wanted = {}
    for pod in pods:
        if pod.finished:
            continue
        # A pod that lacks the named port is listed without: DNS knows it, nothing is sent there.
        ports = endpoints.ports_on(service, pod)
        for family in service.families:
            addresses = services.addresses_of(pod, family)
            if addresses:
                group = wanted.setdefault((family, ports), {})
                group[pod.meta.uid] = _endpoint(service, pod, addresses, zones)
    for family in service.families:
        if not any(group[0] == family for group in wanted):
            # A service without endpoints says so with an empty slice.
            wanted[family, ()] = {}
    return wanted


def _endpoint(
    service: services.Service,
    pod: views.Pod,
    addresses: tuple[str, ...],
    zones: Mapping[str, str],
) -> JsonObject:
    leaving = pod.meta.deleting
    out: JsonObject = {
        "addresses": list(addresses[:1]),
        "conditions": {
            "ready": service.publish_unready or (pod.ready and not leaving),
            "serving": pod.ready,
            "terminating": leaving,
        },
        "targetRef": endpoints.target_reference(pod),
    }
    if hostname := services.hostname_in(service, pod):
        out["hostname"] = hostname
    if pod.node:
        out["nodeName"] = pod.node
        zone = zones.get(pod.node, "")
        if zone:
            out["zone"] = zone
        hints = _hints(service.distribution, zone, pod.node)
        if hints and out["conditions"]["ready"]:
            out["hints"] = hints
    return out


def _hints(distribution: str, zone: str, node: str) -> JsonObject:
    """Who should use an endpoint there: those in its zone, those on its node."""
    hints: JsonObject = {}
    if distribution in _BY_ZONE and zone:
        hints["forZones"] = [{"name": zone}]
    if distribution == _BY_NODE:
        hints["forNodes"] = [{"name": node}]
    return hints


def mirrored(subsets: Iterable[JsonObject]) -> Wanted:
    """The endpoints of a hand-written Endpoints object."""
    wanted: Wanted = {}
    for subset in subsets:
        ports = tuple(
            sorted(
                (
                    port.get("name") or "",
                    port["port"],
                    port.get("protocol") or "TCP",
                    port.get("appProtocol") or "",
                )
                for port in subset.get("ports") or ()
            )
        )
        ready = [(one, True) for one in subset.get("addresses") or ()]
        unready = [(one, False) for one in subset.get("notReadyAddresses") or ()]
        for address, is_ready in (*ready, *unready)[:MIRRORED_MAX]:
            family = f"IPv{ipaddress.ip_address(address['ip']).version}"
            group = wanted.setdefault((family, ports), {})
            group[address["ip"]] = _mirrored_endpoint(address, ready=is_ready)
    return wanted


def _mirrored_endpoint(address: JsonObject, *, ready: bool) -> JsonObject:
    out: JsonObject = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    for name in ("hostname", "nodeName", "targetRef"):
        if address.get(name):
            out[name] = address[name]
    return out


def may_mirror(service: services.Service, obj: JsonObject) -> bool:
    """Whether a hand-written Endpoints object is to be mirrored for this service."""
    return (
        not service.selector
        and not service.external
        and meta.labels(obj).get(SKIP_MIRROR) != "true"
        and LEADER not in meta.annotations(obj)
    )


# --- how to get there


@dataclass(frozen=True, slots=True)
class Face:
    """What all slices of one service and one manager have in common."""

    service: services.Service
    manager: str
    labels: Mapping[str, str]

    def metadata(self) -> JsonObject:
        one = self.service.meta
        return {
            "generateName": f"{one.name}-",
            "namespace": one.namespace,
            "labels": dict(self.labels),
            "ownerReferences": [meta.owner_reference("v1", "Service", one.name, one.uid)],
        }


def face_of(service: services.Service, manager: str, extra: Mapping[str, str]) -> Face:
    """`extra` are the labels of the object that the slices are made from."""
    found = {**extra, SERVICE_NAME: service.meta.name, MANAGED_BY: manager}
    for name in (endpoints.MANAGED_BY, SKIP_MIRROR):
        found.pop(name, None)
    if service.headless:
        found[services.HEADLESS_LABEL] = ""
    else:
        found.pop(services.HEADLESS_LABEL, None)
    return Face(service, manager, found)


def plan(face: Face, wanted: Wanted, present: Iterable[JsonObject]) -> Changes:
    """From the present slices of this manager to the wanted endpoints. `present` may be changed."""
    changes = Changes()
    by_group: dict[Group, list[JsonObject]] = {}
    for piece in sorted(present, key=meta.name):
        group = group_of(piece)
        if group in wanted:
            by_group.setdefault(group, []).append(piece)
        else:
            changes.delete.append(piece)
    for group, found in wanted.items():
        _plan_group(face, group, found, by_group.get(group, []), changes)
    _recycle(face, changes)
    return changes


def group_of(piece: JsonObject) -> Group:
    """The group that a present slice belongs to."""
    ports = tuple(
        sorted(
            (
                port.get("name") or "",
                port.get("port") or 0,
                port.get("protocol") or "TCP",
                port.get("appProtocol") or "",
            )
            for port in piece.get("ports") or ()
        )
    )
    return (piece.get("addressType") or "IPv4", ports)


def _plan_group(
    face: Face,
    group: Group,
    wanted: dict[str, JsonObject],
    pieces: list[JsonObject],
    changes: Changes,
) -> None:
    missing = dict(wanted)
    kept: list[tuple[JsonObject, list[JsonObject]]] = []
    for piece in pieces:
        stay: list[JsonObject] = []
        for endpoint in (piece.get("endpoints") or ())[:SLICE_MAX]:
            now_wanted = missing.pop(_identity(face, endpoint), None)
            if now_wanted is not None:
                stay.append(now_wanted)
        kept.append((piece, stay))
    newcomers = [missing[key] for key in sorted(missing, key=lambda key: _order(missing[key]))]
    # Fill the fullest first, so that nearly empty slices can run dry and go.
    for _, stay in sorted(kept, key=lambda one: -len(one[1])):
        room = SLICE_MAX - len(stay)
        stay.extend(newcomers[:room])
        del newcomers[:room]
    _settle(face, kept, changes, keep_one=not newcomers)
    while newcomers or not (kept or wanted):
        changes.create.append(_new_slice(face, group, newcomers[:SLICE_MAX]))
        if not newcomers:
            break
        del newcomers[:SLICE_MAX]


def _settle(
    face: Face,
    kept: list[tuple[JsonObject, list[JsonObject]]],
    changes: Changes,
    *,
    keep_one: bool,
) -> None:
    """Write what changed; delete what ran dry, but for the last one of an empty service."""
    filled = any(stay for _, stay in kept)
    for piece, stay in kept:
        if not stay and (filled or not keep_one):
            changes.delete.append(piece)
            continue
        if not stay:
            filled = True
        same_labels = meta.labels(piece) == face.labels
        if same_labels and (piece.get("endpoints") or []) == stay:
            continue
        piece["endpoints"] = stay
        piece["metadata"]["labels"] = dict(face.labels)
        changes.update.append(piece)


def _recycle(face: Face, changes: Changes) -> None:
    """A slice to delete becomes one to create, if it has its address family: one write, not two."""
    for piece in list(changes.delete):
        twin = next(
            (one for one in changes.create if one["addressType"] == piece.get("addressType")), None
        )
        if twin is not None and not meta.is_deleting(piece):
            changes.create.remove(twin)
            changes.delete.remove(piece)
            piece["endpoints"], piece["ports"] = twin["endpoints"], twin["ports"]
            piece["metadata"]["labels"] = dict(face.labels)
            changes.update.append(piece)


def _new_slice(face: Face, group: Group, found: list[JsonObject]) -> JsonObject:
    family, ports = group
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": face.metadata(),
        "addressType": family,
        "endpoints": found,
        "ports": [_port(*port) for port in ports],
    }


def _port(name: str, number: int, protocol: str, app_protocol: str) -> JsonObject:
    out: JsonObject = {"name": name, "port": number, "protocol": protocol}
    return out | ({"appProtocol": app_protocol} if app_protocol else {})


def _identity(face: Face, endpoint: JsonObject) -> str:
    if face.manager == SELECTED:
        return str((endpoint.get("targetRef") or {}).get("uid") or "")
    return str(next(iter(endpoint.get("addresses") or ()), ""))


def _order(endpoint: JsonObject) -> tuple[str, str]:
    target = endpoint.get("targetRef") or {}
    return (str(target.get("name") or ""), endpoint["addresses"][0])
