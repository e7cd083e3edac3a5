"""Rules about ranges of service addresses and about the objects that stand for single ones."""

import ipaddress

from apimachinery import names, status
from apimachinery.validation import common, services
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

RANGES_MAX = 2
"""One of each family."""


def service_range(obj: JsonObject) -> Errors:
    """A new ServiceCIDR."""
    cidrs, path = (obj.get("spec") or {}).get("cidrs") or (), "spec.cidrs"
    shown = {"CIDRs": cidrs}
    if not cidrs:
        return [status.required(path, "at least one CIDR required")]
    if len(cidrs) > RANGES_MAX:
        return [status.invalid_value(path, shown, "may only hold up to 2 values")]
    if len(cidrs) == RANGES_MAX and {_version(text) for text in cidrs} != {4, 6}:
        detail = (
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and "
            "2001:db8::/64"
        )
        return [status.invalid_value(path, shown, detail)]
    return [error for index, text in enumerate(cidrs) for error in _range(text, f"{path}[{index}]")]


def _version(text: str) -> int:
    return 0 if services.cidr(text, "") else ipaddress.ip_network(text, strict=False).version


def _range(text: str, path: str) -> Errors:
    unsound = services.cidr(text, path)
    if unsound:
        return unsound
    found = ipaddress.ip_interface(text)
    if found.ip != found.network.network_address:
        detail = "must not have bits set beyond the prefix length"
        return [status.invalid_value(path, text, detail)]
    return _canonical(text, str(found.network), path)


def _canonical(text: str, wanted: str, path: str) -> Errors:
    if text == wanted:
        return []
    detail = f"must be in canonical form ({status.quote(wanted)})"
    return [status.invalid_value(path, text, detail)]


def service_range_update(new: JsonObject, old: JsonObject) -> Errors:
    """What is there stays; a second family may be added."""
    after = (new.get("spec") or {}).get("cidrs") or ()
    before = (old.get("spec") or {}).get("cidrs") or ()
    if len(after) < len(before):
        return common.unchanged(after, before, "spec.cidrs")
    changed: Errors = []
    for index, (one, other) in enumerate(zip(after, before, strict=False)):
        changed += common.unchanged(one, other, f"spec.cidrs[{index}]")
    return changed or service_range(new)


def address(obj: JsonObject) -> Errors:
    """A new IPAddress: it is called as it is."""
    name, path = (obj.get("metadata") or {}).get("name") or "", "metadata.name"
    errors = [status.invalid_value(path, name, problem) for problem in names.ip_address(name)]
    if not errors:
        errors = _canonical(name, str(ipaddress.ip_address(name)), path)
    parent = (obj.get("spec") or {}).get("parentRef")
    if parent is None:
        return [*errors, status.required("spec.parentRef")]
    errors += common.optional_name(
        parent.get("group"), "spec.parentRef.group", names.dns1123_subdomain
    )
    for key in ("resource", "name"):
        errors += common.name(parent.get(key), f"spec.parentRef.{key}", names.path_segment)
    where = "spec.parentRef.namespace"
    return errors + common.optional_name(parent.get("namespace"), where, names.path_segment)


def address_update(new: JsonObject, old: JsonObject) -> Errors:
    after, before = ((one.get("spec") or {}).get("parentRef") for one in (new, old))
    return common.unchanged(after, before, "spec.parentRef")
