"""The asyncio sibling of the official client, unmodified."""

from collections.abc import AsyncIterator

import pytest
from kubernetes_asyncio import client, config, watch

from bireme.testing import Cluster

from . import widgets

PLACE = (widgets.GROUP, widgets.VERSION, "default", widgets.PLURAL)


@pytest.fixture
async def objects(cluster: Cluster) -> AsyncIterator[client.CustomObjectsApi]:
    made = client.Configuration()
    await config.load_kube_config(str(cluster.kubeconfig), client_configuration=made)
    async with client.ApiClient(made) as api:
        yield client.CustomObjectsApi(api)


async def test_create_get_delete(objects: client.CustomObjectsApi) -> None:
    made = await objects.create_namespaced_custom_object(*PLACE, widgets.widget())
    assert await objects.get_namespaced_custom_object(*PLACE, "a") == made
    gone = await objects.delete_namespaced_custom_object(*PLACE, "a")
    assert gone["status"] == "Success"


async def test_a_watch_sees_what_comes(objects: client.CustomObjectsApi) -> None:
    start = (await objects.list_namespaced_custom_object(*PLACE))["metadata"]["resourceVersion"]
    # To its end: a stream that is left in the middle leaves its connection behind.
    async with watch.Watch().stream(
        objects.list_namespaced_custom_object, *PLACE, resource_version=start, timeout_seconds=2
    ) as stream:
        await objects.create_namespaced_custom_object(*PLACE, widgets.widget())
        seen = [(one["type"], one["object"]["metadata"]["name"]) async for one in stream]
    assert seen == [("ADDED", "a")]
