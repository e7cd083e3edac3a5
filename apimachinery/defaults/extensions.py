"""Defaults of what extends the API: definitions, webhooks, admission policies, API services."""

from collections.abc import Callable

from apimachinery.wire import JsonObject

HTTPS_PORT = 443
WEBHOOK_SECONDS = 10


def _client(config: JsonObject | None) -> None:
    service = (config or {}).get("service")
    if service is not None:
        service.setdefault("port", HTTPS_PORT)


def definition(obj: JsonObject) -> None:
    """Names that follow from the kind, and no conversion."""
    spec = obj.setdefault("spec", {})
    names = spec.setdefault("names", {})
    kind = names.get("kind", "")
    if kind and not names.get("singular"):
        names["singular"] = kind.lower()
    if kind and not names.get("listKind"):
        names["listKind"] = f"{kind}List"
    conversion = spec.setdefault("conversion", {})
    if not conversion.get("strategy"):
        conversion["strategy"] = "None"
    _client((conversion.get("webhook") or {}).get("clientConfig"))


def _matching(obj: JsonObject) -> None:
    """Selectors that select everything, rules for every scope."""
    if not obj.get("matchPolicy"):
        obj["matchPolicy"] = "Equivalent"
    for key in ("namespaceSelector", "objectSelector"):
        obj.setdefault(key, {})
    for name in ("rules", "resourceRules", "excludeResourceRules"):
        for rule in obj.get(name) or ():
            rule.setdefault("scope", "*")


def _webhooks(*, mutating: bool) -> Callable[[JsonObject], None]:
    def fill(obj: JsonObject) -> None:
        for hook in obj.get("webhooks") or ():
            hook.setdefault("failurePolicy", "Fail")
            hook.setdefault("timeoutSeconds", WEBHOOK_SECONDS)
            _matching(hook)
            _client(hook.get("clientConfig"))
            if mutating:
                hook.setdefault("reinvocationPolicy", "Never")

    return fill


def policy(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    if spec.get("matchConstraints") is not None:
        _matching(spec["matchConstraints"])


def policy_binding(obj: JsonObject) -> None:
    resources = (obj.get("spec") or {}).get("matchResources")
    if resources is not None:
        _matching(resources)


def api_service(obj: JsonObject) -> None:
    _client(obj.get("spec"))


_ADMISSION = "admissionregistration.k8s.io"

FILLERS = {
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition"): definition,
    ("apiregistration.k8s.io", "v1", "APIService"): api_service,
    (_ADMISSION, "v1", "MutatingWebhookConfiguration"): _webhooks(mutating=True),
    (_ADMISSION, "v1", "ValidatingWebhookConfiguration"): _webhooks(mutating=False),
    (_ADMISSION, "v1", "MutatingAdmissionPolicy"): policy,
    (_ADMISSION, "v1", "ValidatingAdmissionPolicy"): policy,
    (_ADMISSION, "v1", "MutatingAdmissionPolicyBinding"): policy_binding,
    (_ADMISSION, "v1", "ValidatingAdmissionPolicyBinding"): policy_binding,
}
