"""Garbage is collected, in the background, in the foreground, or orphaned; nothing else is."""

import time

import pytest

from apimachinery import meta, scheme, status

pytestmark = pytest.mark.looptime(start=time.monotonic)


def config(name, *owners, **more):
    metadata = {"name": name, "namespace": "default"} | more
    if owners:
        metadata["ownerReferences"] = [reference(one) for one in owners]
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def reference(owner, **more):
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta.name(owner),
        "uid": meta.uid(owner),
        "blockOwnerDeletion": True,
    } | more


@pytest.fixture
def create(cluster):
    async def create(name, *owners, **more):
        return await cluster.client.create(scheme.CONFIGMAPS, config(name, *owners, **more))

    return create


async def delete(cluster, name, propagation="Background"):
    await cluster.client.delete(scheme.CONFIGMAPS, name, "default", propagation=propagation)


async def test_dependents_follow_in_the_background(cluster, create) -> None:
    owner = await create("owner")
    child = await create("child", owner)
    await create("grandchild", child)
    await delete(cluster, "owner")
    await cluster.gone(scheme.CONFIGMAPS, "grandchild")
    await cluster.gone(scheme.CONFIGMAPS, "child")


async def test_an_object_lives_while_one_owner_lasts(cluster, create) -> None:
    first, second = await create("first"), await create("second")
    await create("child", first, second)
    await delete(cluster, "first")
    await cluster.settle()
    child = await cluster.client.get(scheme.CONFIGMAPS, "child", "default")
    assert [one["name"] for one in meta.owner_references(child)] == ["second"]


async def test_foreground_waits_for_blocking_dependents(cluster, create) -> None:
    owner = await create("owner")
    child = await create("child", owner, finalizers=["example.com/hold"])
    await delete(cluster, "owner", "Foreground")
    await cluster.settle()
    held = await cluster.client.get(scheme.CONFIGMAPS, "owner", "default")
    assert meta.finalizers(held) == ["foregroundDeletion"]
    await cluster.client.patch(
        scheme.CONFIGMAPS, meta.name(child), {"metadata": {"finalizers": None}}, "default"
    )
    await cluster.gone(scheme.CONFIGMAPS, "owner")
    await cluster.gone(scheme.CONFIGMAPS, "child")


async def test_foreground_does_not_wait_for_others(cluster, create) -> None:
    owner = await create("owner")
    child = config("child", finalizers=["example.com/hold"])
    child["metadata"]["ownerReferences"] = [reference(owner, blockOwnerDeletion=False)]
    await cluster.client.create(scheme.CONFIGMAPS, child)
    await delete(cluster, "owner", "Foreground")
    await cluster.gone(scheme.CONFIGMAPS, "owner")
    assert await cluster.exists(scheme.CONFIGMAPS, "child")


async def test_foreground_goes_through_generations(cluster, create) -> None:
    owner = await create("owner")
    child = await create("child", owner)
    await create("grandchild", child)
    await delete(cluster, "owner", "Foreground")
    for name in ("grandchild", "child", "owner"):
        await cluster.gone(scheme.CONFIGMAPS, name)


async def test_foreground_ends_in_a_circle_of_owners(cluster, create) -> None:
    first = await create("first")
    second = await create("second", first)
    patch = {"metadata": {"ownerReferences": [reference(second)]}}
    await cluster.client.patch(scheme.CONFIGMAPS, "first", patch, "default")
    await cluster.settle()
    await delete(cluster, "first", "Foreground")
    await cluster.gone(scheme.CONFIGMAPS, "first")
    await cluster.gone(scheme.CONFIGMAPS, "second")


async def test_orphans_stay_and_forget(cluster, create) -> None:
    owner = await create("owner")
    await create("child", owner)
    await delete(cluster, "owner", "Orphan")
    await cluster.gone(scheme.CONFIGMAPS, "owner")
    await cluster.settle()
    child = await cluster.client.get(scheme.CONFIGMAPS, "child", "default")
    assert meta.owner_references(child) == []


async def test_an_owner_that_never_was_counts_as_gone(cluster, create) -> None:
    ghost = config("ghost") | {"metadata": {"name": "ghost", "uid": "no-such-uid"}}
    await create("child", ghost)
    await cluster.gone(scheme.CONFIGMAPS, "child")


async def test_a_namesake_of_the_owner_is_not_the_owner(cluster, create) -> None:
    owner = await create("owner")
    await create("child", owner)
    await delete(cluster, "owner", "Background")
    await create("owner")
    await cluster.gone(scheme.CONFIGMAPS, "child")
    assert await cluster.exists(scheme.CONFIGMAPS, "owner")


async def test_an_owner_of_an_unknown_kind_keeps_its_dependents(cluster, create) -> None:
    stranger = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}}
    stranger["metadata"]["uid"] = "some-uid"
    await create("child", stranger)
    await cluster.settle(120)
    assert await cluster.exists(scheme.CONFIGMAPS, "child")


async def test_owners_are_found_after_a_restart(bare, options) -> None:
    """Owner deleted while no collector ran."""
    import asyncio
    import contextlib

    from apimachinery.aio import tasks
    from controllers import manager

    owner = await bare.client.create(scheme.CONFIGMAPS, config("owner"))
    await bare.client.create(scheme.CONFIGMAPS, config("child", owner))
    await delete(bare, "owner")
    control = manager.ControllerManager(bare.client, clock=bare.time, options=bare.own(options))
    task = asyncio.create_task(control.run())
    await bare.gone(scheme.CONFIGMAPS, "child")
    with contextlib.suppress(asyncio.CancelledError):
        await tasks.stop(task)


async def test_many_dependents_go_quickly(cluster, create) -> None:
    owner = await create("owner")
    for number in range(200):
        await create(f"child-{number}", owner)
    await delete(cluster, "owner")

    async def empty():
        found = await cluster.client.list(scheme.CONFIGMAPS, "default")
        return not [one for one in found["items"] if meta.name(one).startswith("child")]

    await cluster.eventually(empty, seconds=5)


async def test_deleting_with_stale_uid_is_refused(cluster, create) -> None:
    await create("one")
    with pytest.raises(status.Conflict):
        await cluster.client.delete(
            scheme.CONFIGMAPS, "one", "default", preconditions={"uid": "other"}
        )
