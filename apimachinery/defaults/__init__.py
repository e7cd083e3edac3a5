"""Kubernetes' defaults, filled into JSON objects in place; idempotent, pure.

One module per group of kinds, each with a table from (group, version, kind) to a function that
fills in one object; modules are imported when first needed. Called after `apimachinery.decode`
and before admission and `apimachinery.validation`. What a server decides by looking elsewhere
(cluster addresses, service accounts, priorities) is no default: registry and admission do that.
"""

import importlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import cast

from apimachinery.resource import Resource
from apimachinery.wire import JsonObject

Filler = Callable[[JsonObject], None]

_MODULES = {
    "": "core",
    "apps": "workloads",
    "batch": "workloads",
    "discovery.k8s.io": "core",
    "storage.k8s.io": "cluster",
    "scheduling.k8s.io": "cluster",
    "networking.k8s.io": "cluster",
    "rbac.authorization.k8s.io": "cluster",
    "autoscaling": "cluster",
    "authentication.k8s.io": "cluster",
    "flowcontrol.apiserver.k8s.io": "cluster",
    "admissionregistration.k8s.io": "extensions",
    "apiextensions.k8s.io": "extensions",
    "apiregistration.k8s.io": "extensions",
}


def apply(resource: Resource, obj: JsonObject) -> None:
    """Fill in the defaults of the resource's kind."""
    if resource.custom is not None:
        resource.custom.default(obj)
        return
    apply_kind(resource.group, resource.version, resource.kind, obj)


def apply_kind(group: str, version: str, kind: str, obj: JsonObject) -> None:
    """The same for kinds that are no resources (a TokenRequest)."""
    filler = _filler(group, version, kind)
    if filler is not None:
        filler(obj)


@cache  # one entry for each kind that was ever written
def _filler(group: str, version: str, kind: str) -> Filler | None:
    name = _MODULES.get(group)
    if name is None:
        return None
    module = importlib.import_module(f"{__name__}.{name}")
    fillers = cast("Mapping[tuple[str, str, str], Filler]", module.FILLERS)
    return fillers.get((group, version, kind))
