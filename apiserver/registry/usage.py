"""What an object counts against a resource quota. Pure.

Neighbours: `apiserver.registry.quotas` adds up and compares.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from apimachinery import qos
from apimachinery.meta import annotations
from apimachinery.quantity import Quantity, QuantityError
from apimachinery.resource import Resource
from apimachinery.validation.resources import COUNTED_KINDS
from apimachinery.wire import JsonObject

Usage = dict[str, Quantity]

OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
"""Where claims named their class before there was a field."""

_ONE = Quantity.parse(1)
_ZERO = Quantity.parse(0)


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
            found |= _claim(obj)
        case _:
            pass  # counted, not measured
    if resource.gr in COUNTED_KINDS:
        found[resource.gr] = _ONE
    return found


def _pod(spec: JsonObject) -> Usage:
    """What a pod asks for and is limited to: what runs together, or the largest step before it."""
    out: Usage = {}
    overhead = spec.get("overhead") or {}
    for part in ("requests", "limits"):
        totals = _together(spec, part)
        totals |= _amounts((spec.get("resources") or {}).get(part))
        for key, value in _amounts(overhead).items():
            if part == "requests" or key in totals:
                totals[key] = totals.get(key, _ZERO) + value
        for key, value in totals.items():
            out[f"{part}.{key}"] = value
            if part == "requests" and key in ("cpu", "memory", "ephemeral-storage"):
                out[key] = value
    return out


def _together(spec: JsonObject, part: str) -> Usage:
    totals: Usage = {}
    for container in spec.get("containers") or []:
        _sum(totals, _amounts((container.get("resources") or {}).get(part)))
    peak: Usage = {}
    sidecars: Usage = {}
    for container in spec.get("initContainers") or []:
        wanted = _amounts((container.get("resources") or {}).get(part))
        if container.get("restartPolicy") == "Always":
            _sum(sidecars, wanted)
            wanted = sidecars
        else:
            wanted = _sum(dict(sidecars), wanted)
        for key, value in wanted.items():
            peak[key] = max(peak.get(key, _ZERO), value)
    _sum(totals, sidecars)
    return {key: max(totals.get(key, _ZERO), peak.get(key, _ZERO)) for key in totals | peak}


def _amounts(given: JsonObject | None) -> Usage:
    return {key: amount(value) for key, value in (given or {}).items()}


def _sum(into: Usage, more: Usage) -> Usage:
    for key, value in more.items():
        into[key] = into.get(key, _ZERO) + value
    return into


def _service(spec: JsonObject) -> Usage:
    out: Usage = {}
    kind = spec.get("type", "ClusterIP")
    ports = spec.get("ports") or []
    if kind == "LoadBalancer":
        out["services.loadbalancers"] = _ONE
        if spec.get("allocateLoadBalancerNodePorts") is False:
            ports = [one for one in ports if one.get("nodePort")]
    if kind in ("NodePort", "LoadBalancer"):
        out["services.nodeports"] = Quantity.parse(len(ports))
    return out


def _claim(obj: JsonObject) -> Usage:
    spec = obj.get("spec") or {}
    asked = amount(((spec.get("resources") or {}).get("requests") or {}).get("storage", 0))
    out: Usage = {"requests.storage": asked}
    if name := spec.get("storageClassName") or annotations(obj).get(OLD_CLASS):
        prefix = f"{name}.storageclass.storage.k8s.io"
        out |= {f"{prefix}/requests.storage": asked, f"{prefix}/persistentvolumeclaims": _ONE}
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


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope of a quota, with an operator where its selector has one."""

    name: str
    operator: str = "Exists"
    values: tuple[str, ...] = ()


def in_scopes(obj: JsonObject, scopes: Sequence[Scope]) -> bool:
    """Whether a pod (or a claim, by its class of attributes) falls under a quota's scopes."""
    return all(_in_scope(obj, one) for one in scopes)


def _in_scope(obj: JsonObject, scope: Scope) -> bool:
    spec = obj.get("spec") or {}
    match scope.name:
        case "Terminating":
            return spec.get("activeDeadlineSeconds") is not None
        case "NotTerminating":
            return spec.get("activeDeadlineSeconds") is None
        case "BestEffort":
            return qos.qos_class(spec) == qos.BEST_EFFORT
        case "NotBestEffort":
            return qos.qos_class(spec) != qos.BEST_EFFORT
        case "CrossNamespacePodAffinity":
            return _affine_elsewhere(spec.get("affinity") or {})
        case "PriorityClass":
            return _selected(spec.get("priorityClassName") or "", scope)
        case "VolumeAttributesClass":
            return _selected(spec.get("volumeAttributesClassName") or "", scope)
        case _:
            return True


def _selected(value: str, scope: Scope) -> bool:
    match scope.operator:
        case "In":
            return value in scope.values
        case "NotIn":
            return value not in scope.values
        case "DoesNotExist":
            return not value
        case _:
            return bool(value)


def _affine_elsewhere(affinity: JsonObject) -> bool:
    """Whether a pod wants to be near, or far from, pods of other namespaces."""
    for kind in ("podAffinity", "podAntiAffinity"):
        part = affinity.get(kind) or {}
        terms = list(part.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        preferred = part.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [one.get("podAffinityTerm") or {} for one in preferred]
        if any(one.get("namespaces") or one.get("namespaceSelector") is not None for one in terms):
            return True
    return False
