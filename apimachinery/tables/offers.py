"""How the kinds of `offers.bireme.dev` print: frameworks, roles, executors, tasks, offers."""

from collections.abc import Mapping
from typing import Any

from apimachinery.tables.base import (
    AGE,
    NAME,
    NONE,
    Column,
    Printer,
    age,
    join,
    name_of,
    number,
    since,
    wide,
)
from apimachinery.wire import JsonObject

_FIRST_RESOURCES = ("cpu", "memory")
"""Everyone looks for these two; the others follow by name."""


def _resources(amounts: Mapping[str, Any] | None) -> str:
    """`cpu=2,memory=4Gi,…`."""
    if not amounts:
        return NONE
    first = [name for name in _FIRST_RESOURCES if name in amounts]
    rest = sorted(set(amounts) - set(_FIRST_RESOURCES))
    return ",".join([f"{name}={amounts[name]}" for name in (*first, *rest)])


def _framework_state(status: JsonObject) -> str:
    if status.get("removed"):
        return "Removed"
    if not status.get("connected"):
        return "Disconnected"
    return "Active" if status.get("active") else "Suppressed"


def _framework(obj: JsonObject) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [
        name_of(obj),
        spec.get("name") or "",
        _framework_state(status),
        join(spec.get("roles") or ()),
        status.get("tasks") or 0,
        _resources(status.get("used")),
        age(obj),
        spec.get("principal") or NONE,
        spec.get("namespace") or NONE,
    ]


FRAMEWORK = Printer(
    (
        NAME,
        Column("Framework"),
        Column("Status"),
        Column("Roles"),
        number("Tasks"),
        Column("Used"),
        AGE,
        wide("Principal"),
        wide("Namespace"),
    ),
    _framework,
)


def _role(obj: JsonObject) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [
        name_of(obj),
        str(spec.get("weight") or "1"),
        status.get("share") or "0",
        status.get("dominantResource") or NONE,
        _resources(status.get("used")),
        status.get("frameworks") or 0,
        age(obj),
        _resources(status.get("offered")),
        _resources(spec.get("guarantees")),
        _resources(spec.get("limits")),
    ]


ROLE = Printer(
    (
        NAME,
        Column("Weight"),
        Column("Share"),
        Column("Dominant"),
        Column("Used"),
        number("Frameworks"),
        AGE,
        wide("Offered"),
        wide("Guarantees"),
        wide("Limits"),
    ),
    _role,
)


def _task(obj: JsonObject) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [
        name_of(obj),
        spec.get("taskID") or "",
        status.get("state") or "TASK_STAGING",
        spec.get("agentID") or NONE,
        _resources(spec.get("resources")),
        age(obj),
        spec.get("frameworkID") or NONE,
        spec.get("pod") or NONE,
        spec.get("role") or NONE,
    ]


TASK = Printer(
    (
        NAME,
        Column("Task"),
        Column("State"),
        Column("Node"),
        Column("Resources"),
        AGE,
        wide("Framework"),
        wide("Pod"),
        wide("Role"),
    ),
    _task,
)


def _executor(obj: JsonObject) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [
        name_of(obj),
        spec.get("executorID") or "",
        "Connected" if status.get("connected") else "Disconnected",
        spec.get("agentID") or NONE,
        age(obj),
        spec.get("frameworkID") or NONE,
        spec.get("pod") or NONE,
    ]


EXECUTOR = Printer(
    (
        NAME,
        Column("Executor"),
        Column("Status"),
        Column("Node"),
        AGE,
        wide("Framework"),
        wide("Pod"),
    ),
    _executor,
)


def _offer(obj: JsonObject) -> list[Any]:
    spec = obj.get("spec") or {}
    created = (obj.get("metadata") or {}).get("creationTimestamp")
    return [
        name_of(obj),
        spec.get("frameworkName") or spec.get("frameworkID") or NONE,
        spec.get("role") or NONE,
        spec.get("nodeName") or NONE,
        _resources(spec.get("resources")),
        since(created),
        spec.get("expires") or NONE,
    ]


OFFER = Printer(
    (
        NAME,
        Column("Framework"),
        Column("Role"),
        Column("Node"),
        Column("Resources"),
        AGE,
        wide("Expires"),
    ),
    _offer,
)
