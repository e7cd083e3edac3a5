"""Resource quotas: nothing is created beyond what a namespace may hold.

Usage is added up from the cache, plus what is on its way into the store (so that two creates at
once do not both take the last place), and compared before the store is asked. A namespace without
quotas pays one look at a counter. The status of quotas follows shortly after. Neighbours:
`apiserver.registry.usage` says what counts, `apiserver.registry.generic` asks on every create.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable

from apimachinery import scheme, status
from apimachinery.quantity import Quantity
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from apiserver.cache import Entry, WatchCache
from apiserver.registry import usage
from apiserver.registry.strategy import Reservation
from apiserver.registry.usage import Scope, Usage

KEPT = 8192
"""Objects whose usage is remembered: a namespace with quotas is added up on each create."""

_ZERO = Quantity.parse(0)
_SCOPED = frozenset({"pods", "persistentvolumeclaims"})
"""Kinds whose objects may fall outside of a quota's scopes."""


class Quotas:
    """The quotas of one server."""

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache
        self._known: OrderedDict[tuple[str, str, int], Usage] = OrderedDict()
        self._pending: dict[int, tuple[str, str, Usage]] = {}
        self._serial = 0
        self.changed = asyncio.Event()
        """Some namespace with quotas holds more or less than before."""
        self.dirty: set[str] = set()
        """Those namespaces."""

    def note(self, namespace: str) -> None:
        """Something in a namespace was created, changed or deleted."""
        if namespace and self._cache.count(scheme.RESOURCEQUOTAS):
            self.dirty.add(namespace)
            self.changed.set()

    def of(self, namespace: str) -> list[JsonObject]:
        """The quotas of a namespace."""
        if not namespace or not self._cache.count(scheme.RESOURCEQUOTAS):
            return []
        entries = self._cache.list(scheme.RESOURCEQUOTAS, namespace).entries
        return [entry.parse() for entry in entries]

    def reserve(
        self, resource: Resource, obj: JsonObject, old: JsonObject | None = None
    ) -> Reservation | None:
        """Take a place for a new object, or for what one has grown; 403 where there is none left."""
        namespace = obj["metadata"].get("namespace", "")
        quotas = self.of(namespace)
        if not quotas:
            return None
        wanted = usage.of(resource, obj)
        if old is not None:
            wanted = _growth(wanted, usage.of(resource, old))
            if not wanted:
                return None
        for quota in quotas:
            spec = quota.get("spec") or {}
            hard = {key: value for key, value in (spec.get("hard") or {}).items() if key in wanted}
            if resource.gr in _SCOPED:
                if not usage.in_scopes(obj, scopes(spec)):
                    continue
                unsaid = usage.missing(obj, spec.get("hard") or {}) if _asks(resource, old) else []
                if unsaid:
                    text = f"failed quota: {_name(quota)}: must specify {'; '.join(unsaid)}"
                    raise _refused(resource, obj, text)
            if hard:
                self._compare(resource, obj, quota, wanted, hard)
        self._serial += 1
        key = self._serial
        self._pending[key] = (namespace, resource.gr, wanted)

        def end() -> None:
            self._pending.pop(key, None)
            self.note(namespace)

        return Reservation(end, end, end)

    def _compare(
        self,
        resource: Resource,
        obj: JsonObject,
        quota: JsonObject,
        wanted: Usage,
        hard: JsonObject,
    ) -> None:
        namespace = obj["metadata"]["namespace"]
        used = self.used(resource, namespace, scopes(quota.get("spec") or {}))
        for where, gr, taken in self._pending.values():
            if (where, gr) == (namespace, resource.gr):
                _add(used, taken)
        over = [
            key
            for key in sorted(hard)
            if used.get(key, _ZERO) + wanted[key] > usage.amount(hard[key])
        ]
        if over:
            texts = [
                ",".join(f"{key}={amounts.get(key, _ZERO)}" for key in over)
                for amounts in (wanted, used, {key: usage.amount(hard[key]) for key in over})
            ]
            raise _refused(
                resource,
                obj,
                f"exceeded quota: {_name(quota)}, requested: {texts[0]}, used: {texts[1]}, "
                f"limited: {texts[2]}",
            )

    def used(self, resource: Resource, namespace: str, wanted_scopes: list[Scope]) -> Usage:
        """What the stored objects of one kind use in a namespace."""
        total: Usage = {}
        for entry in self._cache.list(resource, namespace).entries:
            if resource.gr in _SCOPED and wanted_scopes:
                obj = entry.parse()
                if usage.in_scopes(obj, wanted_scopes):
                    _add(total, usage.of(resource, obj))
            else:
                _add(total, self._usage(resource, entry))
        return total

    def _usage(self, resource: Resource, entry: Entry) -> Usage:
        key = (resource.gr, entry.key, entry.revision)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = usage.of(resource, entry.parse())
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return known

    def status_of(self, quota: JsonObject, resources: Iterable[Resource]) -> JsonObject:
        """The status that a quota should have."""
        spec = quota.get("spec") or {}
        hard = spec.get("hard") or {}
        namespace = quota["metadata"]["namespace"]
        total: Usage = {}
        for resource in resources:
            if any(_about(key, resource) for key in hard):
                _add(total, self.used(resource, namespace, scopes(spec)))
        return {"hard": dict(hard), "used": {key: str(total.get(key, _ZERO)) for key in hard}}


CLASS_SUFFIX = ".storageclass.storage.k8s.io/"
"""In keys about the claims of one storage class."""


def _about(key: str, resource: Resource) -> bool:
    """Whether a quota's key can be about a kind."""
    if key.startswith("count/"):
        return key == f"count/{resource.gr}"
    if key in {"requests.storage", "persistentvolumeclaims"} or CLASS_SUFFIX in key:
        return resource.gr == "persistentvolumeclaims"
    base = key.partition(".")[0]
    if base in ("requests", "limits", "cpu", "memory", "ephemeral-storage") or "hugepages-" in key:
        return resource.gr == "pods"
    return base == resource.gr


def scopes(spec: JsonObject) -> list[Scope]:
    """The scopes of a quota, those of its selector too."""
    expressions = (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    return [
        *(Scope(name) for name in spec.get("scopes") or []),
        *(
            Scope(
                one.get("scopeName", ""),
                one.get("operator", "Exists"),
                tuple(one.get("values") or ()),
            )
            for one in expressions
        ),
    ]


def _growth(new: Usage, old: Usage) -> Usage:
    """What an update takes more of; what it gives back is free once it is written."""
    return {
        key: value - old.get(key, _ZERO)
        for key, value in new.items()
        if value > old.get(key, _ZERO)
    }


def _asks(resource: Resource, old: JsonObject | None) -> bool:
    """Whether amounts must be said: of pods, when they are made."""
    return resource.gr == "pods" and old is None


def _add(total: Usage, more: Usage) -> None:
    for key, value in more.items():
        total[key] = total.get(key, _ZERO) + value


def _name(quota: JsonObject) -> str:
    return str(quota["metadata"].get("name", ""))


def _refused(resource: Resource, obj: JsonObject, detail: str) -> status.ApiError:
    name = obj["metadata"].get("name", "")
    return status.forbidden(resource.plural, name, detail, resource.group)
