"""A Deployment of 500 pods on 20 hollow nodes: until all are bound, and until all are ready.

Over HTTPS, as kubectl would: the API server, controllers and scheduler in one process, the hollow
nodes (real agents on a runtime that runs nothing) in another. Kubernetes 1.36 binds them in 1.7 s
with its client limits lifted, in 24 s without.
"""

import asyncio
import statistics
import time
from typing import Any

from apimachinery import meta, scheme
from apimachinery.client import kubeconfig
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.client.transport import HttpTransport
from apimachinery.wire import JsonObject
from bench import report
from bench.cluster import Cluster, cpu_seconds
from bench.report import Row

PODS = 500
NODES = 20
ROUNDS = 3
PATIENCE_S = 60.0


def deployment(replicas: int) -> JsonObject:
    labels = {"app": "bench"}
    requests = {"cpu": "100m", "memory": "64Mi"}
    container = {"name": "c", "image": "any", "resources": {"requests": requests}}
    template: Any = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "bench", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": template,
            "strategy": {"type": "Recreate"},
        },
    }


class Counts:
    """How many pods are bound and ready, by watch."""

    def __init__(self, client: Client) -> None:
        self.informer: Informer[tuple[bool, bool]] = Informer(client, scheme.PODS, self._state)
        self.informer.add_handler(self._note)
        self.bound = self.ready = 0
        self.changed = asyncio.Event()

    @staticmethod
    def _state(obj: JsonObject) -> tuple[bool, bool]:
        conditions = (obj.get("status") or {}).get("conditions")
        return bool(obj["spec"].get("nodeName")), meta.condition_is_true(conditions, "Ready")

    def _note(
        self, _key: str, old: tuple[bool, bool] | None, new: tuple[bool, bool] | None
    ) -> None:
        was, now = old or (False, False), new or (False, False)
        self.bound += now[0] - was[0]
        self.ready += now[1] - was[1]
        self.changed.set()

    async def reach(self, what: str, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while getattr(self, what) != count:
                await self.changed.wait()
                self.changed.clear()


async def _round(client: Client, counts: Counts, replicas: int) -> tuple[float, float]:
    began = time.perf_counter()
    await client.create(scheme.DEPLOYMENTS, deployment(replicas))
    await counts.reach("bound", replicas)
    bound = time.perf_counter() - began
    await counts.reach("ready", replicas)
    ready = time.perf_counter() - began
    await client.delete(scheme.DEPLOYMENTS, "bench", "default", grace_period=0)
    await client.delete_collection(scheme.PODS, "default")
    async with asyncio.timeout(PATIENCE_S):
        while len(counts.informer):
            await asyncio.sleep(0.1)
    return bound, ready


async def _measure(cluster: Cluster) -> list[Row]:
    client = Client(HttpTransport(kubeconfig.load(cluster.kubeconfig)))
    counts = Counts(client)
    following = asyncio.create_task(counts.informer.run())
    await counts.informer.synced()
    try:
        await _round(client, counts, NODES)  # numpy, models and plans load at first use
        before = cpu_seconds(cluster.pid())
        times = [await _round(client, counts, PODS) for _ in range(ROUNDS)]
        spent = (cpu_seconds(cluster.pid()) - before) / ROUNDS / PODS
    finally:
        following.cancel()
        await client.close()
    bound, ready = (statistics.median(column) for column in zip(*times, strict=True))
    what = f"{PODS} pods on {NODES} hollow nodes"
    return [
        Row("deployment", f"{what}, all bound", bound, "s", 0.6),
        Row("deployment", f"{what}, all ready", ready, "s"),
        Row("deployment", "control plane's CPU for a pod, life to death", spent * 1e3, "ms"),
    ]


def measure() -> list[Row]:
    with Cluster(nodes=NODES, runtime="fake") as cluster:
        return asyncio.run(_measure(cluster))


if __name__ == "__main__":
    report.main(measure, __doc__)
