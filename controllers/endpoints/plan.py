"""What a service's Endpoints object should say. Pure.

One subset per set of target ports; addresses sorted, so that equal states read equal. Neighbours:
`controllers.service_mirror` finds the pods, `endpoints.controller` writes, `controllers.endpointslice`
says the same in slices.
"""

import socket
from collections.abc import Iterable, Mapping

from apimachinery.wire import JsonObject
from controllers import services, views

CAPACITY = 1000
"""Addresses of one object (Kubernetes' number); slices have no such limit."""

OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"

Ports = tuple[tuple[str, int, str, str], ...]
"""(name, number, protocol, application protocol), sorted."""


def endpoints_of(service: services.Service, pods: Iterable[views.Pod]) -> JsonObject:
    """The whole object, without resourceVersion."""
    groups, truncated = _grouped(service, pods)
    metadata: JsonObject = {
        "name": service.meta.name,
        "namespace": service.meta.namespace,
        "labels": labels_of(service),
    }
    if truncated:
        metadata["annotations"] = {OVER_CAPACITY: "truncated"}
    out: JsonObject = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
    if groups:
        out["subsets"] = [_subset(ports, groups[ports]) for ports in sorted(groups)]
    return out


def labels_of(service: services.Service) -> dict[str, str]:
    """The service's own labels and ours."""
    found = {**service.meta.labels, MANAGED_BY: MANAGER}
    if service.headless:
        found[services.HEADLESS_LABEL] = ""
    else:
        found.pop(services.HEADLESS_LABEL, None)
    return found


def _grouped(
    service: services.Service, pods: Iterable[views.Pod]
) -> tuple[dict[Ports, list[tuple[bool, JsonObject]]], bool]:
    """(ready, address) by set of ports, and whether some had no room. Ready ones come first."""
    candidates = [
        (service.publish_unready or pod.ready, address, pod)
        for pod in pods
        if not pod.finished
        and (service.publish_unready or not pod.meta.deleting)
        and (address := next(iter(services.addresses_of(pod, service.families[0])), ""))
    ]
    candidates.sort(key=lambda one: (not one[0], one[1]))
    groups: dict[Ports, list[tuple[bool, JsonObject]]] = {}
    for ready, address, pod in candidates[:CAPACITY]:
        ports = ports_on(service, pod)
        if ports or not service.ports:
            groups.setdefault(ports, []).append((ready, _address(service, pod, address)))
    return groups, len(candidates) > CAPACITY


def ports_on(service: services.Service, pod: views.Pod) -> Ports:
    """The service's ports as this pod has them."""
    return tuple(
        sorted(
            (port.name, number, port.protocol, port.app_protocol)
            for port in service.ports
            if (number := services.target_port(port, pod)) is not None
        )
    )


def _subset(ports: Ports, found: list[tuple[bool, JsonObject]]) -> JsonObject:
    subset: JsonObject = {}
    for field, wanted in (("addresses", True), ("notReadyAddresses", False)):
        addresses = [address for ready, address in found if ready is wanted]
        if addresses:
            addresses.sort(key=_by_number)
            subset[field] = addresses
    if ports:
        subset["ports"] = [_port(*port) for port in ports]
    return subset


def _by_number(address: JsonObject) -> bytes:
    """Sorts addresses as numbers, not as text."""
    text = address["ip"]
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def _address(service: services.Service, pod: views.Pod, address: str) -> JsonObject:
    out: JsonObject = {"ip": address}
    if hostname := services.hostname_in(service, pod):
        out["hostname"] = hostname
    if pod.node:
        out["nodeName"] = pod.node
    out["targetRef"] = target_reference(pod)
    return out


def target_reference(pod: views.Pod) -> JsonObject:
    return {
        "kind": "Pod",
        "namespace": pod.meta.namespace,
        "name": pod.meta.name,
        "uid": pod.meta.uid,
    }


def _port(name: str, number: int, protocol: str, app_protocol: str) -> JsonObject:
    out: JsonObject = {"port": number, "protocol": protocol}
    if name:
        out["name"] = name
    if app_protocol:
        out["appProtocol"] = app_protocol
    return out


def differs(wanted: JsonObject, present: JsonObject) -> bool:
    """Whether the present object must be written again. Order of keys does not count."""
    before: Mapping[str, object] = present.get("metadata", {}).get("annotations") or {}
    after: Mapping[str, object] = wanted["metadata"].get("annotations") or {}
    return (
        (present.get("subsets") or []) != wanted.get("subsets", [])
        or (present["metadata"].get("labels") or {}) != wanted["metadata"]["labels"]
        or before.get(OVER_CAPACITY) != after.get(OVER_CAPACITY)
    )
