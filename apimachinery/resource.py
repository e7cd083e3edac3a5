"""The value that describes one kind of API object: names, scope, verbs, subresources, model.

Rows of these values make `apimachinery.scheme_table`; `apimachinery.scheme` looks them up. Nothing
here knows which kinds exist.
"""

import importlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from apimachinery.schema.kind import CustomKind
    from apimachinery.types.base import Model

READ_VERBS = ("get", "list", "watch")
ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
"""What an ordinary stored resource answers to, in the order in which discovery prints them."""

MODEL_CACHE = 2048
"""Bound of the cache of imported models: about three times the number of known kinds."""


@dataclass(frozen=True, slots=True)
class Subresource:
    """One path below an object (`pods/x/exec`) and the kind that it takes and answers."""

    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str = ""
    version: str = ""
    """Group and version are empty where they are those of the parent resource."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One row: a resource of one group and version.

    Invariant: (group, version, plural) and (group, version, kind) are unique in a Scheme.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    model: str = ""
    """"module:Class" of the root model; empty for a custom resource (its CRD has the schema)."""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    list_kind: str = ""
    stored_as: tuple[str, str, str] | None = None
    """(group, version, plural) of the resource under which the objects are kept, where that is
    another one: events.k8s.io events are core events, autoscaling/v1 is kept as v2."""
    deprecation: str = ""
    """The warning that goes with every answer, where clients should use something else."""
    custom: "CustomKind | None" = field(default=None, compare=False, repr=False)
    """What a definition says about its objects, in the place of a model."""

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its objects: "v1", "apps/v1"."""
        return f"{self.group}/{self.version}" if self.group else self.version

    group_version = api_version

    @property
    def gvk(self) -> tuple[str, str, str]:
        return (self.group, self.version, self.kind)

    @property
    def gvr(self) -> tuple[str, str, str]:
        return (self.group, self.version, self.plural)

    @property
    def gr(self) -> str:
        """How messages name it: "pods", "deployments.apps"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def stored(self) -> bool:
        """Whether its objects are kept at all (reviews and bindings are only answered)."""
        return "list" in self.verbs and "create" in self.verbs

    @property
    def list_name(self) -> str:
        """The kind of its lists."""
        return self.list_kind or f"{self.kind}List"

    def subresource(self, name: str) -> Subresource | None:
        for one in self.subresources:
            if one.name == name:
                return one
        return None

    def gvk_of(self, subresource: str) -> tuple[str, str, str]:
        """Group, version and kind of what a subresource takes; its own for "" and its views."""
        part = self.subresource(subresource) if subresource else None
        if part is None:
            return self.gvk
        group, version = (part.group, part.version) if part.version else (self.group, self.version)
        return (group, version, part.kind)

    def load_model(self) -> "type[Model] | None":
        """The root model, imported on first use; None for a custom resource."""
        return load_model(self.model) if self.model else None


@lru_cache(maxsize=MODEL_CACHE)
def load_model(path: str) -> "type[Model]":
    """Import "module:Class"."""
    module, _, name = path.partition(":")
    return cast("type[Model]", getattr(importlib.import_module(module), name))
