"""A kopf operator whose custom resource runs a framework job.

    OFFERS=http://127.0.0.1:5050 kopf run -A batchjob.py

Each BatchJob is a framework of its own, whose id is the resource's uid. What is done is written
into the status before the master hears that we know. After a crash the operator asks what became
of all the rest, launches again what nobody knows of, and goes on.
"""

import asyncio
import os
from typing import Any

import aiohttp
import kopf
from kubernetes import client, config

from bireme.framework import Offer, Offers, Scheduler, Subscribed, Task, Update

KIND = ("samples.bireme.dev", "v1", "batchjobs")
OFFERS = os.environ.get("OFFERS", "http://127.0.0.1:5050")


@kopf.on.startup()
def configure(**_: Any) -> None:
    config.load_config()  # type: ignore[no-untyped-call]  # has no types


@kopf.daemon(*KIND, cancellation_timeout=10)
async def run(
    spec: kopf.Spec, status: kopf.Status, uid: str, name: str, namespace: str | None, **_: Any
) -> None:
    """Have the tasks run; ends with the last of them, or with the resource."""
    count, done = spec["count"], set(status.get("done", ()))
    free: set[int] = set()
    """Tasks that are not done, and of which the master knows nothing."""
    if status.get("phase") == "Succeeded":
        return
    async with Scheduler(OFFERS, "batchjob", role=spec["role"], framework_id=uid) as scheduler:
        async for event in scheduler.events():
            match event:
                case Subscribed():
                    await tell(name, namespace, phase="Running")
                    await scheduler.reconcile(str(i) for i in range(count) if i not in done)
                case Offers(offers):
                    for offer in offers:
                        numbers = sorted(free)[: room(spec, offer)]
                        free.difference_update(numbers)
                        tasks = [task(spec, number) for number in numbers]
                        await scheduler.accept(offer, tasks, refuse_seconds=1)
                case Update(update) if update.over:
                    number = int(update.task_id)
                    if not update.ok:  # it failed, or the master has never heard of it
                        free.add(number)
                        continue
                    done.add(number)
                    await tell(name, namespace, done=sorted(done), succeeded=len(done))
            if len(done) == count:
                await tell(name, namespace, phase="Succeeded")
                await scheduler.teardown()
                return


@kopf.on.delete(*KIND)
async def end(uid: str, **_: Any) -> None:
    """Have the tasks end that still run."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{OFFERS}/master/teardown", data={"frameworkId": uid}) as answer,
    ):
        if answer.status not in (200, 400):  # 400: it is done, and gone already
            raise kopf.TemporaryError(await answer.text(), delay=5)


async def tell(name: str, namespace: str | None, **status: Any) -> None:
    """Write into the status at once: what a daemon leaves to kopf is written at its end."""
    api, (group, version, plural) = client.CustomObjectsApi(), KIND
    await asyncio.to_thread(
        api.patch_namespaced_custom_object_status,
        group, version, str(namespace), plural, name, {"status": status},
    )  # fmt: skip


def task(spec: kopf.Spec, number: int) -> Task:
    return Task(
        str(number),
        spec["command"],
        cpus=spec["cpus"],
        mem=spec["mem"],
        image=spec["image"],
        env={"TASK": str(number)},
    )


def room(spec: kopf.Spec, offer: Offer) -> int:
    """How many tasks an offer has room for."""
    return int(min(offer.cpus / spec["cpus"], offer.mem / spec["mem"]))
