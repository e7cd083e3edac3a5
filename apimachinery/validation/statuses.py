"""Rules about what controllers tell: counts of pods that fit together, conditions, addresses.

Neighbours: `job_status` has the states of a job. What may change besides the status is the
registry's business.
"""

import ipaddress
import re
from collections.abc import Sequence

from apimachinery import names, status
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

MAX_REASON = 1024
MAX_MESSAGE = 32 * 1024
CONDITION_STATES = ("False", "True", "Unknown")
IP_MODES = ("Proxy", "VIP")
_REASON = re.compile("[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
_REASON_TEXT = (
    "a condition reason must start with alphabetic character, optionally followed by a string of "
    "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. "
    "'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex "
    f"used for validation is '{_REASON.pattern}')"
)
_TOO_MANY = "cannot be greater than status.replicas"
_NOT_READY = "cannot be greater than readyReplicas"


def _counts(state: JsonObject, *keys: str) -> Errors:
    errors: Errors = []
    for key in keys:
        errors += common.non_negative(state.get(key), f"status.{key}")
    return errors


def _within(state: JsonObject, whole: str, detail: str, *keys: str) -> Errors:
    """Parts are not more than the whole."""
    most = state.get(whole) or 0
    return [
        status.invalid_value(f"status.{key}", state[key], detail)
        for key in keys
        if (state.get(key) or 0) > most
    ]


def _collisions(new: JsonObject, old: JsonObject) -> Errors:
    """How often a name was taken is only ever counted up."""
    now, was = new.get("collisionCount"), old.get("collisionCount")
    if was is None or (now is not None and now >= was):
        return []
    return [status.invalid_value("status.collisionCount", now or 0, "cannot be decremented")]


def _states(new: JsonObject, old: JsonObject) -> tuple[JsonObject, JsonObject]:
    return new.get("status") or {}, old.get("status") or {}


def deployment(new: JsonObject, old: JsonObject) -> Errors:
    state, before = _states(new, old)
    errors = _counts(
        state,
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "collisionCount",
    )
    parts = ("updatedReplicas", "readyReplicas", "availableReplicas")
    errors += _within(state, "replicas", _TOO_MANY, *parts)
    errors += _within(state, "readyReplicas", _NOT_READY, "availableReplicas")
    return errors + _collisions(state, before)


def replica_set(new: JsonObject, old: JsonObject) -> Errors:
    """Replication controllers tell the same."""
    state, _ = _states(new, old)
    parts = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    errors = _counts(state, "replicas", *parts, "observedGeneration")
    errors += _within(state, "replicas", _TOO_MANY, *parts)
    return errors + _within(state, "readyReplicas", _NOT_READY, "availableReplicas")


def stateful_set(new: JsonObject, old: JsonObject) -> Errors:
    state, before = _states(new, old)
    parts = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    errors = _counts(state, "replicas", *parts, "observedGeneration", "collisionCount")
    errors += _within(state, "replicas", _TOO_MANY, *parts)
    detail = "cannot be greater than status.readyReplicas"
    errors += _within(state, "readyReplicas", detail, "availableReplicas")
    return errors + _collisions(state, before)


def daemon_set(new: JsonObject, old: JsonObject) -> Errors:
    state, before = _states(new, old)
    errors = _counts(
        state,
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    )
    return errors + _collisions(state, before)


def autoscaler(new: JsonObject, old: JsonObject) -> Errors:
    state, _ = _states(new, old)
    return _counts(state, "currentReplicas", "desiredReplicas")


def disruption_budget(new: JsonObject, old: JsonObject) -> Errors:
    state, _ = _states(new, old)
    counts = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    return conditions(state.get("conditions") or (), "status.conditions") + _counts(state, *counts)


# --- conditions ----------------------------------------------------------------------------------


def conditions(items: Sequence[JsonObject], path: str) -> Errors:
    """Conditions of the common form (`metav1.Condition`), each type once."""
    errors: Errors = []
    known: set[str] = set()
    for index, one in enumerate(items):
        where, kind = f"{path}[{index}]", one.get("type", "")
        if kind in known:
            errors.append(status.duplicate(f"{where}.type", kind))
        known.add(kind)
        errors += _condition(one, where)
    return errors


def _condition(one: JsonObject, path: str) -> Errors:
    kind, state, reason = (one.get(key, "") for key in ("type", "status", "reason"))
    errors = [
        status.invalid_value(f"{path}.type", kind, text) for text in names.qualified_name(kind)
    ]
    if state not in CONDITION_STATES:
        errors.append(status.not_supported(f"{path}.status", state, CONDITION_STATES))
    seen = one.get("observedGeneration") or 0
    if seen < 0:
        detail = "must be greater than or equal to zero"
        errors.append(status.invalid_value(f"{path}.observedGeneration", seen, detail))
    if not one.get("lastTransitionTime"):
        errors.append(status.required(f"{path}.lastTransitionTime", "must be set"))
    if not reason:
        errors.append(status.required(f"{path}.reason", "must be set"))
    elif not _REASON.fullmatch(reason):
        errors.append(status.invalid_value(f"{path}.reason", reason, _REASON_TEXT))
    if len(reason) > MAX_REASON:
        errors.append(status.too_long(f"{path}.reason", MAX_REASON))
    if len(one.get("message", "")) > MAX_MESSAGE:
        errors.append(status.too_long(f"{path}.message", MAX_MESSAGE))
    return errors


# --- addresses of load balancers -----------------------------------------------------------------


def service(new: JsonObject, old: JsonObject) -> Errors:
    """Where a service can be reached from outside, which only one of its types can."""
    found, before = (_ingress(state) for state in _states(new, old))
    path, kind = "status.loadBalancer.ingress", (new.get("spec") or {}).get("type")
    errors: Errors = []
    if found and found != before and kind != "LoadBalancer":
        detail = 'may only be used when `spec.type` is "LoadBalancer"'
        errors.append(status.forbidden_field(path, detail))
    for index, one in enumerate(found):
        where = f"{path}[{index}]"
        errors += _address(one, where) + _mode(one, f"{where}.ipMode")
    return errors


def ingress(new: JsonObject, old: JsonObject) -> Errors:
    """Where an ingress can be reached."""
    state, _ = _states(new, old)
    errors: Errors = []
    for index, one in enumerate(_ingress(state)):
        errors += _address(one, f"status.loadBalancer.ingress[{index}]")
    return errors


def _ingress(state: JsonObject) -> list[JsonObject]:
    return (state.get("loadBalancer") or {}).get("ingress") or []


def _address(one: JsonObject, path: str) -> Errors:
    ip, host = one.get("ip", ""), one.get("hostname", "")
    errors: Errors = []
    if ip:
        errors += (status.invalid_value(f"{path}.ip", ip, text) for text in names.ip_address(ip))
    if host:
        where = f"{path}.hostname"
        errors += (
            status.invalid_value(where, host, text) for text in names.dns1123_subdomain(host)
        )
        if _is_address(host):
            detail = "must be a DNS name, not an IP address"
            errors.append(status.invalid_value(where, host, detail))
    return errors


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _mode(one: JsonObject, path: str) -> Errors:
    mode, ip = one.get("ipMode"), one.get("ip")
    if ip and mode is None:
        return [status.required(path, "must be specified when `ip` is set")]
    if mode is None:
        return []
    if not ip:
        return [status.forbidden_field(path, "may not be specified when `ip` is not set")]
    return [] if mode in IP_MODES else [status.not_supported(path, mode, IP_MODES)]
