"""kr8s, unmodified: objects, waiting, selectors, a class for a custom resource."""

from collections.abc import AsyncIterator

import kr8s.asyncio
import pytest
from kr8s.asyncio.objects import ConfigMap, Deployment, new_class

from bireme.testing import Cluster

# It knows the versions that were out when it was made.
pytestmark = pytest.mark.filterwarnings("ignore:Kubernetes version:UserWarning")

Widget = new_class(
    kind="Widget", version="example.com/v1", namespaced=True, scalable=True, asyncio=True
)


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[kr8s.asyncio.Api]:
    made = await kr8s.asyncio.api(kubeconfig=str(cluster.kubeconfig))
    yield made
    # It keeps its connections for ever; there is no other way to close them.
    await made._session.aclose()


def config(api: kr8s.asyncio.Api, name: str, **data: str) -> ConfigMap:
    body = {"metadata": {"name": name, "namespace": "default", "labels": {"of": "kr8s"}}}
    return ConfigMap({**body, "data": data}, api=api)


async def test_create_patch_label_delete(api: kr8s.asyncio.Api) -> None:
    made = config(api, "kr", a="1")
    await made.create()
    await made.patch({"data": {"a": "2"}})
    await made.label({"colour": "red"})
    found = await ConfigMap.get("kr", namespace="default", api=api)
    assert (found.data["a"], found.labels["colour"]) == ("2", "red")
    await made.delete()
    assert not await made.exists()


async def test_a_list_by_label(api: kr8s.asyncio.Api) -> None:
    made = [config(api, f"kr{number}") for number in range(3)]
    for one in made:
        await one.create()
    chosen = api.get("configmaps", namespace="default", label_selector={"of": "kr8s"})
    assert sorted([one.name async for one in chosen]) == ["kr0", "kr1", "kr2"]
    for one in made:
        await one.delete()


async def test_scale_a_deployment(api: kr8s.asyncio.Api) -> None:
    labels = {"app": "kr"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "c", "image": "b"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    made = Deployment({"metadata": {"name": "kr", "namespace": "default"}, "spec": spec}, api=api)
    await made.create()
    await made.scale(0)
    await made.wait("jsonpath='{.spec.replicas}'=0", timeout=10)
    await made.delete()


async def test_a_custom_resource(api: kr8s.asyncio.Api) -> None:
    metadata = {"name": "kr", "namespace": "default"}
    made = Widget({"metadata": metadata, "spec": {"size": 3}}, api=api)
    await made.create()
    found = await Widget.get("kr", namespace="default", api=api)
    assert found.spec["color"] == "red"
    await found.delete()


async def test_who_am_i(api: kr8s.asyncio.Api) -> None:
    assert await api.whoami() == "kubernetes-admin"
    assert (await api.version())["major"] == "1"
