"""CPU time of one request inside the API server: no sockets, no TLS, memory store.

Numbers are microseconds of CPU a request, the best of
several rounds, so that a busy machine does not spoil them.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import uvloop

from apimachinery import wire
from apiserver.server import ApiServer
from apiserver.stores import open_store
from bench import report
from bench.report import Row
from bireme.cli import garbage

ADMIN = wire.UserInfo("admin", groups=("system:masters",))
ROUNDS = 5
REQUESTS = 400
PODS = "/api/v1/namespaces/default/pods"
JSON = {"content-type": "application/json", "user-agent": "bench/1"}
MERGE = {"content-type": "application/merge-patch+json", "user-agent": "bench/1"}
STRATEGIC = {"content-type": "application/strategic-merge-patch+json", "user-agent": "bench/1"}

Send = Callable[[int], Awaitable[wire.Response]]


def pod(name: str) -> dict[str, Any]:
    """A pod as a Deployment makes them."""
    container = {
        "name": "app",
        "image": "registry.example.com/team/app:1.2.3",
        "command": ["/bin/app", "--port", "8080"],
        "ports": [{"containerPort": 8080, "name": "http"}],
        "env": [{"name": f"KEY_{number}", "value": "value"} for number in range(5)],
        "resources": {
            "requests": {"cpu": "100m", "memory": "64Mi"},
            "limits": {"memory": "128Mi"},
        },
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "bench", "pod-template-hash": "74c7567487"}},
        "spec": {"containers": [container]},
    }


class Bench:
    """One server and the measured requests."""

    def __init__(self) -> None:
        self.server = ApiServer(open_store("memory"))
        self.results: dict[str, float] = {}
        self._serial = 0

    async def send(
        self, method: str, path: str, headers: dict[str, str], body: object = None
    ) -> wire.Response:
        data = orjson.dumps(body) if body is not None else b""
        path, _, query = path.partition("?")
        parameters = [(k, v) for k, _, v in (p.partition("=") for p in query.split("&") if p)]
        response = await self.server.handle(
            wire.Request(method, path, parameters, headers, data, ADMIN)
        )
        assert response.status < 300, response.body
        if not isinstance(response.body, bytes):
            async for _ in response.body:
                pass
        return response

    async def measure(self, name: str, send: Send, count: int = REQUESTS) -> None:
        best = float("inf")
        for _ in range(ROUNDS):
            started = time.process_time()
            for index in range(count):
                await send(index)
            best = min(best, (time.process_time() - started) / count)
        self.results[name] = round(best * 1e6, 1)

    async def run(self) -> None:
        await self.server.start()
        await self.send("POST", PODS, JSON, pod("one"))

        def create(_: int) -> Awaitable[wire.Response]:
            self._serial += 1
            return self.send("POST", PODS, JSON, pod(f"p-{self._serial}"))

        def strict(_: int) -> Awaitable[wire.Response]:
            self._serial += 1
            path = f"{PODS}?fieldValidation=Strict"
            return self.send("POST", path, JSON, pod(f"p-{self._serial}"))

        def label(index: int) -> Awaitable[wire.Response]:
            change = {"metadata": {"labels": {"n": f"{self._serial}-{index}"}}}
            self._serial += 1
            return self.send("PATCH", f"{PODS}/one", MERGE, change)

        def condition(_: int) -> Awaitable[wire.Response]:
            self._serial += 1
            change = {"status": {"conditions": [{"type": "Ready", "message": str(self._serial)}]}}
            return self.send("PATCH", f"{PODS}/one/status", STRATEGIC, change)

        await self.measure("get", lambda _: self.send("GET", f"{PODS}/one", {}))
        await self.measure("create pod", create)
        await self.measure("create pod, strict", strict)
        await self.measure("patch label", label)
        await self.measure("patch status", condition)
        await self.measure("list all", lambda _: self.send("GET", PODS, {}), 5)
        await self.measure(
            "list all as Table",
            lambda _: self.send(
                "GET", PODS, {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
            ),
            5,
        )
        names = iter([f"p-{number}" for number in range(1, 1 + ROUNDS * REQUESTS)])
        await self.measure("delete", lambda _: self.send("DELETE", f"{PODS}/{next(names)}", {}))
        await self.server.stop()


def measure() -> list[Row]:
    garbage.settle()
    bench = Bench()
    uvloop.run(bench.run())
    return [Row("handlers", name, value, "µs") for name, value in bench.results.items()]


if __name__ == "__main__":
    report.main(measure, __doc__)
