"""Rules about services; `endpoints` has where they lead.

What needs to know which addresses and node ports are taken is the registry's allocators' business.
"""

import ipaddress

from apimachinery import names, status
from apimachinery.validation import common, containers
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
AFFINITIES = ("ClientIP", "None")
POLICIES = ("Cluster", "Local")
FAMILIES = ("IPv4", "IPv6")
FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
MAX_AFFINITY_SECONDS = 86400

_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"
_ONCE_SET = "may not change once set"


def create(obj: JsonObject) -> Errors:
    spec, meta = obj.get("spec") or {}, obj.get("metadata") or {}
    return (
        _topology(meta.get("annotations") or {})
        + _kind(spec)
        + _ports(spec)
        + common.labels(spec.get("selector"), "spec.selector")
        + _affinity(spec)
        + ([] if spec.get("type") == "ExternalName" else _addresses(spec))
        + _outside_addresses(spec)
        + _type(spec)
        + _port_numbers(spec)
        + _balancer(spec)
        + _traffic(spec)
    )


def _headless(spec: JsonObject) -> bool:
    return bool(spec.get("clusterIP") == "None")


def _topology(annotations: JsonObject) -> Errors:
    mode, hints = annotations.get(_MODE), annotations.get(_HINTS)
    if mode is None or hints is None or mode == hints:
        return []
    detail = f"must match annotations[{_HINTS}] when both are specified"
    return [status.invalid_value(f"metadata.annotations[{_MODE}]", mode, detail)]


def _kind(spec: JsonObject) -> Errors:
    """What each type needs and may not have."""
    kind = spec.get("type")
    errors: Errors = []
    if not spec.get("ports") and not _headless(spec) and kind != "ExternalName":
        errors.append(status.required("spec.ports"))
    if kind in ("NodePort", "LoadBalancer") and _headless(spec):
        detail = f"may not be set to 'None' for {kind} services"
        errors.append(status.invalid_value("spec.clusterIPs[0]", "None", detail))
    if kind == "ExternalName":
        for keys, shown in (
            (("clusterIPs", "clusterIP"), "clusterIPs"),
            (("ipFamilies",), "ipFamilies"),
            (("ipFamilyPolicy",), "ipFamilyPolicy"),
        ):
            if any(spec.get(key) for key in keys):
                detail = "may not be set for ExternalName services"
                errors.append(status.forbidden_field(f"spec.{shown}", detail))
        name = spec.get("externalName", "").removesuffix(".")
        errors += common.name(name, "spec.externalName", names.dns1123_subdomain)
    return errors


def _type(spec: JsonObject) -> Errors:
    return common.one_of(spec.get("type"), "spec.type", TYPES)


def _ports(spec: JsonObject) -> Errors:
    ports = spec.get("ports") or ()
    errors: Errors = []
    taken: set[str] = set()
    for index, one in enumerate(ports):
        where = f"spec.ports[{index}]"
        name = one.get("name")
        if name:
            errors += common.name(name, f"{where}.name", names.dns1123_label)
            if name in taken:
                errors.append(status.duplicate(f"{where}.name", name))
            taken.add(name)
        elif len(ports) > 1:
            errors.append(status.required(f"{where}.name"))
        errors += common.port(one.get("port") or 0, f"{where}.port")
        errors += common.one_of(one.get("protocol"), f"{where}.protocol", containers.PROTOCOLS)
        if one.get("targetPort") is not None:
            errors += common.port(one["targetPort"], f"{where}.targetPort")
        errors += app_protocol(one, where)
    return errors


def app_protocol(port: JsonObject, path: str) -> Errors:
    """What is spoken at a port, if it is said."""
    value = port.get("appProtocol")
    if value is None:
        return []
    where = f"{path}.appProtocol"
    return [status.invalid_value(where, value, text) for text in names.qualified_name(value)]


def _port_numbers(spec: JsonObject) -> Errors:
    """Node ports where they make sense; each port once."""
    ports = spec.get("ports") or ()
    errors: Errors = []
    if spec.get("type") == "ClusterIP":
        detail = "may not be used when `type` is 'ClusterIP'"
        errors += (
            status.forbidden_field(f"spec.ports[{index}].nodePort", detail)
            for index, one in enumerate(ports)
            if one.get("nodePort")
        )
    seen: set[tuple[str, str, int]] = set()
    for key in ("nodePort", "port"):
        for index, one in enumerate(ports):
            known = (key, one.get("protocol", ""), one.get(key) or 0)
            if known in seen and known[2]:
                errors.append(_duplicate_port(index, key, *known[1:]))
            seen.add(known)
    return errors


