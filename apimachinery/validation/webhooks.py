"""Rules about webhooks: the configurations of admission, and who is called by them.

Neighbours: `extensions` asks about those who convert custom resources. What a match condition says
is the business of the server, which compiles it.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from apimachinery import names, status
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

REVIEW_VERSIONS = ("v1", "v1beta1")
OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
SCOPES = ("*", "Cluster", "Namespaced")
MAX_SECONDS = 30
"""That a request waits for a webhook."""
SERVICE_PORT = 443
_FORM = "; desired format: https://host[/path]"
_CHOICES = (
    ("failurePolicy", ("Fail", "Ignore")),
    ("matchPolicy", ("Equivalent", "Exact")),
    ("sideEffects", ("None", "NoneOnDryRun")),
    ("reinvocationPolicy", ("IfNeeded", "Never")),
)


def configuration(obj: JsonObject) -> Errors:
    """Validating and mutating webhook configurations."""
    errors: Errors = []
    hooks = obj.get("webhooks") or ()
    for index, one in enumerate(hooks):
        errors += _hook(one, f"webhooks[{index}]")
    return errors + common.unique(
        (f"webhooks[{index}].name", one.get("name")) for index, one in enumerate(hooks)
    )


def _hook(one: JsonObject, path: str) -> Errors:
    errors = _full_name(one.get("name", ""), f"{path}.name")
    for number, given in enumerate(one.get("rules") or ()):
        errors += rule(given, f"{path}.rules[{number}]")
    for key, valid in _CHOICES:
        value = one.get(key)
        if value is None:
            if key == "sideEffects":
                detail = f"must specify one of {', '.join(valid)}"
                errors.append(status.required(f"{path}.{key}", detail))
        elif value not in valid:
            errors.append(status.not_supported(f"{path}.{key}", value, valid))
    seconds = one.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= MAX_SECONDS:
        detail = f"the timeout value must be between 1 and {MAX_SECONDS} seconds"
        errors.append(status.invalid_value(f"{path}.timeoutSeconds", seconds, detail))
    for key in ("namespaceSelector", "objectSelector"):
        errors += common.selector(one.get(key), f"{path}.{key}")
    errors += client(one.get("clientConfig") or {}, f"{path}.clientConfig")
    wanted = f"must specify one of {', '.join(REVIEW_VERSIONS)}"
    return errors + review_versions(
        one.get("admissionReviewVersions") or [], f"{path}.admissionReviewVersions", wanted=wanted
    )


def _full_name(name: str, path: str) -> Errors:
    if not name:
        return [status.required(path)]
    problems = names.dns1123_subdomain(name)
    if problems:
        return [status.invalid_value(path, name, ",".join(problems))]
    if name.count(".") < 2:
        detail = "should be a domain with at least three segments separated by dots"
        return [status.invalid_value(path, name, detail)]
    return []


def review_versions(versions: Sequence[str], path: str, *, wanted: str = "") -> Errors:
    """In which versions a webhook understands what it is asked; `wanted` where there are none."""
    if not versions:
        return [status.required(path, wanted)]
    errors: Errors = []
    for index, one in enumerate(versions):
        where = f"{path}[{index}]"
        if one in versions[:index]:
            errors.append(status.invalid_value(where, one, "duplicate version"))
            continue
        errors += (status.invalid_value(where, one, text) for text in names.dns1035_label(one))
    if set(REVIEW_VERSIONS).isdisjoint(versions):
        detail = f"must include at least one of {', '.join(REVIEW_VERSIONS)}"
        errors.append(status.invalid_value(path, list(versions), detail))
    return errors


def client(config: JsonObject, path: str) -> Errors:
    """Whom to call: a URL, or a service of the cluster."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [status.required(path, "exactly one of url or service is required")]
    if url is not None:
        return _url(url, f"{path}.url")
    errors = [
        status.required(f"{path}.service.{key}", f"service {key} is required")
        for key in ("name", "namespace")
        if not (service or {}).get(key)
    ]
    port = (service or {}).get("port", SERVICE_PORT)
    problems = names.port_number(port)
    if problems:
        detail = f"port is not valid: {','.join(problems)}"
        errors.append(status.invalid_value(f"{path}.service.port", port, detail))
    target = (service or {}).get("path") or "/"
    if not target.startswith("/"):
        errors.append(status.invalid_value(f"{path}.service.path", target, "must start with a '/'"))
    return errors


def _url(text: str, path: str) -> Errors:
    try:
        url = urlsplit(text)
    except ValueError as problem:
        return [status.required(path, f"url must be a valid URL: {problem}{_FORM}")]
    errors: Errors = []
    if url.scheme != "https":
        detail = f"'https' is the only allowed URL scheme{_FORM}"
        errors.append(status.invalid_value(path, url.scheme, detail))
    if not url.netloc:
        errors.append(status.invalid_value(path, "", f"host must be specified{_FORM}"))
    if "@" in url.netloc:
        detail = "user information is not permitted in the URL"
        errors.append(status.invalid_value(path, url.netloc.rpartition("@")[0], detail))
    if url.fragment:
        detail = "fragments are not permitted in the URL"
        errors.append(status.invalid_value(path, url.fragment, detail))
    if url.query:
        detail = "query parameters are not permitted in the URL"
        errors.append(status.invalid_value(path, url.query, detail))
    return errors


def rule(rule: JsonObject, path: str) -> Errors:
    """Which requests; a star among several words makes them meaningless."""
    errors: Errors = []
    for key, what in (
        ("operations", "operations"),
        ("apiGroups", "API groups"),
        ("apiVersions", "API versions"),
        ("resources", ""),
    ):
        values = rule.get(key) or []
        if not values:
            errors.append(status.required(f"{path}.{key}"))
        if what and len(values) > 1 and "*" in values:
            detail = f"if '*' is present, must not specify other {what}"
            errors.append(status.invalid_value(f"{path}.{key}", values, detail))
        if key in ("apiVersions", "resources"):
            errors += (
                status.required(f"{path}.{key}[{index}]")
                for index, one in enumerate(values)
                if not one
            )
    for index, one in enumerate(rule.get("operations") or ()):
        if one not in OPERATIONS:
            where = f"{path}.operations[{index}]"
            errors.append(status.not_supported(where, one, OPERATIONS))
    errors += _resources(rule.get("resources") or [], f"{path}.resources")
    scope = rule.get("scope")
    if scope is not None and scope not in SCOPES:
        errors.append(status.not_supported(f"{path}.scope", scope, SCOPES))
    return errors


def _resources(values: list[str], path: str) -> Errors:
    if len(values) > 1 and "*/*" in values:
        detail = "if '*/*' is present, must not specify other resources"
        return [status.invalid_value(path, values, detail)]
    errors: Errors = []
    for index, one in enumerate(values):
        resource, _, part = one.partition("/")
        if part and part != "*" and f"{resource}/*" in values:
            detail = f"if '{resource}/*' is present, must not specify {one}"
            errors.append(status.invalid_value(f"{path}[{index}]", one, detail))
        if part and resource != "*" and f"*/{part}" in values:
            detail = f"if '*/{part}' is present, must not specify {one}"
            errors.append(status.invalid_value(f"{path}[{index}]", one, detail))
    return errors
