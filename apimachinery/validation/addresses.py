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
    if not cidrs:
        return [status.required(path, "at least one CIDR required")]
    if len(cidrs) > RANGES_MAX:
        return [status.invalid_value(path, cidrs, "may only hold up to 2 values")]
    errors: Errors = []
    for index, text in enumerate(cidrs):
        unsound = services.cidr(text, f"{path}[{index}]")
        if not unsound and str(ipaddress.ip_network(text, strict=False)) != text:
            detail = "must not have bits set beyond the prefix length"
            unsound = [status.invalid_value(f"{path}[{index}]", text, detail)]
        errors += unsound
    if not errors and len({ipaddress.ip_network(text).version for text in cidrs}) < len(cidrs):
        detail = (
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and "
            "2001:db8::/64"
        )
        errors.append(status.invalid_value(path, cidrs, detail))
    return errors


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
    if not errors and str(ipaddress.ip_address(name)) != name:
        errors = [status.invalid_value(path, name, "must be in canonical form")]
    parent = (obj.get("spec") or {}).get("parentRef")
    if parent is None:
        return [*errors, status.required("spec.parentRef")]
    errors += [
        status.required(f"spec.parentRef.{key}")
        for key in ("resource", "name")
        if not parent.get(key)
    ]
    return errors


def address_update(new: JsonObject, old: JsonObject) -> Errors:
    after, before = ((one.get("spec") or {}).get("parentRef") for one in (new, old))
    return common.unchanged(after, before, "spec.parentRef")
