"""What an object counts against a resource quota. Pure.

Neighbours: `apiserver.registry.quotas` adds up and compares.
"""

from apimachinery.quantity import Quantity, QuantityError
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject

Usage = dict[str, Quantity]

_ONE = Quantity.parse(1)
_ZERO = Quantity.parse(0)

_COUNTED = frozenset(
    {
        "configmaps",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "services",
    }
)
"""Kinds that have a name of their own in quotas, beside count/<resource>."""


def of(resource: Resource, obj: JsonObject) -> Usage:
    """Everything that one object uses, by the names that quotas have for it."""
    found: Usage = {f"count/{resource.gr}": _ONE}
    match resource.gr:
        case "pods":
            if (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
                return found
            found |= _pod(obj.get("spec") or {})
        case "services":
            found |= _service(obj.get("spec") or {})
        case "persistentvolumeclaims":
            spec = obj.get("spec") or {}
            asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage", 0)
            found["requests.storage"] = amount(asked)
        case _:
            pass  # counted, not measured
    if resource.gr in _COUNTED:
        found[resource.gr] = _ONE
    return found


def _pod(spec: JsonObject) -> Usage:
    out: Usage = {}
    for part in ("requests", "limits"):
        totals: Usage = {}
        for container in spec.get("containers") or []:
            for key, value in ((container.get("resources") or {}).get(part) or {}).items():
                totals[key] = totals.get(key, _ZERO) + amount(value)
        for container in spec.get("initContainers") or []:
            for key, value in ((container.get("resources") or {}).get(part) or {}).items():
                totals[key] = max(totals.get(key, _ZERO), amount(value))
        for key, value in totals.items():
            out[f"{part}.{key}"] = value
            if part == "requests" and key in ("cpu", "memory", "ephemeral-storage"):
                out[key] = value
    return out


def _service(spec: JsonObject) -> Usage:
    out: Usage = {}
    kind = spec.get("type", "ClusterIP")
    if kind == "LoadBalancer":
        out["services.loadbalancers"] = _ONE
    if kind in ("NodePort", "LoadBalancer"):
        out["services.nodeports"] = Quantity.parse(len(spec.get("ports") or []))
    return out


def amount(value: object) -> Quantity:
    """A quantity; what is none counts nothing (validation refuses it elsewhere)."""
    try:
        return Quantity.parse(value)  # type: ignore[arg-type]  # decoded: a string or a number
    except QuantityError:
        return _ZERO


def missing(obj: JsonObject, hard: JsonObject) -> list[str]:
    """Amounts that a quota needs to be said, and some container does not say."""
    spec = obj.get("spec") or {}
    out = []
    for key in sorted(hard):
        part, _, name = key.partition(".")
        if key in ("cpu", "memory"):
            part, name = "requests", key
        if part not in ("requests", "limits") or name not in ("cpu", "memory"):
            continue
        silent = [
            str(container.get("name", ""))
            for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]
            if name not in ((container.get("resources") or {}).get(part) or {})
        ]
        if silent:
            out.append(f"{key} for: {','.join(silent)}")
    return out


def in_scopes(obj: JsonObject, scopes: list[str]) -> bool:
    """Whether a pod falls under a quota with these scopes."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    terminating = spec.get("activeDeadlineSeconds") is not None
    best_effort = status.get("qosClass") == "BestEffort"
    answers = {
        "Terminating": terminating,
        "NotTerminating": not terminating,
        "BestEffort": best_effort,
        "NotBestEffort": not best_effort,
        "PriorityClass": bool(spec.get("priorityClassName")),
    }
    return all(answers.get(scope, True) for scope in scopes)
