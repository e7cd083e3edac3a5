"""Rules about RBAC, networking, disruption budgets, autoscalers, priorities, signing requests."""

from collections.abc import Sequence

from apimachinery import names, status
from apimachinery.validation import common, containers, services
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

RBAC_GROUP = "rbac.authorization.k8s.io"
USER_PRIORITY_MAX = 10**9
"""Higher ones are the system's own."""
SYSTEM_PREFIX = "system-"
SYSTEM_CLASSES = ("system-node-critical", "system-cluster-critical")
PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")


# --- RBAC ----------------------------------------------------------------------------------------


def role(obj: JsonObject) -> Errors:
    return _rules(obj, namespaced=True)


def cluster_role(obj: JsonObject) -> Errors:
    aggregation = obj.get("aggregationRule")
    errors = _rules(obj, namespaced=False)
    if aggregation is not None:
        selectors = aggregation.get("clusterRoleSelectors") or ()
        path = "aggregationRule.clusterRoleSelectors"
        if not selectors:
            detail = "at least one clusterRoleSelector required if aggregationRule is non-nil"
            errors.append(status.required(path, detail))
        for index, one in enumerate(selectors):
            errors += common.selector(one, f"{path}[{index}]")
    return errors


def _rules(obj: JsonObject, *, namespaced: bool) -> Errors:
    errors: Errors = []
    for index, one in enumerate(obj.get("rules") or ()):
        errors += _rule(one, f"rules[{index}]", namespaced=namespaced)
    return errors


def _rule(one: JsonObject, path: str, *, namespaced: bool) -> Errors:
    errors: Errors = []
    if not one.get("verbs"):
        detail = "verbs must contain at least one value"
        errors.append(status.required(f"{path}.verbs", detail))
    urls = one.get("nonResourceURLs") or []
    if urls:
        where = f"{path}.nonResourceURLs"
        if namespaced:
            detail = "namespaced rules cannot apply to non-resource URLs"
            errors.append(status.invalid_value(where, urls, detail))
        if one.get("apiGroups") or one.get("resources") or one.get("resourceNames"):
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(status.invalid_value(where, urls, detail))
        return errors
    if not one.get("apiGroups"):
        detail = "resource rules must supply at least one api group"
        errors.append(status.required(f"{path}.apiGroups", detail))
    if not one.get("resources"):
        detail = "resource rules must supply at least one resource"
        errors.append(status.required(f"{path}.resources", detail))
    return errors


def role_binding(obj: JsonObject) -> Errors:
    return _binding(obj, ("Role", "ClusterRole"), namespaced=True)


def cluster_role_binding(obj: JsonObject) -> Errors:
    return _binding(obj, ("ClusterRole",), namespaced=False)


def _binding(obj: JsonObject, kinds: tuple[str, ...], *, namespaced: bool) -> Errors:
    reference = obj.get("roleRef") or {}
    errors: Errors = []
    if reference.get("apiGroup") != RBAC_GROUP:
        value = reference.get("apiGroup", "")
        errors.append(status.not_supported("roleRef.apiGroup", value, (RBAC_GROUP,)))
    if reference.get("kind") not in kinds:
        value = reference.get("kind", "")
        errors.append(status.not_supported("roleRef.kind", value, kinds))
    errors += common.name(reference.get("name"), "roleRef.name", names.path_segment)
    for index, one in enumerate(obj.get("subjects") or ()):
        errors += _subject(one, f"subjects[{index}]", namespaced=namespaced)
    return errors


