"""Rules about who waits how long for whom: flow schemas and priority levels.

Some objects are as they must be, else nobody could repair a server that is overrun: `FIXED_LEVELS`
and `FIXED_SCHEMAS`. Neighbour: `apiserver.fairness` does what they say, and stores those that every
cluster has.
"""

import math
from collections.abc import Sequence

from apimachinery import names, status
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

EXEMPT = "exempt"
MAX_PRECEDENCE = 10_000
MAX_QUEUES = 10_000_000
MAX_HASH_BITS = 60
"""Of what a flow's queues are dealt by."""
DISTINGUISHERS = ("ByNamespace", "ByUser")
SUBJECTS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}
VERBS = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "proxy",
    "update",
    "watch",
)
_EVERYTHING: JsonObject = {
    "resourceRules": [
        {
            "verbs": ["*"],
            "apiGroups": ["*"],
            "resources": ["*"],
            "namespaces": ["*"],
            "clusterScope": True,
        }
    ],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
}


def _everything(*groups: str) -> JsonObject:
    """A rule for all requests of some groups of users."""
    subjects = [{"kind": "Group", "group": {"name": name}} for name in groups]
    return {"subjects": subjects, **_EVERYTHING}


FIXED_LEVELS: dict[str, JsonObject] = {
    EXEMPT: {
        "type": "Exempt",
        "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0},
    },
    "catch-all": {
        "type": "Limited",
        "limited": {
            "nominalConcurrencyShares": 5,
            "lendablePercent": 0,
            "limitResponse": {"type": "Reject"},
        },
    },
}
FIXED_SCHEMAS: dict[str, JsonObject] = {
    EXEMPT: {
        "priorityLevelConfiguration": {"name": EXEMPT},
        "matchingPrecedence": 1,
        "rules": [_everything("system:masters")],
    },
    "catch-all": {
        "priorityLevelConfiguration": {"name": "catch-all"},
        "matchingPrecedence": MAX_PRECEDENCE,
        "distinguisherMethod": {"type": "ByUser"},
        "rules": [_everything("system:unauthenticated", "system:authenticated")],
    },
}


# --- schemas -------------------------------------------------------------------------------------


def schema(obj: JsonObject) -> Errors:
    """A FlowSchema."""
    spec, name = obj.get("spec") or {}, (obj.get("metadata") or {}).get("name", "")
    errors = _precedence(spec.get("matchingPrecedence") or 0, name)
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in DISTINGUISHERS:
        path, shown = "spec.distinguisherMethod.type", {"Type": method.get("type", "")}
        errors.append(status.not_supported(path, shown, DISTINGUISHERS))
    level = (spec.get("priorityLevelConfiguration") or {}).get("name", "")
    path = "spec.priorityLevelConfiguration.name"
    if not level:
        errors.append(status.required(path, "must reference a priority level"))
    else:
        errors += common.name(level, path, names.dns1123_subdomain)
    for index, one in enumerate(spec.get("rules") or ()):
        errors += _rule(one, f"spec.rules[{index}]")
    if name in FIXED_SCHEMAS and spec != FIXED_SCHEMAS[name]:
        errors.append(_not_fixed(spec, name))
    return errors + conditions(obj, obj)


def _not_fixed(spec: JsonObject, name: str, but: str = "") -> status.FieldError:
    return status.invalid_value("spec", spec, f"spec of '{name}'{but} must equal the fixed value")


def _precedence(value: int, name: str) -> Errors:
    if value <= 0:
        detail = "must be a positive value"
    elif value > MAX_PRECEDENCE:
        detail = f"must not be greater than {MAX_PRECEDENCE}"
    elif value == 1 and name != EXEMPT:
        detail = "only the schema named 'exempt' may have matchingPrecedence 1"
    else:
        return []
    return [status.invalid_value("spec.matchingPrecedence", value, detail)]


def _rule(rule: JsonObject, path: str) -> Errors:
    errors: Errors = []
    if not rule.get("subjects"):
        detail = "subjects must contain at least one value"
        errors.append(status.required(f"{path}.subjects", detail))
    for index, one in enumerate(rule.get("subjects") or ()):
        errors += _subject(one, f"{path}.subjects[{index}]")
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        detail = "at least one of resourceRules and nonResourceRules has to be non-empty"
        errors.append(status.required(path, detail))
    for index, one in enumerate(rule.get("resourceRules") or ()):
        errors += _resources(one, f"{path}.resourceRules[{index}]")
    for index, one in enumerate(rule.get("nonResourceRules") or ()):
        errors += _urls(one, f"{path}.nonResourceRules[{index}]")
    return errors