def _duplicate_port(index: int, key: str, protocol: str, number: int) -> status.FieldError:
    path = f"spec.ports[{index}]"
    if key == "nodePort":
        return status.duplicate(f"{path}.nodePort", number)
    # As Kubernetes prints a port of which it compared only these two fields.
    shown = {
        "Name": "",
        "Protocol": protocol,
        "AppProtocol": None,
        "Port": number,
        "TargetPort": 0,
        "NodePort": 0,
    }
    return status.duplicate(path, shown)


def _affinity(spec: JsonObject) -> Errors:
    kind, config = spec.get("sessionAffinity"), spec.get("sessionAffinityConfig")
    path = "spec.sessionAffinityConfig"
    errors = common.one_of(kind, "spec.sessionAffinity", AFFINITIES)
    if kind == "None" and config is not None:
        detail = "must not be set when session affinity is None"
        errors.append(status.forbidden_field(path, detail))
    if kind == "ClientIP":
        detail = "when session affinity type is ClientIP"
        client = (config or {}).get("clientIP")
        if config is None:
            errors.append(status.required(path, detail))
        elif client is None:
            errors.append(status.required(f"{path}.clientIP", detail))
        elif client.get("timeoutSeconds") is None:
            errors.append(status.required(f"{path}.clientIP.timeoutSeconds", detail))
        elif not 0 < client["timeoutSeconds"] <= MAX_AFFINITY_SECONDS:
            where, seconds = f"{path}.clientIP.timeoutSeconds", client["timeoutSeconds"]
            detail = f"must be greater than 0 and less than {MAX_AFFINITY_SECONDS}"
            errors.append(status.invalid_value(where, seconds, detail))
    return errors


def _addresses(spec: JsonObject) -> Errors:
    """Cluster addresses and their families."""
    path, first = "spec.clusterIPs", spec.get("clusterIP", "")
    addresses = spec.get("clusterIPs") or ([first] if first else [])
    errors: Errors = []
    if not first and addresses:
        detail = "must be empty when `clusterIP` is not specified"
        errors.append(status.invalid_value(path, addresses, detail))
    elif addresses and addresses[0] != first:
        detail = "first value must match `clusterIP`"
        errors.append(status.invalid_value(path, addresses, detail))
    errors += _families(spec)
    unsound: Errors = []
    if "None" in addresses[:1] and len(addresses) > 1:
        detail = "'None' must be the first and only value"
        unsound.append(status.invalid_value(path, addresses, detail))
    for index, one in enumerate(addresses):
        if index or one != "None":
            unsound += ip(one, f"{path}[{index}]")
    if len(addresses) > 2:
        unsound.append(status.invalid_value(path, addresses, "may only hold up to 2 values"))
    if unsound:
        return errors + unsound
    if len({family(one) for one in addresses}) < len(addresses):
        detail = "may specify no more than one IP for each IP family"
        errors.append(status.invalid_value(path, addresses, detail))
    elif not errors and not _headless(spec):
        for index, (one, wanted) in enumerate(
            zip(addresses, spec.get("ipFamilies") or (), strict=False)
        ):
            if family(one) != wanted:
                detail = f"expected an {wanted} value as indicated by `ipFamilies[{index}]`"
                errors.append(status.invalid_value(f"{path}[{index}]", one, detail))
    return errors


def _families(spec: JsonObject) -> Errors:
    policy = spec.get("ipFamilyPolicy")
    errors = common.each_of(spec.get("ipFamilies") or (), "spec.ipFamilies", FAMILIES)
    if policy is not None and policy not in FAMILY_POLICIES:
        errors.append(status.not_supported("spec.ipFamilyPolicy", policy, FAMILY_POLICIES))
    return errors


def _outside_addresses(spec: JsonObject) -> Errors:
    errors: Errors = []
    for index, one in enumerate(spec.get("externalIPs") or ()):
        where = f"spec.externalIPs[{index}]"
        errors += ip(one, where) or special(one, where)
    return errors


def ip(value: str, path: str) -> Errors:
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


