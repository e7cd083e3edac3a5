"""Rules about services, endpoints and endpoint slices.

What needs to know which addresses and node ports are taken is the registry's allocators' business.
"""

import ipaddress
from collections.abc import Sequence

from apimachinery import names, status
from apimachinery.validation import common, containers
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
AFFINITIES = ("ClientIP", "None")
POLICIES = ("Cluster", "Local")
FAMILIES = ("IPv4", "IPv6")
FAMILY_POLICIES = ("SingleStack", "PreferDualStack", "RequireDualStack")
MAX_AFFINITY_SECONDS = 86400
MAX_ENDPOINTS = 1000
MAX_SLICE_PORTS = 20000
MAX_ADDRESSES = 100


def create(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    return _kind(spec) + _ports(spec) + _affinity(spec) + _addresses(spec) + _traffic(spec)


def _headless(spec: JsonObject) -> bool:
    return bool(spec.get("clusterIP") == "None")


def _kind(spec: JsonObject) -> Errors:
    kind = spec.get("type")
    errors = common.one_of(kind, "spec.type", TYPES)
    errors += common.labels(spec.get("selector"), "spec.selector")
    if kind == "ExternalName":
        name = spec.get("externalName", "").removesuffix(".")
        if not name:
            errors.append(status.required("spec.externalName"))
        else:
            errors += (
                status.invalid_value("spec.externalName", name, problem)
                for problem in names.dns1123_subdomain(name)
            )
        if spec.get("clusterIP"):
            detail = "may not be set for ExternalName services"
            errors.append(status.forbidden_field("spec.clusterIP", detail))
    elif not spec.get("ports") and not _headless(spec):
        errors.append(status.required("spec.ports"))
    if kind in ("NodePort", "LoadBalancer") and _headless(spec):
        detail = f"may not be set to 'None' for {kind} services"
        errors.append(status.invalid_value("spec.clusterIPs[0]", "None", detail))
    return errors


def _ports(spec: JsonObject) -> Errors:
    ports = spec.get("ports") or ()
    errors: Errors = []
    seen: set[tuple[str, int]] = set()
    node_ports: set[tuple[str, int]] = set()
    for index, one in enumerate(ports):
        where = f"spec.ports[{index}]"
        errors += _port(one, where, named=len(ports) > 1)
        errors += _node_port(one, where, spec.get("type", ""), node_ports)
        key = (one.get("protocol", ""), one.get("port", 0))
        if key in seen:
            shown = {"protocol": key[0], "port": key[1]}
            errors.append(status.duplicate(where, shown))
        seen.add(key)
    named = ((f"spec.ports[{n}].name", one.get("name")) for n, one in enumerate(ports))
    return errors + common.unique(named)


def _port(one: JsonObject, path: str, *, named: bool) -> Errors:
    errors: Errors = []
    if one.get("name"):
        errors += common.name(one["name"], f"{path}.name", names.dns1123_label)
    elif named:
        errors.append(status.required(f"{path}.name"))
    errors += common.port(one.get("port") or 0, f"{path}.port")
    errors += common.one_of(one.get("protocol"), f"{path}.protocol", containers.PROTOCOLS)
    target = one.get("targetPort")
    errors += common.port(target, f"{path}.targetPort") if target is not None else []
    return errors


def _node_port(one: JsonObject, path: str, kind: str, seen: set[tuple[str, int]]) -> Errors:
    number = one.get("nodePort") or 0
    if not number:
        return []
    where = f"{path}.nodePort"
    if kind in ("ClusterIP", "ExternalName"):
        detail = f"may not be used when `type` is '{kind}'"
        return [status.forbidden_field(where, detail)]
    errors = common.port(number, where)
    key = (one.get("protocol", ""), number)
    if key in seen:
        errors.append(status.duplicate(where, number))
    seen.add(key)
    return errors


def _affinity(spec: JsonObject) -> Errors:
    kind = spec.get("sessionAffinity")
    errors = common.one_of(kind, "spec.sessionAffinity", AFFINITIES)
    if kind == "ClientIP":
        client = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        seconds = client.get("timeoutSeconds") or 0
        if not 0 < seconds <= MAX_AFFINITY_SECONDS:
            path = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
            detail = f"must be greater than 0 and less than {MAX_AFFINITY_SECONDS}"
            errors.append(status.invalid_value(path, seconds, detail))
    return errors


def _addresses(spec: JsonObject) -> Errors:
    errors: Errors = []
    addresses = list(spec.get("clusterIPs") or ())
    first = spec.get("clusterIP", "")
    if addresses and addresses[0] != first:
        errors.append(
            status.invalid_value("spec.clusterIPs", addresses, "first value must match `clusterIP`")
        )
    for index, one in enumerate(addresses or ([first] if first else [])):
        if one != "None" and one:
            errors += _ip(one, f"spec.clusterIPs[{index}]")
    for index, one in enumerate(spec.get("externalIPs") or ()):
        errors += _ip(one, f"spec.externalIPs[{index}]")
    for index, one in enumerate(spec.get("ipFamilies") or ()):
        errors += common.one_of(one, f"spec.ipFamilies[{index}]", FAMILIES)
    policy = spec.get("ipFamilyPolicy")
    errors += common.one_of(policy, "spec.ipFamilyPolicy", FAMILY_POLICIES, needed=False)
    for index, one in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        errors += cidr(one.strip(), f"spec.loadBalancerSourceRanges[{index}]")
    return errors


def _ip(value: str, path: str) -> Errors:
    return [status.invalid_value(path, value, problem) for problem in names.ip_address(value)]


def cidr(value: str, path: str) -> Errors:
    """An address range such as 10.0.0.0/8."""
    try:
        if "/" not in value:
            raise ValueError(value)
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
        return [status.invalid_value(path, value, detail)]
    return []


def _traffic(spec: JsonObject) -> Errors:
    kind = spec.get("type")
    outside = kind in ("NodePort", "LoadBalancer") or bool(spec.get("externalIPs"))
    external = spec.get("externalTrafficPolicy")
    errors: Errors = []
    if external and not outside:
        detail = "may only be set for externally-accessible services"
        errors.append(status.invalid_value("spec.externalTrafficPolicy", external, detail))
    elif outside:
        errors += common.one_of(external, "spec.externalTrafficPolicy", POLICIES)
    internal = spec.get("internalTrafficPolicy")
    errors += common.one_of(internal, "spec.internalTrafficPolicy", POLICIES, needed=False)
    if spec.get("allocateLoadBalancerNodePorts") is not None and kind != "LoadBalancer":
        detail = "may only be used when `type` is 'LoadBalancer'"
        errors.append(status.forbidden_field("spec.allocateLoadBalancerNodePorts", detail))
    health = spec.get("healthCheckNodePort") or 0
    if health and not (kind == "LoadBalancer" and external == "Local"):
        detail = (
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        )
        errors.append(status.invalid_value("spec.healthCheckNodePort", health, detail))
    return errors


def update(new: JsonObject, old: JsonObject) -> Errors:
    """The cluster address stays, unless the service becomes or was an ExternalName."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    errors = create(new)
    if "ExternalName" not in (after.get("type"), before.get("type")):
        was, now = before.get("clusterIP", ""), after.get("clusterIP", "")
        if was and was != now:
            shown = after.get("clusterIPs") or ([now] if now else [])
            detail = "may not change once set"
            errors.append(status.invalid_value("spec.clusterIPs[0]", shown, detail))
    return errors


def endpoints(obj: JsonObject) -> Errors:
    errors: Errors = []
    for index, subset in enumerate(obj.get("subsets") or ()):
        path = f"subsets[{index}]"
        ready, other = subset.get("addresses") or (), subset.get("notReadyAddresses") or ()
        if not ready and not other:
            detail = "must specify `addresses` or `notReadyAddresses`"
            errors.append(status.required(path, detail))
        for key, addresses in (("addresses", ready), ("notReadyAddresses", other)):
            for number, one in enumerate(addresses):
                errors += _endpoint_ip(one.get("ip", ""), f"{path}.{key}[{number}].ip")
        ports = subset.get("ports") or ()
        for number, one in enumerate(ports):
            where = f"{path}.ports[{number}]"
            if one.get("name"):
                errors += common.name(one["name"], f"{where}.name", names.dns1123_label)
            elif len(ports) > 1:
                errors.append(status.required(f"{where}.name"))
            errors += common.port(one.get("port") or 0, f"{where}.port")
            errors += common.one_of(one.get("protocol"), f"{where}.protocol", containers.PROTOCOLS)
    return errors


def _endpoint_ip(value: str, path: str) -> Errors:
    """An address that traffic can be sent to."""
    errors = _ip(value, path)
    if errors:
        return errors
    address = ipaddress.ip_address(value)
    for bad, text in (
        (address.is_unspecified, f"may not be unspecified ({value})"),
        (address.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (
            address.is_link_local,
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
        ),
        (
            address.is_multicast,
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
        ),
    ):
        if bad:
            errors.append(status.invalid_value(path, value, text))
    return errors


def endpoint_slice(obj: JsonObject) -> Errors:
    kind = obj.get("addressType", "")
    errors = common.one_of(kind, "addressType", ("FQDN", "IPv4", "IPv6"))
    found, ports = obj.get("endpoints") or (), obj.get("ports") or ()
    if len(found) > MAX_ENDPOINTS:
        errors.append(status.too_many("endpoints", len(found), MAX_ENDPOINTS))
    if len(ports) > MAX_SLICE_PORTS:
        errors.append(status.too_many("ports", len(ports), MAX_SLICE_PORTS))
    for index, one in enumerate(found[:MAX_ENDPOINTS]):
        errors += _slice_addresses(
            one.get("addresses") or (), kind, f"endpoints[{index}].addresses"
        )
    for index, one in enumerate(ports[:MAX_SLICE_PORTS]):
        if one.get("name"):
            errors += common.name(one["name"], f"ports[{index}].name", names.dns1123_label)
        protocol = one.get("protocol")
        errors += common.one_of(protocol, f"ports[{index}].protocol", containers.PROTOCOLS)
    return errors + common.unique(
        (f"ports[{index}].name", one.get("name")) for index, one in enumerate(ports)
    )


def _slice_addresses(addresses: Sequence[str], kind: str, path: str) -> Errors:
    if not addresses:
        return [status.required(path, "must contain at least 1 address")]
    if len(addresses) > MAX_ADDRESSES:
        return [status.too_many(path, len(addresses), MAX_ADDRESSES)]
    errors: Errors = []
    for index, one in enumerate(addresses):
        where = f"{path}[{index}]"
        if kind == "FQDN":
            errors += common.name(one, where, names.dns1123_subdomain)
        elif kind in FAMILIES and _family(one) != kind:
            detail = f"must be a valid {kind} address"
            errors.append(status.invalid_value(where, one, detail))
        else:
            errors += _endpoint_ip(one, where)
    return errors


def _family(address: str) -> str:
    try:
        return f"IPv{ipaddress.ip_address(address).version}"
    except ValueError:
        return ""


def endpoint_slice_update(new: JsonObject, old: JsonObject) -> Errors:
    return endpoint_slice(new) + common.unchanged(
        new.get("addressType"), old.get("addressType"), "addressType"
    )
