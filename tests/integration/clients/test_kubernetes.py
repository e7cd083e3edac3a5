"""The official Python client, unmodified: typed, custom-object and dynamic, and its watches."""

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, dynamic, watch
from kubernetes.client.exceptions import ApiException

from bireme.testing import Cluster

from . import widgets

PLACE = (widgets.GROUP, widgets.VERSION, "default", widgets.PLURAL)


@pytest.fixture
def api(cluster: Cluster) -> Iterator[client.ApiClient]:
    with client.ApiClient(cluster.client_configuration()) as made:
        yield made


@pytest.fixture
def objects(api: client.ApiClient) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(api)


def test_create_get_list_delete(objects: client.CustomObjectsApi) -> None:
    made = objects.create_namespaced_custom_object(*PLACE, widgets.widget())
    assert made["spec"] == {"size": 3, "color": "red"}
    assert objects.get_namespaced_custom_object(*PLACE, "a") == made
    listed = objects.list_namespaced_custom_object(*PLACE)
    assert (listed["kind"], [one["metadata"]["name"] for one in listed["items"]]) == (
        "WidgetList",
        ["a"],
    )
    objects.delete_namespaced_custom_object(*PLACE, "a")
    with pytest.raises(ApiException) as caught:
        objects.get_namespaced_custom_object(*PLACE, "a")
    assert caught.value.status == 404


def test_an_invalid_object_is_refused(objects: client.CustomObjectsApi) -> None:
    with pytest.raises(ApiException, match="should be less than or equal to 10") as caught:
        objects.create_namespaced_custom_object(*PLACE, widgets.widget(size=11))
    assert caught.value.status == 422


def test_patches(objects: client.CustomObjectsApi) -> None:
    objects.create_namespaced_custom_object(*PLACE, widgets.widget())
    merged = objects.patch_namespaced_custom_object(*PLACE, "a", {"spec": {"color": "blue"}})
    assert merged["spec"] == {"size": 3, "color": "blue"}
    change = [{"op": "replace", "path": "/spec/size", "value": 4}]
    patched = objects.patch_namespaced_custom_object(
        *PLACE, "a", change, _content_type="application/json-patch+json"
    )
    assert patched["spec"]["size"] == 4


def test_status_and_scale(objects: client.CustomObjectsApi) -> None:
    objects.create_namespaced_custom_object(*PLACE, widgets.widget())
    objects.patch_namespaced_custom_object_status(*PLACE, "a", {"status": {"size": 2}})
    scale = objects.get_namespaced_custom_object_scale(*PLACE, "a")
    assert (scale["spec"], scale["status"]) == ({"replicas": 3}, {"replicas": 2})
    objects.patch_namespaced_custom_object_scale(*PLACE, "a", {"spec": {"replicas": 5}})
    found = objects.get_namespaced_custom_object(*PLACE, "a")
    assert (found["spec"]["size"], found["metadata"]["generation"]) == (5, 2)


def test_a_watch_sees_every_change(objects: client.CustomObjectsApi) -> None:
    start = objects.list_namespaced_custom_object(*PLACE)["metadata"]["resourceVersion"]
    objects.create_namespaced_custom_object(*PLACE, widgets.widget())
    objects.patch_namespaced_custom_object(*PLACE, "a", {"spec": {"size": 4}})
    objects.delete_namespaced_custom_object(*PLACE, "a")
    seen: list[Any] = []
    stream = watch.Watch()
    for event in stream.stream(
        objects.list_namespaced_custom_object, *PLACE, resource_version=start, timeout_seconds=10
    ):
        seen.append((event["type"], event["object"]["spec"]["size"]))
        if len(seen) == 3:
            stream.stop()
    assert seen == [("ADDED", 3), ("MODIFIED", 4), ("DELETED", 4)]


def test_the_dynamic_client_discovers_it(api: client.ApiClient, cluster: Cluster) -> None:
    found = dynamic.DynamicClient(api, cache_file=str(cluster.directory / "discovery.json"))
    resource = found.resources.get(api_version="example.com/v1", kind="Widget")
    assert resource.short_names == ["wd"]
    made = resource.create(body=widgets.widget(), namespace="default")
    assert made.spec.color == "red"
    applied = resource.server_side_apply(
        body=widgets.widget(size=6), name="a", namespace="default", field_manager="test",
        force_conflicts=True,
    )  # fmt: skip
    assert applied.spec.size == 6
    assert [one.metadata.name for one in resource.get(namespace="default").items] == ["a"]
    resource.status.patch(
        body={"status": {"size": 6}}, name="a", namespace="default",
        content_type="application/merge-patch+json",
    )  # fmt: skip
    assert resource.get(name="a", namespace="default").status.size == 6


def test_definitions_are_typed_objects(api: client.ApiClient) -> None:
    found = client.ApiextensionsV1Api(api).read_custom_resource_definition("widgets.example.com")
    conditions = {one.type: one.status for one in found.status.conditions}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert found.status.stored_versions == ["v1"]
    assert found.spec.versions[0].schema.open_apiv3_schema.properties["spec"].required == ["size"]


def test_built_in_kinds_round_trip(api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="typed"), data={"a": "1"})
    core.create_namespaced_config_map("default", body)
    assert core.read_namespaced_config_map("typed", "default").data == {"a": "1"}
    core.delete_namespaced_config_map("typed", "default")