def _balancer(spec: JsonObject) -> Errors:
    """What only load balancers have."""
    only = "may only be used when `type` is 'LoadBalancer'"
    balanced = spec.get("type") == "LoadBalancer"
    errors: Errors = []
    ranges = spec.get("loadBalancerSourceRanges") or ()
    path = "spec.LoadBalancerSourceRanges"  # the letter is Kubernetes' own
    if ranges and not balanced:
        errors.append(status.forbidden_field(path, only))
    for index, one in enumerate(ranges):
        errors += cidr(one.strip(), f"{path}[{index}]")
    if spec.get("allocateLoadBalancerNodePorts") is not None and not balanced:
        errors.append(status.forbidden_field("spec.allocateLoadBalancerNodePorts", only))
    kind = spec.get("loadBalancerClass")
    if kind is not None and not balanced:
        errors.append(status.forbidden_field("spec.loadBalancerClass", only))
    elif kind is not None:
        errors += (
            status.invalid_value("spec.loadBalancerClass", kind, text)
            for text in names.qualified_name(kind)
        )
    return errors


def _traffic(spec: JsonObject) -> Errors:
    kind = spec.get("type")
    outside = kind in ("NodePort", "LoadBalancer") or bool(
        kind == "ClusterIP" and spec.get("externalIPs")
    )
    external = spec.get("externalTrafficPolicy")
    errors: Errors = []
    if external and not outside:
        detail = "may only be set for externally-accessible services"
        errors.append(status.invalid_value("spec.externalTrafficPolicy", external, detail))
    elif outside:
        errors += common.one_of(external, "spec.externalTrafficPolicy", POLICIES)
    health = spec.get("healthCheckNodePort") or 0
    if health and not (kind == "LoadBalancer" and external == "Local"):
        detail = (
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        )
        errors.append(status.invalid_value("spec.healthCheckNodePort", health, detail))
    elif health:
        errors += common.port(health, "spec.healthCheckNodePort")
    for key, valid in (("internalTrafficPolicy", POLICIES), ("trafficDistribution", DISTRIBUTIONS)):
        value = spec.get(key)
        if value is not None and value not in valid:
            errors.append(status.not_supported(f"spec.{key}", value, valid))
    return errors


def update(new: JsonObject, old: JsonObject) -> Errors:
    """First addresses and families stay, unless the service becomes or was an ExternalName."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    errors: Errors = []
    if "ExternalName" not in (after.get("type"), before.get("type")):
        errors += _same_addresses(after, before)
    if after.get("type") == before.get("type") == "LoadBalancer":
        now, was = after.get("loadBalancerClass"), before.get("loadBalancerClass")
        if now != was:
            errors.append(status.invalid_value("spec.loadBalancerClass", now, _ONCE_SET))
    health = [spec.get("healthCheckNodePort") or 0 for spec in (after, before)]
    if all(health) and health[0] != health[1]:
        errors.append(status.forbidden_field("spec.healthCheckNodePort", common.IMMUTABLE))
    return errors + create(new)


def _same_addresses(after: JsonObject, before: JsonObject) -> Errors:
    was, now = _all_addresses(before), _all_addresses(after)
    path = "spec.clusterIPs[0]"
    if was and not now:
        return [status.invalid_value(path, now, "primary clusterIP can not be unset")]
    if was[:1] != now[:1] and was:
        return [status.invalid_value(path, now, _ONCE_SET)]
    if was[1:] and now[1:] and was[1] != now[1]:
        return [status.invalid_value("spec.clusterIPs[1]", now, _ONCE_SET)]
    families = [spec.get("ipFamilies") or [] for spec in (after, before)]
    if families[0] and families[1] and families[0][0] != families[1][0]:
        return [status.invalid_value("spec.ipFamilies[0]", families[0], _ONCE_SET)]
    return []


def _all_addresses(spec: JsonObject) -> list[str]:
    first = spec.get("clusterIP")
    return spec.get("clusterIPs") or ([first] if first else [])


def special(value: str, path: str) -> Errors:
    """An address that traffic of a service cannot be sent to."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return [status.invalid_value(path, value, "must be a valid IP address")]
    return [
        status.invalid_value(path, value, text)
        for bad, text in (
            (address.is_unspecified, f"may not be unspecified ({value})"),
            (address.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
            (
                address.is_link_local,
                "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
            ),
            (
                address.packed[:3] == b"\xe0\x00\x00" or address.packed[:2] == b"\xff\x02",
                "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
            ),
        )
        if bad
    ]


def family(address: str) -> str:
    try:
        return f"IPv{ipaddress.ip_address(address).version}"
    except ValueError:
        return ""
