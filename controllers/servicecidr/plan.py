"""When a range of service addresses may go, and which object stands for an address. Pure.

Neighbours: `servicecidr.controller` follows ranges, `servicecidr.addresses` addresses. Who gets
which address is the API server's business.
"""

import ipaddress
from collections.abc import Iterable

from apimachinery import meta
from apimachinery.wire import JsonObject
from controllers import views

FINALIZER = "networking.k8s.io/service-cidr-finalizer"
FAMILY = "ipaddress.kubernetes.io/ip-family"
MANAGED_BY = "ipaddress.kubernetes.io/managed-by"
MANAGER = "ipallocator.k8s.io"

READY = "Kubernetes Service CIDR is ready"
IN_USE = (
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a "
    "new ServiceCIDR"
)


def networks(obj: JsonObject) -> list[ipaddress.IPv4Network]:
    """The IPv4 ranges of a ServiceCIDR."""
    found = []
    for text in (obj.get("spec") or {}).get("cidrs") or ():
        try:
            found.append(ipaddress.IPv4Network(text))
        except ValueError:
            continue
    return found


def needed(going: JsonObject, others: Iterable[JsonObject], used: Iterable[str]) -> bool:
    """Whether addresses in use are in no other range than in the one that is to go."""
    mine = networks(going)
    rest = [network for other in others for network in networks(other)]
    addresses = (ipaddress.ip_address(text) for text in used)
    return any(
        any(one in network for network in mine) and not any(one in network for network in rest)
        for one in addresses
    )


def condition(*, going: bool) -> JsonObject:
    if going:
        return {"type": "Ready", "status": "False", "reason": "Terminating", "message": IN_USE}
    return {"type": "Ready", "status": "True", "reason": "", "message": READY}


def address_of(view: views.Object) -> str:
    """The IPv4 address of a service; empty for none."""
    text = (view.load().get("spec") or {}).get("clusterIP") or ""
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        return ""


def object_for(address: str, service: str) -> JsonObject:
    """The IPAddress of a service, given by key."""
    namespace, name = service.split("/")
    parent = {"group": "", "resource": "services", "namespace": namespace, "name": name}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {"name": address, "labels": {FAMILY: "IPv4", MANAGED_BY: MANAGER}},
        "spec": {"parentRef": parent},
    }


def stands_for(obj: JsonObject, service: str) -> bool:
    parent = (obj.get("spec") or {}).get("parentRef") or {}
    return f"{parent.get('namespace')}/{parent.get('name')}" == service


def is_ours(obj: JsonObject) -> bool:
    return meta.labels(obj).get(MANAGED_BY) == MANAGER