def _subject(subject: JsonObject, path: str) -> Errors:
    kind = subject.get("kind", "")
    own = SUBJECTS.get(kind)
    if own is None:
        return [status.not_supported(f"{path}.kind", kind, tuple(SUBJECTS))]
    value, where = subject.get(own), f"{path}.{own}"
    if value is None:
        detail = f"{own} is required when subject kind is '{kind}'"
        errors: Errors = [status.required(where, detail)]
    elif kind == "ServiceAccount":
        errors = _account(value, where)
    else:
        errors = [] if value.get("name") else [status.required(f"{where}.name")]
    return errors + [
        status.forbidden_field(
            f"{path}.{key}", f"{key} is forbidden when subject kind is not '{other}'"
        )
        for other, key in SUBJECTS.items()
        if other != kind and subject.get(key) is not None
    ]


def _account(value: JsonObject, path: str) -> Errors:
    name, namespace = value.get("name", ""), value.get("namespace", "")
    errors: Errors = []
    if name != "*":
        errors += common.name(name, f"{path}.name", names.dns1123_subdomain)
    if not namespace:
        detail = "must specify namespace for service account"
        return [*errors, status.required(f"{path}.namespace", detail)]
    return errors + common.name(namespace, f"{path}.namespace", names.dns1123_label)


def _star_alone(values: Sequence[str], path: str, what: str) -> Errors:
    if "*" not in values or len(values) == 1:
        return []
    detail = f"if '*' is present, must not specify other {what}"
    return [status.invalid_value(path, values, detail)]


def _verbs(values: Sequence[str], path: str) -> Errors:
    if not values:
        return [status.required(path, "verbs must contain at least one value")]
    if "*" not in values and not set(values) <= set(VERBS):
        return [status.not_supported(path, values, VERBS)]
    return _star_alone(values, path, "verbs")


def _resources(rule: JsonObject, path: str) -> Errors:
    errors = _verbs(rule.get("verbs") or [], f"{path}.verbs")
    for key, one, many in (
        ("apiGroups", "api group", "api groups"),
        ("resources", "resource", "resources"),
    ):
        values = rule.get(key) or []
        if not values:
            detail = f"resource rules must supply at least one {one}"
            errors.append(status.required(f"{path}.{key}", detail))
        errors += _star_alone(values, f"{path}.{key}", many)
    spaces, where = rule.get("namespaces") or [], f"{path}.namespaces"
    if not spaces and not rule.get("clusterScope"):
        detail = "resource rules that are not cluster scoped must supply at least one namespace"
        errors.append(status.required(where, detail))
    if "*" in spaces:
        return errors + _star_alone(spaces, where, "namespaces")
    intro = "each member of this list must be '*' or a DNS-1123 label; "
    return errors + [
        status.invalid_value(f"{where}[{index}]", one, intro + text)
        for index, one in enumerate(spaces)
        for text in names.dns1123_label(one)
    ]


def _urls(rule: JsonObject, path: str) -> Errors:
    errors = _verbs(rule.get("verbs") or [], f"{path}.verbs")
    urls, where = rule.get("nonResourceURLs") or [], f"{path}.nonResourceURLs"
    if not urls:
        detail = "nonResourceURLs must contain at least one value"
        return [*errors, status.required(where, detail)]
    if "*" in urls:
        return errors + _star_alone(urls, where, "non-resource URLs")
    return errors + [
        status.invalid_value(f"{where}[{index}]", one, wrong)
        for index, one in enumerate(urls)
        if (wrong := _url_problem(one))
    ]


def _url_problem(url: str) -> str:
    if not url:
        return "must not be empty"
    for wrong, detail in (
        (not url.startswith("/"), "must start with slash"),
        (" " in url, "must not contain white-space"),
        ("//" in url, "must not contain double slash"),
        ("*" in url.removesuffix("/*"), "wildcard can only do suffix matching"),
    ):
        if wrong:
            return detail
    return ""


# --- levels --------------------------------------------------------------------------------------


def level(obj: JsonObject) -> Errors:
    """A PriorityLevelConfiguration."""
    spec, name = obj.get("spec") or {}, (obj.get("metadata") or {}).get("name", "")
    kind = spec.get("type", "")
    errors: Errors = []
    if (name == EXEMPT) != (kind == "Exempt"):
        detail = "type must be 'Exempt' if and only if name is 'exempt'"
        errors.append(status.invalid_value("spec.type", kind, detail))
    errors += _kind(kind, spec)
    fixed = FIXED_LEVELS.get(name)
    if fixed is not None and name == EXEMPT:
        if {**spec, "exempt": None} != {**fixed, "exempt": None}:
            errors.append(_not_fixed(spec, name, " except the 'spec.exempt' field"))
    elif fixed is not None and spec != fixed:
        errors.append(_not_fixed(spec, name))
    return errors + conditions(obj, obj)


