"""Rules about where pods may go: node selectors, affinity, tolerations, taints, spreading."""

from apimachinery import names, status
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")
RENAMED_LABELS = {
    "beta.kubernetes.io/arch": ("v1.14", "kubernetes.io/arch"),
    "beta.kubernetes.io/os": ("v1.14", "kubernetes.io/os"),
    "failure-domain.beta.kubernetes.io/region": ("v1.17", "topology.kubernetes.io/region"),
    "failure-domain.beta.kubernetes.io/zone": ("v1.17", "topology.kubernetes.io/zone"),
    "beta.kubernetes.io/instance-type": ("v1.17", "node.kubernetes.io/instance-type"),
}
"""Labels of nodes that have other names now: since when, and which."""
_POSITIVE = "must be greater than zero"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def todays_label(key: str) -> str:
    """What a label of nodes is called today."""
    return RENAMED_LABELS[key][1] if key in RENAMED_LABELS else key


def affinity(value: JsonObject | None, path: str) -> Errors:
    """To which nodes, and to which other pods, a pod wants to be near or far."""
    if not value:
        return []
    errors = _node_affinity(value.get("nodeAffinity") or {}, f"{path}.nodeAffinity")
    for key in ("podAffinity", "podAntiAffinity"):
        errors += _pod_affinity(value.get(key) or {}, f"{path}.{key}")
    return errors


def tolerations(items: list[JsonObject] | None, path: str) -> Errors:
    """The taints that a pod bears."""
    errors: Errors = []
    for index, one in enumerate(items or ()):
        errors += _toleration(one, f"{path}[{index}]")
    return errors


def _toleration(one: JsonObject, path: str) -> Errors:
    key, operator, effect = one.get("key", ""), one.get("operator", ""), one.get("effect", "")
    errors: Errors = []
    if key:
        errors += (
            status.invalid_value(f"{path}.key", key, text) for text in names.qualified_name(key)
        )
    elif operator != "Exists":
        detail = (
            "operator must be Exists when `key` is empty, which means "
            '"match all values and all keys"'
        )
        errors.append(status.invalid_value(f"{path}.operator", operator, detail))
    if one.get("tolerationSeconds") is not None and effect != "NoExecute":
        detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        errors.append(status.invalid_value(f"{path}.effect", effect, detail))
    value = one.get("value", "")
    if operator in ("Equal", ""):
        errors += (
            status.invalid_value(f"{path}.operator", value, text)
            for text in names.label_value(value)
        )
    elif operator == "Exists":
        if value:
            detail = "value must be empty when `operator` is 'Exists'"
            errors.append(status.invalid_value(f"{path}.operator", value, detail))
    elif operator not in ("Lt", "Gt"):
        valid = ("Equal", "Exists")
        errors.append(status.not_supported(f"{path}.operator", operator, valid))
    if effect:
        errors += common.one_of(effect, f"{path}.effect", EFFECTS)
    return errors


def taints(items: list[JsonObject] | None, path: str) -> Errors:
    """The taints of a node: sound, and each key and effect once."""
    errors: Errors = []
    seen: set[tuple[str, str]] = set()
    for index, one in enumerate(items or ()):
        where = f"{path}[{index}]"
        key, value, effect = one.get("key", ""), one.get("value", ""), one.get("effect", "")
        errors += (
            status.invalid_value(f"{where}.key", key, text) for text in names.qualified_name(key)
        )
        errors += (
            status.invalid_value(f"{where}.value", value, text) for text in names.label_value(value)
        )
        errors += common.one_of(effect, f"{where}.effect", EFFECTS)
        if (key, effect) in seen:
            detail = "taints must be unique by key and effect pair"
            errors.append(status.duplicate(where, one, detail))
        seen.add((key, effect))
    return errors


