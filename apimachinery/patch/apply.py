"""Server-side apply, and the account of who owns which field that it needs.

`apply` lays what a manager wants over the live object, takes away what the same manager wanted
earlier and nobody else owns, and refuses to change what others own unless forced. `track_update`
keeps the account for all other writes. Both return the new state; the API server then defaults,
admits, validates and stores it. Neighbours: `structured` does the walking, `managed` the entries.
Nothing here knows kinds beyond their rules; the clock is an argument.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from apimachinery import meta, status
from apimachinery.apply_rules import Rule, of_model
from apimachinery.patch import depth, fieldsets, managed, structured
from apimachinery.patch.fieldsets import FieldSet
from apimachinery.patch.managed import Entry, Identity, Managers
from apimachinery.patch.merge import without_nulls
from apimachinery.resource import Resource
from apimachinery.types.base import Model
from apimachinery.wire import JsonObject

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Where client-side `kubectl apply` remembers what it sent."""

KUBECTL = "kubectl"
"""The manager `kubectl apply --server-side` writes as: it may follow its client-side self."""

MAX_LAST_APPLIED = 256 * 1024
"""Bound on all annotations of an object: a longer configuration is not remembered."""

STATUS_ONLY: FieldSet = {"f:status": {}}
"""Fields that a write to the main resource does not touch where there is a status subresource."""

ALL_BUT_STATUS: FieldSet = {"f:spec": {}, "f:metadata": {}}
"""Fields that a write to the status subresource does not touch."""

_UNOWNED = frozenset({"apiVersion", "kind"})
_UNOWNED_METADATA = frozenset(
    {
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "generation",
        "managedFields",
        "resourceVersion",
    }
)
"""Identity and bookkeeping: nobody's fields, as in Kubernetes."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, through what, and when."""

    manager: str
    api_version: str
    now: float
    subresource: str = ""
    untouched: Mapping[str, Any] | None = None
    """Fields that this write cannot set, whatever the body says: a field set."""

    def identity(self, operation: str) -> Identity:
        version = self.api_version if operation == managed.UPDATE else ""
        return Identity(self.manager, operation, self.subresource, version)

    def entry(self, operation: str, fields: FieldSet) -> Entry:
        time = meta.format_time(self.now)
        return Entry(self.manager, operation, self.api_version, time, fields, self.subresource)


def _owned_part(obj: JsonObject) -> JsonObject:
    """The object without what nobody owns."""
    out = {key: value for key, value in obj.items() if key not in _UNOWNED}
    metadata = out.pop("metadata", None) or {}
    if owned := {key: value for key, value in metadata.items() if key not in _UNOWNED_METADATA}:
        out["metadata"] = owned
    return out


def _with_managed_fields(obj: JsonObject, entries: Sequence[JsonObject]) -> JsonObject:
    metadata = dict(obj.get("metadata") or {})
    metadata.pop("managedFields", None)
    if entries:
        metadata["managedFields"] = list(entries)
    return {**obj, "metadata": metadata}


def rule_of(resource: Resource) -> Rule:
    """The rule of a resource's objects, by its model or its schema."""
    return resource.custom.rule if resource.custom is not None else of_model(resource.load_model())


def _rule(model: type[Model] | Rule | None) -> Rule:
    return model if isinstance(model, Rule) else of_model(model)


def _without(fields: FieldSet, untouched: Mapping[str, Any] | None) -> FieldSet:
    return fieldsets.difference(fields, dict(untouched)) if untouched else fields


# --- writes that are no apply --------------------------------------------------------------------


def track_update(
    live: JsonObject | None,
    new: JsonObject,
    model: type[Model] | Rule | None,
    writer: Writer,
) -> list[JsonObject]:
    """The managedFields of `new` after a create (`live` None), update or patch.

    The writer comes to own what it changed; fields that are gone leave everyone's sets. Where
    nothing of that happens the entries of the live object are returned as they are.
    """
    rule = _rule(model)
    if live is None:
        fields = structured.field_set(_owned_part(new), rule, applied=False)
        fields = _without(fields, writer.untouched)
        return managed.encode([writer.entry(managed.UPDATE, fields)])
    stored = (live.get("metadata") or {}).get("managedFields") or []
    managers, given = _managers_of_update(stored, new, writer)
    changes = structured.compare(_owned_part(live), _owned_part(new), rule)
    changed = _without(changes.changed, writer.untouched)
    removed = _without(changes.removed, writer.untouched)
    if not changed and not removed and not given:
        return list(stored)
    if not _account(managers, writer, changed, removed) and not given:
        return list(stored)
    return managed.encode(managers.values())


