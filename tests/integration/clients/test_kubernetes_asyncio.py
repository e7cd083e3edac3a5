"""The asyncio sibling of the official client, unmodified."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from kubernetes_asyncio import client, config, watch
from kubernetes_asyncio.leaderelection import electionconfig, leaderelection
from kubernetes_asyncio.leaderelection.resourcelock.leaselock import LeaseLock

from bireme.testing import Cluster

from . import widgets

PLACE = (widgets.GROUP, widgets.VERSION, "default", widgets.PLURAL)


@pytest.fixture
async def objects(cluster: Cluster) -> AsyncIterator[client.CustomObjectsApi]:
    made = client.Configuration()
    await config.load_kube_config(str(cluster.kubeconfig), client_configuration=made)
    async with client.ApiClient(made) as api:
        yield client.CustomObjectsApi(api)


async def test_create_get_delete(objects: client.CustomObjectsApi) -> None:
    made = await objects.create_namespaced_custom_object(*PLACE, widgets.widget())
    assert await objects.get_namespaced_custom_object(*PLACE, "a") == made
    gone = await objects.delete_namespaced_custom_object(*PLACE, "a")
    assert gone["status"] == "Success"


async def test_a_watch_sees_what_comes(objects: client.CustomObjectsApi) -> None:
    start = (await objects.list_namespaced_custom_object(*PLACE))["metadata"]["resourceVersion"]
    async with watch.Watch().stream(
        objects.list_namespaced_custom_object, *PLACE, resource_version=start, timeout_seconds=10
    ) as stream:
        await objects.create_namespaced_custom_object(*PLACE, widgets.widget())
        async for event in stream:
            assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "a")
            break


async def test_leader_election_passes_the_lead_on(
    objects: client.CustomObjectsApi, cluster: Cluster
) -> None:
    """The library's own: who lets go of the lease is followed by the one that waits."""
    leads = {name: asyncio.Event() for name in ("one", "two")}

    async def campaign(name: str) -> None:
        async def started() -> None:
            leads[name].set()
            await asyncio.Event().wait()

        async def stopped() -> None:
            return

        lock = LeaseLock("lead", "default", name, objects.api_client)
        settings = electionconfig.Config(
            lock, lease_duration=3, renew_deadline=2, retry_period=1,
            onstarted_leading=started, onstopped_leading=stopped,
        )  # fmt: skip
        await leaderelection.LeaderElection(settings).run()

    async with asyncio.timeout(30):
        first = asyncio.create_task(campaign("one"))
        await leads["one"].wait()
        second = asyncio.create_task(campaign("two"))
        await asyncio.sleep(0)
        assert not leads["two"].is_set()
        first.cancel()
        await leads["two"].wait()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
    assert cluster.kubectl("get", "lease", "lead", "-o", "jsonpath={.spec.holderIdentity}") == "two"
    cluster.kubectl("delete", "lease", "lead")
