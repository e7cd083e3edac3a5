"""How the core kinds print that are neither pods nor workloads nor network."""

from typing import Any

from apimachinery import meta
from apimachinery.tables.base import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    Column,
    Printer,
    Since,
    age,
    name_of,
    since,
    wide,
)
from apimachinery.wire import JsonObject

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"


def _node_roles(node: JsonObject) -> str:
    roles = set()
    for key, value in meta.labels(node).items():
        if key.startswith(_ROLE_PREFIX) and len(key) > len(_ROLE_PREFIX):
            roles.add(key[len(_ROLE_PREFIX) :])
        elif key == _ROLE_LABEL and value:
            roles.add(value)
    return ",".join(sorted(roles)) or NONE


def _node_status(node: JsonObject) -> str:
    ready = meta.get_condition((node.get("status") or {}).get("conditions"), "Ready")
    word = "Unknown"
    if ready is not None:
        word = "Ready" if ready.get("status") == "True" else "NotReady"
    if (node.get("spec") or {}).get("unschedulable"):
        word += ",SchedulingDisabled"
    return word


def _node_address(node: JsonObject, type_: str) -> str:
    for address in (node.get("status") or {}).get("addresses") or ():
        if address.get("type") == type_:
            return address.get("address") or NONE
    return NONE


def _node(node: JsonObject) -> list[Any]:
    info = (node.get("status") or {}).get("nodeInfo") or {}
    return [
        name_of(node),
        _node_status(node),
        _node_roles(node),
        age(node),
        info.get("kubeletVersion") or "",
        _node_address(node, "InternalIP"),
        _node_address(node, "ExternalIP"),
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


NODE = Printer(
    (
        NAME,
        Column("Status"),
        Column("Roles"),
        AGE,
        Column("Version"),
        wide("Internal-IP"),
        wide("External-IP"),
        wide("OS-Image"),
        wide("Kernel-Version"),
        wide("Container-Runtime"),
    ),
    _node,
)


def _namespace(obj: JsonObject) -> list[Any]:
    return [name_of(obj), (obj.get("status") or {}).get("phase") or "", age(obj)]


NAMESPACE = Printer((NAME, Column("Status"), AGE), _namespace)


def _config_map(obj: JsonObject) -> list[Any]:
    count = len(obj.get("data") or ()) + len(obj.get("binaryData") or ())
    return [name_of(obj), count, age(obj)]


CONFIG_MAP = Printer((NAME, Column("Data"), AGE), _config_map)


def _secret(obj: JsonObject) -> list[Any]:
    return [name_of(obj), obj.get("type") or "", len(obj.get("data") or ()), age(obj)]


SECRET = Printer((NAME, Column("Type"), Column("Data"), AGE), _secret)


def _service_account(obj: JsonObject) -> list[Any]:
    return [name_of(obj), len(obj.get("secrets") or ()), age(obj)]


SERVICE_ACCOUNT = Printer((NAME, Column("Secrets"), AGE), _service_account)

# --- events --------------------------------------------------------------------------------------


def _event_source(event: JsonObject) -> str:
    source = event.get("source") or event.get("deprecatedSource") or {}
    component = source.get("component") or event.get("reportingComponent") or ""
    component = component or event.get("reportingController") or ""
    host = source.get("host") or event.get("reportingInstance") or ""
    return f"{component}, {host}" if host else component


def _event_times(event: JsonObject) -> tuple["Since | str", "Since | str", int]:
    """(last seen, first seen, count); a series overrules what the event itself says."""
    moment = event.get("eventTime")
    first = event.get("firstTimestamp") or event.get("deprecatedFirstTimestamp") or moment
    last = event.get("lastTimestamp") or event.get("deprecatedLastTimestamp") or first
    count = event.get("count") or event.get("deprecatedCount") or 1
    if series := event.get("series"):
        last = series.get("lastObservedTime") or last
        count = series.get("count") or count
    return since(last), since(first), count


def _event(event: JsonObject) -> list[Any]:
    target = event.get("involvedObject") or event.get("regarding") or {}
    kind, name = str(target.get("kind") or "").lower(), target.get("name") or ""
    last, first, count = _event_times(event)
    return [
        last,
        event.get("type") or "",
        event.get("reason") or "",
        f"{kind}/{name}" if kind else name,
        target.get("fieldPath") or "",
        _event_source(event),
        str(event.get("message") or event.get("note") or "").strip(),
        first,
        count,
        name_of(event),
    ]


EVENT = Printer(
    (
        Column("Last Seen"),
        Column("Type"),
        Column("Reason"),
        Column("Object"),
        wide("Subobject"),
        wide("Source"),
        Column("Message"),
        wide("First Seen"),
        wide("Count"),
        Column("Name", format="name", priority=1),
    ),
    _event,
)

# --- quotas --------------------------------------------------------------------------------------


def _quota(obj: JsonObject) -> list[Any]:
    status = obj.get("status") or {}
    used = status.get("used") or {}
    requests: list[str] = []
    limits: list[str] = []
    hard = status.get("hard") or {}
    for resource in sorted(hard):
        group = limits if resource.startswith("limits") else requests
        group.append(f"{resource}: {used.get(resource, 0)}/{hard[resource]}")
    return [name_of(obj), ", ".join(requests), ", ".join(limits), age(obj)]


QUOTA = Printer((NAME, Column("Request"), Column("Limit"), AGE), _quota)


def _component_status(obj: JsonObject) -> list[Any]:
    status, message, error = "Unknown", "", ""
    for condition in obj.get("conditions") or ():
        if condition.get("type") == "Healthy":
            status = "Healthy" if condition.get("status") == "True" else "Unhealthy"
            message, error = condition.get("message") or "", condition.get("error") or ""
    return [name_of(obj), status, message, error]


COMPONENT_STATUS = Printer(
    (NAME, Column("Status"), Column("Message"), Column("Error")), _component_status
)


def _created_at(obj: JsonObject) -> list[Any]:
    return [name_of(obj), meta.creation_timestamp(obj)]


CREATED_AT = Printer((NAME, Column("Created At")), _created_at)
"""Kinds for which Kubernetes prints nothing but name and date of birth."""


def _generic(obj: JsonObject) -> list[Any]:
    return [name_of(obj), age(obj)]


GENERIC = Printer((NAME, Column("Age", "date")), _generic)
"""Kinds without a printer of their own."""
