"""Writes per second, latency and CPU per write of each store, alone and below the watch cache.

    python bench/store.py [--json] [--seconds 2] [memory sqlite etcd]

Values have 1.5 KB. CPU is this process's (for etcd: the client's share only). Throughput swings
with the machine's disk and load; CPU per write does not.
"""

import argparse
import asyncio
import json
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from apimachinery import scheme
from apiserver.cache import WatchCache
from apiserver.storage.etcd.private import private_etcd
from apiserver.storage.interface import Store
from apiserver.stores import open_store

VALUE_BYTES = 1500
CONCURRENCY = (1, 16, 64)


@dataclass
class Result:
    """One line of the table."""

    store: str
    what: str
    clients: int
    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


async def measure(
    store: str, what: str, clients: int, seconds: float, work: Callable[[str], Awaitable[object]]
) -> Result:
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
    return Result(
        store, what, clients, len(spent) / took, cpu / len(spent) * 1e6,
        spent[len(spent) // 2] * 1e3, spent[len(spent) * 99 // 100] * 1e3,
    )  # fmt: skip


async def bench(name: str, address: str, seconds: float) -> list[Result]:
    store: Store = open_store(address)
    await store.start()
    value = b"x" * VALUE_BYTES
    results = [
        await measure(name, "create", c, seconds, lambda n: store.create(f"/bench/{n}", value))
        for c in CONCURRENCY
    ]
    cache = WatchCache(store)
    await cache.start()

    async def create(name: str) -> None:
        pod = {
            "kind": "Pod", "apiVersion": "v1",
            "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
            "spec": {"nodeName": "n1", "padding": "x" * (VALUE_BYTES - 150)},
        }  # fmt: skip
        await cache.create(scheme.PODS, "default", name, pod)

    results += [
        await measure(name, "create through cache", c, seconds, create) for c in CONCURRENCY
    ]
    await cache.stop()
    await store.close()
    return results


def run(name: str, seconds: float) -> list[Result]:
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


def main() -> None:
    parser = argparse.ArgumentParser(description="benchmark of the stores")
    parser.add_argument("stores", nargs="*", default=["memory", "sqlite", "etcd"])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=2.0)
    args = parser.parse_args()
    results = [result for name in args.stores for result in run(name, args.seconds)]
    if args.json:
        print(json.dumps([asdict(result) for result in results]))
        return
    print(
        f"{'store':8}{'what':24}{'clients':>8}{'per s':>10}{'CPU us':>9}{'p50 ms':>9}{'p99 ms':>9}"
    )
    for r in results:
        print(
            f"{r.store:8}{r.what:24}{r.clients:8}{r.per_second:10.0f}{r.cpu_us:9.0f}"
            f"{r.p50_ms:9.2f}{r.p99_ms:9.2f}"
        )


if __name__ == "__main__":
    main()
