"""How the kinds print that say who may do what, and how the API itself is set up."""

from typing import Any

from apimachinery import meta
from apimachinery.tables.base import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Column,
    Printer,
    age,
    human_duration,
    name_of,
    number,
    wide,
)
from apimachinery.wire import JsonObject


def _subjects(obj: JsonObject, kind: str) -> str:
    found = [one for one in obj.get("subjects") or () if one.get("kind") == kind]
    if kind != "ServiceAccount":
        return ", ".join([one.get("name") or "" for one in found])
    return ", ".join([f"{one.get('namespace', '')}/{one.get('name', '')}" for one in found])


def _binding(obj: JsonObject) -> list[Any]:
    role = obj.get("roleRef") or {}
    return [
        name_of(obj),
        f"{role.get('kind', '')}/{role.get('name', '')}",
        age(obj),
        _subjects(obj, "User"),
        _subjects(obj, "Group"),
        _subjects(obj, "ServiceAccount"),
    ]


ROLE_BINDING = Printer(
    (NAME, Column("Role"), AGE, wide("Users"), wide("Groups"), wide("ServiceAccounts")), _binding
)


def _priority_class(obj: JsonObject) -> list[Any]:
    return [
        name_of(obj),
        obj.get("value") or 0,
        bool(obj.get("globalDefault")),
        age(obj),
        obj.get("preemptionPolicy") or "PreemptLowerPriority",
    ]


PRIORITY_CLASS = Printer(
    (NAME, number("Value"), Column("Global-Default", "boolean"), AGE, Column("PreemptionPolicy")),
    _priority_class,
)


def _signing_state(obj: JsonObject) -> str:
    status = obj.get("status") or {}
    found = {one.get("type") for one in status.get("conditions") or ()}
    word = "Denied" if "Denied" in found else "Approved" if "Approved" in found else ""
    words = [word or "Pending"]
    if "Failed" in found:
        words.append("Failed")
    if status.get("certificate"):
        words.append("Issued")
    return ",".join(words)


def _signing_request(obj: JsonObject) -> list[Any]:
    spec = obj.get("spec") or {}
    seconds = spec.get("expirationSeconds")
    return [
        name_of(obj),
        age(obj),
        spec.get("signerName") or NONE,
        spec.get("username") or "",
        human_duration(seconds) if seconds is not None else NONE,
        _signing_state(obj),
    ]


SIGNING_REQUEST = Printer(
    (
        NAME,
        AGE,
        Column("SignerName"),
        Column("Requestor"),
        Column("RequestedDuration"),
        Column("Condition"),
    ),
    _signing_request,
)


def _api_service(obj: JsonObject) -> list[Any]:
    service = (obj.get("spec") or {}).get("service")
    where = f"{service.get('namespace')}/{service.get('name')}" if service else "Local"
    condition = meta.get_condition((obj.get("status") or {}).get("conditions"), "Available")
    available = str((condition or {}).get("status") or "Unknown")
    if condition is not None and available != "True":
        available = f"{available} ({condition.get('reason', '')})"
    return [name_of(obj), where, available, age(obj)]


API_SERVICE = Printer((NAME, Column("Service"), Column("Available"), AGE), _api_service)


def _lease(obj: JsonObject) -> list[Any]:
    return [name_of(obj), (obj.get("spec") or {}).get("holderIdentity") or "", age(obj)]


LEASE = Printer((NAME, Column("Holder"), AGE), _lease)


def _runtime_class(obj: JsonObject) -> list[Any]:
    return [name_of(obj), obj.get("handler") or "", age(obj)]


RUNTIME_CLASS = Printer((NAME, Column("Handler"), AGE), _runtime_class)


def _webhooks(obj: JsonObject) -> list[Any]:
    return [name_of(obj), len(obj.get("webhooks") or ()), age(obj)]


WEBHOOKS = Printer((NAME, number("Webhooks"), AGE), _webhooks)


def _policy(obj: JsonObject) -> list[Any]:
    spec = obj.get("spec") or {}
    kind = spec.get("paramKind")
    parameter = f"{kind.get('apiVersion')}/{kind.get('kind')}" if kind else UNSET
    return [name_of(obj), len(spec.get("validations") or ()), parameter, age(obj)]


POLICY = Printer((NAME, number("Validations"), Column("ParamKind"), AGE), _policy)


def _mutating_policy(obj: JsonObject) -> list[Any]:
    cells = _policy(obj)
    cells[1] = len((obj.get("spec") or {}).get("mutations") or ())
    return cells


MUTATING_POLICY = Printer((NAME, number("Mutations"), Column("ParamKind"), AGE), _mutating_policy)


def _policy_binding(obj: JsonObject) -> list[Any]:
    spec = obj.get("spec") or {}
    reference = spec.get("paramRef")
    parameter = UNSET
    if reference:
        space = reference.get("namespace") or "*"
        parameter = f"{space}/{reference.get('name') or '*'}"
    return [name_of(obj), spec.get("policyName") or "", parameter, age(obj)]


POLICY_BINDING = Printer((NAME, Column("PolicyName"), Column("ParamRef"), AGE), _policy_binding)


def _flow_schema(obj: JsonObject) -> list[Any]:
    spec = obj.get("spec") or {}
    conditions = (obj.get("status") or {}).get("conditions")
    dangling = meta.get_condition(conditions, "Dangling")
    return [
        name_of(obj),
        (spec.get("priorityLevelConfiguration") or {}).get("name") or NONE,
        spec.get("matchingPrecedence") or 0,
        (spec.get("distinguisherMethod") or {}).get("type") or NONE,
        age(obj),
        str(dangling.get("status")) if dangling else "?",
    ]


FLOW_SCHEMA = Printer(
    (
        NAME,
        Column("PriorityLevel"),
        number("MatchingPrecedence"),
        Column("DistinguisherMethod"),
        AGE,
        Column("MissingPL"),
    ),
    _flow_schema,
)


def _priority_level(obj: JsonObject) -> list[Any]:
    spec = obj.get("spec") or {}
    limited = spec.get("limited") or spec.get("exempt") or {}
    queuing = (limited.get("limitResponse") or {}).get("queuing") or {}
    return [
        name_of(obj),
        spec.get("type") or "",
        limited.get("nominalConcurrencyShares", NONE),
        queuing.get("queues", NONE),
        queuing.get("handSize", NONE),
        queuing.get("queueLengthLimit", NONE),
        age(obj),
    ]


PRIORITY_LEVEL = Printer(
    (
        NAME,
        Column("Type"),
        Column("NominalConcurrencyShares"),
        Column("Queues"),
        Column("HandSize"),
        Column("QueueLengthLimit"),
        AGE,
    ),
    _priority_level,
)


def _scale(obj: JsonObject) -> list[Any]:
    desired = (obj.get("spec") or {}).get("replicas") or 0
    return [name_of(obj), desired, (obj.get("status") or {}).get("replicas") or 0, age(obj)]


SCALE = Printer((NAME, number("Desired"), number("Available"), AGE), _scale)
