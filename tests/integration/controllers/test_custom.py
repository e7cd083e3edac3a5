"""Custom resources are garbage collected and go with their namespace, like built-in ones."""

import time

import pytest

from apimachinery import scheme
from tests.integration.controllers.widgets import (
    DEFINITION,
    WIDGETS,
    define,
    definition,
    reference,
    widget,
)

pytestmark = pytest.mark.looptime(start=time.monotonic)


@pytest.fixture
async def widgets(cluster):
    await define(cluster)
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
    await widgets.client.delete(scheme.CUSTOMRESOURCEDEFINITIONS, DEFINITION)
    await widgets.gone(scheme.CUSTOMRESOURCEDEFINITIONS, DEFINITION, "")
    await widgets.client.create(scheme.CUSTOMRESOURCEDEFINITIONS, definition())
    await widgets.settle()
    assert (await widgets.client.list(WIDGETS, "default"))["items"] == []
    top = await widgets.client.create(WIDGETS, widget("top"))
    await widgets.client.create(WIDGETS, widget("low", owner=top))
    await widgets.settle()
    await widgets.client.delete(WIDGETS, "top", "default", propagation="Background")
    await widgets.gone(WIDGETS, "low")
