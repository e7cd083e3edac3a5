"""StatefulSets: names, order, updates."""

import asyncio
import time
from typing import Any

import pytest

from apimachinery import meta, scheme
from apimachinery.client import informer

pytestmark = pytest.mark.looptime(start=time.monotonic)


CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


class Store:
    """A StatefulSet and its pods."""

    def __init__(self, cluster, nodes, make) -> None:
        self.cluster, self.nodes, self.make = cluster, nodes, make

    async def create(self, replicas: int = 3, **spec) -> None:
        body = self.make.deployment(replicas, "db", **spec)
        body["spec"].pop("strategy", None)
        body["spec"]["serviceName"] = "db"
        await self.cluster.client.create(scheme.STATEFULSETS, body | {"kind": "StatefulSet"})

    async def patch(self, **spec) -> None:
        await self.cluster.client.patch(scheme.STATEFULSETS, "db", {"spec": spec}, "default")

    async def image(self, image: str) -> None:
        await self.patch(template={"spec": {"containers": [{"name": "c", "image": image}]}})

    async def images(self) -> dict[str, str]:
        return {
            meta.name(pod): pod["spec"]["containers"][0]["image"]
            for pod in await self.cluster.pods("app=db")
        }

    async def names_are(self, *names: str) -> None:
        async def check():
            return sorted(await self.images()) == sorted(names)

        await self.cluster.eventually(check)

    async def status(self):
        found = await self.cluster.client.get(scheme.STATEFULSETS, "db", "default")
        return found.get("status") or {}


@pytest.fixture
async def store(cluster, nodes, make) -> Store:
    for name in nodes.names:
        await cluster.add_node(name)
    return Store(cluster, nodes, make)


async def test_pods_have_numbers_host_names_and_a_subdomain(store) -> None:
    await store.create()
    await store.names_are("db-0", "db-1", "db-2")
    pod = await store.cluster.client.get(scheme.PODS, "db-1", "default")
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")
    assert meta.labels(pod)["apps.kubernetes.io/pod-index"] == "1"


async def test_each_waits_for_the_one_before(store) -> None:
    store.nodes.broken_images.add("busybox")
    await store.create()
    await store.cluster.settle()
    assert sorted(await store.images()) == ["db-0"]


async def test_scaling_is_in_order_and_halts_while_one_is_ill(store) -> None:
    """One at a time, up and down; pods that are not ready stop both."""
    seen: list[tuple[str, bool]] = []
    mirror = informer.Informer(store.cluster.client, scheme.PODS, lambda pod: pod)

    def note(key: str, old: object, new: Any) -> None:
        if old is None or new is None:
            seen.append((key.removeprefix("default/"), new is not None))

    mirror.add_handler(note)
    following = asyncio.create_task(mirror.run())

    async def ready(names: list[str], value: str) -> None:
        change = {"status": {"conditions": [{"type": "Ready", "status": value}]}}
        for name in reversed(names):
            await store.cluster.client.patch(
                scheme.PODS, name, change, "default", subresource="status"
            )

    await store.create(1)
    await store.cluster.settle()
    for replicas, before, after in (
        (3, ["db-0"], ["db-0", "db-1", "db-2"]),
        (0, ["db-0", "db-1", "db-2"], []),
    ):
        await ready(before, "False")
        await store.cluster.settle()
        await store.patch(replicas=replicas)
        await store.cluster.settle(10)
        assert sorted(await store.images()) == before
        await ready(before, "True")
        await store.names_are(*after)
    following.cancel()
    names = ["db-0", "db-1", "db-2"]
    assert seen == [(n, True) for n in names] + [(n, False) for n in reversed(names)]


@pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
async def test_a_failed_pod_is_made_anew(store, policy) -> None:
    await store.create(1, podManagementPolicy=policy)
    await store.names_are("db-0")
    await store.cluster.settle()
    before = await store.cluster.client.get(scheme.PODS, "db-0", "default")
    failed = {"status": {"phase": "Failed", "reason": "Evicted"}}
    await store.cluster.client.patch(scheme.PODS, "db-0", failed, "default", subresource="status")
    await store.cluster.settle()
    after = await store.cluster.client.get(scheme.PODS, "db-0", "default")
    assert meta.uid(after) != meta.uid(before)
    assert after["status"]["phase"] == "Running"


async def test_in_parallel_nobody_waits(store) -> None:
    store.nodes.broken_images.add("busybox")
    await store.create(podManagementPolicy="Parallel")
    await store.names_are("db-0", "db-1", "db-2")
    await store.patch(replicas=4)
    await store.names_are("db-0", "db-1", "db-2", "db-3")
    await store.patch(replicas=0)
    await store.names_are()


async def test_scaling_down_takes_the_highest(store) -> None:
    await store.create()
    await store.names_are("db-0", "db-1", "db-2")
    await store.cluster.settle()
    await store.patch(replicas=1)
    await store.names_are("db-0")


async def test_a_deleted_pod_comes_back_under_its_name(store) -> None:
    await store.create()
    await store.names_are("db-0", "db-1", "db-2")
    await store.cluster.settle()
    before = await store.cluster.client.get(scheme.PODS, "db-1", "default")
    await store.cluster.client.delete(scheme.PODS, "db-1", "default")
    await store.cluster.settle()
    after = await store.cluster.client.get(scheme.PODS, "db-1", "default")
    assert meta.uid(after) != meta.uid(before)


async def test_an_update_goes_down_from_the_highest_one_at_a_time(store) -> None:
    await store.create()
    await store.names_are("db-0", "db-1", "db-2")
    await store.cluster.settle()
    order: list[str] = []
    at_once: list[int] = []
    mirror = informer.Informer(store.cluster.client, scheme.PODS, lambda pod: pod)

    def note(key: str, old: object, new: Any) -> None:
        at_once.append(len(mirror))
        if old is None and new["spec"]["containers"][0]["image"] == "new":
            order.append(key)

    mirror.add_handler(note)
    following = asyncio.create_task(mirror.run())
    await mirror.synced()
    at_once.clear()
    await store.image("new")
    await store.cluster.settle()
    following.cancel()
    assert order == ["default/db-2", "default/db-1", "default/db-0"]
    assert min(at_once) == 2
    await store.cluster.settle()
    status = await store.status()
    assert status["currentRevision"] == status["updateRevision"]
    assert (status["updatedReplicas"], status["readyReplicas"]) == (3, 3)


async def test_going_back_takes_up_the_old_revision(store) -> None:
    await store.create()
    await store.cluster.settle()
    first = (await store.status())["updateRevision"]
    await store.image("new")
    await store.cluster.settle(10)
    assert set((await store.images()).values()) == {"new"}
    second = (await store.status())["updateRevision"]
    await store.image("busybox")
    await store.cluster.settle(10)
    assert set((await store.images()).values()) == {"busybox"}
    status = await store.status()
    assert (status["currentRevision"], status["updateRevision"]) == (first, first)
    found = await store.cluster.client.list(scheme.CONTROLLERREVISIONS, "default")
    assert {meta.name(one): one["revision"] for one in found["items"]} == {first: 3, second: 2}


async def test_below_the_partition_the_old_template_stays(store) -> None:
    await store.create(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})
    await store.names_are("db-0", "db-1", "db-2")
    await store.cluster.settle()
    await store.image("new")
    await store.cluster.settle()
    wanted = {"db-0": "busybox", "db-1": "busybox", "db-2": "new"}
    assert await store.images() == wanted
    for name in ("db-0", "db-2"):
        await store.cluster.client.delete(scheme.PODS, name, "default")
        await store.cluster.settle()
        assert await store.images() == wanted
    for partition, old in ((1, ["db-0"]), (0, [])):
        strategy = {"rollingUpdate": {"partition": partition}}
        await store.patch(updateStrategy=strategy)
        await store.cluster.settle()
        assert [name for name, image in (await store.images()).items() if image != "new"] == old


