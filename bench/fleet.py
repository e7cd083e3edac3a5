"""A large fleet on one machine: 5,000 hollow nodes, 150,000 pods, and what its API's users see.

    python -m bench.fleet [--json] [--nodes 5000] [--pods 150000] [--fill-seconds 240]

Everything is real but the containers: the whole control plane on SQLite, one process of hollow
agents (leases, statuses, a worker for each pod), TLS between them. Pods come bound, as after a
restore, for at most the given time, so the whole takes no more than six minutes; then Deployments
come and go through controllers and scheduler. All the while a client in a process of its own asks
for objects and changes them. The goal is Kubernetes' own: 99 of 100 such answers within a second.
"""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from apimachinery import meta, scheme, status
from apimachinery.client import kubeconfig
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.client.transport import HttpTransport
from apimachinery.wire import JsonObject
from bench import report
from bench.cluster import BIREME, Cluster, cpu_seconds, resident_mb
from bench.deployment import Counts, deployment
from bench.report import Row

NODES, PODS, FILL_S = 5_000, 150_000, 240.0
NAMESPACE_PODS = 3_000
CLIENTS = 16
BACKLOG = 500
"""Pods that the agents have not started yet: more would only queue in the one process that all
agents share, and their heartbeats behind them."""
REPLICAS, ROUNDS = 1_000, 2
PATIENCE_S = 240.0
IDLE_S = 10.0
SLO_S = 1.0
PROBE_S = 0.02
PROBED = "default"
"""The namespace of the second client's own pods."""


def pod(number: int, nodes: int) -> JsonObject:
    made: JsonObject = deployment(1)["spec"]["template"]
    metadata = {"name": f"p{number}", "labels": {"app": f"a{number % 100}"}}
    spec = {**made["spec"], "nodeName": f"node-{number % nodes + 1}"}
    return {"metadata": metadata, "spec": spec}


# --- the second client


class Probe:
    """Asks and changes, one request after the other, and keeps how long each kind took."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.times: dict[str, list[float]] = {}

    async def run(self) -> None:
        requests = {"cpu": "10m", "memory": "16Mi"}
        container = {"name": "c", "image": "any", "resources": {"requests": requests}}
        mine: JsonObject = {
            "metadata": {"name": "probe"},
            "spec": {"schedulerName": "none", "containers": [container]},
        }
        ask, number = self._client, 0
        while True:
            number += 1
            await self._timed("create", ask.create(scheme.PODS, mine, PROBED))
            await self._timed("get", ask.get(scheme.PODS, "probe", PROBED))
            change = {"metadata": {"labels": {"turn": str(number)}}}
            await self._timed("patch", ask.patch(scheme.PODS, "probe", change, PROBED))
            await self._timed("get a node", ask.get(scheme.NODES, "node-1"))
            found = ask.list(scheme.PODS, field_selector="spec.nodeName=node-1")
            await self._timed("list of a node's pods", found)
            gone = ask.delete(scheme.PODS, "probe", PROBED, grace_period=0)
            await self._timed("delete", gone)

    async def _timed(self, kind: str, answer: Any) -> None:
        began = time.perf_counter()
        await answer
        self.times.setdefault(kind, []).append(time.perf_counter() - began)
        await asyncio.sleep(PROBE_S)


async def probe(config: Path) -> None:
    """The child: for each line of stdin, all times since the last, as JSON."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    client = Client(HttpTransport(kubeconfig.load(config)))
    one = Probe(client)
    task = asyncio.create_task(one.run())
    while await reader.readline():
        if task.done():
            task.result()
        times, one.times = one.times, {}
        print(json.dumps(times), flush=True)
    task.cancel()
    await asyncio.wait([task])
    await client.close()


