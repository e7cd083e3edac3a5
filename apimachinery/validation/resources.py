"""Rules about amounts of resources: requests, limits, capacities, quotas."""

from apimachinery import names, status
from apimachinery.quantity import Quantity
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

CONTAINER_RESOURCES = frozenset(("cpu", "memory", "ephemeral-storage"))


def _is_standard(name: str) -> bool:
    return name in CONTAINER_RESOURCES or name.startswith("hugepages-")


def requirements(value: JsonObject | None, path: str) -> Errors:
    """`resources` of a container: sound amounts, no request above its limit."""
    if not value:
        return []
    limits, requests = value.get("limits") or {}, value.get("requests") or {}
    errors = _amounts(limits, f"{path}.limits") + _amounts(requests, f"{path}.requests")
    if errors:
        return errors
    for name, text in requests.items():
        limit = limits.get(name)
        if limit is None:
            if _is_extended(name):
                detail = "Limit must be set for non overcommitable resources"
                errors.append(status.required(f"{path}.limits", detail))
            continue
        if limit == text:
            continue
        if _is_extended(name):
            detail = f"must be equal to {name} limit of {limit}"
            errors.append(status.invalid_value(f"{path}.requests", text, detail))
        elif Quantity.parse(text) > Quantity.parse(limit):
            detail = f"must be less than or equal to {name} limit of {limit}"
            errors.append(status.invalid_value(f"{path}.requests", text, detail))
    return errors


def _is_extended(name: str) -> bool:
    return "/" in name or name.startswith("hugepages-")


def _amounts(amounts: dict[str, str], path: str) -> Errors:
    errors: Errors = []
    for name, text in amounts.items():
        where = f"{path}[{name}]"
        if "/" not in name and not _is_standard(name):
            detail = "must be a standard resource type or fully qualified"
            errors.append(status.invalid_value(where, name, detail))
            detail = "must be a standard resource for containers"
            errors.append(status.invalid_value(where, name, detail))
        elif "/" in name:
            errors += (status.invalid_value(where, name, one) for one in names.qualified_name(name))
        errors += amount(text, where, whole="/" in name)
    return errors


def amount(text: str, path: str, *, whole: bool = False) -> Errors:
    """A quantity that is not negative, and a whole number where only those make sense."""
    value = Quantity.parse(text)
    if value.nano < 0:
        return [status.invalid_value(path, text, common.NON_NEGATIVE)]
    if whole and value.milli() % 1000:
        return [status.invalid_value(path, text, "must be an integer")]
    return []


def amounts(values: dict[str, str] | None, path: str) -> Errors:
    """Quantities by resource name, as quotas and nodes have them."""
    errors: Errors = []
    for name, text in (values or {}).items():
        where = f"{path}[{name}]"
        errors += (status.invalid_value(where, name, one) for one in names.qualified_name(name))
        errors += amount(text, where)
    return errors