def _subject(one: JsonObject, path: str, *, namespaced: bool) -> Errors:
    errors: Errors = []
    kind, group = one.get("kind", ""), one.get("apiGroup", "")
    if not one.get("name"):
        errors.append(status.required(f"{path}.name"))
    if kind == "ServiceAccount":
        if one.get("name"):
            errors += common.name(one["name"], f"{path}.name", names.dns1123_subdomain)
        if group:
            errors.append(status.not_supported(f"{path}.apiGroup", group, ("",)))
        if not namespaced and not one.get("namespace"):
            errors.append(status.required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        if group != RBAC_GROUP:
            errors.append(status.not_supported(f"{path}.apiGroup", group, (RBAC_GROUP,)))
    else:
        valid = ("ServiceAccount", "User", "Group")
        errors.append(status.not_supported(f"{path}.kind", kind, valid))
    return errors


def role_binding_update(new: JsonObject, old: JsonObject) -> Errors:
    return role_binding(new) + _same_role(new, old)


def cluster_role_binding_update(new: JsonObject, old: JsonObject) -> Errors:
    return cluster_role_binding(new) + _same_role(new, old)


def _same_role(new: JsonObject, old: JsonObject) -> Errors:
    if new.get("roleRef") == old.get("roleRef"):
        return []
    return [status.invalid_value("roleRef", new.get("roleRef"), "cannot change roleRef")]


# --- networking ----------------------------------------------------------------------------------


def ingress(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors: Errors = []
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        detail = "either `defaultBackend` or `rules` must be specified"
        errors.append(status.invalid_value("spec", spec.get("rules"), detail))
    if spec.get("defaultBackend") is not None:
        errors += _backend(spec["defaultBackend"], "spec.defaultBackend")
    for index, rule in enumerate(spec.get("rules") or ()):
        path = f"spec.rules[{index}]"
        host = rule.get("host", "")
        if host:
            errors += common.name(host.removeprefix("*."), f"{path}.host", names.dns1123_subdomain)
        if rule.get("http") is not None:
            errors += _paths(rule["http"].get("paths") or (), f"{path}.http.paths")
    return errors


def _paths(items: Sequence[JsonObject], path: str) -> Errors:
    errors: Errors = [] if items else [status.required(path)]
    for index, one in enumerate(items):
        where = f"{path}[{index}]"
        kind, text = one.get("pathType"), one.get("path", "")
        if not kind:
            errors.append(status.required(f"{where}.pathType", "pathType must be specified"))
        else:
            errors += common.one_of(kind, f"{where}.pathType", PATH_TYPES)
        if (text or kind in ("Exact", "Prefix")) and not text.startswith("/"):
            detail = "must be an absolute path"
            errors.append(status.invalid_value(f"{where}.path", text, detail))
        errors += _backend(one.get("backend") or {}, f"{where}.backend")
    return errors


def _backend(one: JsonObject, path: str) -> Errors:
    service, resource = one.get("service"), one.get("resource")
    if service is not None and resource is not None:
        detail = "cannot set both resource and service backends"
        return [status.invalid_value(path, "", detail)]
    if service is None:
        if resource is not None:
            return []
        return [status.required(path, "resource or service backend is required")]
    errors = common.name(service.get("name"), f"{path}.service.name", names.dns1035_label)
    port = service.get("port") or {}
    where = f"{path}.service.port"
    if port.get("name") and port.get("number"):
        detail = "cannot set both port name & port number"
        errors.append(status.invalid_value(where, "", detail))
    elif port.get("name"):
        errors += common.port(port["name"], f"{where}.name")
    elif port.get("number"):
        errors += common.port(port["number"], f"{where}.number")
    else:
        detail = "port name or number is required"
        errors.append(status.required(where, detail))
    return errors


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
    for index, kind in enumerate(spec.get("policyTypes") or ()):
        valid = ("Egress", "Ingress")
        errors += common.one_of(kind, f"spec.policyTypes[{index}]", valid)
    return errors


def _policy_port(one: JsonObject, path: str) -> Errors:
    errors = common.one_of(one.get("protocol"), f"{path}.protocol", containers.PROTOCOLS)
    port, end = one.get("port"), one.get("endPort")
    if port is not None:
        errors += common.port(port, f"{path}.port")
    if end is not None:
        if not isinstance(port, int):
            detail = "may not be specified when `port` is not specified or not a number"
            errors.append(status.required(f"{path}.port", detail))
        elif end < port:
            detail = "must be greater than or equal to `port`"
            errors.append(status.invalid_value(f"{path}.endPort", end, detail))
    return errors


def _peer(one: JsonObject, path: str) -> Errors:
    block = one.get("ipBlock")
    others = [key for key in ("podSelector", "namespaceSelector") if one.get(key) is not None]
    errors: Errors = []
    for key in others:
        errors += common.selector(one[key], f"{path}.{key}")
    if block is None:
        return errors or ([] if others else [status.required(path, "must specify a peer")])
    if others:
        detail = "may not specify both ipBlock and another peer"
        return [*errors, status.forbidden_field(path, detail)]
    if not block.get("cidr"):
        return [*errors, status.required(f"{path}.ipBlock.cidr")]
    errors += services.cidr(block["cidr"], f"{path}.ipBlock.cidr")
    for index, text in enumerate(block.get("except") or ()):
        errors += services.cidr(text, f"{path}.ipBlock.except[{index}]")
    return errors


# --- policy, autoscaling, scheduling, certificates -----------------------------------------------


def disruption_budget(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors = common.selector(spec.get("selector"), "spec.selector")
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        detail = "minAvailable and maxUnavailable cannot be both set"
        errors.append(status.invalid_value("spec", spec, detail))
    for key, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            errors += common.share(value, f"spec.{key}", at_most_all=True)
    return errors


def autoscaler(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas") or 0
    errors: Errors = []
    if least < 1:
        detail = "must be greater than or equal to 1"
        errors.append(status.invalid_value("spec.minReplicas", least, detail))
    if most < 1:
        errors.append(status.invalid_value("spec.maxReplicas", most, "must be greater than 0"))
    if most < least:
        detail = "must be greater than or equal to `minReplicas`"
        errors.append(status.invalid_value("spec.maxReplicas", most, detail))
    target = spec.get("scaleTargetRef") or {}
    for key in ("kind", "name"):
        errors += common.name(target.get(key), f"spec.scaleTargetRef.{key}", names.path_segment)
    return errors


def priority_class(obj: JsonObject) -> Errors:
    value = obj.get("value") or 0
    name = (obj.get("metadata") or {}).get("name", "")
    if name in SYSTEM_CLASSES:
        return []
    errors: Errors = []
    if name.startswith(SYSTEM_PREFIX):
        detail = (
            "priority class names with 'system-' prefix are reserved for system use only. error: "
            f"{name} is not a known system priority class"
        )
        errors.append(status.forbidden_field("metadata.name", detail))
    if value > USER_PRIORITY_MAX:
        detail = f"maximum allowed value of a user defined priority is {USER_PRIORITY_MAX}"
        errors.append(status.forbidden_field("value", detail))
    return errors


def priority_class_update(new: JsonObject, old: JsonObject) -> Errors:
    if (new.get("value") or 0) != (old.get("value") or 0):
        return [status.forbidden_field("value", "may not be changed in an update.")]
    return common.unchanged(
        new.get("preemptionPolicy"), old.get("preemptionPolicy"), "preemptionPolicy"
    )


def signing_request(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors: Errors = []
    if not spec.get("request"):
        errors.append(status.required("spec.request"))
    if not spec.get("usages"):
        errors.append(status.required("spec.usages"))
    signer = spec.get("signerName", "")
    if not signer:
        errors.append(status.required("spec.signerName"))
    elif "/" not in signer:
        detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        errors.append(status.invalid_value("spec.signerName", signer, detail))
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < 600:
        detail = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(status.invalid_value("spec.expirationSeconds", seconds, detail))
    return errors
