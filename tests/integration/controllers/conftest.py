"""A control plane in one process and in virtual time: API server on memory, all controllers, and
a stand-in for scheduler and nodes that makes every pod run and ready."""

import asyncio
import contextlib
import dataclasses
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from apimachinery import meta, scheme, status, wire
from apimachinery.aio import clock, tasks
from apimachinery.client import informer, rest, transport
from apiserver.access.authz import ClusterAuthorizer
from apiserver.attributes import Attributes, Decision
from apiserver.cache import WatchCache
from apiserver.options import Options
from apiserver.server import ApiServer
from apiserver.storage.memory import MemoryStore
from apiserver.upkeep import rbac_defaults
from controllers import accounts, manager, views

ADMIN = wire.UserInfo("admin", groups=("system:masters",))
ACCOUNTS = "system:serviceaccount:kube-system:"


class Cluster:
    """What tests talk to."""

    def __init__(self, server: ApiServer, time: clock.Clock) -> None:
        self.server = server
        self.client = self.as_user(ADMIN)
        self.time = time

    def as_user(self, user: wire.UserInfo) -> rest.Client:
        return rest.Client(transport.DirectTransport(self.server.handle, user))

    def own(self, options: manager.Options) -> manager.Options:
        """The options, with a client of its own for each controller's account."""
        return dataclasses.replace(
            options, client_of=lambda account: self.as_user(accounts.user(account))
        )

    async def eventually(self, check: Callable[[], Awaitable[Any]], seconds: float = 30) -> Any:
        """The first true answer of `check`, looked for in virtual time."""
        end = self.time.monotonic() + seconds
        while True:
            answer = await check()
            if answer:
                return answer
            assert self.time.monotonic() < end, f"still not so after {seconds} s: {check}"
            await asyncio.sleep(0.02)

    async def settle(self, seconds: float = 2) -> None:
        """Let everything that is under way come to rest."""
        await asyncio.sleep(seconds)

    async def exists(self, resource: Any, name: str, namespace: str = "default") -> bool:
        try:
            await self.client.get(resource, name, namespace)
        except status.NotFound:
            return False
        return True

    async def gone(self, resource: Any, name: str, namespace: str = "default") -> None:
        async def check() -> bool:
            return not await self.exists(resource, name, namespace)

        await self.eventually(check)

    async def pods(self, selector: str = "", namespace: str = "default") -> list[wire.JsonObject]:
        found = await self.client.list(scheme.PODS, namespace, label_selector=selector)
        return [pod for pod in found["items"] if not meta.is_deleting(pod)]

    async def pods_are(self, count: int, selector: str = "", seconds: float = 30) -> list[Any]:
        async def check() -> list[Any] | None:
            found = await self.pods(selector)
            return [found] if len(found) == count else None

        return (await self.eventually(check, seconds))[0]

    async def add_node(self, name: str, labels: dict[str, str] | None = None) -> None:
        stamp = meta.format_time(self.time.now())
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": labels or {}},
        }
        await self.client.create(scheme.NODES, node)
        condition = {"type": "Ready", "status": "True", "lastHeartbeatTime": stamp}
        patch = {"status": {"conditions": [condition]}}
        await self.client.patch(scheme.NODES, name, patch, subresource="status")


def template(image: str = "busybox", app: str = "web") -> wire.JsonObject:
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }


def deployment(replicas: int = 3, name: str = "web", **spec: Any) -> wire.JsonObject:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(app=name),
            **spec,
        },
    }


def replicaset(replicas: int = 3, name: str = "web", **spec: Any) -> wire.JsonObject:
    return deployment(replicas, name, **spec) | {"kind": "ReplicaSet"}


