"""Rules about what is done to a container: probes, and hooks at its start and end.

Neighbour: `containers` asks. How long a pod has to end bounds how long a hook may sleep.
"""

from collections.abc import Sequence

from apimachinery import names, status
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_ACTIONS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_ACTIONS = ("exec", "httpGet", "tcpSocket", "sleep")


def check(container: JsonObject, path: str, grace: int | None) -> Errors:
    """Hooks first, then the probes."""
    errors: Errors = []
    hooks = container.get("lifecycle") or {}
    for key in ("postStart", "preStop"):
        if hooks.get(key) is not None:
            errors += _handler(hooks[key], f"{path}.lifecycle.{key}", _HOOK_ACTIONS, grace)
    for key in PROBES:
        if container.get(key) is not None:
            errors += _probe(container[key], f"{path}.{key}", grace, ready=key == "readinessProbe")
    return errors


def _probe(probe: JsonObject, path: str, grace: int | None, *, ready: bool) -> Errors:
    errors = _handler(probe, path, _PROBE_ACTIONS, grace)
    for key in (
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ):
        errors += common.non_negative(probe.get(key), f"{path}.{key}")
    own, where = probe.get("terminationGracePeriodSeconds"), f"{path}.terminationGracePeriodSeconds"
    if own is not None and own <= 0:
        errors.append(status.invalid_value(where, own, "must be greater than 0"))
    if ready:
        if own is not None:
            detail = "must not be set for readinessProbes"
            errors.append(status.invalid_value(where, own, detail))
    elif probe.get("successThreshold", 1) != 1:
        value = probe["successThreshold"]
        errors.append(status.invalid_value(f"{path}.successThreshold", value, "must be 1"))
    return errors


def _handler(one: JsonObject, path: str, kinds: Sequence[str], grace: int | None) -> Errors:
    """Exactly one action, and a sound one."""
    given = [key for key in kinds if one.get(key) is not None]
    if not given:
        return [status.required(path, "must specify a handler type")]
    first = given[0]
    errors = _action(first, one[first], f"{path}.{first}", grace)
    errors += (
        status.forbidden_field(f"{path}.{key}", "may not specify more than 1 handler type")
        for key in given[1:]
    )
    return errors


def _action(kind: str, action: JsonObject, path: str, grace: int | None) -> Errors:
    match kind:
        case "exec":
            return [] if action.get("command") else [status.required(f"{path}.command")]
        case "sleep":
            seconds = action.get("seconds") or 0
            if grace is None or 0 <= seconds <= grace:
                return []
            detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
            return [status.invalid_value(path, seconds, detail)]
        case "httpGet":
            return _http_get(action, path)
        case _:
            return common.port(action.get("port"), f"{path}.port")


def _http_get(action: JsonObject, path: str) -> Errors:
    errors: Errors = [] if action.get("path") else [status.required(f"{path}.path")]
    errors += common.port(action.get("port"), f"{path}.port")
    scheme = action.get("scheme", "")
    if scheme not in ("HTTP", "HTTPS"):
        errors.append(status.not_supported(f"{path}.scheme", scheme, ("HTTP", "HTTPS")))
    for header in action.get("httpHeaders") or ():
        name = header.get("name", "")
        errors += (
            status.invalid_value(f"{path}.httpHeaders", name, problem)
            for problem in names.http_header(name)
        )
    return errors
