"""Rules about amounts of resources: requests, limits, capacities, quotas."""

from collections.abc import Callable

from apimachinery import names, pod_amounts, status
from apimachinery.quantity import Quantity
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

CONTAINER_RESOURCES = frozenset(("cpu", "memory", "ephemeral-storage"))
COUNTED_KINDS = frozenset(
    (
        "configmaps",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "services",
    )
)
"""Kinds that have a name of their own in quotas, beside count/<resource>."""
_COUNTED = COUNTED_KINDS | {"services.loadbalancers", "services.nodeports"}
"""Of these a namespace can have so many; numbers without fractions."""
_QUOTA = (
    _COUNTED
    | CONTAINER_RESOURCES
    | {f"{kind}.{name}" for kind in ("requests", "limits") for name in CONTAINER_RESOURCES}
    | {"requests.storage"}
)
_HUGE = "hugepages-"
_QUOTA_HUGE = (_HUGE, f"requests.{_HUGE}", f"limits.{_HUGE}")
_STANDARD = _QUOTA | {"storage"}


def of_pod(spec: JsonObject, path: str) -> Errors:
    """`resources` of a whole pod: they cover what its containers ask for."""
    value = spec["resources"] or {}
    errors = requirements(value, path, check=_pod_name)
    requests, limits = value.get("requests") or {}, value.get("limits") or {}
    for kind, given in (("requests", requests), ("limits", limits)):
        for name, total in pod_amounts.together(spec, kind).items():
            if kind == "limits" and not name.startswith(_HUGE):
                continue
            if name in given and total > Quantity.parse(given[name]):
                where = f"{path}.{kind}[{name}]"
                detail = f"must be greater than or equal to aggregate container {kind} of {total}"
                errors.append(status.invalid_value(where, given[name], detail))
    for index, one in enumerate(spec.get("containers") or ()):
        for name, text in ((one.get("resources") or {}).get("limits") or {}).items():
            if name in limits and Quantity.parse(text) > Quantity.parse(limits[name]):
                # The path is Kubernetes' own.
                where = f"{path}.containers[{index}][{name}].limits"
                detail = f"must be less than or equal to pod limits of {limits[name]}"
                errors.append(status.invalid_value(where, text, detail))
    return errors


def _pod_name(name: str, path: str) -> Errors:
    errors = any_name(name, path)
    if errors or pod_amounts.pod_level(name):
        return errors
    return [status.not_supported(path, name, ("cpu", _HUGE, "memory"))]


def requirements(
    value: JsonObject | None, path: str, *, check: Callable[[str, str], Errors] | None = None
) -> Errors:
    """`resources` of a container: sound amounts, no request above its limit."""
    if not value:
        return []
    check = check or container_name
    limits, requests = value.get("limits") or {}, value.get("requests") or {}
    errors: Errors = []
    for name, text in limits.items():
        errors += check(name, f"{path}.limits[{name}]")
        errors += _amount(name, text, f"{path}.limits[{name}]")
    for name, text in requests.items():
        errors += check(name, f"{path}.requests[{name}]")
        errors += _amount(name, text, f"{path}.requests[{name}]")
        errors += _against_limit(name, text, limits.get(name), path)
    given = limits.keys() | requests.keys()
    if any(name.startswith(_HUGE) for name in given) and not given & {"cpu", "memory"}:
        errors.append(status.forbidden_field(path, "HugePages require cpu or memory"))
    return errors


def _amount(name: str, text: str, path: str) -> Errors:
    errors = amount(text, path, whole=_is_whole(name))
    if name.startswith(_HUGE):
        page = _page(name)
        if page is None or not page.nano or Quantity.parse(text).nano % page.nano:
            detail = f"{text} is not positive integer multiple of {name}"
            errors.append(status.invalid_value(path, text, detail))
    return errors


def _page(name: str) -> Quantity | None:
    try:
        return Quantity.parse(name.removeprefix(_HUGE))
    except ValueError:
        return None


def _against_limit(name: str, text: str, limit: str | None, path: str) -> Errors:
    if limit is None:
        if is_native(name) and not name.startswith(_HUGE):
            return []
        detail = "Limit must be set for non overcommitable resources"
        return [status.required(f"{path}.limits", detail)]
    if limit == text:
        return []
    asked, most = Quantity.parse(text), Quantity.parse(limit)
    if asked != most and not (is_native(name) and not name.startswith(_HUGE)):
        detail = f"must be equal to {name} limit of {limit}"
    elif asked > most:
        detail = f"must be less than or equal to {name} limit of {limit}"
    else:
        return []
    return [status.invalid_value(f"{path}.requests", text, detail)]


def is_native(name: str) -> bool:
    """Kubernetes' own resources; all others are extended."""
    return "/" not in name or "kubernetes.io/" in name


def _is_whole(name: str) -> bool:
    return not is_native(name) or name in _COUNTED


def container_name(name: str, path: str) -> Errors:
    """What a container can ask for."""
    errors = any_name(name, path)
    if "/" not in name and name not in CONTAINER_RESOURCES and not name.startswith(_HUGE):
        detail = "must be a standard resource for containers"
        errors.append(status.invalid_value(path, name, detail))
    elif "/" in name and not is_native(name) and name.startswith("requests."):
        detail = "doesn't follow extended resource name standard"
        errors.append(status.invalid_value(path, name, detail))
    return errors


def any_name(name: str, path: str) -> Errors:
    """A resource that Kubernetes knows, or one with a domain."""
    errors = [status.invalid_value(path, name, one) for one in names.qualified_name(name)]
    if (
        not errors
        and "/" not in name
        and name not in _STANDARD
        and not name.startswith(_QUOTA_HUGE)
    ):
        detail = "must be a standard resource type or fully qualified"
        errors.append(status.invalid_value(path, name, detail))
    return errors


def amount(text: str, path: str, *, whole: bool = False) -> Errors:
    """A quantity that is not negative, and a whole number where only those make sense."""
    value = Quantity.parse(text)
    if value.nano < 0:
        return [status.invalid_value(path, text, common.NON_NEGATIVE)]
    if whole and value.milli() % 1000:
        return [status.invalid_value(path, text, "must be an integer")]
    return []


def counted(name: str) -> bool:
    """Whether it is one of Kubernetes' own resources that quotas count."""
    return name in _QUOTA or name.startswith(_QUOTA_HUGE)


def quota(values: dict[str, str] | None, path: str) -> Errors:
    """Quantities by what quotas count; objects of any kind among them (`count/widgets.x.y`)."""
    errors: Errors = []
    for name, text in (values or {}).items():
        where = f"{path}[{name}]"
        errors += any_name(name, where)
        if "/" not in name and not counted(name):
            detail = "must be a standard resource for quota"
            errors.append(status.invalid_value(where, name, detail))
        errors += amount(text, where, whole=_is_whole(name))
    return errors


def capacity(values: dict[str, str] | None, path: str) -> Errors:
    """Quantities that a node has, of resources of any name."""
    errors: Errors = []
    for name, text in (values or {}).items():
        errors += amount(text, f"{path}.{name}", whole=_is_whole(name))
    return errors
