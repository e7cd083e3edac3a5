"""ReplicaSets and ReplicationControllers keep their number of pods."""

import time

import pytest

from apimachinery import meta, scheme

pytestmark = pytest.mark.looptime(start=time.monotonic)


async def test_creates_what_is_missing(cluster, make) -> None:
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(3))
    pods = await cluster.pods_are(3)
    owner = meta.owner_controller(pods[0])
    assert (owner["kind"], owner["name"]) == ("ReplicaSet", "web")
    assert meta.name(pods[0]).startswith("web-")


async def test_replaces_a_deleted_pod(cluster, nodes, make) -> None:
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(2))
    pods = await cluster.pods_are(2)
    await cluster.settle()
    await cluster.client.delete(scheme.PODS, meta.name(pods[0]), "default")
    after = await cluster.pods_are(2)
    assert {meta.uid(pod) for pod in after} != {meta.uid(pod) for pod in pods}


async def test_never_creates_too_many(cluster, nodes, make) -> None:
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(40))
    await cluster.pods_are(40)
    await cluster.settle(10)
    assert len(await cluster.pods()) == 40


async def test_scales_down_the_unready_first(cluster, nodes, make) -> None:
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(2))
    await cluster.settle()
    ready = {meta.uid(pod) for pod in await cluster.pods()}
    nodes.broken_images.add("busybox")
    await cluster.client.patch(scheme.REPLICASETS, "web", {"spec": {"replicas": 4}}, "default")
    await cluster.pods_are(4)
    await cluster.settle()
    await cluster.client.patch(scheme.REPLICASETS, "web", {"spec": {"replicas": 2}}, "default")
    await cluster.pods_are(2)
    assert {meta.uid(pod) for pod in await cluster.pods()} == ready


async def test_status_counts_pods(cluster, nodes, make) -> None:
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(2))
    await cluster.settle()
    found = await cluster.client.get(scheme.REPLICASETS, "web", "default")
    assert found["status"] == {
        "replicas": 2,
        "fullyLabeledReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "observedGeneration": 1,
    }


async def test_available_after_min_ready_seconds(cluster, nodes, make) -> None:
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(1, minReadySeconds=10))
    await cluster.settle(5)
    early = await cluster.client.get(scheme.REPLICASETS, "web", "default")
    await cluster.settle(10)
    late = await cluster.client.get(scheme.REPLICASETS, "web", "default")
    assert (early["status"]["readyReplicas"], early["status"].get("availableReplicas")) == (1, None)
    assert late["status"]["availableReplicas"] == 1


async def test_adopts_a_matching_orphan(cluster, make) -> None:
    orphan = {"apiVersion": "v1", "kind": "Pod", **make.template()}
    orphan["metadata"] = {"name": "loner", "namespace": "default", "labels": {"app": "web"}}
    await cluster.client.create(scheme.PODS, orphan)
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(2))
    pods = await cluster.pods_are(2)
    loner = next(pod for pod in pods if meta.name(pod) == "loner")
    assert meta.owner_controller(loner)["name"] == "web"


async def test_lets_go_of_what_no_longer_matches(cluster, make) -> None:
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(1))
    (pod,) = await cluster.pods_are(1)
    patch = {"metadata": {"labels": {"app": "other"}}}
    await cluster.client.patch(scheme.PODS, meta.name(pod), patch, "default")
    await cluster.pods_are(2)
    freed = await cluster.client.get(scheme.PODS, meta.name(pod), "default")
    assert meta.owner_references(freed) == []


async def test_reports_a_refusal_and_takes_it_back(cluster, make) -> None:
    bad = make.template()
    bad["spec"]["serviceAccountName"] = "nobody"
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(2, template=bad))
    await cluster.settle()
    found = await cluster.client.get(scheme.REPLICASETS, "web", "default")
    (condition,) = found["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("ReplicaFailure", "FailedCreate")
    account = {"apiVersion": "v1", "kind": "ServiceAccount"}
    account["metadata"] = {"name": "nobody", "namespace": "default"}
    await cluster.client.create(scheme.SERVICEACCOUNTS, account)
    await cluster.pods_are(2, seconds=120)
    await cluster.settle()
    found = await cluster.client.get(scheme.REPLICASETS, "web", "default")
    assert "conditions" not in found["status"]


async def test_a_replication_controller_does_the_same(cluster, nodes, make) -> None:
    controller = {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "old", "namespace": "default"},
        "spec": {"replicas": 2, "template": make.template(app="old")},
    }
    await cluster.client.create(scheme.REPLICATIONCONTROLLERS, controller)
    pods = await cluster.pods_are(2, "app=old")
    assert meta.owner_controller(pods[0])["kind"] == "ReplicationController"
    await cluster.settle()
    found = await cluster.client.get(scheme.REPLICATIONCONTROLLERS, "old", "default")
    assert found["status"]["readyReplicas"] == 2


async def test_tells_what_it_did(cluster, make) -> None:
    await cluster.client.create(scheme.REPLICASETS, make.replicaset(1))
    (pod,) = await cluster.pods_are(1)
    await cluster.settle()
    events = await cluster.client.list(scheme.EVENTS, "default")
    messages = {event["message"] for event in events["items"]}
    assert f"Created pod: {meta.name(pod)}" in messages
