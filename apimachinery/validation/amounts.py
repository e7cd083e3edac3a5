"""Rules about what bounds a namespace: resource quotas and limit ranges.

Neighbour: `resources` has the names that resources may bear. Counting what is used is the
registry's business, applying limits to pods is admission's.
"""

from apimachinery import names, status
from apimachinery.quantity import Quantity
from apimachinery.validation import common, resources
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

SCOPES = (
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
)
_OPPOSED = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})
_COMPUTE = frozenset(
    (
        "pods",
        "cpu",
        "memory",
        *(f"{kind}.{name}" for kind in ("requests", "limits") for name in ("cpu", "memory")),
    )
)
"""What can be counted of some pods only."""
_CLAIMED = frozenset(("persistentvolumeclaims", "requests.storage"))
_NO_VALUES = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
    "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
    "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)
LIMIT_TYPES = ("Pod", "Container", "PersistentVolumeClaim")


# --- quotas --------------------------------------------------------------------------------------


def resource_quota(obj: JsonObject) -> Errors:
    return _quota_spec(obj.get("spec") or {}) + quota_status(obj, {})


def quota_status(new: JsonObject, _old: JsonObject) -> Errors:
    state = new.get("status") or {}
    return resources.quota(state.get("hard"), "status.hard") + resources.quota(
        state.get("used"), "status.used"
    )


def quota_update(new: JsonObject, old: JsonObject) -> Errors:
    after, before = new.get("spec") or {}, old.get("spec") or {}
    errors = _quota_spec(after)
    if set(after.get("scopes") or ()) != set(before.get("scopes") or ()):
        value = after.get("scopes") or []
        errors.append(status.invalid_value("spec.scopes", value, common.IMMUTABLE))
    return errors


def _quota_spec(spec: JsonObject) -> Errors:
    hard = spec.get("hard")
    errors = resources.quota(hard, "spec.hard")
    scopes = spec.get("scopes") or []
    for scope in scopes:
        if scope not in SCOPES:
            errors.append(status.invalid_value("spec.scopes", scopes, "unsupported scope"))
        elif _unfit(scope, hard):
            detail = "unsupported scope applied to resource"
            errors.append(status.invalid_value("spec.scopes", scopes, detail))
    errors += _conflicts(scopes, scopes, "spec.scopes")
    if spec.get("scopeSelector") is not None:
        errors += _scope_selector(spec["scopeSelector"], hard)
    return errors


def _unfit(scope: str, hard: JsonObject | None) -> bool:
    """Whether something that has no such scope is to be counted."""
    match scope:
        case "BestEffort":
            fit: frozenset[str] = frozenset(("pods",))
        case "VolumeAttributesClass":
            fit = _CLAIMED
        case _:
            fit = _COMPUTE
    return any(resources.counted(name) and name not in fit for name in hard or {})


def _conflicts(scopes: list[str], shown: object, path: str) -> Errors:
    return [
        status.invalid_value(path, shown, "conflicting scopes")
        for pair in _OPPOSED
        if pair <= set(scopes)
    ]


def _scope_selector(selector: JsonObject, hard: JsonObject | None) -> Errors:
    path = "spec.scopeSelector.matchExpressions"
    errors: Errors = []
    found = selector.get("matchExpressions") or ()
    for one in found:
        scope, operator = one.get("scopeName", ""), one.get("operator", "")
        values = one.get("values") or []
        if scope not in SCOPES:
            detail = "unsupported scope"
            errors.append(status.invalid_value(f"{path}.scopeName", scope, detail))
        elif _unfit(scope, hard):
            detail = "unsupported scope applied to resource"
            errors.append(status.invalid_value(path, selector, detail))
        if scope in SCOPES[:4] + SCOPES[5:6] and operator != "Exists":
            errors.append(status.invalid_value(f"{path}.operator", operator, _NO_VALUES))
        if operator in ("In", "NotIn"):
            if not values:
                detail = (
                    "must be at least one value when `operator` is 'In' or 'NotIn' for scope "
                    "selector"
                )
                errors.append(status.required(f"{path}.values", detail))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                detail = (
                    "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope "
                    "selector"
                )
                errors.append(status.invalid_value(f"{path}.values", values, detail))
        else:
            detail = "not a valid selector operator"
            errors.append(status.invalid_value(f"{path}.operator", operator, detail))
    return errors + _conflicts([one.get("scopeName", "") for one in found], selector, path)


