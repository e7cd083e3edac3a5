"""CronJobs against the API server, in virtual time."""

import time

import pytest

from apimachinery import meta, scheme

pytestmark = pytest.mark.looptime(start=time.monotonic)

TEMPLATE = {
    "metadata": {"labels": {"of": "tick"}},
    "spec": {
        "template": {
            "spec": {"containers": [{"name": "c", "image": "x"}], "restartPolicy": "Never"}
        }
    },
}


async def create(cluster, **spec) -> None:
    body = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick", "namespace": "default"},
        "spec": {"schedule": "* * * * *", "jobTemplate": TEMPLATE, **spec},
    }
    await cluster.client.create(scheme.CRONJOBS, body)


async def jobs(cluster) -> list:
    found = await cluster.client.list(scheme.JOBS, "default", label_selector="of=tick")
    return [one for one in found["items"] if not meta.is_deleting(one)]


async def succeed(cluster) -> None:
    """Every pod that runs ends well."""
    for pod in await cluster.pods():
        if pod["status"]["phase"] in ("Pending", "Running"):
            change = {"status": {"phase": "Succeeded"}}
            await cluster.client.patch(
                scheme.PODS, meta.name(pod), change, "default", subresource="status"
            )
    await cluster.settle()


async def test_each_minute_one_job_and_three_are_remembered(cluster) -> None:
    await create(cluster)
    names = set()
    for _ in range(6):
        await cluster.settle(60)
        await succeed(cluster)
        names |= {meta.name(one) for one in await jobs(cluster)}
    assert len(names) in (6, 7)  # six minutes and what the pods took to end may touch a seventh
    assert len(await jobs(cluster)) == 3
    status = (await cluster.client.get(scheme.CRONJOBS, "tick", "default"))["status"]
    assert {"lastScheduleTime", "lastSuccessfulTime"} <= set(status)


async def test_forbid_waits_for_the_one_that_runs(cluster) -> None:
    await create(cluster, concurrencyPolicy="Forbid")
    await cluster.settle(300)
    assert len(await jobs(cluster)) == 1
    status = (await cluster.client.get(scheme.CRONJOBS, "tick", "default"))["status"]
    assert len(status["active"]) == 1


async def test_by_default_they_run_side_by_side(cluster) -> None:
    await create(cluster, concurrencyPolicy="Allow")
    await cluster.settle(125)
    names = {meta.name(one) for one in await jobs(cluster)}
    assert len(names) == 2
    status = (await cluster.client.get(scheme.CRONJOBS, "tick", "default"))["status"]
    assert {one["name"] for one in status["active"]} == names


async def test_suspended_it_makes_none_until_it_goes_on(cluster) -> None:
    await create(cluster, suspend=True)
    await cluster.settle(300)
    assert await jobs(cluster) == []
    await cluster.client.patch(scheme.CRONJOBS, "tick", {"spec": {"suspend": False}}, "default")
    await cluster.settle(65)
    assert len(await jobs(cluster)) in (1, 2), "at most one that is made up for"


async def test_replace_ends_the_one_that_runs(cluster) -> None:
    await create(cluster, concurrencyPolicy="Replace")
    await cluster.settle(65)
    (first,) = await jobs(cluster)
    await cluster.settle(60)
    (second,) = await jobs(cluster)
    assert meta.name(first) != meta.name(second)


async def test_deleting_it_takes_its_jobs_and_pods(cluster) -> None:
    await create(cluster)
    await cluster.settle(65)
    assert len(await jobs(cluster)) == 1
    await cluster.client.delete(scheme.CRONJOBS, "tick", "default")
    await cluster.settle(30)
    assert await jobs(cluster) == []
    assert await cluster.pods() == []
