"""A leader that was deposed can write nothing more, whatever it still believes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from apimachinery import scheme, status
from apimachinery.client.rest import Client
from apimachinery.client.transport import DirectTransport
from apiserver.server import ApiServer
from apiserver.storage.interface import Guard
from apiserver.storage.memory import MemoryStore
from tests.integration.scheduler.cluster import ADMIN, Cluster

LEASE = "bireme-scheduling"


def client_of(server: ApiServer) -> Client:
    return Client(DirectTransport(server.handle, ADMIN))


async def term(client: Client, epoch: int) -> None:
    """Somebody holds the lease, for the epoch-th time."""
    spec = {"holderIdentity": f"h{epoch}", "leaseTransitions": epoch}
    lease = {"metadata": {"name": LEASE, "namespace": "kube-system"}, "spec": spec}
    try:
        await client.create(scheme.LEASES, lease)
    except status.AlreadyExists:
        await client.patch(scheme.LEASES, LEASE, {"spec": spec}, "kube-system")


async def renew(client: Client) -> None:
    now = {"spec": {"renewTime": "2026-01-01T00:00:00.000000Z", "acquireTime": None}}
    await client.patch(scheme.LEASES, LEASE, now, "kube-system")


def binding(name: str, node: str) -> dict[str, Any]:
    target = {"apiVersion": "v1", "kind": "Node", "name": node}
    return {"metadata": {"name": name, "namespace": "default"}, "target": target}


async def bind(client: Client, name: str) -> None:
    body = binding(name, "a")
    await client.create(scheme.PODS, body, "default", subresource="binding", name=name)


def pod(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


async def test_every_kind_of_write_is_fenced(server: ApiServer) -> None:
    client = client_of(server)
    await term(client, 3)
    leader = client.fenced("kube-system", LEASE, 3)
    for name in ("one", "two", "three"):
        await leader.create(scheme.PODS, pod(name), "default")
    await bind(leader, "one")
    await renew(client)
    await bind(leader, "two")
    await term(client, 4)
    told = r"term 3 of lease kube-system/bireme-scheduling is over: term 4 has begun"
    changed = await client.get(scheme.PODS, "three", "default")
    changed["metadata"]["labels"] = {"a": "b"}
    writes: list[Awaitable[Any]] = [
        bind(leader, "three"),
        leader.create(scheme.PODS, pod("four"), "default"),
        leader.patch(scheme.PODS, "three", {"metadata": {"labels": {"a": "b"}}}, "default"),
        leader.update(scheme.PODS, changed),
        leader.delete(scheme.PODS, "three", "default", grace_period=0),
        leader.delete(scheme.PODS, "one", "default"),
    ]
    for write in writes:
        with pytest.raises(status.Conflict, match=told):
            await write
    left = (await client.list(scheme.PODS, "default"))["items"]
    assert sorted(p["metadata"]["name"] for p in left) == ["one", "three", "two"]
    assert not any("deletionTimestamp" in p["metadata"] for p in left)
    assert "nodeName" not in (await client.get(scheme.PODS, "three", "default"))["spec"]
    await bind(client.fenced("kube-system", LEASE, 4), "three")
    assert (await leader.get(scheme.PODS, "three", "default"))["spec"]["nodeName"] == "a"


async def test_a_term_of_no_lease_is_over(server: ApiServer) -> None:
    client = client_of(server)
    await client.create(scheme.PODS, pod("p"), "default")
    with pytest.raises(status.Conflict, match="there is no such lease"):
        await bind(client.fenced("kube-system", "nobody", 0), "p")
    for header in ("x", "a/b", "a/b/c", "a/b/-1", "a/b/1/2", "//1"):
        stranger = client_of(server)
        stranger._write_headers |= {"bireme-fence": header}
        with pytest.raises(status.BadRequest, match="is not namespace/name/epoch"):
            await bind(stranger, "p")


class Interleaved(MemoryStore):
    """Lets something happen after a write was decided upon, before it is done."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[], Awaitable[None]] | None = None

    async def update(
        self,
        key: str,
        value: bytes,
        expected_revision: int,
        *,
        ttl: int = 0,
        guard: Guard | None = None,
    ) -> int:
        if "/pods/" in key and self.before is not None:
            before, self.before = self.before, None
            await before()
        return await super().update(key, value, expected_revision, ttl=ttl, guard=guard)


@pytest.mark.parametrize("deposed", [True, False])
async def test_the_epoch_is_compared_in_the_step_that_writes(deposed: bool) -> None:
    store = Interleaved()
    server = ApiServer(store)
    await server.start()
    try:
        client = client_of(server)
        await term(client, 1)
        await client.create(scheme.PODS, pod("p"), "default")
        store.before = (lambda: term(client, 2)) if deposed else (lambda: renew(client))
        leader = client.fenced("kube-system", LEASE, 1)
        if deposed:
            with pytest.raises(status.Conflict, match="term 2 has begun"):
                await bind(leader, "p")
        else:
            await bind(leader, "p")
        found = await client.get(scheme.PODS, "p", "default")
        assert ("nodeName" in found["spec"]) is not deposed
    finally:
        await server.stop()


async def test_a_deposed_scheduler_binds_nothing_and_its_successor_all(server: ApiServer) -> None:
    """The old one is not stopped, only deposed: it goes on trying, and harms nobody."""
    client = client_of(server)
    await term(client, 1)
    old = Cluster(client.fenced("kube-system", LEASE, 1))
    running = [asyncio.create_task(old.run())]
    try:
        maker = Cluster(client)
        await maker.node("a")
        await maker.pod("before")
        await maker.bound("before")
        await term(client, 2)
        await asyncio.gather(*(maker.pod(f"after{i}") for i in range(5)))
        # The old one tries each of them, and is refused.
        async with asyncio.timeout(30):
            while old.scheduler._queue.next_release() is None:
                await asyncio.sleep(0.01)
        pods = (await client.list(scheme.PODS, "default"))["items"]
        assert [p["metadata"]["name"] for p in pods if "nodeName" in p["spec"]] == ["before"]
        new = Cluster(client.fenced("kube-system", LEASE, 2))
        running.append(asyncio.create_task(new.run()))
        for number in range(5):
            assert await maker.bound(f"after{number}") == "a"
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
