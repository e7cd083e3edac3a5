"""Controllers behind a bad wire: watches are cut, requests and answers get lost. They still get
there, and do no harm on the way. A failure names its seed."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator

import pytest

from apimachinery import meta, scheme, status, wire
from apimachinery.aio import tasks
from apimachinery.client import rest, transport
from controllers import manager
from controllers.nodelifecycle import controller as lifecycle

pytestmark = pytest.mark.looptime(start=time.monotonic)


class BadWire:
    """A transport that loses things, reproducibly."""

    def __init__(self, inner: transport.Transport, seed: int) -> None:
        self._inner = inner
        self._rng = random.Random(seed)
        self.bad = True

    def _unlucky(self, odds: float) -> bool:
        return self.bad and self._rng.random() < odds

    async def request(self, request: wire.Request, *, stream: bool = False) -> wire.Response:
        if self._unlucky(0.05):
            raise transport.Unreachable("the request is lost")
        await asyncio.sleep(self._rng.random() * 0.05)
        response = await self._inner.request(request, stream=stream)
        if stream:
            assert not isinstance(response.body, bytes)
            response.body = self._cut(response.body)
        elif self._unlucky(0.05):
            raise transport.Unreachable("the answer is lost")
        return response

    async def _cut(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async with transport.closing(chunks):
            async for chunk in chunks:
                if self._unlucky(0.1):
                    yield chunk[: len(chunk) // 2]
                    raise transport.Unreachable("the watch is cut")
                await asyncio.sleep(self._rng.random() * 0.05 if self.bad else 0)
                yield chunk

    async def close(self) -> None:
        await self._inner.close()


@contextlib.asynccontextmanager
async def controlled(bare, options, seed: int) -> AsyncIterator[BadWire]:
    inner = transport.DirectTransport(
        bare.server.handle, wire.UserInfo("admin", groups=("system:masters",))
    )
    wire_ = BadWire(inner, seed)
    client = rest.Client(wire_, rng=random.Random(seed))
    control = manager.ControllerManager(client, clock=bare.time, options=options)
    task = asyncio.create_task(control.run())
    await control.ready.wait()
    yield wire_
    with contextlib.suppress(asyncio.CancelledError):
        await tasks.stop(task)


@pytest.fixture
def options() -> manager.Options:
    """Nobody renews Leases here."""
    patient = lifecycle.Timing(grace=1e6, startup_grace=1e6)
    return manager.Options(nodes=patient)


@pytest.fixture
def cluster(bare):
    """The stand-in for the nodes has a good wire."""
    return bare


@pytest.mark.parametrize("seed", range(8))
async def test_a_rollout_gets_there(bare, nodes, options, make, seed: int) -> None:
    async with controlled(bare, options, seed) as bad:
        await bare.client.create(scheme.DEPLOYMENTS, make.deployment(5))
        for name in nodes.names:
            await bare.add_node(name)
        await asyncio.sleep(5)
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "new"}]}}}}
        await bare.client.patch(scheme.DEPLOYMENTS, "web", patch, "default")
        await asyncio.sleep(20)
        bad.bad = False

        async def settled():
            found = await bare.client.get(scheme.DEPLOYMENTS, "web", "default")
            state = found.get("status") or {}
            pods = await bare.pods("app=web")
            return (
                [pod["spec"]["containers"][0]["image"] for pod in pods] == ["new"] * 5
                and state.get("availableReplicas") == 5 == state.get("replicas")
                and state["observedGeneration"] == found["metadata"]["generation"]
            )

        await bare.eventually(settled, seconds=60)
        sets = (await bare.client.list(scheme.REPLICASETS, "default"))["items"]
        assert sorted(one["spec"]["replicas"] for one in sets) == [0, 5]


@pytest.mark.parametrize("seed", range(8))
async def test_only_garbage_is_collected(bare, options, seed: int) -> None:
    """A forest of owners; some trees are cut. What hangs on them goes, all else stays."""
    rng = random.Random(seed)
    async with controlled(bare, options, seed) as bad:
        objects: dict[str, wire.JsonObject] = {}
        for number in range(30):
            owners = rng.sample(sorted(objects), k=min(len(objects), rng.choice([0, 1, 1, 2])))
            name = f"c{number:02}"
            objects[name] = await bare.client.create(
                scheme.CONFIGMAPS, config(name, [objects[one] for one in owners])
            )
        doomed = set(rng.sample(sorted(objects), k=6))
        for name in sorted(doomed):
            policy = rng.choice(["Background", "Foreground"])
            with contextlib.suppress(status.NotFound):
                await bare.client.delete(scheme.CONFIGMAPS, name, "default", propagation=policy)
            await asyncio.sleep(rng.random())
        await asyncio.sleep(20)
        bad.bad = False
        await asyncio.sleep(200)
        left = {
            meta.name(one)
            for one in (await bare.client.list(scheme.CONFIGMAPS, "default"))["items"]
            if meta.name(one) in objects
        }
        assert left == survivors(objects, doomed)


def config(name: str, owners: list[wire.JsonObject]) -> wire.JsonObject:
    references = [
        meta.owner_reference("v1", "ConfigMap", meta.name(one), meta.uid(one), controller=False)
        for one in owners
    ]
    metadata = {"name": name, "namespace": "default", "ownerReferences": references}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def survivors(objects: dict[str, wire.JsonObject], doomed: set[str]) -> set[str]:
    """Owners come before what they own, so one pass tells."""
    alive: set[str] = set()
    for name, obj in objects.items():
        owners = [one["name"] for one in meta.owner_references(obj)]
        if name not in doomed and (not owners or alive.intersection(owners)):
            alive.add(name)
    return alive
