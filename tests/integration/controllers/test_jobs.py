"""Jobs against the API server."""

import asyncio
import time

import pytest

from apimachinery import meta, scheme

pytestmark = pytest.mark.looptime(start=time.monotonic)


class Work:
    """One Job and its pods."""

    def __init__(self, cluster) -> None:
        self.cluster = cluster

    async def create(self, **spec) -> None:
        template = {"spec": {"containers": [{"name": "c", "image": "x"}], "restartPolicy": "Never"}}
        await self.cluster.client.create(
            scheme.JOBS,
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": "work", "namespace": "default"},
                "spec": {"template": template} | spec,
            },
        )
        await self.cluster.settle()

    async def pods(self, *, running: bool = True):
        found = await self.cluster.pods("job-name=work")
        return [
            pod for pod in found if not running or pod["status"]["phase"] in ("Pending", "Running")
        ]

    async def finish(self, pod, phase: str = "Succeeded") -> None:
        await self.cluster.client.patch(
            scheme.PODS,
            meta.name(pod),
            {"status": {"phase": phase}},
            "default",
            subresource="status",
        )
        await self.cluster.settle()

    async def status(self):
        return (await self.cluster.client.get(scheme.JOBS, "work", "default"))["status"]

    async def ended(self) -> set[str]:
        conditions = (await self.status()).get("conditions") or ()
        return {one["type"] for one in conditions if one["status"] == "True"}


@pytest.fixture
def work(cluster) -> Work:
    return Work(cluster)


async def test_runs_to_completion(work) -> None:
    await work.create(completions=3, parallelism=2)
    assert (await work.status())["active"] == 2
    for _ in range(3):
        await work.finish((await work.pods())[0])
    assert await work.ended() == {"SuccessCriteriaMet", "Complete"}
    status = await work.status()
    assert (status["succeeded"], status.get("active", 0)) == (3, 0)
    assert all(not meta.finalizers(pod) for pod in await work.pods(running=False))


async def test_a_failed_pod_is_replaced_after_a_pause_until_the_limit(work) -> None:
    await work.create(backoffLimit=1)
    await work.finish((await work.pods())[0], "Failed")
    assert await work.pods() == []
    await work.cluster.settle(12)
    await work.finish((await work.pods())[0], "Failed")
    await work.cluster.settle(30)
    assert "Failed" in await work.ended()
    assert (await work.status())["failed"] == 2


async def test_a_deleted_job_frees_and_takes_its_pods(work, nodes) -> None:
    await work.create(parallelism=3, completions=3)
    await work.cluster.client.delete(scheme.JOBS, "work", "default", propagation="Background")
    await work.cluster.gone(scheme.JOBS, "work")

    async def empty():
        return not (await work.cluster.client.list(scheme.PODS, "default"))["items"]

    await work.cluster.eventually(empty)


async def test_goes_by_itself_when_its_time_is_over(work) -> None:
    await work.create(ttlSecondsAfterFinished=30)
    await work.finish((await work.pods())[0])
    await work.cluster.settle(20)
    assert await work.cluster.exists(scheme.JOBS, "work")
    await work.cluster.settle(20)
    assert not await work.cluster.exists(scheme.JOBS, "work")


async def test_indexed_pods_have_each_index_once(work) -> None:
    await work.create(completionMode="Indexed", completions=4, parallelism=3)
    for _ in range(4):
        await work.finish((await work.pods())[0])
    status = await work.status()
    assert status["completedIndexes"] == "0-3"
    assert "Complete" in await work.ended()


async def test_a_failed_index_waits_and_the_others_do_not(work) -> None:
    await work.create(
        completionMode="Indexed", completions=2, parallelism=2, backoffLimitPerIndex=2
    )
    first, second = await work.pods()
    await work.finish(first, "Failed")
    await asyncio.sleep(5)
    assert [meta.uid(pod) for pod in await work.pods()] == [meta.uid(second)]
    await asyncio.sleep(5)
    again = next(pod for pod in await work.pods() if meta.uid(pod) != meta.uid(second))
    await work.finish(again, "Failed")
    await asyncio.sleep(15)
    assert len(await work.pods()) == 1
    await asyncio.sleep(5)
    assert len(await work.pods()) == 2


async def test_a_job_of_another_manager_is_left_alone(work) -> None:
    await work.create(managedBy="acme.io/queue")
    assert (await work.pods(), await work.status()) == ([], {})


async def test_a_pod_is_adopted_and_let_go_with_its_finalizer(work) -> None:
    await work.create(completions=2, parallelism=1)
    (pod,) = await work.pods()

    async def change(**metadata) -> None:
        patch = {"metadata": metadata}
        await work.cluster.client.patch(scheme.PODS, meta.name(pod), patch, "default")
        await work.cluster.settle()

    async def read():
        found = await work.cluster.client.get(scheme.PODS, meta.name(pod), "default")
        return [one["kind"] for one in meta.owner_references(found)], meta.finalizers(found)

    tracked = (["Job"], ["batch.kubernetes.io/job-tracking"])
    assert await read() == tracked
    await change(ownerReferences=None, finalizers=None)
    assert await read() == tracked
    await change(labels=dict.fromkeys(meta.labels(pod)))
    assert await read() == ([], [])


async def test_orphans_of_a_deleted_job_lose_its_finalizer(work) -> None:
    await work.create()
    (pod,) = await work.pods()
    await work.cluster.client.delete(scheme.JOBS, "work", "default", propagation="Orphan")
    await work.cluster.gone(scheme.JOBS, "work")
    await work.cluster.settle()
    found = await work.cluster.client.get(scheme.PODS, meta.name(pod), "default")
    assert (meta.owner_references(found), meta.finalizers(found)) == ([], [])


async def test_after_a_suspension_pods_come_back_at_once(work, nodes) -> None:
    await work.create(parallelism=2, completions=2)
    for suspend, expected in ((True, 0), (False, 2)):
        patch = {"spec": {"suspend": suspend}}
        await work.cluster.client.patch(scheme.JOBS, "work", patch, "default")
        await work.cluster.settle()
        assert len(await work.pods()) == expected
