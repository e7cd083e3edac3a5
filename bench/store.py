"""Writes per second, latency and CPU per write of each store, alone and below the watch cache.

    python -m bench.store [--json] [--seconds 1] [memory sqlite etcd]

Values have 1.5 KB. CPU is this process's (for etcd: the client's share only). Throughput swings
with the machine's disk and load; CPU per write does not.
"""

import argparse
import asyncio
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import uvloop

from apimachinery import scheme
from apiserver.cache import WatchCache
from apiserver.storage.etcd.private import private_etcd
from apiserver.storage.interface import Store
from apiserver.stores import open_store
from bench import report
from bench.report import Row

VALUE_BYTES = 1500
CONCURRENCY = (1, 64)
STORES = ("memory", "sqlite", "etcd")


async def measure_work(
    store: str, what: str, clients: int, seconds: float, work: Callable[[str], Awaitable[object]]
) -> list[Row]:
    """Run `work(unique name)` from so many clients for a while."""
    spent: list[float] = []
    end = time.perf_counter() + seconds

    async def client(number: int) -> None:
        count = 0
        while (began := time.perf_counter()) < end:
            await work(f"{what}-{clients}-{number}-{count}".replace(" ", "-"))
            spent.append(time.perf_counter() - began)
            count += 1

    cpu, began = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(client(number))
    cpu, took = time.process_time() - cpu, time.perf_counter() - began
    spent.sort()
    line = f"{store}: {what}, {clients} clients"
    return [
        Row("store", f"{line}, CPU", cpu / len(spent) * 1e6, "µs"),
        Row("store", f"{line}, p50", spent[len(spent) // 2] * 1e3, "ms"),
        Row("store", line, len(spent) / took, "/s"),
    ]


async def bench(name: str, address: str, seconds: float) -> list[Row]:
    store: Store = open_store(address)
    await store.start()
    value = b"x" * VALUE_BYTES
    results: list[Row] = []
    for clients in CONCURRENCY:
        results += await measure_work(
            name, "create", clients, seconds, lambda n: store.create(f"/bench/{n}", value)
        )
    cache = WatchCache(store)
    await cache.start()

    async def create(name: str) -> None:
        pod = {
            "kind": "Pod", "apiVersion": "v1",
            "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
            "spec": {"nodeName": "n1", "padding": "x" * (VALUE_BYTES - 150)},
        }  # fmt: skip
        await cache.create(scheme.PODS, "default", name, pod)

    for clients in CONCURRENCY:
        results += await measure_work(name, "create through cache", clients, seconds, create)
    await cache.stop()
    await store.close()
    return results


def run(name: str, seconds: float) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bireme-bench-") as directory:
        if name != "etcd":
            address = f"sqlite:{directory}/store.db" if name == "sqlite" else name
            return uvloop.run(bench(name, address, seconds))
        etcd = private_etcd(Path(directory))
        with (Path(directory) / "log").open("wb") as log:
            process = subprocess.Popen(etcd.argv, cwd=etcd.directory, stdout=log, stderr=log)
        try:
            return uvloop.run(bench(name, etcd.address, seconds))
        finally:
            process.terminate()
            process.wait()


def measure(stores: Sequence[str] = STORES, seconds: float = 1.0) -> list[Row]:
    return [row for name in stores for row in run(name, seconds)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="benchmark of the stores")
    parser.add_argument("stores", nargs="*", default=STORES)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=1.0)
    args = parser.parse_args()
    report.show(measure(args.stores, args.seconds), as_json=args.json)
