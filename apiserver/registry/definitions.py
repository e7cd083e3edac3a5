"""CustomResourceDefinitions: their status, and the rows of the scheme that they stand for.

`Definitions` decides on every write, in the same write: are the names free, is the resource
established, which versions were stored. `Rows` keeps the scheme as the definitions say; it is told
by the strategy right after a write, so whoever created a definition can use it at once, and by
`apiserver.upkeep.customresources`, which follows the store. Nothing here waits.
"""

# Hooks keep the signature of their base, used or not.
# ruff: noqa: ARG002

from collections.abc import Callable
from typing import ClassVar

from apimachinery import meta
from apimachinery.resource import Resource, Subresource
from apimachinery.schema.kind import custom_kind
from apimachinery.scheme import Scheme
from apimachinery.wire import JsonObject
from apiserver.registry.strategy import Context, Reservation, Strategy

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
"""The finalizer that stands for "its objects are not all gone yet"."""

_STATUS_VERBS = ("get", "patch", "update")


class Rows:
    """The rows that definitions have added to a scheme."""

    def __init__(self, scheme: Scheme, revision: Callable[[], int]) -> None:
        self._scheme = scheme
        self._revision = revision
        """What has been written up to now."""
        self._made: dict[str, _Made] = {}
        self.on_change: Callable[[Resource], None] | None = None
        """Told of each stored resource whose definition has changed."""
        self.on_remove: Callable[[Resource], None] | None = None
        """Told of each that is no more."""

    def apply(self, definition: JsonObject, revision: int = 0) -> None:
        """Make the rows of a definition what it now says; `revision` where it was stored before."""
        name = definition["metadata"]["name"]
        if not meta.condition_is_true(_conditions(definition), "Established"):
            self.remove(name)
            return
        made = self._made.get(name)
        said = _said(definition)
        if made is not None and made.said == said:
            return
        since = revision or self._revision()
        if made is not None and _schemas(made.said) == _schemas(said):
            since = made.since
        rows = rows_of(definition, since=since)
        kept = {row.gvr for row in rows}
        for old in made.rows if made is not None else ():
            if old.gvr not in kept:
                self._scheme.remove(old)
        self._made[name] = _Made(said, since, rows)
        for row in rows:
            if _served(definition, row.version):
                self._scheme.add(row)
            else:
                self._scheme.remove(row)
                self._scheme.hide(row)
            if row.stored_as is None and self.on_change is not None:
                self.on_change(row)

    def remove(self, name: str) -> None:
        """Drop the rows of a definition; no error where there are none."""
        made = self._made.pop(name, None)
        for row in made.rows if made is not None else ():
            self._scheme.remove(row)
            if row.stored_as is None and self.on_remove is not None:
                self.on_remove(row)

    def names(self) -> set[str]:
        """The definitions that have rows."""
        return set(self._made)

    def taken(self, definition: JsonObject) -> list[tuple[str, str]]:
        """Names of a definition that others in its group have: (which, the name)."""
        own = {row.gvr for row in self._rows_named(definition["metadata"]["name"])}
        group, names = definition["spec"]["group"], definition["spec"]["names"]
        others = [row for row in self._scheme.all() if row.group == group and row.gvr not in own]
        resources = {one for row in others for one in (row.plural, row.singular, *row.short_names)}
        kinds = {one for row in others for one in (row.kind, row.list_name)}
        found = [
            (key, names[key])
            for key, used in (
                ("plural", resources),
                ("singular", resources),
                ("kind", kinds),
                ("listKind", kinds),
            )
            if names.get(key) in used
        ]
        shorts = [("shortNames", one) for one in names.get("shortNames") or () if one in resources]
        return found + shorts

    def _rows_named(self, name: str) -> tuple[Resource, ...]:
        made = self._made.get(name)
        return made.rows if made is not None else ()


class _Made:
    """What was made of a definition."""

    __slots__ = ("rows", "said", "since")

    def __init__(self, said: JsonObject, since: int, rows: tuple[Resource, ...]) -> None:
        self.said = said
        self.since = since
        self.rows = rows


def _said(definition: JsonObject) -> JsonObject:
    """The part of a definition that rows are made of."""
    return {
        "spec": definition["spec"],
        "names": (definition.get("status") or {}).get("acceptedNames"),
        "terminating": _terminating(definition),
    }


def _schemas(said: JsonObject) -> list[object]:
    return [(one["name"], one.get("schema")) for one in said["spec"].get("versions") or ()]


def _served(definition: JsonObject, version: str) -> bool:
    versions = definition["spec"].get("versions") or ()
    return any(one["name"] == version and one.get("served") for one in versions)


def _terminating(definition: JsonObject) -> bool:
    return bool(definition["metadata"].get("deletionTimestamp"))


def _conditions(definition: JsonObject) -> list[JsonObject]:
    return (definition.get("status") or {}).get("conditions") or []