def _node_affinity(value: JsonObject, path: str) -> Errors:
    errors: Errors = []
    needed = value.get(REQUIRED)
    if needed is not None:
        errors += node_selector(needed, f"{path}.{REQUIRED}")
    for index, one in enumerate(value.get(PREFERRED) or ()):
        where = f"{path}.{PREFERRED}[{index}]"
        errors += _weight(one, where)
        # Values that no label can have are tolerated in what is only preferred.
        errors += _term(one.get("preference") or {}, f"{where}.preference", strict=False)
    return errors


def node_selector(selector: JsonObject, path: str) -> Errors:
    """Terms of which one must hold (pods' affinity, volumes' nodes)."""
    terms = selector.get("nodeSelectorTerms") or ()
    where = f"{path}.nodeSelectorTerms"
    if not terms:
        return [status.required(where, "must have at least one node selector term")]
    errors: Errors = []
    for index, term in enumerate(terms):
        errors += _term(term, f"{where}[{index}]", strict=True)
    return errors


def _weight(one: JsonObject, path: str) -> Errors:
    weight = one.get("weight") or 0
    if 1 <= weight <= 100:
        return []
    return [status.invalid_value(f"{path}.weight", weight, "must be in the range 1-100")]


def _term(term: JsonObject, path: str, *, strict: bool) -> Errors:
    errors: Errors = []
    for index, one in enumerate(term.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        key, operator = one.get("key", ""), one.get("operator", "")
        errors += _values(operator, one.get("values") or [], where)
        errors += (
            status.invalid_value(f"{where}.key", key, text) for text in names.qualified_name(key)
        )
        if strict:
            errors += (
                status.invalid_value(f"{where}.values[{number}]", value, text)
                for number, value in enumerate(one.get("values") or ())
                for text in names.label_value(value)
            )
    for index, one in enumerate(term.get("matchFields") or ()):
        where = f"{path}.matchFields[{index}]"
        operator, values = one.get("operator", ""), one.get("values") or []
        if operator not in ("In", "NotIn"):
            detail = "not a valid selector operator"
            errors.append(status.invalid_value(f"{where}.operator", operator, detail))
        elif len(values) != 1:
            detail = (
                "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            )
            errors.append(status.required(f"{where}.values", detail))
        if one.get("key") != "metadata.name":
            detail = "not a valid field selector key"
            errors.append(status.invalid_value(f"{where}.key", one.get("key", ""), detail))
            continue
        errors += (
            status.invalid_value(f"{where}.values[{number}]", value, text)
            for number, value in enumerate(values)
            for text in names.dns1123_subdomain(value)
        )
    return errors


def _values(operator: str, values: list[str], path: str) -> Errors:
    if operator in ("In", "NotIn"):
        if values:
            return []
        detail = "must be specified when `operator` is 'In' or 'NotIn'"
        return [status.required(f"{path}.values", detail)]
    if operator in ("Exists", "DoesNotExist"):
        if not values:
            return []
        detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        return [status.forbidden_field(f"{path}.values", detail)]
    if operator in ("Gt", "Lt"):
        if len(values) == 1:
            return []
        detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
        return [status.required(f"{path}.values", detail)]
    detail = "not a valid selector operator"
    return [status.invalid_value(f"{path}.operator", operator, detail)]


def _pod_affinity(value: JsonObject, path: str) -> Errors:
    errors: Errors = []
    for index, one in enumerate(value.get(REQUIRED) or ()):
        errors += _pod_term(one, f"{path}.{REQUIRED}[{index}]")
    for index, one in enumerate(value.get(PREFERRED) or ()):
        where = f"{path}.{PREFERRED}[{index}]"
        errors += _weight(one, where)
        errors += _pod_term(one.get("podAffinityTerm") or {}, f"{where}.podAffinityTerm")
    return errors


def _pod_term(term: JsonObject, path: str) -> Errors:
    errors = common.selector(term.get("labelSelector"), f"{path}.labelSelector")
    errors += common.selector(term.get("namespaceSelector"), f"{path}.namespaceSelector")
    for one in term.get("namespaces") or ():
        errors += (
            status.invalid_value(f"{path}.namespace", one, text)
            for text in names.dns1123_label(one)
        )
    for key in ("matchLabelKeys", "mismatchLabelKeys"):
        errors += _label_keys(term, key, path)
    errors += (
        status.invalid_value(
            f"{path}.matchLabelKeys[{index}]",
            key,
            "exists in both matchLabelKeys and mismatchLabelKeys",
        )
        for index, key in enumerate(term.get("matchLabelKeys") or ())
        if key in (term.get("mismatchLabelKeys") or ())
    )
    errors += _twice(term, path)
    topology = term.get("topologyKey", "")
    if not topology:
        errors.append(status.required(f"{path}.topologyKey", "can not be empty"))
    errors += (
        status.invalid_value(f"{path}.topologyKey", topology, text)
        for text in names.qualified_name(topology)
    )
    return errors


def _label_keys(one: JsonObject, key: str, path: str) -> Errors:
    """Labels whose values are the pod's own: they complete a selector."""
    keys = one.get(key) or ()
    where = f"{path}.{key}"
    errors: Errors = []
    if keys and one.get("labelSelector") is None:
        detail = "must not be specified when labelSelector is not set"
        errors.append(status.forbidden_field(where, detail))
    for index, label in enumerate(keys):
        errors += (
            status.invalid_value(f"{where}[{index}]", label, text)
            for text in names.qualified_name(label)
        )
    return errors


def _twice(one: JsonObject, path: str) -> Errors:
    """Keys that the selector names itself, beside what was merged into it for the pod."""
    selector = one.get("labelSelector") or {}
    named = [*(selector.get("matchLabels") or ())]
    named += [each.get("key") for each in selector.get("matchExpressions") or ()]
    detail = "exists in both matchLabelKeys and labelSelector"
    return [
        status.invalid_value(f"{path}.matchLabelKeys[{index}]", key, detail)
        for index, key in enumerate(one.get("matchLabelKeys") or ())
        if named.count(key) > 1
    ]


def spread(items: list[JsonObject] | None, path: str) -> Errors:
    """How evenly the pods of a selector are to be spread."""
    errors: Errors = []
    pairs = [(one.get("topologyKey", ""), one.get("whenUnsatisfiable", "")) for one in items or ()]
    for index, one in enumerate(items or ()):
        where, (topology, action) = f"{path}[{index}]", pairs[index]
        skew = one.get("maxSkew") or 0
        if skew <= 0:
            errors.append(status.invalid_value(f"{where}.maxSkew", skew, _POSITIVE))
        if not topology:
            errors.append(status.required(f"{where}.topologyKey", "can not be empty"))
        if action not in UNSATISFIABLE:
            errors.append(status.not_supported(f"{where}.whenUnsatisfiable", action, UNSATISFIABLE))
        if pairs[index] in pairs[index + 1 :]:
            text = f"{{{topology}, {action}}}"
            errors.append(status.duplicate(f"{where}.{{topologyKey, whenUnsatisfiable}}", text))
        errors += _domains(one, action, f"{where}.minDomains")
        for key in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            valid = ("Honor", "Ignore")
            errors += common.one_of(one.get(key), f"{where}.{key}", valid, needed=False)
        errors += _label_keys(one, "matchLabelKeys", where)
        errors += _twice(one, where)
        errors += common.selector(one.get("labelSelector"), f"{where}.labelSelector")
    return errors


def _domains(one: JsonObject, action: str, path: str) -> Errors:
    least = one.get("minDomains")
    errors: Errors = []
    if least is not None and least <= 0:
        errors.append(status.invalid_value(path, least, _POSITIVE))
    if least is not None and action != "DoNotSchedule":
        detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
        errors.append(status.invalid_value(path, least, detail))
    return errors
