"""Rules about roles, their bindings, classes of priority and runtime, and signing requests."""

from apimachinery import names, status
from apimachinery.validation import common, resources, scheduling
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

RBAC_GROUP = "rbac.authorization.k8s.io"
USER_PRIORITY_MAX = 10**9
"""Higher ones are the system's own."""
SYSTEM_PREFIX = "system-"
LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
MIN_SECONDS = 600
"""Of a certificate."""
USAGES = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)
SYSTEM_CLASSES = ("system-node-critical", "system-cluster-critical")


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


# --- scheduling, certificates -----------------------------------------------------------------------


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


def runtime_class(obj: JsonObject) -> Errors:
    handler, placing = obj.get("handler", ""), obj.get("scheduling") or {}
    errors = [
        status.invalid_value("handler", handler, text) for text in names.dns1123_label(handler)
    ]
    overhead = (obj.get("overhead") or {}).get("podFixed")
    if overhead:
        errors += resources.requirements({"limits": overhead}, "overhead")
    errors += common.labels(placing.get("nodeSelector"), "scheduling.nodeSelector")
    path, tolerated = "scheduling.tolerations", placing.get("tolerations") or []
    errors += scheduling.tolerations(tolerated, path)
    return errors + [
        status.duplicate(f"{path}[{index}]", one)
        for index, one in enumerate(tolerated)
        if one in tolerated[:index]
    ]


def runtime_class_update(new: JsonObject, old: JsonObject) -> Errors:
    return runtime_class(new) + common.unchanged(new.get("handler"), old.get("handler"), "handler")


def signing_request(obj: JsonObject) -> Errors:
    """Whether the request itself is one is the registry's business."""
    spec = obj.get("spec") or {}
    usages = spec.get("usages") or ()
    errors: Errors = [] if usages else [status.required("spec.usages")]
    errors += common.each_of(usages, "spec.usages", USAGES)
    signer = spec.get("signerName", "")
    if signer == LEGACY_SIGNER:
        detail = "the legacy signerName is not allowed via this API version"
        errors.append(status.invalid_value("spec.signerName", signer, detail))
    else:
        errors += _signer(signer, "spec.signerName")
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < MIN_SECONDS:
        detail = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(status.invalid_value("spec.expirationSeconds", seconds, detail))
    return errors


def _signer(name: str, path: str) -> Errors:
    if not name:
        return [status.required(path)]
    domain, slash, rest = name.partition("/")
    if not slash or "/" in rest:
        detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [status.invalid_value(path, name, detail)]
    errors: Errors = []
    for text in domain.split("."):
        errors += (
            status.invalid_value(path, text, f'validating label "{text}": {problem}')
            for problem in names.dns1123_label(text)
        )
    if "." not in domain:
        detail = "should be a domain with at least two segments separated by dots"
        errors.append(status.invalid_value(path, domain, detail))
    for text in rest.split("."):
        errors += (
            status.invalid_value(path, text, f'validating label "{text}": {problem}')
            for problem in names.dns1123_label(text)
        )
    return errors
