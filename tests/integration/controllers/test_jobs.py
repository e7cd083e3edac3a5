"""Jobs against the API server."""

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
