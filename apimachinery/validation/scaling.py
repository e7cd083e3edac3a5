"""Rules about how many: autoscalers and disruption budgets."""

from apimachinery import names, status
from apimachinery.quantity import Quantity
from apimachinery.validation import common, resources
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

SOURCES = {
    # a metric's type and the field that has its source
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
_FIRST = ("object", "external", "pods", "resource", "containerResource")
"""The order in which sources are looked at: where there are several, the first is judged."""
MAX_WINDOW = 3600
MAX_PERIOD = 1800
EVICTION_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


def disruption_budget(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    errors: Errors = []
    if least is not None and most is not None:
        detail = "minAvailable and maxUnavailable cannot be both set"
        keys = ("minAvailable", "selector", "maxUnavailable", "unhealthyPodEvictionPolicy")
        shown = {key[:1].upper() + key[1:]: spec.get(key) for key in keys}
        errors.append(status.invalid_value("spec", shown, detail))
    for key, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            errors += common.share(value, f"spec.{key}")
            errors += common.at_most_all(value, f"spec.{key}")
    errors += common.selector(spec.get("selector"), "spec.selector")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in EVICTION_POLICIES:
        path = "spec.unhealthyPodEvictionPolicy"
        errors.append(status.not_supported(path, policy, EVICTION_POLICIES))
    return errors


def autoscaler(obj: JsonObject) -> Errors:
    return _autoscaler(obj.get("spec") or {}, 1)


def autoscaler_update(new: JsonObject, old: JsonObject) -> Errors:
    """One that was allowed to scale to nothing is so on."""
    allowed = (old.get("spec") or {}).get("minReplicas") == 0
    return _autoscaler(new.get("spec") or {}, 0 if allowed else 1)


def _autoscaler(spec: JsonObject, bound: int) -> Errors:
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    errors: Errors = []
    if least is not None and least < bound:
        detail = f"must be greater than or equal to {bound}"
        errors.append(status.invalid_value("spec.minReplicas", least, detail))
    if most < 1:
        errors.append(status.invalid_value("spec.maxReplicas", most, "must be greater than 0"))
    if least is not None and most < least:
        detail = "must be greater than or equal to `minReplicas`"
        errors.append(status.invalid_value("spec.maxReplicas", most, detail))
    errors += _target_object(spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef")
    for index, one in enumerate(spec.get("metrics") or ()):
        errors += _metric(one, f"spec.metrics[{index}]")
    kinds = {one.get("type") for one in spec.get("metrics") or ()}
    if least == 0 and kinds.isdisjoint(("Object", "External")):
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(status.forbidden_field("spec.metrics", detail))
    behavior = spec.get("behavior") or {}
    for key in ("scaleUp", "scaleDown"):
        if behavior.get(key) is not None:
            errors += _rules(behavior[key], f"spec.behavior.{key}")
    return errors


def _target_object(one: JsonObject, path: str) -> Errors:
    errors: Errors = []
    for key in ("kind", "name"):
        errors += common.name(one.get(key), f"{path}.{key}", names.path_segment)
    return errors


def _metric(one: JsonObject, path: str) -> Errors:
    kind = one.get("type", "")
    errors: Errors = []
    if not kind:
        errors.append(status.required(f"{path}.type", "must specify a metric source type"))
    if kind not in SOURCES:
        errors.append(status.not_supported(f"{path}.type", kind, tuple(SOURCES)))
    given = [field for field in _FIRST if one.get(field) is not None]
    for field in given[:1]:
        errors += _source(field, one[field], f"{path}.{field}")
    wanted = SOURCES.get(kind)
    if wanted is not None and wanted not in given:
        detail = "must populate information for the given metric source"
        errors.append(status.required(f"{path}.{wanted}", detail))
    if len(given) > 1:
        errors += (
            status.forbidden_field(f"{path}.{field}", "must populate the given metric source only")
            for field in given
            if field != wanted
        )
    return errors


def _source(field: str, one: JsonObject, path: str) -> Errors:
    target = one.get("target") or {}
    errors: Errors = []
    if field == "object":
        errors += _target_object(one.get("describedObject") or {}, f"{path}.describedObject")
    if field in ("object", "pods", "external"):
        metric = one.get("metric") or {}
        errors += common.name(metric.get("name"), f"{path}.metric.name", names.path_segment)
        errors += common.selector(metric.get("selector"), f"{path}.metric.selector")
    elif not one.get("name"):
        errors.append(status.required(f"{path}.name", "must specify a resource name"))
    else:
        errors += resources.container_name(one["name"], f"{path}.name")
    if field == "containerResource" and not one.get("container"):
        errors.append(status.required(f"{path}.container", "must specify a container"))
    elif field == "containerResource":
        errors += common.name(one["container"], f"{path}.container", names.dns1123_label)
    return errors + _target(target, f"{path}.target") + _amounts(field, target, f"{path}.target")


def _target(target: JsonObject, path: str) -> Errors:
    kind = target.get("type", "")
    errors: Errors = []
    if not kind:
        errors.append(status.required(f"{path}.type", "must specify a metric target type"))
    elif kind not in ("Utilization", "Value", "AverageValue"):
        detail = "must be either Utilization, Value, or AverageValue"
        errors.append(status.invalid_value(f"{path}.type", kind, detail))
    for key in ("value", "averageValue"):
        amount = target.get(key)
        if amount is not None and Quantity.parse(amount).nano <= 0:
            errors.append(status.invalid_value(f"{path}.{key}", amount, "must be positive"))
    share = target.get("averageUtilization")
    if share is not None and share < 1:
        detail = "must be greater than 0"
        errors.append(status.invalid_value(f"{path}.averageUtilization", share, detail))
    return errors


def _amounts(field: str, target: JsonObject, path: str) -> Errors:
    """Which of its amounts a target needs, by where its metric comes from."""
    share, mean = target.get("averageUtilization"), target.get("averageValue")
    value = target.get("value")
    match field:
        case "resource" | "containerResource":
            if share is None and mean is None:
                detail = "must set either a target raw value or a target utilization"
                return [status.required(f"{path}.averageUtilization", detail)]
            if share is not None and mean is not None:
                detail = "may not set both a target raw value and a target utilization"
                return [status.forbidden_field(f"{path}.averageValue", detail)]
        case "pods":
            if mean is None:
                detail = "must specify a positive target averageValue"
                return [status.required(f"{path}.averageValue", detail)]
        case "object" | "external":
            if value is None and mean is None:
                detail = (
                    "must set either a target value or averageValue"
                    if field == "object"
                    else "must set either a target value for metric or a per-pod target"
                )
                return [status.required(f"{path}.averageValue", detail)]
            if field == "external" and value is not None and mean is not None:
                detail = "may not set both a target value for metric and a per-pod target"
                return [status.forbidden_field(f"{path}.value", detail)]
        case _:
            raise AssertionError(field)
    return []


def _rules(rules: JsonObject, path: str) -> Errors:
    window, where = rules.get("stabilizationWindowSeconds"), f"{path}.stabilizationWindowSeconds"
    errors: Errors = []
    if window is not None and window < 0:
        detail = "must be greater than or equal to zero"
        errors.append(status.invalid_value(where, window, detail))
    if window is not None and window > MAX_WINDOW:
        detail = f"must be less than or equal to {MAX_WINDOW}"
        errors.append(status.invalid_value(where, window, detail))
    choice = rules.get("selectPolicy")
    valid = ("Disabled", "Max", "Min")
    if choice is not None and choice not in valid:
        errors.append(status.not_supported(f"{path}.selectPolicy", choice, valid))
    policies = rules.get("policies") or ()
    if not policies:
        errors.append(status.required(f"{path}.policies", "must specify at least one Policy"))
    for index, one in enumerate(policies):
        errors += _policy(one, f"{path}.policies[{index}]")
    return errors + _tolerance(rules, path)


def _tolerance(rules: JsonObject, path: str) -> Errors:
    """How far a metric may be off before anything is done."""
    if rules.get("tolerance") is None:
        return []
    return resources.amount(rules["tolerance"], f"{path}.tolerance")


def _policy(one: JsonObject, path: str) -> Errors:
    errors: Errors = []
    if one.get("type") not in ("Percent", "Pods"):
        kinds = ("Percent", "Pods")
        errors.append(status.not_supported(f"{path}.type", one.get("type", ""), kinds))
    for key in ("value", "periodSeconds"):
        number = one.get(key) or 0
        if number <= 0:
            detail = "must be greater than zero"
            errors.append(status.invalid_value(f"{path}.{key}", number, detail))
    if (one.get("periodSeconds") or 0) > MAX_PERIOD:
        detail = f"must be less than or equal to {MAX_PERIOD}"
        errors.append(status.invalid_value(f"{path}.periodSeconds", one["periodSeconds"], detail))
    return errors
