"""Rules about API services: which server answers for a group and version."""

from apimachinery import names, status
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

_PRIORITIES = (("groupPriorityMinimum", 20000), ("versionPriority", 1000))


def api_service(obj: JsonObject) -> Errors:
    spec, name = obj.get("spec") or {}, (obj.get("metadata") or {}).get("name", "")
    group, version = spec.get("group", ""), spec.get("version", "")
    errors: Errors = []
    if name != f"{version}.{group}":
        wanted = status.quote(f"{version}.{group}")
        detail = f'must be `spec.version+"."+spec.group`: {wanted}'
        errors.append(status.invalid_value("metadata.name", name, detail))
    if not group and version != "v1":
        detail = "only v1 may have an empty group and it better be legacy kube"
        errors.append(status.required("spec.group", detail))
    if group:
        errors += (
            status.invalid_value("spec.group", group, text)
            for text in names.dns1123_subdomain(group)
        )
    errors += (
        status.invalid_value("spec.version", version, text) for text in names.dns1035_label(version)
    )
    for key, most in _PRIORITIES:
        value = spec.get(key) or 0
        if not 1 <= value <= most:
            detail = f"must be positive and less than {most}"
            errors.append(status.invalid_value(f"spec.{key}", value, detail))
    if spec.get("service") is None:
        return errors + _local(spec)
    return errors + _service(spec["service"]) + _trust(spec)


def _local(spec: JsonObject) -> Errors:
    """Those that this server answers itself."""
    errors: Errors = []
    if spec.get("caBundle"):
        text = spec["caBundle"]
        shown = f"{len(text) * 3 // 4 - text[-2:].count('=')} bytes"
        detail = "local APIServices may not have a caBundle"
        errors.append(status.invalid_value("spec.caBundle", shown, detail))
    if spec.get("insecureSkipTLSVerify"):
        detail = "local APIServices may not have insecureSkipTLSVerify"
        errors.append(status.invalid_value("spec.insecureSkipTLSVerify", True, detail))
    return errors


def _service(service: JsonObject) -> Errors:
    errors: Errors = [
        status.required(f"spec.service.{key}")
        for key in ("namespace", "name")
        if not service.get(key)
    ]
    port = service.get("port")
    problems = names.port_number(port) if port is not None else ()
    if problems:
        detail = f"port is not valid: {','.join(problems)}"
        errors.append(status.invalid_value("spec.service.port", port, detail))
    return errors


def _trust(spec: JsonObject) -> Errors:
    if not (spec.get("insecureSkipTLSVerify") and spec.get("caBundle")):
        return []
    detail = "may not be true if caBundle is present"
    return [status.invalid_value("spec.insecureSkipTLSVerify", True, detail)]
