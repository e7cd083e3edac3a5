"""lightkube, unmodified: generic resources, apply, status, watch."""

import itertools
from collections.abc import Iterator

import pytest
from lightkube import ApiError, Client, KubeConfig
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap
from lightkube.types import PatchType

from bireme.testing import Cluster

Widget = create_namespaced_resource("example.com", "v1", "Widget", "widgets")


@pytest.fixture
def client(cluster: Cluster) -> Iterator[Client]:
    made = Client(
        config=KubeConfig.from_file(cluster.kubeconfig), namespace="default", field_manager="lk"
    )
    yield made
    made._client._client.close()


def test_create_get_patch_delete(client: Client) -> None:
    made = client.create(Widget(metadata=ObjectMeta(name="a"), spec={"size": 3}))
    assert made.spec["color"] == "red"
    assert (
        client.patch(Widget, "a", {"spec": {"size": 4}}, patch_type=PatchType.MERGE).spec["size"]
        == 4
    )
    client.delete(Widget, "a")
    with pytest.raises(ApiError) as caught:
        client.get(Widget, "a")
    assert caught.value.status.code == 404


def test_apply_owns_items_of_a_keyed_list(client: Client) -> None:
    def applied(manager: str, *parts: str) -> list[str]:
        spec = {"size": 3, "parts": [{"name": name} for name in parts]}
        wanted = Widget(metadata=ObjectMeta(name="a"), spec=spec)
        found = client.apply(wanted, field_manager=manager)
        return [one["name"] for one in found.spec["parts"]]

    assert applied("one", "a", "b") == ["a", "b"]
    assert sorted(applied("two", "c")) == ["a", "b", "c"]
    assert sorted(applied("one", "a")) == ["a", "c"]


def test_apply_of_the_status(client: Client) -> None:
    client.create(Widget(metadata=ObjectMeta(name="a"), spec={"size": 3}))
    wanted = Widget.Status(metadata=ObjectMeta(name="a"), status={"size": 3})
    assert client.apply(wanted, "a").status == {"size": 3}


def test_a_watch_of_built_in_kinds(client: Client) -> None:
    client.create(ConfigMap(metadata=ObjectMeta(name="lk"), data={"a": "1"}))
    found = itertools.islice(client.watch(ConfigMap, fields={"metadata.name": "lk"}), 1)
    assert [(kind, one.data) for kind, one in found] == [("ADDED", {"a": "1"})]
    client.delete(ConfigMap, "lk")
