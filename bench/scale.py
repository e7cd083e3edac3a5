"""The API server by itself with 50,000 pods on 500 nodes: memory, lists, pauses.

SQLite with full durability, TLS, `bireme server --only apiserver`. A second client asks for a
namespace all the time, in a process of its own: its slowest answer is the longest pause that the
server made (or the machine, if it is busy). Memory is what the process has grown by; the pods are
as a Deployment makes them.
"""

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from apimachinery.client import kubeconfig
from bench import report
from bench.cluster import BIREME, cpu_seconds, free_port, resident_mb
from bench.report import Row

PODS, NODES = 50_000, 500
WARM = 300
CLIENTS = 16
NODE_LISTS, LISTS, PATCHES = 500, 3, 5_000
SETTLE_S = 5.0
"""What old states hold is given back some seconds after they have gone."""
START_S = 30.0
PROBE_S = 0.002

JSON = {"content-type": "application/json"}
STRATEGIC = {"content-type": "application/strategic-merge-patch+json"}
TABLE = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
COLLECTION = "/api/v1/namespaces/default/pods"


class Server:
    """`with Server() as server:`, an API server and nothing else."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="bireme-bench-")
        folder = Path(self._folder.name)
        self.kubeconfig = folder / "kubeconfig"
        where = ("--data-dir", str(folder), "--port", str(free_port()), "--only", "apiserver")
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen([*BIREME, "server", *where], stderr=self._log)
        end = time.monotonic() + START_S
        while not self.kubeconfig.exists():
            if self._process.poll() is not None or time.monotonic() > end:
                raise SystemExit((folder / "log").read_text())
            time.sleep(0.05)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()
        self._log.close()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        return self._process.pid


def pod(number: int) -> dict[str, Any]:
    container = {
        "name": "web",
        "image": "registry.example.com/team/web:1.2.3",
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }
    labels = {"app": f"web-{number % 100}", "pod-template-hash": "74c7567487"}
    metadata = {"name": f"web-{number % 100}-74c7567487-{number:05}", "labels": labels}
    spec = {"nodeName": f"node-{number % NODES}", "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


class Probe:
    """The second client, seen from here."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, config: Path) -> Self:
        made = cls(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench.scale", "--probe", str(config),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )
        )  # fmt: skip
        await made.slowest()
        return made

    async def slowest(self) -> float:
        """Milliseconds of the slowest answer since the last question."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        return float(json.loads(await self._process.stdout.readline()))

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


async def probe(config: kubeconfig.Config) -> None:
    """The child: ask, and tell the slowest answer for each line of stdin, until its end."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    slowest = 0.0
    url = f"{config.server}/api/v1/namespaces/default"

    async def ask() -> None:
        nonlocal slowest
        connector = aiohttp.TCPConnector(ssl=config.ssl_context())
        async with aiohttp.ClientSession(connector=connector) as session:
            while True:
                began = time.perf_counter()
                async with session.get(url) as response:
                    await response.read()
                slowest = max(slowest, time.perf_counter() - began)
                await asyncio.sleep(PROBE_S)

    task = asyncio.create_task(ask())
    while await reader.readline():
        print(slowest * 1e3, flush=True)
        slowest = 0.0
    task.cancel()