def _managers_of_update(
    stored: list[JsonObject], new: JsonObject, writer: Writer
) -> tuple[Managers, bool]:
    """The entries to go on from, and whether the writer itself has given other ones."""
    sent = (new.get("metadata") or {}).get("managedFields")
    if sent and sent != stored and not writer.subresource:
        if managed.is_reset(sent):
            return {}, True
        if managers := managed.decode(sent, trusted=False):
            return managers, True
    return managed.decode(stored, trusted=True) or {}, False


def _account(managers: Managers, writer: Writer, changed: FieldSet, removed: FieldSet) -> bool:
    """Moves ownership in `managers`; whether anything moved."""
    moved = False
    own = writer.identity(managed.UPDATE)
    for identity, entry in list(managers.items()):
        fields = fieldsets.difference(entry.fields, removed)
        if identity != own:
            fields = fieldsets.difference(fields, changed)
        if fields != entry.fields:
            moved = True
            time = entry.time if identity != own else meta.format_time(writer.now)
            managers[identity] = entry.with_fields(fields).with_time(time)
    if changed:
        mine = managers.get(own)
        fields = fieldsets.union(mine.fields, changed) if mine else changed
        managers[own] = writer.entry(managed.UPDATE, fields)
    return moved or bool(changed)


# --- apply ---------------------------------------------------------------------------------------


def apply(
    live: JsonObject | None,
    config: Any,
    model: type[Model] | Rule | None,
    writer: Writer,
    *,
    force: bool = False,
) -> JsonObject:
    """The object after an apply of `config`, with its managedFields.

    Equal to `live` when nothing changes. 409 with a cause for each field that another manager
    owns and `config` would change; 400 for a configuration that cannot be applied.
    """
    wanted = _checked_config(config)
    rule = _rule(model)
    if problems := list(structured.problems_of(wanted, rule)):
        raise unfit(wanted, problems)
    fields = structured.field_set(_owned_part(wanted), rule, applied=True)
    fields = _without(fields, writer.untouched)
    own = writer.identity(managed.APPLY)
    if live is None:
        return _with_managed_fields(wanted, managed.encode([writer.entry(managed.APPLY, fields)]))
    managers = _managers_of_apply(live, rule, writer)
    last = managers.get(own)
    new = _lay_over(live, wanted, rule, managers, last, own, fields)
    changes = structured.compare(_owned_part(live), _owned_part(new), rule)
    changed = _without(changes.changed, writer.untouched)
    removed = _without(changes.removed, writer.untouched)
    if not force and (conflicts := _conflicts(managers, own, changed, live, rule)):
        raise _conflict_error(conflicts, managers)
    for identity, entry in list(managers.items()):
        if identity != own:
            left = fieldsets.difference(fieldsets.difference(entry.fields, changed), removed)
            managers[identity] = entry.with_fields(left)
    entry = writer.entry(managed.APPLY, fields)
    if last is None or changed or removed or entry.with_time(last.time) != last:
        managers[own] = entry
    if own.manager == KUBECTL:
        new = _sync_last_applied(new, wanted)
    return _with_managed_fields(new, managed.encode(managers.values()))


def _checked_config(config: Any) -> JsonObject:
    """The applied configuration without nulls: null means absent."""
    if not isinstance(config, dict):
        raise status.bad_request("error decoding patch: an apply patch must be an object")
    depth.check(config)
    wanted: JsonObject = without_nulls(config)
    for key in ("apiVersion", "kind"):
        if not wanted.get(key):
            raise status.bad_request(f"invalid object type: {key} must be set in an apply patch")
    metadata = wanted.get("metadata", {})
    if not isinstance(metadata, dict):
        raise status.bad_request("error decoding patch: metadata must be an object")
    if metadata.get("managedFields"):
        raise status.bad_request("metadata.managedFields must be nil")
    return wanted


def unfit(config: JsonObject, problems: Sequence[str]) -> status.ApiError:
    """The refusal of a configuration whose fields cannot all be owned.

    The code is 400, where Kubernetes says 500: the fault is the client's, to try again is in vain.
    """
    metadata = config.get("metadata") or {}
    group, _, version = str(config["apiVersion"]).rpartition("/")
    text = problems[0] if len(problems) == 1 else "\n  ".join(["errors:", *problems])
    return status.bad_request(
        f"failed to create typed patch object ({metadata.get('namespace', '')}/"
        f"{metadata.get('name', '')}; {group}/{version}, Kind={config['kind']}): {text}"
    )


