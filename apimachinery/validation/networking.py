"""Rules about ingresses, their classes, and network policies."""

import ipaddress
from collections.abc import Sequence

from apimachinery import names, status
from apimachinery.validation import common, services
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
PROTOCOLS = ("TCP", "UDP", "SCTP")
DIRECTIONS = ("Ingress", "Egress")
CLASS_SCOPES = ("Cluster", "Namespace")
MAX_CONTROLLER = 250
"""Bytes of the name of what serves an ingress class."""
_CLASS = "kubernetes.io/ingress.class"
_NOT_IN_PATH = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_END = ("/..", "/.")


# --- ingresses -----------------------------------------------------------------------------------


def ingress(obj: JsonObject) -> Errors:
    """A new ingress."""
    spec = obj.get("spec") or {}
    errors = _ingress(spec)
    found = ((obj.get("metadata") or {}).get("annotations") or {}).get(_CLASS)
    wanted = spec.get("ingressClassName")
    if found is not None and wanted is not None and found != wanted:
        detail = "must match `ingressClassName` when both are specified"
        errors.append(status.invalid_value(f"annotations.{_CLASS}", found, detail))
    return errors


def ingress_update(new: JsonObject, old: JsonObject) -> Errors:
    """Names of secrets and rules of wildcard hosts that were bad before may be so on."""
    before = old.get("spec") or {}
    return _ingress(
        new.get("spec") or {},
        any_secret=bool(_secrets(before)),
        any_wildcard=any(
            "*" in rule.get("host", "") and _rule_value(rule, "")
            for rule in before.get("rules") or ()
        ),
    )


def _ingress(spec: JsonObject, *, any_secret: bool = False, any_wildcard: bool = False) -> Errors:
    errors: Errors = []
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        detail = "either `defaultBackend` or `rules` must be specified"
        errors.append(status.invalid_value("spec", spec.get("rules", common.NIL), detail))
    if spec.get("defaultBackend") is not None:
        errors += _backend(spec["defaultBackend"], "spec.defaultBackend")
    for index, rule in enumerate(spec.get("rules") or ()):
        path, host = f"spec.rules[{index}]", rule.get("host", "")
        if host:
            errors += _host(host, f"{path}.host")
        if not (any_wildcard and "*" in host):
            errors += _rule_value(rule, path)
    for index, one in enumerate(spec.get("tls") or ()):
        for number, host in enumerate(one.get("hosts") or ()):
            where = f"spec.tls[{index}].hosts[{number}]"
            check = names.wildcard_subdomain if "*" in host else names.dns1123_subdomain
            errors += (status.invalid_value(where, host, text) for text in check(host))
    if not any_secret:
        errors += _secrets(spec)
    kind = spec.get("ingressClassName")
    if kind is not None:
        errors += (
            status.invalid_value("spec.ingressClassName", kind, text)
            for text in names.dns1123_subdomain(kind)
        )
    return errors


def _secrets(spec: JsonObject) -> Errors:
    errors: Errors = []
    for index, one in enumerate(spec.get("tls") or ()):
        path = f"spec.tls[{index}].secretName"
        errors += common.optional_name(one.get("secretName"), path, names.dns1123_subdomain)
    return errors


def _rule_value(rule: JsonObject, path: str) -> Errors:
    if rule.get("http") is None:
        return []
    return _paths(rule["http"].get("paths") or (), f"{path}.http.paths")


def _host(host: str, path: str) -> Errors:
    errors: Errors = []
    if not names.ip_address(host):
        detail = "must be a DNS name, not an IP address"
        errors.append(status.invalid_value(path, host, detail))
    check = names.wildcard_subdomain if "*" in host else names.dns1123_subdomain
    errors += (status.invalid_value(path, host, text) for text in check(host))
    return errors


def _paths(items: Sequence[JsonObject], path: str) -> Errors:
    errors: Errors = [] if items else [status.required(path)]
    for index, one in enumerate(items):
        where = f"{path}[{index}]"
        kind, text = one.get("pathType"), one.get("path", "")
        if kind is None:
            errors.append(status.required(f"{where}.pathType", "pathType must be specified"))
            continue
        if kind not in PATH_TYPES:
            errors.append(status.not_supported(f"{where}.pathType", kind, PATH_TYPES))
        else:
            errors += _path(text, f"{where}.path", exact=kind != "ImplementationSpecific")
        errors += _backend(one.get("backend") or {}, f"{where}.backend")
    return errors


def _path(text: str, path: str, *, exact: bool) -> Errors:
    errors: Errors = []
    if (text or exact) and not text.startswith("/"):
        errors.append(status.invalid_value(path, text, "must be an absolute path"))
    if not exact:
        return errors
    errors += (
        status.invalid_value(path, text, f"must not contain '{bad}'")
        for bad in _NOT_IN_PATH
        if bad in text
    )
    errors += (
        status.invalid_value(path, text, f"cannot end with '{bad}'")
        for bad in _NOT_AT_END
        if text.endswith(bad)
    )
    return errors


def _backend(one: JsonObject, path: str) -> Errors:
    service, resource = one.get("service"), one.get("resource")
    if service is not None and resource is not None:
        detail = "cannot set both resource and service backends"
        return [status.invalid_value(path, "", detail)]
    if resource is not None:
        return _reference(resource, f"{path}.resource")
    if service is None:
        return [status.invalid_value(path, "", "resource or service backend is required")]
    errors = common.name(service.get("name"), f"{path}.service.name", names.dns1035_label)
    port = service.get("port") or {}
    where = f"{path}.service.port"
    if port.get("name") and port.get("number"):
        detail = "cannot set both port name & port number"
        errors.append(status.invalid_value(path, "", detail))
    elif port.get("name"):
        errors += common.port(port["name"], f"{where}.name")
    elif port.get("number"):
        errors += common.port(port["number"], f"{where}.number")
    else:
        errors.append(status.required(path, "port name or number is required"))
    return errors


