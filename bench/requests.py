"""CPU of the server for each request over TLS, with controllers and scheduler running.

16 keep-alive connections, SQLite with full durability, pods that nobody schedules. The CPU is
that of the whole server process: front, handlers, store, watch cache and the informers that
follow. Kubernetes 1.36 spends on the same machine: create 3.3 ms, get 1.0, patch 5, server-side
apply 5.6, delete 5, a list of 2,000 pods 150.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import orjson

from apimachinery.client import kubeconfig
from bench import report
from bench.cluster import Cluster, cpu_seconds, resident_mb
from bench.report import Row

PODS = 2000
WARM = 300
"""Requests that nobody counts: models, validators and plans are made at first use."""
CLIENTS = 16
LISTS = 20
OTHER_STORES = ("etcd", "memory")
"""SQLite is what `bireme up` takes by itself."""

JSON = {"content-type": "application/json"}
STRATEGIC = {"content-type": "application/strategic-merge-patch+json"}
APPLY = {"content-type": "application/apply-patch+yaml"}
TABLE = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}

Answer = Callable[[int], Awaitable[aiohttp.ClientResponse]]


def pod(name: str, scheduler: str = "none") -> dict[str, Any]:
    container = {
        "name": "c",
        "image": "busybox",
        "command": ["sleep", "1"],
        "env": [{"name": "A", "value": "b"}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}},
        "ports": [{"containerPort": 80, "name": "http"}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "x", "name": name}},
        "spec": {"schedulerName": scheduler, "containers": [container]},
    }


class Bench:
    """One session and the server that it talks to."""

    def __init__(self, cluster: Cluster, session: aiohttp.ClientSession, server: str) -> None:
        self.rows: list[Row] = []
        self._pid = cluster.pid()
        self._session = session
        self.pods = f"{server}/api/v1/namespaces/default/pods"

    async def ask(self, method: str, url: str, body: Any = None, headers: Any = None) -> Any:
        data = None if body is None else orjson.dumps(body)
        return await self._session.request(method, url, data=data, headers=headers)

    async def measure(
        self, what: str, answer: Answer, count: int = PODS, *, goal: float, scale: float = 1e6
    ) -> None:
        """CPU of each of so many requests, CLIENTS at a time."""
        limit = asyncio.Semaphore(CLIENTS)

        async def one(number: int) -> None:
            async with limit, await answer(number) as response:
                body = await response.read()
                assert response.status < 300, f"{what}: {response.status} {body[:300]!r}"

        before = cpu_seconds(self._pid)
        await asyncio.gather(*(one(number) for number in range(count)))
        spent = (cpu_seconds(self._pid) - before) / count * scale
        self.rows.append(Row("requests", what, spent, "µs" if scale == 1e6 else "ms", goal))

    def create(self, number: int) -> Awaitable[Any]:
        return self.ask("POST", self.pods, pod(f"p{number}"), JSON)

    def label(self, number: int) -> Awaitable[Any]:
        change = {"metadata": {"labels": {"z": str(number)}}}
        return self.ask("PATCH", f"{self.pods}/p{number}", change, STRATEGIC)

    async def writes(self, store: str) -> None:
        """What another store makes of writes: the store's own process is counted apart."""
        await self._warm()
        await self.measure(f"create a pod, {store}", self.create, goal=410)
        await self.measure(f"strategic patch of a label, {store}", self.label, goal=620)

    async def run(self) -> None:
        pods = self.pods

        def state(number: int) -> Awaitable[Any]:
            ready = {"type": "Ready", "status": "True"}
            change = {"status": {"phase": "Running", "conditions": [ready]}}
            return self.ask("PATCH", f"{pods}/p{number}/status", change, STRATEGIC)

        def apply(number: int) -> Awaitable[Any]:
            wanted = pod(f"p{number}")
            wanted["metadata"]["labels"]["applied"] = "yes"
            return self.ask(
                "PATCH", f"{pods}/p{number}?fieldManager=bench&force=true", wanted, APPLY
            )

        await self._warm()
        await self.measure("create a pod", self.create, goal=410)
        await self.measure("get a pod", lambda n: self.ask("GET", f"{pods}/p{n}"), goal=100)
        await self.measure("strategic patch of a label", self.label, goal=620)
        await self.measure("strategic patch of a status", state, goal=620)
        await self.measure("server-side apply of a pod", apply, goal=700)
        everything = f"list of {PODS + WARM} pods"
        await self.measure(everything, lambda _: self.ask("GET", pods), LISTS, goal=12, scale=1e3)
        await self.measure(
            f"{everything} as Table",
            lambda _: self.ask("GET", pods, headers=TABLE),
            LISTS,
            goal=50,
            scale=1e3,
        )
        full = resident_mb(self._pid)
        await self.measure("delete a pod", lambda n: self.ask("DELETE", f"{pods}/p{n}"), goal=620)
        self.rows.append(Row("requests", f"server's memory with {PODS + WARM} pods", full, "MB"))
        left = resident_mb(self._pid)
        self.rows.append(Row("requests", f"server's memory, {PODS} deleted again", left, "MB"))

    async def _warm(self) -> None:
        for number in range(WARM):
            async with await self.ask("POST", self.pods, pod(f"warm{number}"), JSON):
                pass
        change = {"metadata": {"labels": {"warm": "yes"}}}
        for number in range(WARM):
            url = f"{self.pods}/warm{number}"
            async with await self.ask("PATCH", url, change, STRATEGIC):
                pass
            async with await self.ask(
                "PATCH", f"{url}?fieldManager=bench&force=true", pod(f"warm{number}"), APPLY
            ):
                pass


async def _measure(cluster: Cluster, other_store: str = "") -> list[Row]:
    config = kubeconfig.load(cluster.kubeconfig)
    connector = aiohttp.TCPConnector(ssl=config.ssl_context(), limit=CLIENTS)
    async with aiohttp.ClientSession(connector=connector) as session:
        bench = Bench(cluster, session, config.server)
        await (bench.writes(other_store) if other_store else bench.run())
        return bench.rows


def measure() -> list[Row]:
    with Cluster() as cluster:
        rows = asyncio.run(_measure(cluster))
    for store in OTHER_STORES:
        with Cluster(store=store) as cluster:
            began = cpu_seconds(cluster.pid("etcd")) if store == "etcd" else 0.0
            rows += asyncio.run(_measure(cluster, store))
            if store == "etcd":
                # What `Bench.writes` asks for, and what it warms up with.
                spent = (cpu_seconds(cluster.pid("etcd")) - began) / (2 * PODS + 3 * WARM) * 1e6
                rows.append(Row("requests", "a write, etcd's own process", spent, "µs"))
    return rows


if __name__ == "__main__":
    report.main(measure, __doc__)
