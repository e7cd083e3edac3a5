"""The one table: which kinds exist, how they are called, and where their models live.

Discovery, routing, OpenAPI, printing, protobuf and garbage collection read it; a
CustomResourceDefinition adds a row at run time and nothing else changes. Models are named as
"module:Class" strings and imported when first used, so importing this module costs nothing.

Neighbours: `apimachinery.resource` is the row, `apimachinery.scheme_table` holds the built-in rows, `apimachinery.types` the models
they name. This module does not store, validate, convert or print objects.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apimachinery import scheme_table as table
from apimachinery.resource import ALL_VERBS, READ_VERBS, Resource, Subresource, load_model

if TYPE_CHECKING:
    from apimachinery.types.base import Model

_VERSION = re.compile(r"v([1-9]\d{0,8})(?:(alpha|beta)([1-9]\d{0,8}))?")

_METADATA_LIST = "PartialObjectMetadataList"
"""The one list whose items are no resource of their own."""

__all__ = ["ALL_VERBS", "READ_VERBS", "Resource", "Scheme", "Subresource"]


@dataclass
class Scheme:
    """The registry of resources, in discovery order. Rows may come and go at run time.

    Not thread safe; in one event loop every reader sees whole rows only. `generation` grows with
    each change, so that caches of derived documents know when they are stale.
    """

    generation: int = 0
    _by_plural: dict[tuple[str, str, str], Resource] = field(default_factory=dict)
    _by_kind: dict[tuple[str, str, str], Resource] = field(default_factory=dict)
    _extra: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _hidden: dict[tuple[str, str, str], Resource] = field(default_factory=dict)
    """Rows that others are stored as and that are not served themselves."""
    _served: dict[tuple[str, str, str], tuple[Resource, ...]] = field(default_factory=dict)
    """What `served_as` has found since the last change."""

    def add(self, resource: Resource) -> None:
        """Add or replace the row of this group, version and plural."""
        old = self._by_plural.get(resource.gvr)
        if old is not None:
            self._by_kind.pop(old.gvk, None)
        self._by_plural[resource.gvr] = resource
        self._by_kind[resource.gvk] = resource
        self._changed()

    def hide(self, resource: Resource) -> None:
        """Add a row that only `storage_resource` finds."""
        self._hidden[resource.gvr] = resource

    def add_kinds(self, kinds: Mapping[tuple[str, str, str], str]) -> None:
        """Name the models of kinds that are no resources: options, reviews, scales."""
        self._extra.update(kinds)

    def remove(self, resource: Resource) -> None:
        """Drop the row; no error when it is not there."""
        self._hidden.pop(resource.gvr, None)
        if self._by_plural.pop(resource.gvr, None) is not None:
            self._by_kind.pop(resource.gvk, None)
            self._changed()

    def _changed(self) -> None:
        self.generation += 1
        self._served.clear()

    def by_plural(self, group: str, version: str, plural: str) -> Resource | None:
        return self._by_plural.get((group, version, plural))

    def by_kind(self, group: str, version: str, kind: str) -> Resource | None:
        return self._by_kind.get((group, version, kind))

    def by_api_version(self, api_version: str, kind: str) -> Resource | None:
        """The row for an object's own `apiVersion` and `kind`."""
        return self._by_kind.get((*split_api_version(api_version), kind))

    def preferred(self, group: str, plural: str) -> Resource | None:
        """The row of the group's first version that has this resource."""
        rows = [row for row in self.all() if row.group == group and row.plural == plural]
        if rows and rows[0].custom is not None:
            return min(rows, key=lambda row: version_order(row.version))
        return rows[0] if rows else None

    def storage_resource(self, resource: Resource) -> Resource:
        """The resource under which its objects are stored (itself, mostly)."""
        if resource.stored_as is None:
            return resource
        return self._by_plural.get(resource.stored_as) or self._hidden[resource.stored_as]

    def served_as(self, stored: Resource) -> tuple[Resource, ...]:
        """The rows under which the objects of a stored resource are served."""
        found = self._served.get(stored.gvr)
        if found is None:
            wanted = stored.gvr
            found = tuple(row for row in self.all() if (row.stored_as or row.gvr) == wanted)
            self._served[wanted] = found
        return found

    def model_of(self, group: str, version: str, kind: str) -> "type[Model] | None":
        """The model of any known kind: resources, their lists, options, scales, reviews."""
        resource = self._by_kind.get((group, version, kind))
        if resource is not None:
            return resource.load_model()
        path = self._extra.get((group, version, kind)) or self._extra.get(("", "", kind))
        if path:
            return load_model(path)
        single = (group, version, kind.removesuffix("List"))
        item = self._by_kind.get(single)
        listed = item.model if item is not None and kind == item.list_name else ""
        listed = listed or (self._extra.get(single, "") if kind == _METADATA_LIST else "")
        if not listed:
            return None
        from apimachinery.types.lists import list_model

        return list_model(load_model(listed))

    def all(self) -> Iterator[Resource]:
        """Every row, in discovery order; safe against changes while iterating."""
        return iter(tuple(self._by_plural.values()))

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Groups in discovery order, each with its versions, the preferred one first."""
        found: dict[str, dict[str, None]] = {}
        custom: set[str] = set()
        for resource in self.all():
            found.setdefault(resource.group, {})[resource.version] = None
            if resource.custom is not None:
                custom.add(resource.group)
        return {
            group: tuple(sorted(versions, key=version_order) if group in custom else versions)
            for group, versions in found.items()
        }

    def in_group_version(self, group: str, version: str) -> list[Resource]:
        return [r for r in self.all() if r.group == group and r.version == version]


def version_order(version: str) -> tuple[bool, bool, int, int, int, str]:
    """Sorts versions as Kubernetes does: v2, v1, v1beta2, v1alpha1, then others by name."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return (True, True, 0, 0, 0, version)
    major, stage, minor = found.groups()
    rank = {None: 0, "beta": 1, "alpha": 2}[stage]
    return (False, False, rank, -int(major), -int(minor or 0), "")


