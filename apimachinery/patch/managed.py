"""The entries of `metadata.managedFields`: who owns which fields since when.

An entry belongs to a manager, an operation (Apply or Update) and a subresource; entries of
updates also to an API version. Entries are kept in Kubernetes' order and capped. Neighbours:
`fieldsets` for the sets, `apply` for what changes them. Nothing here looks at objects' fields.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from apimachinery import status
from apimachinery.patch import fieldsets
from apimachinery.patch.fieldsets import FieldSet
from apimachinery.wire import JsonObject

APPLY = "Apply"
UPDATE = "Update"

MAX_UPDATERS = 10
"""Entries of updates kept apart, as in Kubernetes; the oldest are thrown together beyond it."""

ANCIENT = "ancient-changes"
"""The manager to whom the fields of forgotten updaters go."""

BEFORE_FIRST_APPLY = "before-first-apply"
"""The manager of what was there before anybody kept account."""

MAX_MANAGER_NAME = 128
"""Kubernetes' bound on a manager's name."""


def manager_name(field_manager: str, user_agent: str) -> str:
    """Who writes: the query parameter, else the program's name in the user agent."""
    if field_manager:
        return field_manager
    name = user_agent.partition("/")[0][:MAX_MANAGER_NAME]
    return "".join([char for char in name if char.isprintable()]) or "unknown"


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes an entry the same entry."""

    manager: str
    operation: str
    subresource: str = ""
    api_version: str = ""
    """Empty for appliers: they may change versions."""

    def describe(self, api_version: str) -> str:
        """As conflict messages name it."""
        text = status.quote(self.manager)
        if self.subresource:
            text += f" with subresource {status.quote(self.subresource)}"
        return f"{text} using {api_version}" if self.operation == UPDATE else text


@dataclass(frozen=True, slots=True)
class Entry:
    """One manager's fields."""

    manager: str
    operation: str
    api_version: str
    time: str
    fields: FieldSet = field(default_factory=dict)
    subresource: str = ""

    @property
    def identity(self) -> Identity:
        version = self.api_version if self.operation == UPDATE else ""
        return Identity(self.manager, self.operation, self.subresource, version)

    def with_fields(self, fields: FieldSet) -> "Entry":
        return self if fields is self.fields else replace(self, fields=fields)

    def with_time(self, time: str) -> "Entry":
        return self if time == self.time else replace(self, time=time)

    def to_json(self) -> JsonObject:
        out: JsonObject = {
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": self.api_version,
        }
        if self.time:
            out["time"] = self.time
        out["fieldsType"] = "FieldsV1"
        out["fieldsV1"] = self.fields
        if self.subresource:
            out["subresource"] = self.subresource
        return out


Managers = dict[Identity, Entry]


def decode(entries: Any, *, trusted: bool) -> Managers | None:
    """Entries by identity; None if they make no sense. What we stored ourselves is trusted."""
    if not isinstance(entries, list):
        return None
    out: Managers = {}
    for raw in entries:
        if not isinstance(raw, dict):
            return None
        fields = raw.get("fieldsV1")
        if not trusted and not (_is_entry(raw) and fieldsets.is_valid(fields)):
            return None
        entry = Entry(
            str(raw.get("manager") or ""),
            str(raw.get("operation") or ""),
            str(raw.get("apiVersion") or ""),
            str(raw.get("time") or ""),
            fields or {},
            str(raw.get("subresource") or ""),
        )
        known = out.get(entry.identity)
        if known is not None:
            entry = known.with_fields(fieldsets.union(known.fields, entry.fields))
        out[entry.identity] = entry
    return out


def _is_entry(raw: JsonObject) -> bool:
    return (
        raw.get("operation") in (APPLY, UPDATE)
        and raw.get("fieldsType") == "FieldsV1"
        and all(isinstance(raw.get(key, ""), str) for key in ("manager", "apiVersion", "time"))
        and isinstance(raw.get("subresource", ""), str)
    )


def is_reset(entries: Any) -> bool:
    """Whether a writer asks to forget all ownership: one empty entry."""
    return isinstance(entries, list) and len(entries) == 1 and not entries[0]


def encode(managers: Iterable[Entry]) -> list[JsonObject]:
    """Entries with fields, in order: appliers first, then by time and name."""
    kept = _capped([entry for entry in managers if entry.fields])
    kept.sort(key=_order)
    return [entry.to_json() for entry in kept]


def _order(entry: Entry) -> tuple[str, ...]:
    return (entry.operation, entry.time, entry.manager, entry.api_version, entry.subresource)


def _capped(entries: list[Entry]) -> list[Entry]:
    """The oldest updaters of each version become one entry where there are too many."""
    updaters = sorted([one for one in entries if one.operation == UPDATE], key=_order)
    excess = len(updaters) - MAX_UPDATERS
    if excess <= 0:
        return entries
    ancient: dict[tuple[str, str], Entry] = {}
    for entry in updaters[: excess + 1]:
        key = (entry.api_version, entry.subresource)
        known = ancient.get(key)
        fields = fieldsets.union(known.fields, entry.fields) if known else entry.fields
        ancient[key] = replace(entry, manager=ANCIENT, fields=fields)
    appliers = [one for one in entries if one.operation != UPDATE]
    return appliers + list(ancient.values()) + updaters[excess + 1 :]