def _managers_of_apply(live: JsonObject, rule: Rule, writer: Writer) -> Managers:
    """The account so far; objects without one are owned by those before the first apply."""
    managers = managed.decode((live.get("metadata") or {}).get("managedFields"), trusted=True)
    if managers:
        return managers
    fields = structured.field_set(_owned_part(live), rule, applied=False)
    time = meta.format_time(writer.now)
    entry = Entry(managed.BEFORE_FIRST_APPLY, managed.UPDATE, writer.api_version, time, fields)
    return {entry.identity: entry} if fields else {}


def _lay_over(
    live: JsonObject,
    wanted: JsonObject,
    rule: Rule,
    managers: Managers,
    last: Entry | None,
    own: Identity,
    fields: FieldSet,
) -> JsonObject:
    """The live object with what is wanted, without what the manager wanted only before."""
    new: JsonObject = structured.merge(live, wanted, rule)
    if last is None or fieldsets.contains(fields, last.fields):
        return new
    kept = fields
    for identity, entry in managers.items():
        if identity != own:
            kept = fieldsets.union(kept, entry.fields)
    return structured.prune(new, last.fields, kept, rule)


def _sync_last_applied(new: JsonObject, wanted: JsonObject) -> JsonObject:
    """The object with kubectl's client-side memory, where there is one, up to date."""
    annotations = meta.annotations(new)
    if LAST_APPLIED not in annotations:
        return new
    metadata = dict(wanted.get("metadata") or {})
    sent = dict(metadata.get("annotations") or {})
    sent.pop(LAST_APPLIED, None)
    metadata["annotations"] = sent
    text = orjson.dumps({**wanted, "metadata": metadata}).decode() + "\n"
    if len(text) > MAX_LAST_APPLIED:
        text = ""
    annotations = {**annotations, LAST_APPLIED: text}
    return {**new, "metadata": {**new["metadata"], "annotations": annotations}}


# --- conflicts -----------------------------------------------------------------------------------


def _conflicts(
    managers: Managers, own: Identity, changed: FieldSet, live: JsonObject, rule: Rule
) -> dict[Identity, list[str]]:
    """The fields that others own and this apply changes."""
    if not changed:
        return {}
    out: dict[Identity, list[str]] = {}
    for identity, entry in managers.items():
        if identity == own:
            continue
        if contested := fieldsets.intersection(entry.fields, changed):
            out[identity] = list(fieldsets.paths(contested))
    if out and own.manager == KUBECTL:
        return _without_last_applied(out, live, rule)
    return out


def _without_last_applied(
    conflicts: dict[Identity, list[str]], live: JsonObject, rule: Rule
) -> dict[Identity, list[str]]:
    """What remains when kubectl may take over what it set itself by client-side apply.

    Fields that somebody has changed since are no longer its own.
    """
    try:
        applied = orjson.loads(meta.annotations(live).get(LAST_APPLIED, ""))
    except ValueError:
        return conflicts
    if not isinstance(applied, dict):
        return conflicts
    applied = _owned_part(without_nulls(applied))
    now = _owned_part(live)
    since = structured.compare(now, structured.merge(now, applied, rule), rule)
    fields = structured.field_set(applied, rule, applied=True)
    mine = set(fieldsets.paths(fieldsets.difference(fields, since.changed)))
    left = {
        identity: [path for path in paths if path not in mine]
        for identity, paths in conflicts.items()
    }
    return {identity: paths for identity, paths in left.items() if paths}


def _conflict_error(conflicts: dict[Identity, list[str]], managers: Managers) -> status.Conflict:
    named = sorted(
        (identity.describe(managers[identity].api_version), paths)
        for identity, paths in conflicts.items()
    )
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {name}", "field": path}
        for name, paths in named
        for path in paths
    ]
    if len(causes) == 1:
        text = f"1 conflict: conflict with {named[0][0]}: {named[0][1][0]}"
    else:
        lines = [
            line
            for name, paths in named
            for line in (f"conflicts with {name}:", *(f"- {path}" for path in paths))
        ]
        text = f"{len(causes)} conflicts: " + "\n".join(lines)
    return status.apply_conflict(f"Apply failed with {text}", causes)