# --- limit ranges --------------------------------------------------------------------------------


def limit_range(obj: JsonObject) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, one in enumerate((obj.get("spec") or {}).get("limits") or ()):
        path = f"spec.limits[{index}]"
        kind = one.get("type", "")
        problems = names.qualified_name(kind)
        errors += (status.invalid_value(f"{path}.type", kind, text) for text in problems)
        if not problems and "/" not in kind and kind not in LIMIT_TYPES:
            detail = "must be a standard limit type or fully qualified"
            errors.append(status.invalid_value(f"{path}.type", kind, detail))
        if kind in seen:
            errors.append(status.duplicate(f"{path}.type", kind))
        seen.add(kind)
        errors += _limits(one, kind, path)
    return errors


def _limits(one: JsonObject, kind: str, path: str) -> Errors:
    check = resources.container_name if kind in LIMIT_TYPES[:2] else resources.any_name
    errors: Errors = []
    known: set[str] = set()
    for key in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
        if key == "default" and kind == "Pod":
            detail = "may not be specified when `type` is 'Pod'"
            errors += (
                status.forbidden_field(f"{path}.{word}", detail)
                for word in ("default", "defaultRequest")
                if one.get(word)
            )
        if key == "maxLimitRequestRatio" and kind == "PersistentVolumeClaim":
            errors += _storage(one, path)
        if kind == "Pod" and key.startswith("default"):
            continue
        for name in one.get(key) or {}:
            errors += check(name, f"{path}.{key}[{name}]")
            known.add(name)
    for name in sorted(known):
        errors += _in_order(one, kind, name, path)
    return errors


def _storage(one: JsonObject, path: str) -> Errors:
    if any("storage" in (one.get(key) or {}) for key in ("min", "max")):
        return []
    detail = "either minimum or maximum storage value is required, but neither was provided"
    return [status.required(f"{path}.limits", detail)]


_ORDER = (
    # lower, upper, whose field is named, whose value is shown, their words
    ("min", "max", "min", "min", "min", "max"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest", "min", "default request"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest", "default request", "max"),
    (
        "defaultRequest",
        "default",
        "defaultRequest",
        "defaultRequest",
        "default request",
        "default limit",
    ),
    ("min", "default", "default", "min", "min", "default"),
    ("default", "max", "default", "max", "default", "max"),
)


def _in_order(one: JsonObject, kind: str, name: str, path: str) -> Errors:
    """The least, the default request, the default and the most, in this order."""
    given = {
        key: (one.get(key) or {}).get(name)
        for key in ("min", "max", "default", "defaultRequest", "maxLimitRequestRatio")
        if kind != "Pod" or not key.startswith("default")
    }
    errors: Errors = []
    for low, high, named, shown, word, other in _ORDER:
        small, large = given.get(low), given.get(high)
        if small and large and Quantity.parse(small) > Quantity.parse(large):
            detail = f"{word} value {small} is greater than {other} value {large}"
            errors.append(status.invalid_value(f"{path}.{named}[{name}]", given[shown], detail))
    ratio, where = given.get("maxLimitRequestRatio"), f"{path}.maxLimitRequestRatio[{name}]"
    if ratio:
        errors += _ratio(ratio, given.get("min"), given.get("max"), where)
    return errors


def _ratio(ratio: str, least: str | None, most: str | None, path: str) -> Errors:
    value = Quantity.parse(ratio)
    if value < Quantity.parse("1"):
        return [status.invalid_value(path, ratio, f"ratio {ratio} is less than 1")]
    low = Quantity.parse(least or "0").nano
    if low and most and value.nano / 10**9 > Quantity.parse(most).nano / low:
        largest = Quantity.parse(most).nano / low
        detail = f"ratio {ratio} is greater than max/min = {largest:f}"
        return [status.invalid_value(path, ratio, detail)]
    return []
