"""Rules about a container's environment, and about references to a pod's own fields and amounts.

Neighbours: `containers` asks for the environment; `volumes` asks about references in downward API
files. Nothing here looks up what is referred to.
"""

from collections.abc import Sequence

from apimachinery import names, status
from apimachinery.quantity import Quantity
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

FILE_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
"""Fields that downward API files may show."""
VARIABLE_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
"""Fields that environment variables may show."""
_KNOWN = {*FILE_FIELDS, *VARIABLE_FIELDS, "spec.restartPolicy", "spec.schedulerName"} | {
    "status.phase"
}
"""Fields that have a name at all; those that nobody may show are refused in other words."""

SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_SOURCES_TEXT = (
    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or "
    "`fileKeyRef`"
)
_ONE_AT_A_TIME = "may not have more than one field specified at a time"

AMOUNTS = tuple(
    f"{kind}.{name}"
    for kind in ("limits", "requests")
    for name in ("cpu", "ephemeral-storage", "memory")
)
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
_BYTES = tuple(f"1{unit}" for unit in ("", *"kMGTPE", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))
_DIVISORS = {
    # what the amount's name ends with: its divisors, and how the message calls it
    "cpu": (("1m", "1"), "only divisor's values 1m and 1 are supported with the cpu resource"),
    "memory": (_BYTES, f"only divisor's values {', '.join(_BYTES)} are supported with the memory"),
    "ephemeral-storage": (
        _BYTES,
        f"only divisor's values {', '.join(_BYTES)} are supported with the local ephemeral storage",
    ),
}


def variables(items: Sequence[JsonObject], path: str) -> Errors:
    """The list `env`."""
    errors: Errors = []
    for index, one in enumerate(items):
        where = f"{path}[{index}]"
        errors += common.name(one.get("name", ""), f"{where}.name", names.env_name)
        if one.get("valueFrom") is not None:
            errors += _value_from(one, f"{where}.valueFrom")
    return errors


def _value_from(one: JsonObject, path: str) -> Errors:
    source = one["valueFrom"]
    given = [key for key in SOURCES if source.get(key) is not None]
    errors: Errors = []
    for key in given:
        errors += _source(key, source[key], f"{path}.{key}")
    if not given:
        errors.append(status.invalid_value(path, "", _SOURCES_TEXT))
    elif one.get("value"):
        detail = "may not be specified when `value` is not empty"
        errors.append(status.invalid_value(path, "", detail))
    elif len(given) > 1:
        errors.append(status.invalid_value(path, "", _ONE_AT_A_TIME))
    return errors


def _source(key: str, one: JsonObject, path: str) -> Errors:
    if key == "fieldRef":
        return field_ref(one, path, VARIABLE_FIELDS)
    if key == "resourceFieldRef":
        return resource_ref(one, path)
    if key == "fileKeyRef":
        wanted = [part for part in ("volumeName", "path", "key") if not one.get(part)]
        errors = [status.required(f"{path}.{part}") for part in wanted]
        return errors + common.file_path(one.get("path", ""), f"{path}.path")
    name = one.get("name", "")
    errors = [
        status.invalid_value(f"{path}.name", name, problem)
        for problem in names.dns1123_subdomain(name)
    ]
    return errors + common.name(one.get("key"), f"{path}.key", names.config_key)


def field_ref(one: JsonObject, path: str, valid: Sequence[str]) -> Errors:
    """A field of the pod itself, as variables and downward API files name it."""
    text, where = one.get("fieldPath", ""), f"{path}.fieldPath"
    if not text:
        return [status.required(where)]
    if one.get("apiVersion", "v1") != "v1":
        detail = f"error converting fieldPath: unsupported pod version: {one['apiVersion']}"
        return [status.invalid_value(where, text, detail)]
    base, bracket, key = text.partition("['")
    if bracket and key.endswith("']"):
        return _subscripted(text, base, key[:-2], path)
    if text not in _KNOWN:
        detail = f"error converting fieldPath: field label not supported: {text}"
        return [status.invalid_value(where, text, detail)]
    return [] if text in valid else [status.not_supported(where, text, valid)]


def _subscripted(text: str, base: str, key: str, path: str) -> Errors:
    """One label or annotation of the pod."""
    if base not in FILE_FIELDS[:2]:
        detail = f"error converting fieldPath: field label does not support subscript: {text}"
        return [status.invalid_value(f"{path}.fieldPath", text, detail)]
    shown = key.lower() if base == "metadata.annotations" else key
    return [status.invalid_value(path, shown, problem) for problem in names.qualified_name(shown)]


def resource_ref(one: JsonObject, path: str, *, needs_container: bool = False) -> Errors:
    """An amount of a container, as variables and downward API files name it."""
    resource = one.get("resource", "")
    errors: Errors = []
    if needs_container and not one.get("containerName"):
        errors.append(status.required(f"{path}.containerName"))
    elif not resource:
        errors.append(status.required(f"{path}.resource"))
    elif resource not in AMOUNTS and not resource.startswith(_HUGE_PAGES):
        errors.append(status.not_supported(f"{path}.resource", resource, AMOUNTS))
    return errors + _divisor(resource, one.get("divisor", "0"), f"{path}.divisor")


def _divisor(resource: str, text: str, path: str) -> Errors:
    divisor = Quantity.parse(text)
    if not divisor.nano:
        return []
    kind = resource.partition(".")[2]
    if kind.startswith("hugepages-"):
        valid, detail = _BYTES, f"{_DIVISORS['memory'][1].rpartition(' ')[0]} hugepages"
    elif kind in _DIVISORS:
        valid, detail = _DIVISORS[kind]
    else:
        return []
    if str(divisor) in valid:
        return []
    ending = "" if detail.endswith("resource") else " resource"
    return [status.invalid_value(path, resource, detail + ending)]


def sources(items: Sequence[JsonObject], path: str) -> Errors:
    """The list `envFrom`; Kubernetes names the list, not its item, where a source is missing."""
    errors: Errors = []
    for index, one in enumerate(items):
        where = f"{path}[{index}]"
        errors += common.optional_name(one.get("prefix"), f"{where}.prefix", names.env_name)
        given = [key for key in ("configMapRef", "secretRef") if one.get(key) is not None]
        for key in given:
            name = one[key].get("name")
            errors += common.name(name, f"{where}.{key}.name", names.dns1123_subdomain)
        if not given:
            detail = "must specify one of: `configMapRef` or `secretRef`"
            errors.append(status.invalid_value(path, "", detail))
        elif len(given) > 1:
            errors.append(status.invalid_value(path, "", _ONE_AT_A_TIME))
    return errors
