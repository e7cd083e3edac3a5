"""How services, endpoints, ingresses and their kin print."""

from typing import Any

from apimachinery import labels, meta
from apimachinery.tables.base import (
    AGE,
    MAX_LISTED,
    NAME,
    NONE,
    UNSET,
    Column,
    Printer,
    age,
    format_labels,
    join,
    limited,
    name_of,
    wide,
)
from apimachinery.wire import JsonObject


def _load_balancer(obj: JsonObject) -> list[str]:
    ingress = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return [one.get("ip") or one.get("hostname") or "" for one in ingress]


def _external_ip(service: JsonObject) -> str:
    spec = service.get("spec") or {}
    external = spec.get("externalIPs") or []
    match spec.get("type") or "ClusterIP":
        case "LoadBalancer":
            return ",".join(_load_balancer(service) + external) or "<pending>"
        case "ExternalName":
            return spec.get("externalName") or ""
        case _:
            return join(external)


def _service_port(port: JsonObject) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node_port}/{port.get('protocol') or 'TCP'}"


def _service(service: JsonObject) -> list[Any]:
    spec = service.get("spec") or {}
    addresses = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return [
        name_of(service),
        spec.get("type") or "ClusterIP",
        addresses[0] or NONE,
        _external_ip(service),
        join(_service_port(port) for port in spec.get("ports") or ()),
        age(service),
        format_labels(spec.get("selector")),
    ]


SERVICE = Printer(
    (
        NAME,
        Column("Type"),
        Column("Cluster-IP"),
        Column("External-IP"),
        Column("Port(s)"),
        AGE,
        wide("Selector"),
    ),
    _service,
)


def _endpoints_text(obj: JsonObject) -> str:
    found: list[str] = []
    for subset in obj.get("subsets") or ():
        addresses = [one.get("ip") or "" for one in subset.get("addresses") or ()]
        ports = [one.get("port") for one in subset.get("ports") or ()]
        if not ports:
            found += addresses
        for port in ports:
            found += [_host_port(address, port) for address in addresses]
    return limited(found, NONE)


def _host_port(address: str, port: Any) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _endpoints(obj: JsonObject) -> list[Any]:
    return [name_of(obj), _endpoints_text(obj), age(obj)]


ENDPOINTS = Printer((NAME, Column("Endpoints"), AGE), _endpoints)


def _slice_ports(obj: JsonObject) -> str:
    ports = obj.get("ports") or ()
    if not ports:
        return UNSET
    shown = [str(one.get("port") or one.get("name") or "*") for one in ports[:MAX_LISTED]]
    if len(ports) > MAX_LISTED:
        return f"{','.join(shown)} + {len(ports) - MAX_LISTED} more..."
    return ",".join(shown)


def _endpoint_slice(obj: JsonObject) -> list[Any]:
    addresses = [
        address for one in obj.get("endpoints") or () for address in one.get("addresses") or ()
    ]
    return [
        name_of(obj),
        obj.get("addressType") or "",
        _slice_ports(obj),
        limited(addresses, UNSET),
        age(obj),
    ]


ENDPOINT_SLICE = Printer(
    (NAME, Column("AddressType"), Column("Ports"), Column("Endpoints"), AGE), _endpoint_slice
)


def _ingress_hosts(spec: JsonObject) -> str:
    hosts = [one["host"] for one in spec.get("rules") or () if one.get("host")]
    return limited(hosts, "*")


def _ingress(obj: JsonObject) -> list[Any]:
    spec = obj.get("spec") or {}
    return [
        name_of(obj),
        spec.get("ingressClassName") or NONE,
        _ingress_hosts(spec),
        ",".join(_load_balancer(obj)),
        "80, 443" if spec.get("tls") else "80",
        age(obj),
    ]


INGRESS = Printer(
    (NAME, Column("Class"), Column("Hosts"), Column("Address"), Column("Ports"), AGE), _ingress
)


def _ingress_class(obj: JsonObject) -> list[Any]:
    spec = obj.get("spec") or {}
    parameters = NONE
    if reference := spec.get("parameters"):
        group = f".{reference['apiGroup']}" if reference.get("apiGroup") else ""
        parameters = f"{reference.get('kind', '')}{group}/{reference.get('name', '')}"
    return [name_of(obj), spec.get("controller") or "", parameters, age(obj)]


INGRESS_CLASS = Printer((NAME, Column("Controller"), Column("Parameters"), AGE), _ingress_class)


def _network_policy(obj: JsonObject) -> list[Any]:
    selector = (obj.get("spec") or {}).get("podSelector")
    return [name_of(obj), labels.describe(selector), age(obj)]


NETWORK_POLICY = Printer((NAME, Column("Pod-Selector"), AGE), _network_policy)


def _service_cidr(obj: JsonObject) -> list[Any]:
    return [name_of(obj), ",".join((obj.get("spec") or {}).get("cidrs") or ()), age(obj)]


SERVICE_CIDR = Printer((NAME, Column("CIDRs"), AGE), _service_cidr)


def _ip_address(obj: JsonObject) -> list[Any]:
    parent = meta.dig(obj, "spec", "parentRef") or {}
    parts = [str(parent.get(one) or "") for one in ("group", "resource", "namespace", "name")]
    resource = ".".join([one for one in reversed(parts[:2]) if one])
    where = "/".join([one for one in parts[2:] if one])
    return [name_of(obj), f"{resource}/{where}" if parent else NONE, age(obj)]


IP_ADDRESS = Printer((NAME, Column("ParentRef"), AGE), _ip_address)