def split_api_version(api_version: str) -> tuple[str, str]:
    """Group and version of "apps/v1" or "v1"."""
    group, slash, version = api_version.rpartition("/")
    return (group, version) if slash else ("", api_version)


def builtin() -> Scheme:
    """A new scheme with every built-in kind; add custom resources to it freely."""
    return _filled(table.ROWS)


def _filled(rows: Iterable[Resource]) -> Scheme:
    scheme = Scheme()
    for row in rows:
        scheme.add(row)
    scheme.add_kinds(table.EXTRA_KINDS)
    return scheme


BUILTIN = builtin()
"""Shared and never changed; servers that take custom resources make their own by `builtin()`."""


def _row(plural: str, group: str = "", version: str = "v1") -> Resource:
    found = BUILTIN.by_plural(group, version, plural)
    assert found is not None, f"no built-in resource {plural} in {group}/{version}"
    return found


CONFIGMAPS = _row("configmaps")
ENDPOINTS = _row("endpoints")
EVENTS = _row("events")
LIMITRANGES = _row("limitranges")
NAMESPACES = _row("namespaces")
NODES = _row("nodes")
PERSISTENTVOLUMECLAIMS = _row("persistentvolumeclaims")
PERSISTENTVOLUMES = _row("persistentvolumes")
PODS = _row("pods")
REPLICATIONCONTROLLERS = _row("replicationcontrollers")
RESOURCEQUOTAS = _row("resourcequotas")
SECRETS = _row("secrets")
SERVICEACCOUNTS = _row("serviceaccounts")
SERVICES = _row("services")
APISERVICES = _row("apiservices", "apiregistration.k8s.io")
CONTROLLERREVISIONS = _row("controllerrevisions", "apps")
DAEMONSETS = _row("daemonsets", "apps")
DEPLOYMENTS = _row("deployments", "apps")
REPLICASETS = _row("replicasets", "apps")
STATEFULSETS = _row("statefulsets", "apps")
HORIZONTALPODAUTOSCALERS = _row("horizontalpodautoscalers", "autoscaling", "v2")
CRONJOBS = _row("cronjobs", "batch")
JOBS = _row("jobs", "batch")
CERTIFICATESIGNINGREQUESTS = _row("certificatesigningrequests", "certificates.k8s.io")
INGRESSCLASSES = _row("ingressclasses", "networking.k8s.io")
INGRESSES = _row("ingresses", "networking.k8s.io")
IPADDRESSES = _row("ipaddresses", "networking.k8s.io")
NETWORKPOLICIES = _row("networkpolicies", "networking.k8s.io")
SERVICECIDRS = _row("servicecidrs", "networking.k8s.io")
PODDISRUPTIONBUDGETS = _row("poddisruptionbudgets", "policy")
CLUSTERROLEBINDINGS = _row("clusterrolebindings", "rbac.authorization.k8s.io")
CLUSTERROLES = _row("clusterroles", "rbac.authorization.k8s.io")
ROLEBINDINGS = _row("rolebindings", "rbac.authorization.k8s.io")
RBAC_ROLES = _row("roles", "rbac.authorization.k8s.io")
STORAGECLASSES = _row("storageclasses", "storage.k8s.io")
CUSTOMRESOURCEDEFINITIONS = _row("customresourcedefinitions", "apiextensions.k8s.io")
PRIORITYCLASSES = _row("priorityclasses", "scheduling.k8s.io")
LEASES = _row("leases", "coordination.k8s.io")
RUNTIMECLASSES = _row("runtimeclasses", "node.k8s.io")
ENDPOINTSLICES = _row("endpointslices", "discovery.k8s.io")
FLOWSCHEMAS = _row("flowschemas", "flowcontrol.apiserver.k8s.io")
PRIORITYLEVELCONFIGURATIONS = _row("prioritylevelconfigurations", "flowcontrol.apiserver.k8s.io")
POD_METRICS = _row("pods", "metrics.k8s.io", "v1beta1")
TOKENREVIEWS = _row("tokenreviews", "authentication.k8s.io")
SUBJECTACCESSREVIEWS = _row("subjectaccessreviews", "authorization.k8s.io")
SELFSUBJECTRULESREVIEWS = _row("selfsubjectrulesreviews", "authorization.k8s.io")
FRAMEWORKS = _row("frameworks", "offers.bireme.dev")
OFFER_ROLES = _row("roles", "offers.bireme.dev")
EXECUTORS = _row("executors", "offers.bireme.dev")
TASKS = _row("tasks", "offers.bireme.dev")
OFFERS = _row("offers", "offers.bireme.dev")
