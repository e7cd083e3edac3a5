"""Whose word counts: Events name their controller, and a manager that was deposed writes nothing."""

import asyncio
import contextlib
import time

import pytest

from apimachinery import scheme
from apimachinery.aio import tasks
from apimachinery.client import leader
from controllers import manager

pytestmark = pytest.mark.looptime(start=time.monotonic)

LEASE = "test-controllers"


async def test_events_come_from_the_controller_that_tells_them(cluster, make) -> None:
    await cluster.client.create(scheme.DEPLOYMENTS, make.deployment(1))
    await cluster.settle()
    found = await cluster.client.list(scheme.EVENTS, "default")
    told = {one["involvedObject"]["kind"]: one["source"]["component"] for one in found["items"]}
    assert told == {"Deployment": "deployment-controller", "ReplicaSet": "replicaset-controller"}


async def test_a_deposed_manager_changes_nothing(bare, make) -> None:
    # It never hears that its term is over.
    patient = leader.Timing(duration=1e7, renew_deadline=1e6, retry=1e5)
    elector = leader.LeaderElector(
        bare.client,
        namespace="kube-system",
        name=LEASE,
        identity="first",
        clock=bare.time,
        timing=patient,
    )
    control = manager.ControllerManager(bare.client, clock=bare.time, elector=elector)
    task = asyncio.create_task(control.run())
    await control.ready.wait()
    await bare.client.create(scheme.REPLICASETS, make.replicaset(1, name="before"))
    await bare.pods_are(1)
    taken = {"spec": {"holderIdentity": "second", "leaseTransitions": 1}}
    await bare.client.patch(scheme.LEASES, LEASE, taken, "kube-system")
    await bare.client.create(scheme.REPLICASETS, make.replicaset(1, name="after"))
    await bare.settle(60)
    assert len(await bare.pods()) == 1
    with contextlib.suppress(asyncio.CancelledError):
        await tasks.stop(task)