def _reference(one: JsonObject, path: str) -> Errors:
    errors = common.optional_name(one.get("apiGroup"), f"{path}.apiGroup", names.dns1123_subdomain)
    for key in ("kind", "name"):
        if not one.get(key):
            errors.append(status.required(f"{path}.{key}", f"{key} is required"))
        else:
            errors += common.name(one[key], f"{path}.{key}", names.path_segment)
    return errors


def ingress_class(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    name, path = spec.get("controller", ""), "spec.controller"
    errors: Errors = []
    if len(name.encode()) > MAX_CONTROLLER:
        errors.append(status.too_long(path, MAX_CONTROLLER))
    errors += common.domain_prefixed_path(name, path)
    if spec.get("parameters") is not None:
        errors += _class_parameters(spec["parameters"], "spec.parameters")
    return errors


def _class_parameters(one: JsonObject, path: str) -> Errors:
    errors = _reference(one, path)
    scope, namespace = one.get("scope"), one.get("namespace")
    if scope is None:
        return [*errors, status.required(f"{path}.scope")]
    if scope not in CLASS_SCOPES:
        errors.append(status.not_supported(f"{path}.scope", scope, CLASS_SCOPES))
    if scope == "Namespace":
        if namespace is None:
            detail = "`parameters.scope` is set to 'Namespace'"
            errors.append(status.required(f"{path}.namespace", detail))
        else:
            errors += common.name(namespace, f"{path}.namespace", names.dns1123_label)
    if scope == "Cluster" and namespace is not None:
        detail = "`parameters.scope` is set to 'Cluster'"
        errors.append(status.forbidden_field(f"{path}.namespace", detail))
    return errors


def ingress_class_update(new: JsonObject, old: JsonObject) -> Errors:
    after, before = ((one.get("spec") or {}).get("controller") for one in (new, old))
    return ingress_class(new) + common.unchanged(after, before, "spec.controller")


# --- network policies ----------------------------------------------------------------------------


def network_policy(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors = common.selector(spec.get("podSelector"), "spec.podSelector")
    for key, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(key) or ()):
            path = f"spec.{key}[{index}]"
            for number, one in enumerate(rule.get("ports") or ()):
                errors += _policy_port(one, f"{path}.ports[{number}]")
            for number, one in enumerate(rule.get(peers) or ()):
                errors += _peer(one, f"{path}.{peers}[{number}]")
    types = spec.get("policyTypes") or ()
    if len(types) > len(DIRECTIONS):
        detail = "may not specify more than two policyTypes"
        return [*errors, status.invalid_value("spec.policyTypes", list(types), detail)]
    for index, kind in enumerate(types):
        if kind not in DIRECTIONS:
            errors.append(status.not_supported(f"spec.policyTypes[{index}]", kind, DIRECTIONS))
    return errors


def _policy_port(one: JsonObject, path: str) -> Errors:
    protocol, port, end = one.get("protocol"), one.get("port"), one.get("endPort")
    errors: Errors = []
    if protocol is not None and protocol not in PROTOCOLS:
        errors.append(status.not_supported(f"{path}.protocol", protocol, PROTOCOLS))
    if end is not None and not isinstance(port, int):
        what = "not specified" if port is None else "non-numeric"
        detail = f"may not be specified when `port` is {what}"
        errors.append(status.invalid_value(f"{path}.endPort", end, detail))
    if port is not None:
        errors += common.port(port, f"{path}.port")
    if end is not None and isinstance(port, int):
        if end < port:
            detail = "must be greater than or equal to `port`"
            errors.append(status.invalid_value(f"{path}.endPort", end, detail))
        errors += common.port(end, f"{path}.endPort")
    return errors


def _peer(one: JsonObject, path: str) -> Errors:
    others = [key for key in ("podSelector", "namespaceSelector") if one.get(key) is not None]
    errors: Errors = []
    for key in others:
        errors += common.selector(one[key], f"{path}.{key}")
    block = one.get("ipBlock")
    if block is not None:
        errors += _block(block, f"{path}.ipBlock")
        if others:
            detail = "may not specify both ipBlock and another peer"
            errors.append(status.forbidden_field(path, detail))
    elif not others:
        errors.append(status.required(path, "must specify a peer"))
    return errors


def _block(block: JsonObject, path: str) -> Errors:
    text = block.get("cidr", "")
    if not text:
        return [status.required(f"{path}.cidr")]
    errors = services.cidr(text, f"{path}.cidr")
    if errors:
        return errors
    whole = ipaddress.ip_network(text, strict=False)
    for index, one in enumerate(block.get("except") or ()):
        where = f"{path}.except[{index}]"
        unsound = services.cidr(one, where)
        errors += unsound
        if unsound:
            continue
        part = ipaddress.ip_network(one, strict=False)
        inside = part.version == whole.version and part.network_address in whole
        if not inside or part.prefixlen <= whole.prefixlen:
            detail = "must be a strict subset of `cidr`"
            errors.append(status.invalid_value(where, one, detail))
    return errors