@contextlib.contextmanager
def second_client(config: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "bench.fleet", "--probe", str(config)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


async def seen(process: "subprocess.Popen[str]") -> dict[str, list[float]]:
    """What the second client saw since it was last asked."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    times: dict[str, list[float]] = json.loads(await asyncio.to_thread(process.stdout.readline))
    return times


# --- the fleet


@contextlib.contextmanager
def hollow_nodes(cluster: Cluster, count: int) -> Iterator["subprocess.Popen[bytes]"]:
    folder = str(cluster.directory / "hollow")
    where = ("--data-dir", folder, "--kubeconfig", str(cluster.kubeconfig))
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*BIREME, "node", "--hollow", str(count), *where], stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


@contextlib.asynccontextmanager
async def following(*informers: Informer[Any]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one.run()) for one in informers]
    for one in informers:
        await one.synced()
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _is_ready(node: JsonObject) -> bool:
    return meta.condition_is_true((node.get("status") or {}).get("conditions"), "Ready")


class Fleet:
    """The measuring client, and what it found."""

    def __init__(
        self, cluster: Cluster, hollow: int, client: Client, *, bench: str = "fleet"
    ) -> None:
        self.rows: list[Row] = []
        self._bench = bench
        self.client = client
        self._server, self._hollow = cluster.pid(), hollow
        self.nodes = Informer(client, scheme.NODES, _is_ready)
        self.pods = Counts(client)

    def note(self, what: str, value: float, unit: str, goal: float | None = None) -> None:
        self.rows.append(Row(self._bench, what, value, unit, goal))
        print(f"{what}: {value:.4g} {unit}", file=sys.stderr, flush=True)

    def slo(self, when: str, times: dict[str, list[float]]) -> None:
        """The slowest kind of request: all of them must be fast."""
        p99 = {kind: sorted(all_)[len(all_) * 99 // 100] for kind, all_ in times.items()}
        kind = max(p99, key=lambda each: p99[each])
        self.note(f"p99 while {when} ({kind})", p99[kind] * 1e3, "ms", SLO_S * 1e3)
        middle = sorted(time for all_ in times.values() for time in all_)
        self.note(f"p50 while {when}", middle[len(middle) // 2] * 1e3, "ms")

    async def up(self, count: int, began: float) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while sum(self.nodes.values()) < count:
                await asyncio.sleep(0.1)
        self.note(f"{count} hollow nodes, all Ready", time.perf_counter() - began, "s")

    async def idle(self) -> None:
        before = cpu_seconds(self._server)
        await asyncio.sleep(IDLE_S)
        spent = (cpu_seconds(self._server) - before) / IDLE_S * 100
        self.note("CPU of the control plane, heartbeats only", spent, "%")

    async def fill(self, nodes: int, count: int, seconds: float) -> None:
        spaces = [f"fleet-{number}" for number in range(-(-count // NAMESPACE_PODS))]
        for name in spaces:
            await self.client.create(scheme.NAMESPACES, {"metadata": {"name": name}})
        for name in spaces:
            await self._account(name)
        numbers = iter(range(count))
        began = time.perf_counter()

        async def creator() -> None:
            for number in numbers:
                namespace = f"fleet-{number // NAMESPACE_PODS}"
                await self.client.create(scheme.PODS, pod(number, nodes), namespace)
                while self.pods.bound - self.pods.ready > BACKLOG:
                    await asyncio.sleep(0.02)
                if time.perf_counter() - began > seconds:
                    return

        before = resident_mb(self._server)
        await asyncio.gather(*(creator() for _ in range(CLIENTS)))
        async with asyncio.timeout(PATIENCE_S):
            while self.pods.ready < self.pods.bound:
                await asyncio.sleep(0.2)
        took, made = time.perf_counter() - began, self.pods.ready
        self.note("pods that run", made, "")
        self.note("pods made and Ready", made / took, "/s")
        grown = (resident_mb(self._server) - before) * 1024 / made
        self.note("memory of the control plane for a pod", grown, "KB")
        self.note("memory of the control plane", resident_mb(self._server), "MB")
        self.note("memory of the hollow agents", resident_mb(self._hollow), "MB")

    async def _account(self, namespace: str) -> None:
        """Until a controller has made the account that pods need."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with contextlib.suppress(status.NotFound):
                    await self.client.get(scheme.SERVICEACCOUNTS, "default", namespace)
                    return
                await asyncio.sleep(0.05)

    async def churn(self) -> None:
        """A Deployment comes up through controllers and scheduler, and goes."""
        there, times = self.pods.ready, []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            await self.client.create(scheme.DEPLOYMENTS, deployment(REPLICAS))
            async with asyncio.timeout(PATIENCE_S):
                while self.pods.ready < there + REPLICAS:
                    await asyncio.sleep(0.02)
                times.append(time.perf_counter() - began)
                await self.client.delete(scheme.DEPLOYMENTS, "bench", "default", grace_period=0)
                while self.pods.ready > there:
                    await asyncio.sleep(0.05)
        self.note(f"{REPLICAS} pods more of a Deployment, all Ready", min(times), "s")


@contextlib.asynccontextmanager
async def closing(client: Client) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await client.close()


async def _measure(cluster: Cluster, nodes: int, pods: int, seconds: float) -> list[Row]:
    began = time.perf_counter()
    client = Client(HttpTransport(kubeconfig.load(cluster.kubeconfig)))
    with hollow_nodes(cluster, nodes) as hollow:
        fleet = Fleet(cluster, hollow.pid, client)
        async with closing(client), following(fleet.nodes, fleet.pods.informer):
            await fleet.up(nodes, began)
            await fleet.idle()
            with second_client(cluster.kubeconfig) as second:
                await fleet.fill(nodes, pods, seconds)
                fleet.slo("it fills", await seen(second))
                await fleet.churn()
                fleet.slo("Deployments come and go", await seen(second))
    return fleet.rows


def measure(nodes: int = NODES, pods: int = PODS, seconds: float = FILL_S) -> list[Row]:
    with Cluster() as cluster:
        return asyncio.run(_measure(cluster, nodes, pods, seconds))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--probe"]:
        asyncio.run(probe(Path(sys.argv[2])))
        sys.exit()
    parser = argparse.ArgumentParser(description="a large fleet on one machine")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--nodes", type=int, default=NODES)
    parser.add_argument("--pods", type=int, default=PODS)
    parser.add_argument("--fill-seconds", type=float, default=FILL_S)
    args = parser.parse_args()
    report.show(measure(args.nodes, args.pods, args.fill_seconds), as_json=args.json)
