"""Watch fan-out over TLS: what the server spends on each event for each of 50 watchers.

The watchers read in a process of their own, so that they cost the server what real clients do.
Writes come one after the other from a third side; their own CPU is measured without watchers and
subtracted. Latency is from before the write's request to the line's arrival, so it contains the
write itself. Kubernetes spends 150 µs a delivery on the same machine.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from apimachinery.client import kubeconfig
from bench import report
from bench.cluster import Cluster, cpu_seconds
from bench.report import Row

WATCHERS = 50
CHANGES = 500
WARM = 100
PATIENCE_S = 60.0
JSON = {"content-type": "application/json"}
MERGE = {"content-type": "application/merge-patch+json"}
MAPS = "/api/v1/namespaces/default/configmaps"


async def watch(config: kubeconfig.Config) -> None:
    """The child: WATCHERS streams; prints a line when all are open, then what they saw."""
    connector = aiohttp.TCPConnector(ssl=config.ssl_context(), limit=0)
    async with aiohttp.ClientSession(connector=connector, read_bufsize=2**20) as session:
        opened = asyncio.Semaphore(0)
        tasks = [asyncio.create_task(_one(session, config.server, opened)) for _ in range(WATCHERS)]
        for _ in range(WATCHERS):
            await opened.acquire()
        print("open", flush=True)
        delays = [delay for found in await asyncio.gather(*tasks) for delay in found]
        print(json.dumps({"count": len(delays), "p50": statistics.median(delays)}), flush=True)


async def _one(
    session: aiohttp.ClientSession, server: str, opened: asyncio.Semaphore
) -> list[float]:
    """Delays of the changes that carry the time at which they were sent."""
    query = {"watch": "true", "labelSelector": "bench=fanout"}
    delays: list[float] = []
    timeout = aiohttp.ClientTimeout(total=None)
    async with session.get(server + MAPS, params=query, timeout=timeout) as response:
        opened.release()
        async for line in response.content:
            event = orjson.loads(line)
            sent = event["object"]["data"]
            if sent.get("end"):
                break
            if "at" in sent and event["type"] == "MODIFIED":
                delays.append(time.time() - float(sent["at"]))
    return delays


async def _write(session: aiohttp.ClientSession, server: str, data: dict[str, str | None]) -> None:
    body = orjson.dumps({"data": data})
    async with session.patch(f"{server}{MAPS}/fanout", data=body, headers=MERGE) as response:
        assert response.status == 200, await response.text()


async def _change(cluster: Cluster, session: aiohttp.ClientSession, server: str) -> float:
    """CPU of one change."""
    for number in range(WARM):
        await _write(session, server, {"warm": str(number), "at": None})
    before = cpu_seconds(cluster.pid())
    for _ in range(CHANGES):
        await _write(session, server, {"at": repr(time.time())})
    return (cpu_seconds(cluster.pid()) - before) / CHANGES


async def _measure(cluster: Cluster) -> list[Row]:
    config = kubeconfig.load(cluster.kubeconfig)
    connector = aiohttp.TCPConnector(ssl=config.ssl_context())
    async with aiohttp.ClientSession(connector=connector) as session:
        metadata = {"name": "fanout", "labels": {"bench": "fanout"}}
        made: Any = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        data = orjson.dumps(made)
        async with session.post(config.server + MAPS, data=data, headers=JSON) as response:
            assert response.status == 201, await response.text()
        alone = await _change(cluster, session, config.server)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.fanout", "--watch", str(cluster.kubeconfig),
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert child.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            assert await child.stdout.readline() == b"open\n"
            watched = await _change(cluster, session, config.server)
            await _write(session, config.server, {"end": "yes"})
            seen = json.loads(await child.stdout.readline())
            await child.wait()
    assert seen["count"] == CHANGES * WATCHERS, f"{seen['count']} of {CHANGES * WATCHERS} arrived"
    delivery = (watched - alone) / WATCHERS * 1e6
    return [
        Row("fanout", f"delivery of an event, {WATCHERS} watchers", delivery, "µs", 15),
        Row("fanout", "latency of an event, p50, with its write", seen["p50"] * 1e3, "ms"),
    ]


def measure() -> list[Row]:
    with Cluster() as cluster:
        return asyncio.run(_measure(cluster))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--watch"]:
        asyncio.run(watch(kubeconfig.load(Path(sys.argv[2]))))
    else:
        report.main(measure, __doc__)
