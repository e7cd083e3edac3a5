"""Between an API version and the version in which its objects are stored.

Two pairs of built-in kinds exist: events.k8s.io/v1 is stored as core/v1 Event, autoscaling/v1 as
autoscaling/v2. Versions of a custom resource differ in their apiVersion only (conversion None; for
webhooks see `apiserver.handlers.converted`);
objects that were stored before its schema became what it is are pruned and defaulted when read.
Pure functions on JSON objects. Neighbours: handlers convert on the way in (`to_stored`) and out
(`from_stored`, `raw`); everything between knows the stored version only.
"""

import re
from collections.abc import Callable

import orjson

from apimachinery.resource import Resource
from apimachinery.schema.kind import CustomKind
from apimachinery.wire import JsonObject

_EVENT_RENAMES = {
    "note": "message",
    "regarding": "involvedObject",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
"""events.k8s.io/v1 → v1; the other fields are called the same."""


_HEAD = re.compile(
    rb'\{"kind":"[^"\\]*","apiVersion":"([^"\\]*)","metadata":\{"resourceVersion":"(\d+)"'
)
"""How the bytes of a cached object begin, if this server has written them."""


def as_is(resource: Resource) -> bool:
    """Whether stored bytes are always objects of `resource`, whatever they hold."""
    return resource.stored_as is None and resource.custom is None


def is_of(resource: Resource, stored: bytes) -> bool:
    """Whether stored bytes are of the version of a resource."""
    head = _HEAD.match(stored)
    version = head[1].decode() if head is not None else orjson.loads(stored).get("apiVersion")
    return bool(version == resource.api_version)


def raw(resource: Resource, stored: bytes) -> bytes:
    """Stored bytes as an object of `resource`; the same bytes where nothing differs."""
    if resource.custom is not None:
        head = _HEAD.match(stored)
        if head is not None and int(head[2]) >= resource.custom.since:
            version = resource.api_version.encode()
            if head[1] == version:
                return stored
            return stored[: head.start(1)] + version + stored[head.end(1) :]
    return orjson.dumps(from_stored(resource, orjson.loads(stored)))


def from_stored(resource: Resource, obj: JsonObject) -> JsonObject:
    """A stored object as one of `resource`; may share parts with it."""
    if resource.custom is not None:
        return _custom_out(resource, resource.custom, obj)
    if resource.stored_as is None:
        return obj
    return _OUT[resource.gvr](obj) | {"apiVersion": resource.api_version, "kind": resource.kind}


def to_stored(resource: Resource, obj: JsonObject) -> JsonObject:
    """An object of `resource` in the stored version; may share parts with it."""
    if resource.stored_as is None:
        return obj
    group, version, _ = resource.stored_as
    api_version = f"{group}/{version}" if group else version
    convert = _IN[resource.gvr] if resource.custom is None else dict
    return convert(obj) | {"apiVersion": api_version, "kind": resource.kind}


def _custom_out(resource: Resource, custom: CustomKind, obj: JsonObject) -> JsonObject:
    """A stored custom object as it reads in a version; old ones are made to fit the schema."""
    if int(obj["metadata"].get("resourceVersion") or 0) < custom.since:
        custom.prune(obj)
        custom.default(obj)
    head = {"kind": resource.kind, "apiVersion": resource.api_version}
    return {**head, **obj, **head}


def _event_in(obj: JsonObject) -> JsonObject:
    return {_EVENT_RENAMES.get(key, key): value for key, value in obj.items()}


_EVENT_BACK = {stored: name for name, stored in _EVENT_RENAMES.items()}


def _event_out(obj: JsonObject) -> JsonObject:
    return {_EVENT_BACK.get(key, key): value for key, value in obj.items()}


_CPU_FIELD = "targetCPUUtilizationPercentage"
_CPU_STATUS = "currentCPUUtilizationPercentage"


def _scaler_in(obj: JsonObject) -> JsonObject:
    """autoscaling/v1 knows one metric, the pods' mean CPU utilization."""
    out = dict(obj)
    spec = dict(out.get("spec") or {})
    target = spec.pop(_CPU_FIELD, None)
    if target is not None:
        spec["metrics"] = [_cpu({"type": "Utilization", "averageUtilization": target}, "target")]
    out["spec"] = spec
    state = dict(out.get("status") or {})
    current = state.pop(_CPU_STATUS, None)
    if current is not None:
        state["currentMetrics"] = [_cpu({"averageUtilization": current}, "current")]
    if state:
        out["status"] = state
    return out


def _cpu(value: JsonObject, key: str) -> JsonObject:
    return {"type": "Resource", "resource": {"name": "cpu", key: value}}


def _scaler_out(obj: JsonObject) -> JsonObject:
    out = dict(obj)
    spec = dict(out.get("spec") or {})
    metrics = spec.pop("metrics", None) or []
    spec.pop("behavior", None)
    for metric in metrics:
        target = _utilization(metric, "target")
        if target is not None:
            spec[_CPU_FIELD] = target
    out["spec"] = spec
    if "status" in out:
        state = dict(out["status"] or {})
        for metric in state.pop("currentMetrics", None) or []:
            current = _utilization(metric, "current")
            if current is not None:
                state[_CPU_STATUS] = current
        state.pop("conditions", None)
        out["status"] = state
    return out


def _utilization(metric: JsonObject, key: str) -> int | None:
    found = metric.get("resource") or {}
    if metric.get("type") != "Resource" or found.get("name") != "cpu":
        return None
    value = (found.get(key) or {}).get("averageUtilization")
    return value if isinstance(value, int) else None


_EVENTS = ("events.k8s.io", "v1", "events")
_SCALERS = ("autoscaling", "v1", "horizontalpodautoscalers")

_IN: dict[tuple[str, str, str], Callable[[JsonObject], JsonObject]] = {
    _EVENTS: _event_in,
    _SCALERS: _scaler_in,
}
_OUT: dict[tuple[str, str, str], Callable[[JsonObject], JsonObject]] = {
    _EVENTS: _event_out,
    _SCALERS: _scaler_out,
}