async def test_claims_are_made_and_outlive_their_pods(store) -> None:
    container = {
        "name": "c",
        "image": "x",
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    template = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [container]}}
    await store.create(2, volumeClaimTemplates=[CLAIM], template=template)
    await store.names_are("db-0", "db-1")
    await store.patch(replicas=1)
    await store.names_are("db-0")
    found = await store.cluster.client.list(scheme.PERSISTENTVOLUMECLAIMS, "default")
    assert sorted(map(meta.name, found["items"])) == ["data-db-0", "data-db-1"]
    pod = await store.cluster.client.get(scheme.PODS, "db-0", "default")
    volume = next(one for one in pod["spec"]["volumes"] if one["name"] == "data")
    assert volume["persistentVolumeClaim"]["claimName"] == "data-db-0"


@pytest.mark.parametrize(
    ("policy", "after_scale", "after_delete"),
    [
        ({"whenDeleted": "Retain", "whenScaled": "Retain"}, {"0", "1"}, {"0", "1"}),
        ({"whenDeleted": "Retain", "whenScaled": "Delete"}, {"0"}, {"0"}),
        ({"whenDeleted": "Delete", "whenScaled": "Retain"}, {"0", "1"}, set()),
    ],
)
async def test_what_becomes_of_claims(store, policy, after_scale, after_delete) -> None:
    async def numbers() -> set[str]:
        found = await store.cluster.client.list(scheme.PERSISTENTVOLUMECLAIMS, "default")
        return {meta.name(one).rpartition("-")[2] for one in found["items"]}

    await store.create(2, volumeClaimTemplates=[CLAIM], persistentVolumeClaimRetentionPolicy=policy)
    await store.names_are("db-0", "db-1")
    await store.patch(replicas=1)
    await store.names_are("db-0")
    await store.cluster.settle(10)
    assert await numbers() == after_scale
    await store.cluster.client.delete(scheme.STATEFULSETS, "db", "default")
    await store.cluster.settle(10)
    assert await numbers() == after_delete


async def test_a_broken_update_stops_at_the_first(store) -> None:
    await store.create()
    await store.names_are("db-0", "db-1", "db-2")
    await store.cluster.settle()
    store.nodes.broken_images.add("broken")
    await store.image("broken")
    await store.cluster.settle(20)
    assert await store.images() == {"db-0": "busybox", "db-1": "busybox", "db-2": "broken"}


async def test_claims_follow_a_changed_policy(store) -> None:
    async def owners() -> list[list[str]]:
        found = await store.cluster.client.list(scheme.PERSISTENTVOLUMECLAIMS, "default")
        return [[one["kind"] for one in meta.owner_references(claim)] for claim in found["items"]]

    await store.create(2, volumeClaimTemplates=[CLAIM])
    await store.names_are("db-0", "db-1")
    for policy, expected in [("Delete", ["StatefulSet"]), ("Retain", [])]:
        await store.patch(persistentVolumeClaimRetentionPolicy={"whenDeleted": policy})
        await store.cluster.settle()
        assert await owners() == [expected, expected]


async def test_pods_are_adopted_and_let_go(store) -> None:
    await store.create(1)
    await store.names_are("db-0")

    async def change(**metadata) -> list[str]:
        await store.cluster.client.patch(scheme.PODS, "db-0", {"metadata": metadata}, "default")
        await store.cluster.settle()
        found = await store.cluster.client.get(scheme.PODS, "db-0", "default")
        return [one["kind"] for one in meta.owner_references(found)]

    assert await change(ownerReferences=None) == ["StatefulSet"]
    assert await change(labels={"app": "other"}) == []
    assert await change(labels={"app": "db"}) == ["StatefulSet"]
