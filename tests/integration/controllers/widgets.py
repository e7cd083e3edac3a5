"""A kind of the tests' own, which a definition adds: `Widget` of example.com."""

from typing import Any

from apimachinery import meta, scheme
from apimachinery.resource import Resource
from tests.integration.controllers.conftest import Cluster

WIDGETS = Resource(
    group="example.com",
    version="v1",
    kind="Widget",
    plural="widgets",
    singular="widget",
    namespaced=True,
)
DEFINITION = "widgets.example.com"


def definition(**subresources: Any) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": subresources,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": DEFINITION},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
            "versions": [version],
        },
    }


async def define(cluster: Cluster, **subresources: Any) -> None:
    """Add the kind, and wait until it is known."""
    await cluster.client.create(scheme.CUSTOMRESOURCEDEFINITIONS, definition(**subresources))

    async def established() -> bool:
        found = await cluster.client.get(scheme.CUSTOMRESOURCEDEFINITIONS, DEFINITION)
        return meta.condition_is_true((found.get("status") or {}).get("conditions"), "Established")

    await cluster.eventually(established)


def reference(owner: dict[str, Any]) -> dict[str, Any]:
    return meta.owner_reference(
        owner["apiVersion"], owner["kind"], meta.name(owner), meta.uid(owner)
    )


def widget(
    name: str, namespace: str = "default", owner: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if owner is not None:
        metadata["ownerReferences"] = [reference(owner)]
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata, "spec": spec}
