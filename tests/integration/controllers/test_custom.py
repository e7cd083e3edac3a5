"""Custom resources are garbage collected and go with their namespace, like built-in ones."""

import time

import pytest

from apimachinery import meta, scheme
from apimachinery.resource import Resource

pytestmark = pytest.mark.looptime(start=time.monotonic)

WIDGETS = Resource(
    group="example.com",
    version="v1",
    kind="Widget",
    plural="widgets",
    singular="widget",
    namespaced=True,
)


def definition():
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
            "versions": [version],
        },
    }


def reference(owner):
    return meta.owner_reference(
        owner["apiVersion"], owner["kind"], meta.name(owner), meta.uid(owner)
    )


def widget(name, namespace="default", owner=None):
    metadata = {"name": name, "namespace": namespace}
    if owner is not None:
        metadata["ownerReferences"] = [reference(owner)]
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata}


@pytest.fixture
async def widgets(cluster):
    await cluster.client.create(scheme.CUSTOMRESOURCEDEFINITIONS, definition())

    async def established():
        found = await cluster.client.get(scheme.CUSTOMRESOURCEDEFINITIONS, "widgets.example.com")
        return meta.condition_is_true((found.get("status") or {}).get("conditions"), "Established")

    await cluster.eventually(established)
    return cluster


async def test_a_widget_owns_and_is_owned(widgets, make) -> None:
    top = await widgets.client.create(WIDGETS, widget("top"))
    low = await widgets.client.create(WIDGETS, widget("low", owner=top))
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    config["metadata"] |= {"namespace": "default"}
    config["metadata"]["ownerReferences"] = [reference(low)]
    await widgets.client.create(scheme.CONFIGMAPS, config)
    await widgets.settle()
    await widgets.client.delete(WIDGETS, "top", "default", propagation="Background")
    await widgets.gone(WIDGETS, "low")
    await widgets.gone(scheme.CONFIGMAPS, "c")


async def test_widgets_go_with_their_namespace(widgets) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
    await widgets.client.create(scheme.NAMESPACES, space)
    await widgets.client.create(WIDGETS, widget("w", "team"))
    await widgets.settle()
    await widgets.client.delete(scheme.NAMESPACES, "team")
    await widgets.gone(scheme.NAMESPACES, "team", "")
    assert (await widgets.client.list(WIDGETS, "team"))["items"] == []


async def test_a_removed_definition_is_forgotten(widgets) -> None:
    await widgets.client.create(WIDGETS, widget("w"))
    await widgets.client.delete(scheme.CUSTOMRESOURCEDEFINITIONS, "widgets.example.com")
    await widgets.gone(scheme.CUSTOMRESOURCEDEFINITIONS, "widgets.example.com", "")
    await widgets.client.create(scheme.CUSTOMRESOURCEDEFINITIONS, definition())
    await widgets.settle()
    assert (await widgets.client.list(WIDGETS, "default"))["items"] == []
    top = await widgets.client.create(WIDGETS, widget("top"))
    await widgets.client.create(WIDGETS, widget("low", owner=top))
    await widgets.settle()
    await widgets.client.delete(WIDGETS, "top", "default", propagation="Background")
    await widgets.gone(WIDGETS, "low")
