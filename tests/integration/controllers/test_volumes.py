"""Claims and volumes against the API server, in virtual time."""

import time

import pytest

from apimachinery import scheme
from controllers import manager

pytestmark = pytest.mark.looptime(start=time.monotonic)


@pytest.fixture
def options() -> manager.Options:
    return manager.Options(root_ca="PEM", local_storage=True)


async def claim(cluster, name: str = "data", **spec) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            **spec,
        },
    }
    await cluster.client.create(scheme.PERSISTENTVOLUMECLAIMS, body)


async def volume(cluster, name: str = "disk", **spec) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "2Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/x"},
            **spec,
        },
    }
    await cluster.client.create(scheme.PERSISTENTVOLUMES, body)


async def consumer(cluster, name: str = "user", claim_name: str = "data") -> None:
    mounted = {"name": "v", "persistentVolumeClaim": {"claimName": claim_name}}
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "x"}], "volumes": [mounted]},
    }
    await cluster.client.create(scheme.PODS, body)


async def get(cluster, name: str = "data"):
    return await cluster.client.get(scheme.PERSISTENTVOLUMECLAIMS, name, "default")


async def bound(cluster, name: str = "data"):
    """The claim and its volume, when both say so."""

    async def check():
        found = await get(cluster, name)
        if found["status"].get("phase") != "Bound":
            return None
        behind = await cluster.client.get(scheme.PERSISTENTVOLUMES, found["spec"]["volumeName"])
        return (found, behind) if behind["status"]["phase"] == "Bound" else None

    return await cluster.eventually(check)


async def test_a_claim_takes_a_volume_that_is_there(cluster) -> None:
    await volume(cluster)
    await claim(cluster, storageClassName="")
    found, behind = await bound(cluster)
    assert behind["spec"]["claimRef"]["uid"] == found["metadata"]["uid"]
    assert found["status"]["capacity"] == {"storage": "2Gi"}


async def test_a_claim_waits_for_a_volume(cluster) -> None:
    await claim(cluster, storageClassName="")
    await cluster.settle()
    assert (await get(cluster))["status"]["phase"] == "Pending"
    await volume(cluster)
    await bound(cluster)


async def test_two_claims_do_not_share_a_volume(cluster) -> None:
    await volume(cluster, "one")
    await volume(cluster, "two")
    for number in range(3):
        await claim(cluster, f"data-{number}", storageClassName="")
    await cluster.settle(60)
    phases = sorted([(await get(cluster, f"data-{n}"))["status"]["phase"] for n in range(3)])
    assert phases == ["Bound", "Bound", "Pending"]


async def test_the_default_class_makes_a_volume_where_the_pod_runs(cluster, nodes) -> None:
    for name in nodes.names:
        await cluster.add_node(name)
    await cluster.settle()
    await claim(cluster)
    await cluster.settle(10)
    found = await get(cluster)
    assert (found["spec"]["storageClassName"], found["status"]["phase"]) == (
        "local-path",
        "Pending",
    )
    await consumer(cluster)
    _, behind = await bound(cluster)
    pod = await cluster.client.get(scheme.PODS, "user", "default")
    terms = behind["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"][0]["values"] == [pod["spec"]["nodeName"]]


async def test_a_volume_of_nobody_goes_with_its_claim(cluster, nodes) -> None:
    for name in nodes.names:
        await cluster.add_node(name)
    await cluster.settle()
    await claim(cluster)
    await consumer(cluster)
    _, behind = await bound(cluster)
    await cluster.client.delete(scheme.PODS, "user", "default", grace_period=0)
    # Its disk is gone with the node: there is nothing left to clean.
    await cluster.client.delete(scheme.NODES, behind["metadata"]["annotations"]
                                ["volume.kubernetes.io/selected-node"])  # fmt: skip
    await cluster.client.delete(scheme.PERSISTENTVOLUMECLAIMS, "data", "default")
    await cluster.gone(scheme.PERSISTENTVOLUMES, behind["metadata"]["name"], "")


async def test_a_volume_that_is_to_be_retained_is_released(cluster) -> None:
    await volume(cluster)
    await claim(cluster, storageClassName="")
    await bound(cluster)
    await cluster.client.delete(scheme.PERSISTENTVOLUMECLAIMS, "data", "default")
    await cluster.gone(scheme.PERSISTENTVOLUMECLAIMS, "data")
    await cluster.settle()
    found = await cluster.client.get(scheme.PERSISTENTVOLUMES, "disk")
    assert found["status"]["phase"] == "Released"
    # And is not given to the next one.
    await claim(cluster, "next", storageClassName="")
    await cluster.settle()
    assert (await get(cluster, "next"))["status"]["phase"] == "Pending"


async def test_a_claim_whose_volume_is_deleted_is_lost(cluster) -> None:
    await volume(cluster)
    await claim(cluster, storageClassName="")
    await bound(cluster)
    await cluster.client.patch(scheme.PERSISTENTVOLUMES, "disk", {"metadata": {"finalizers": None}})
    await cluster.client.delete(scheme.PERSISTENTVOLUMES, "disk")
    await cluster.settle()
    assert (await get(cluster))["status"]["phase"] == "Lost"


async def test_an_external_provisioner_is_told(cluster) -> None:
    await cluster.client.create(
        scheme.STORAGECLASSES,
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "fast"},
            "provisioner": "csi.example.com",
        },
    )
    await claim(cluster, storageClassName="fast")
    await cluster.settle()
    marks = (await get(cluster))["metadata"]["annotations"]
    assert marks["volume.kubernetes.io/storage-provisioner"] == "csi.example.com"


async def test_a_pod_that_brings_its_volume(cluster, nodes) -> None:
    for name in nodes.names:
        await cluster.add_node(name)
    await cluster.settle()
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    scratch = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": spec}}}
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "user", "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "x"}], "volumes": [scratch]},
    }
    await cluster.client.create(scheme.PODS, body)
    found, _ = await cluster.eventually(lambda: _bound_if_there(cluster, "user-scratch"))
    assert found["metadata"]["ownerReferences"][0]["name"] == "user"
    await cluster.client.delete(scheme.PODS, "user", "default", grace_period=0)
    await cluster.gone(scheme.PERSISTENTVOLUMECLAIMS, "user-scratch")


async def _bound_if_there(cluster, name: str):
    return await bound(cluster, name) if await cluster.exists(
        scheme.PERSISTENTVOLUMECLAIMS, name
    ) else None  # fmt: skip