class Nodes:
    """Binds pods to nodes in turn and reports them ready; ends those that are to go."""

    def __init__(self, client: rest.Client, time: clock.Clock) -> None:
        self._client = client
        self._time = time
        self._pods = informer.Informer(client, scheme.PODS, lambda pod: pod)
        self._pods.add_handler(self._changed)
        self._todo: asyncio.Queue[str] = asyncio.Queue()
        self._addresses = itertools.count(1)
        self.names = ["n1", "n2", "n3"]
        self.broken_images: set[str] = set()
        """Pods with such an image never become ready."""
        self.silent: set[str] = set()
        """Nodes that are off."""

    def _changed(self, key: str, old: Any, new: Any) -> None:
        del old
        if new is not None:
            self._todo.put_nowait(key)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pods.run())
            group.create_task(self._serve())

    async def _serve(self) -> None:
        turn = itertools.count()
        while True:
            pod = self._pods.get(await self._todo.get())
            if pod is None:
                continue
            try:
                await self._look_after(pod, turn)
            except status.ApiError:
                # Changed under us: it comes again.
                continue

    async def _look_after(self, pod: wire.JsonObject, turn: Any) -> None:
        name, space = meta.name(pod), meta.namespace(pod)
        node = pod["spec"].get("nodeName")
        if node in self.silent:
            return
        if meta.is_deleting(pod):
            await self._client.delete(scheme.PODS, name, space, grace_period=0)
        elif not node:
            chosen = views.pod_of(pod).target or self.names[next(turn) % len(self.names)]
            target = {"kind": "Node", "name": chosen}
            body = {"kind": "Binding", "metadata": {"name": name}, "target": target}
            await self._client.create(scheme.PODS, body, space, subresource="binding", name=name)
        elif (pod.get("status") or {}).get("phase") == "Pending" and not self._is_broken(pod):
            await self._report_ready(name, space)

    def _is_broken(self, pod: wire.JsonObject) -> bool:
        return pod["spec"]["containers"][0]["image"] in self.broken_images

    async def _report_ready(self, name: str, space: str) -> None:
        number = next(self._addresses)
        address = f"10.71.{number // 250}.{number % 250 + 1}"
        stamp = meta.format_time(self._time.now())
        state = {
            "phase": "Running",
            "startTime": stamp,
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": stamp}],
        }
        patch = {"status": state}
        await self._client.patch(scheme.PODS, name, patch, space, subresource="status")


@pytest.fixture
def options() -> manager.Options:
    return manager.Options(root_ca="PEM")


class Witness(ClusterAuthorizer):
    """RBAC that remembers what the controllers were not allowed to do."""

    def __init__(self, cache: WatchCache) -> None:
        super().__init__(cache)
        self.refused: set[tuple[str, str, str]] = set()

    def authorize(self, asked: Attributes) -> Decision:
        decision = super().authorize(asked)
        ours = asked.user == accounts.MANAGER or asked.user.name.startswith(ACCOUNTS)
        if ours and not decision.allowed:
            self.refused.add((asked.user.name, asked.verb, asked.path))
        return decision


@pytest.fixture
async def bare() -> AsyncIterator[Cluster]:
    """Only the API server: no controllers."""
    time = clock.LoopClock()
    settings = Options(advertise_address="10.71.0.1")
    server = ApiServer(MemoryStore(), settings, clock=time, entropy=random.Random(7))
    await server.start()
    await rbac_defaults.ensure(server.core)
    authorizer = server.core.authorizer = Witness(server.core.cache)
    await authorizer.start()
    yield Cluster(server, time)
    await authorizer.stop()
    await server.stop()
    assert not authorizer.refused, "a controller lacks rights: see access/controller_roles.py"


@pytest.fixture
async def cluster(bare: Cluster, options: manager.Options) -> AsyncIterator[Cluster]:
    """API server and controllers, each with its own rights; pods stay pending."""
    client = bare.as_user(accounts.MANAGER)
    control = manager.ControllerManager(client, clock=bare.time, options=bare.own(options))
    task = asyncio.create_task(control.run())
    await control.ready.wait()
    yield bare
    with contextlib.suppress(asyncio.CancelledError):
        await tasks.stop(task)


@pytest.fixture
async def nodes(cluster: Cluster) -> AsyncIterator[Nodes]:
    """Pods run and become ready."""
    found = Nodes(cluster.client, cluster.time)
    task = asyncio.create_task(found.run())
    yield found
    with contextlib.suppress(asyncio.CancelledError):
        await tasks.stop(task)


@pytest.fixture
def make() -> Any:
    """Builders of objects: `make.deployment(…)`, `make.replicaset(…)`, `make.template(…)`."""

    class Make:
        template = staticmethod(template)
        deployment = staticmethod(deployment)
        replicaset = staticmethod(replicaset)

    return Make
