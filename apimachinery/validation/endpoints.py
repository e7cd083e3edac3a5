"""Rules about where services lead: endpoints, and slices of them.

Neighbour: `services` has the rules about addresses that all of them share.
"""

from collections.abc import Callable, Sequence

from apimachinery import names, status
from apimachinery.validation import common, containers, services
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

MAX_ENDPOINTS = 1000
MAX_PORTS = 20000
MAX_ADDRESSES = 100
MAX_LABELS = 16
MAX_HINTS = 8
"""Zones, or nodes, that an endpoint is meant for."""


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
                errors += _endpoint(one, f"{path}.{key}[{number}]")
        ports = subset.get("ports") or ()
        for number, one in enumerate(ports):
            where = f"{path}.ports[{number}]"
            if one.get("name"):
                errors += common.name(one["name"], f"{where}.name", names.dns1123_label)
            elif len(ports) > 1:
                errors.append(status.required(f"{where}.name"))
            errors += common.port(one.get("port") or 0, f"{where}.port")
            errors += common.one_of(one.get("protocol"), f"{where}.protocol", containers.PROTOCOLS)
            errors += services.app_protocol(one, where)
    return errors


def _endpoint(one: JsonObject, path: str) -> Errors:
    address = one.get("ip", "")
    errors = services.ip(address, f"{path}.ip")
    errors += common.optional_name(one.get("hostname"), f"{path}.hostname", names.dns1123_label)
    errors += common.optional_name(one.get("nodeName"), f"{path}.nodeName", names.dns1123_subdomain)
    return errors + services.special(address, f"{path}.ip")


def endpoint_slice(obj: JsonObject) -> Errors:
    kind = obj.get("addressType", "")
    errors = common.one_of(kind, "addressType", ("FQDN", "IPv4", "IPv6"))
    found, ports = obj.get("endpoints") or (), obj.get("ports") or ()
    if len(found) > MAX_ENDPOINTS:
        errors.append(status.too_many("endpoints", len(found), MAX_ENDPOINTS))
        found = ()
    for index, one in enumerate(found):
        errors += _slice_endpoint(one, kind, f"endpoints[{index}]")
    if len(ports) > MAX_PORTS:
        return [*errors, status.too_many("ports", len(ports), MAX_PORTS)]
    return errors + _slice_ports(ports)


def _slice_endpoint(one: JsonObject, kind: str, path: str) -> Errors:
    errors = _slice_addresses(one.get("addresses") or (), kind, f"{path}.addresses")
    node, host = one.get("nodeName"), one.get("hostname")
    if node is not None:
        errors += (
            status.invalid_value(f"{path}.nodeName", node, text)
            for text in names.dns1123_subdomain(node)
        )
    labels = one.get("deprecatedTopology") or {}
    if len(labels) > MAX_LABELS:
        where = f"{path}.deprecatedTopology"
        errors.append(status.too_many(where, len(labels), MAX_LABELS))
    errors += common.labels(labels, f"{path}.deprecatedTopology")
    if host is not None:
        errors += (
            status.invalid_value(f"{path}.hostname", host, text)
            for text in names.dns1123_label(host)
        )
    hints = one.get("hints") or {}
    for key, check in (("forZones", names.label_value), ("forNodes", names.dns1123_subdomain)):
        values = [hint.get("name", "") for hint in hints.get(key) or ()]
        errors += _hints(values, check, f"{path}.hints.{key}")
    return errors


def _hints(values: Sequence[str], check: Callable[[str], list[str]], path: str) -> Errors:
    if len(values) > MAX_HINTS:
        return [status.too_many(path, len(values), MAX_HINTS)]
    errors: Errors = []
    for index, one in enumerate(values):
        where = f"{path}[{index}].name"
        if one in values[:index]:
            errors.append(status.duplicate(where, one))
        errors += (status.invalid_value(where, one, text) for text in check(one))
    return errors


def _slice_ports(ports: Sequence[JsonObject]) -> Errors:
    errors: Errors = []
    taken: set[str] = set()
    for index, one in enumerate(ports):
        where, name = f"ports[{index}]", one.get("name") or ""
        errors += common.optional_name(name, f"{where}.name", names.dns1123_label)
        if name in taken:  # also that of no name
            errors.append(status.duplicate(f"{where}.name", name))
        taken.add(name)
        errors += common.one_of(one.get("protocol"), f"{where}.protocol", containers.PROTOCOLS)
        errors += services.app_protocol(one, where)
    return errors


def _slice_addresses(addresses: Sequence[str], kind: str, path: str) -> Errors:
    errors: Errors = []
    if not addresses:
        errors.append(status.required(path, "must contain at least 1 address"))
    elif len(addresses) > MAX_ADDRESSES:
        errors.append(status.too_many(path, len(addresses), MAX_ADDRESSES))
    for index, one in enumerate(addresses[:MAX_ADDRESSES]):
        where = f"{path}[{index}]"
        if kind == "FQDN":
            errors += _domain(one, where)
        elif kind in services.FAMILIES:
            if services.family(one) != kind:
                errors.append(status.invalid_value(where, one, f"must be a valid {kind} address"))
            errors += services.special(one, where)
    return errors


def _domain(name: str, path: str) -> Errors:
    """A name that stands alone; a dot at its end is no part of it."""
    if not name:
        return [status.required(path)]
    name = name.removesuffix(".")
    problems = names.dns1123_subdomain(name)
    if problems:
        return [status.invalid_value(path, name, ",".join(problems))]
    if "." not in name:
        detail = "should be a domain with at least two segments separated by dots"
        return [status.invalid_value(path, name, detail)]
    return [
        status.invalid_value(path, label, ",".join(wrong))
        for label in name.split(".")
        if (wrong := names.dns1123_label(label))
    ]


def endpoint_slice_update(new: JsonObject, old: JsonObject) -> Errors:
    return endpoint_slice(new) + common.unchanged(
        new.get("addressType"), old.get("addressType"), "addressType"
    )
