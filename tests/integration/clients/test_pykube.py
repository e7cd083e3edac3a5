"""pykube-ng, unmodified: objects of its classes, queries, watches, a custom resource."""

import itertools

import pykube
import pytest

from bireme.testing import Cluster


class Widget(pykube.objects.NamespacedAPIObject):
    version = "example.com/v1"
    endpoint = "widgets"
    kind = "Widget"


@pytest.fixture
def api(cluster: Cluster) -> pykube.HTTPClient:
    return pykube.HTTPClient(pykube.KubeConfig.from_file(str(cluster.kubeconfig)))


def config(api: pykube.HTTPClient, name: str, **data: str) -> pykube.ConfigMap:
    metadata = {"name": name, "namespace": "default", "labels": {"of": "pykube"}}
    head = {"apiVersion": "v1", "kind": "ConfigMap"}
    return pykube.ConfigMap(api, {**head, "metadata": metadata, "data": data})


def test_create_update_delete(api: pykube.HTTPClient) -> None:
    made = config(api, "pk", a="1")
    made.create()
    made.obj["data"]["a"] = "2"
    made.update()
    found = pykube.ConfigMap.objects(api).filter(namespace="default").get(name="pk")
    assert found.obj["data"] == {"a": "2"}
    made.delete()
    assert not made.exists()


def test_a_query_by_label(api: pykube.HTTPClient) -> None:
    made = [config(api, f"pk{number}") for number in range(3)]
    for one in made:
        one.create()
    query = pykube.ConfigMap.objects(api, namespace="default").filter(selector={"of": "pykube"})
    assert sorted(one.name for one in query) == ["pk0", "pk1", "pk2"]
    for one in made:
        one.delete()


def test_a_watch(api: pykube.HTTPClient) -> None:
    made = config(api, "pk")
    made.create()
    watch = pykube.ConfigMap.objects(api, namespace="default").filter(selector={"of": "pykube"})
    (event,) = itertools.islice(watch.watch(), 1)
    assert (event.type, event.object.name) == ("ADDED", "pk")
    made.delete()


def test_a_custom_resource(api: pykube.HTTPClient) -> None:
    body = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "pk", "namespace": "default"},
        "spec": {"size": 3},
    }
    Widget(api, body).create()
    found = Widget.objects(api, namespace="default").get(name="pk")
    assert found.obj["spec"]["color"] == "red"
    found.patch({"spec": {"size": 4}})
    assert found.obj["spec"]["size"] == 4
    found.delete()