def rows_of(definition: JsonObject, *, since: int = 0) -> tuple[Resource, ...]:
    """A row for each version, the stored one first."""
    spec = definition["spec"]
    names = (definition.get("status") or {}).get("acceptedNames") or spec["names"]
    versions = spec.get("versions") or ()
    stored = next((one["name"] for one in versions if one.get("storage")), "")
    made = []
    for one in sorted(versions, key=lambda one: one["name"] != stored):
        title = f"{spec['group']}/{one['name']} {names['kind']}"
        custom = custom_kind(
            one,
            since=since,
            terminating=_terminating(definition),
            title=title,
            conversion=_webhook(spec),
        )
        made.append(
            Resource(
                group=spec["group"],
                version=one["name"],
                kind=names["kind"],
                plural=names["plural"],
                singular=names.get("singular") or names["kind"].lower(),
                namespaced=spec.get("scope") == "Namespaced",
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                list_kind=names.get("listKind") or "",
                subresources=_subresources(one.get("subresources") or {}, names["kind"]),
                stored_as=None
                if one["name"] == stored
                else (spec["group"], stored, names["plural"]),
                custom=custom,
            )
        )
    return tuple(made)


def _webhook(spec: JsonObject) -> JsonObject | None:
    """The webhook that converts, if one does."""
    conversion = spec.get("conversion") or {}
    return conversion.get("webhook") if conversion.get("strategy") == "Webhook" else None


def _subresources(given: JsonObject, kind: str) -> tuple[Subresource, ...]:
    made = []
    if given.get("scale") is not None:
        made.append(Subresource("scale", "Scale", _STATUS_VERBS, "autoscaling", "v1"))
    if given.get("status") is not None:
        made.append(Subresource("status", kind, _STATUS_VERBS))
    return tuple(made)


class Definitions(Strategy):
    """The strategy of definitions themselves."""

    unconditional_update: ClassVar[bool] = False

    def __init__(self, resource: Resource, rows: Rows) -> None:
        super().__init__(resource)
        self._rows = rows

    def prepare_create(self, obj: JsonObject, context: Context) -> None:
        super().prepare_create(obj, context)
        self._judge(obj, context.now)

    def prepare_update(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        super().prepare_update(new, old, context)
        self._judge(new, context.now)

    def reserve_create(self, obj: JsonObject, context: Context) -> Reservation:
        return Reservation(commit=lambda: self._rows.apply(obj))

    def reserve_update(self, new: JsonObject, old: JsonObject, context: Context) -> Reservation:
        return Reservation(commit=lambda: self._rows.apply(new))

    def deletable(self, obj: JsonObject) -> bool:
        """Not at once: its objects go first."""
        return _terminating(obj)

    def prepare_delete(self, obj: JsonObject, context: Context) -> None:
        found = obj["metadata"].setdefault("finalizers", [])
        if CLEANUP not in found and not _condition(obj, "Terminating"):
            found.append(CLEANUP)
            condition = {
                "type": "Terminating",
                "status": "True",
                "reason": "InstanceDeletionPending",
                "message": "CustomResourceDefinition marked for deletion; CustomResource deletion "
                "will begin soon",
            }
            _set(obj, condition, context.now)

    def deleted(self, obj: JsonObject) -> None:
        self._rows.remove(obj["metadata"]["name"])

    def _judge(self, definition: JsonObject, now: float) -> None:
        """Set the status that follows from the specification and from what others are called."""
        spec = definition.get("spec") or {}
        if not definition["metadata"].get("name") or not _well_formed(spec):
            return  # validation refuses it in a moment
        # A copy: on an update it is the stored object's own.
        state = definition["status"] = dict(definition.get("status") or {})
        state["storedVersions"] = _stored_versions(state, spec)
        taken = self._rows.taken(definition)
        accepted = dict(state.get("acceptedNames") or {})
        refused = {key for key, _ in taken}
        names = {key: value for key, value in spec["names"].items() if key not in refused}
        state["acceptedNames"] = {"plural": "", "kind": "", **accepted, **names}
        _set(definition, _names_accepted(taken), now)
        if not taken or not meta.condition_is_true(_conditions(definition), "Established"):
            _set(definition, _established(accepted=not taken), now)


def _well_formed(spec: JsonObject) -> bool:
    names = spec.get("names") or {}
    return bool(spec.get("group") and names.get("plural") and names.get("kind"))


def _stored_versions(state: JsonObject, spec: JsonObject) -> list[str]:
    """Versions in which objects may be stored, the present one among them."""
    known = list(state.get("storedVersions") or ())
    return known + [
        one["name"]
        for one in spec.get("versions") or ()
        if one.get("storage") and one.get("name") and one["name"] not in known
    ]


_CONFLICTS = {
    "plural": "PluralConflict",
    "singular": "SingularConflict",
    "shortNames": "ShortNamesConflict",
    "kind": "KindConflict",
    "listKind": "ListKindConflict",
}


def _names_accepted(taken: list[tuple[str, str]]) -> JsonObject:
    if not taken:
        return {
            "type": "NamesAccepted",
            "status": "True",
            "reason": "NoConflicts",
            "message": "no conflicts found",
        }
    key, name = taken[0]
    return {
        "type": "NamesAccepted",
        "status": "False",
        "reason": _CONFLICTS[key],
        "message": f'"{name}" is already in use',
    }


def _established(*, accepted: bool) -> JsonObject:
    return {
        "type": "Established",
        "status": "True" if accepted else "False",
        "reason": "InitialNamesAccepted" if accepted else "NotAccepted",
        "message": "the initial names have been accepted"
        if accepted
        else "not all names are accepted",
    }


def _condition(definition: JsonObject, kind: str) -> JsonObject | None:
    return next((one for one in _conditions(definition) if one.get("type") == kind), None)


def _set(definition: JsonObject, condition: JsonObject, now: float) -> None:
    state = definition.setdefault("status", {})
    state["conditions"] = meta.set_condition(state.get("conditions"), condition, now)