def _kind(kind: str, spec: JsonObject) -> Errors:
    exempt, limited = spec.get("exempt"), spec.get("limited")
    errors: Errors = []
    if kind == "Exempt":
        if limited is not None:
            detail = "must be nil if the type is not Limited"
            errors.append(status.forbidden_field("spec.limited", detail))
        return errors + _shares(exempt or {}, "spec.exempt")
    if kind == "Limited":
        if exempt is not None:
            detail = "must be nil if the type is Limited"
            errors.append(status.forbidden_field("spec.exempt", detail))
        if limited is None:
            detail = "must not be empty when type is Limited"
            return [*errors, status.required("spec.limited", detail)]
        return errors + _limited(limited, "spec.limited")
    return [status.not_supported("spec.type", kind, ("Exempt", "Limited"))]


def _shares(part: JsonObject, path: str) -> Errors:
    """How much of the server is a level's, and how much of that it lends."""
    shares = part.get("nominalConcurrencyShares") or 0
    errors: Errors = []
    if shares < 0:
        where, detail = f"{path}.nominalConcurrencyShares", "must be a non-negative integer"
        errors.append(status.invalid_value(where, shares, detail))
    lent = part.get("lendablePercent")
    return errors + common.in_range(lent, f"{path}.lendablePercent", 0, 100)


def _limited(limited: JsonObject, path: str) -> Errors:
    errors = _shares(limited, path)
    borrowed = limited.get("borrowingLimitPercent")
    if borrowed is not None and borrowed < 0:
        where = f"{path}.borrowingLimitPercent"
        detail = "if specified, must be a non-negative integer"
        errors.append(status.invalid_value(where, borrowed, detail))
    response, where = limited.get("limitResponse") or {}, f"{path}.limitResponse"
    kind, queuing = response.get("type", ""), response.get("queuing")
    if kind == "Reject":
        if queuing is not None:
            # Kubernetes says Limited where it means Queue.
            detail = "must be nil if limited.limitResponse.type is not Limited"
            errors.append(status.forbidden_field(f"{where}.queuing", detail))
    elif kind == "Queue":
        errors += _queuing(queuing or {}, f"{where}.queuing")
    else:
        errors.append(status.not_supported(f"{where}.type", kind, ("Queue", "Reject")))
    return errors


def _queuing(queuing: JsonObject, path: str) -> Errors:
    length, queues, hand = (
        queuing.get(key) or 0 for key in ("queueLengthLimit", "queues", "handSize")
    )
    errors: Errors = []
    if length <= 0:
        errors.append(status.invalid_value(f"{path}.queueLengthLimit", length, "must be positive"))
    if queues <= 0:
        errors.append(status.invalid_value(f"{path}.queues", queues, "must be positive"))
    elif queues > MAX_QUEUES:
        detail = f"must not be greater than {MAX_QUEUES}"
        errors.append(status.invalid_value(f"{path}.queues", queues, detail))
    if hand <= 0:
        detail = "must be positive"
    elif hand > queues:
        detail = f"should not be greater than queues ({queues})"
    elif _bits(queues, hand) > MAX_HASH_BITS:
        detail = (
            f"required entropy bits of deckSize {queues} and handSize {hand} should not be "
            f"greater than {MAX_HASH_BITS}"
        )
    else:
        return errors
    return [*errors, status.invalid_value(f"{path}.handSize", hand, detail)]


def _bits(queues: int, hand: int) -> int:
    """That it takes to deal any hand."""
    # A hand of more than that has more bits anyway.
    return math.ceil(sum(math.log2(queues - dealt) for dealt in range(min(hand, queues, 64))))


# --- both ----------------------------------------------------------------------------------------


def conditions(new: JsonObject, _old: JsonObject) -> Errors:
    """Each type once, and with a name."""
    errors: Errors = []
    known: set[str] = set()
    for index, one in enumerate((new.get("status") or {}).get("conditions") or ()):
        path, kind = f"status.conditions[{index}].type", one.get("type", "")
        if kind in known:
            errors.append(status.duplicate(path, kind))
        known.add(kind)
        if not kind:
            errors.append(status.required(path, "must not be empty"))
    return errors