class Bench:
    """The loading client, and what it found."""

    def __init__(self, server: Server, session: aiohttp.ClientSession, url: str) -> None:
        self.rows: list[Row] = []
        self._server = server
        self._session = session
        self._pods = url + COLLECTION
        self._all = f"{url}/api/v1/pods"

    def note(self, what: str, value: float, unit: str, goal: float | None = None) -> None:
        self.rows.append(Row("scale", what, value, unit, goal))

    async def each(
        self, count: int, answer: Callable[[int], Awaitable[bytes]], clients: int = CLIENTS
    ) -> float:
        """Ask so often, so many at a time; the server's CPU for each, in ms."""
        numbers = iter(range(count))

        async def client() -> None:
            for number in numbers:
                await answer(number)

        before = cpu_seconds(self._server.pid)
        await asyncio.gather(*(client() for _ in range(clients)))
        return (cpu_seconds(self._server.pid) - before) / count * 1e3

    async def ask(self, method: str, url: str, body: Any = None, headers: Any = None) -> bytes:
        data = None if body is None else orjson.dumps(body)
        async with self._session.request(method, url, data=data, headers=headers) as response:
            answer = await response.read()
            assert response.status < 300, answer[:300]
            return answer

    async def create(self, number: int) -> bytes:
        return await self.ask("POST", self._pods, pod(number), JSON)

    async def patch(self, number: int) -> bytes:
        state = {"phase": "Running", "podIP": f"10.0.{number // 250}.{number % 250}"}
        name = pod(number)["metadata"]["name"]
        return await self.ask("PATCH", f"{self._pods}/{name}/status", {"status": state}, STRATEGIC)

    async def pages(self) -> int:
        """Everything in pages of 500, as kubectl asks; how many came."""
        token, count = "", 0
        while True:
            query = f"?limit=500&continue={token}"
            page = orjson.loads(await self.ask("GET", self._all + query))
            count += len(page["items"])
            token = page["metadata"].get("continue", "")
            if not token:
                return count

    async def run(self, probe: Probe) -> None:
        pid = self._server.pid
        await self.each(WARM, lambda number: self.create(PODS + number))
        empty = resident_mb(pid)
        await probe.slowest()
        spent = await self.each(PODS, self.create)
        self.note(f"create one of {PODS} pods, CPU", spent * 1e3, "µs", 410)
        self.note("slowest GET while they are created", await probe.slowest(), "ms", 50)
        await asyncio.sleep(SETTLE_S)
        full = resident_mb(pid)
        size = len(await self.ask("GET", f"{self._pods}/{pod(0)['metadata']['name']}"))
        self.note("size of a pod as answered", size / 1024, "KB")
        self.note("memory for a pod", (full - empty) * 1024 / PODS, "KB", 3.5)
        await self._read(probe)
        await self.each(PATCHES, self.patch)
        self.note(f"slowest GET while {PATCHES} change", await probe.slowest(), "ms", 50)
        spent = await self.each(
            1, lambda _: self.ask("DELETE", self._pods + "?gracePeriodSeconds=0"), 1
        )
        self.note("delete one of all at once, CPU", spent / (PODS + WARM) * 1e3, "µs", 620)
        self.note("slowest GET while they are deleted", await probe.slowest(), "ms", 50)
        await asyncio.sleep(SETTLE_S)
        self.note("server's memory before", empty, "MB")
        self.note(f"server's memory with {PODS} pods", full, "MB")
        self.note("server's memory, all deleted again", resident_mb(pid), "MB")

    async def _read(self, probe: Probe) -> None:
        def of_node(number: int) -> Awaitable[bytes]:
            return self.ask(
                "GET", f"{self._all}?fieldSelector=spec.nodeName%3Dnode-{number % NODES}"
            )

        spent = await self.each(NODE_LISTS, of_node)
        self.note(f"list of a node's {PODS // NODES} pods, CPU", spent, "ms", 1)
        assert await self.pages() == PODS + WARM
        spent = await self.each(LISTS, lambda _: self.ask("GET", self._all), 1)
        self.note("list of all, CPU", spent, "ms", 12 * PODS / 2000)
        spent = await self.each(1, lambda _: self.ask("GET", self._all, headers=TABLE), 1)
        self.note("list of all as Table, CPU", spent, "ms", 50 * PODS / 2000)
        self.note("slowest GET while they are listed", await probe.slowest(), "ms", 50)


async def _measure(server: Server) -> list[Row]:
    config = kubeconfig.load(server.kubeconfig)
    connector = aiohttp.TCPConnector(ssl=config.ssl_context(), limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        bench = Bench(server, session, config.server)
        second = await Probe.start(server.kubeconfig)
        await bench.run(second)
        await second.stop()
        return bench.rows


def measure() -> list[Row]:
    with Server() as server:
        return asyncio.run(_measure(server))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--probe"]:
        asyncio.run(probe(kubeconfig.load(Path(sys.argv[2]))))
    else:
        report.main(measure, __doc__)
