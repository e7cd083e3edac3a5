"""Claims and volumes in use outlive a delete."""

import pytest

from apimachinery import scheme, wire

from .conftest import Cluster


def claim(name: str = "data") -> wire.JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def user_of(name: str) -> wire.JsonObject:
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": name}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "user", "namespace": "default"},
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "c", "image": "b"}],
            "volumes": [volume],
        },
    }


async def test_a_claim_that_nobody_uses_goes(cluster: Cluster) -> None:
    await cluster.client.create(scheme.PERSISTENTVOLUMECLAIMS, claim())
    await cluster.client.delete(scheme.PERSISTENTVOLUMECLAIMS, "data", "default")
    await cluster.gone(scheme.PERSISTENTVOLUMECLAIMS, "data")


@pytest.mark.parametrize("end", ["deleted", "finished"])
async def test_a_claim_waits_for_its_pod(cluster: Cluster, end: str) -> None:
    await cluster.client.create(scheme.PERSISTENTVOLUMECLAIMS, claim())
    await cluster.client.create(scheme.PODS, user_of("data"))
    await cluster.client.delete(scheme.PERSISTENTVOLUMECLAIMS, "data", "default")
    await cluster.settle()
    assert await cluster.exists(scheme.PERSISTENTVOLUMECLAIMS, "data")
    if end == "deleted":
        await cluster.client.delete(scheme.PODS, "user", "default", grace_period=0)
    else:
        done = {"status": {"phase": "Succeeded"}}
        await cluster.client.patch(scheme.PODS, "user", done, "default", subresource="status")
    await cluster.gone(scheme.PERSISTENTVOLUMECLAIMS, "data")


async def test_a_bound_volume_waits_for_its_claim(cluster: Cluster) -> None:
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "disk"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/data"},
        },
    }
    await cluster.client.create(scheme.PERSISTENTVOLUMES, volume)
    await cluster.client.create(scheme.PERSISTENTVOLUMECLAIMS, claim())

    async def is_bound() -> bool:
        found = await cluster.client.get(scheme.PERSISTENTVOLUMES, "disk")
        return bool(found["status"]["phase"] == "Bound")

    await cluster.eventually(is_bound)
    await cluster.client.delete(scheme.PERSISTENTVOLUMES, "disk")
    await cluster.settle()
    assert await cluster.exists(scheme.PERSISTENTVOLUMES, "disk", "")
    await cluster.client.delete(scheme.PERSISTENTVOLUMECLAIMS, "data", "default")
    await cluster.gone(scheme.PERSISTENTVOLUMES, "disk", "")
