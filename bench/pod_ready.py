"""How long a pod takes from its creation in the API to Ready, on a running cluster.

    bireme up --detach; python bench/pod_ready.py --kubeconfig FILE [--pods 20] [--parallel 1] [--json]

The image (busybox) is present. "plain" pods have no probe; "probed" ones answer HTTP and have a
readiness probe. The goal is 250 ms; Kubernetes with containerd took about 450 ms on the same machine.
"""

import argparse
import asyncio
import json
import statistics
import time
from pathlib import Path
from typing import Any

from apimachinery import meta, scheme, status
from apimachinery.client import kubeconfig
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.client.transport import HttpTransport
from apimachinery.wire import JsonObject

PLAIN = "trap 'exit 0' TERM; sleep 1000000 & wait"
PROBED = (
    "trap 'exit 0' TERM; mkdir -p /www; echo hi > /www/index.html; httpd -f -p 8080 -h /www & wait"
)
PATIENCE_S = 60.0


def pod(name: str, *, probed: bool) -> JsonObject:
    container: JsonObject = {
        "name": "app", "image": "busybox", "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", PROBED if probed else PLAIN],
    }  # fmt: skip
    if probed:
        container["readinessProbe"] = {"httpGet": {"port": 8080, "path": "/"}}
    metadata = {"name": name, "namespace": "default", "labels": {"bench": "pod-ready"}}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


class Ready:
    """When each pod became ready, by watch."""

    def __init__(self, client: Client) -> None:
        self.informer = Informer(
            client, scheme.PODS, self._is_ready, label_selector="bench=pod-ready"
        )
        self.informer.add_handler(self._note)
        self._events: dict[str, asyncio.Event] = {}

    def event(self, name: str) -> asyncio.Event:
        return self._events.setdefault(f"default/{name}", asyncio.Event())

    @staticmethod
    def _is_ready(obj: JsonObject) -> bool:
        return meta.condition_is_true((obj.get("status") or {}).get("conditions"), "Ready")

    def _note(self, key: str, _old: bool | None, new: bool | None) -> None:
        if new:
            self._events.setdefault(key, asyncio.Event()).set()


async def measure(client: Client, ready: Ready, kind: str, pods: int, parallel: int) -> Any:
    limit = asyncio.Semaphore(parallel)

    async def one(number: int) -> float:
        name = f"bench-{kind}-{number}"
        async with limit:
            began = time.perf_counter()
            await client.create(scheme.PODS, pod(name, probed=kind == "probed"))
            async with asyncio.timeout(PATIENCE_S):
                await ready.event(name).wait()
            return time.perf_counter() - began

    began = time.perf_counter()
    times = sorted(await asyncio.gather(*(one(number) for number in range(pods))))
    wall = time.perf_counter() - began
    await client.delete_collection(scheme.PODS, "default", label_selector="bench=pod-ready")
    while len(ready.informer):
        await asyncio.sleep(0.1)
    return {
        "kind": kind,
        "pods": pods,
        "parallel": parallel,
        "p50_ms": round(statistics.median(times) * 1000),
        "p95_ms": round(times[int(len(times) * 0.95) - 1] * 1000),
        "max_ms": round(times[-1] * 1000),
        "per_s": round(pods / wall, 1),
    }


async def main(options: argparse.Namespace) -> list[Any]:
    client = Client(HttpTransport(kubeconfig.load(options.kubeconfig)))
    ready = Ready(client)
    following = asyncio.create_task(ready.informer.run())
    await ready.informer.synced()
    try:
        return [
            await measure(client, ready, kind, options.pods, options.parallel)
            for kind in ("plain", "probed")
        ]
    except status.ApiError as error:
        raise SystemExit(f"the cluster refused: {error.message}") from error
    finally:
        following.cancel()
        await client.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--pods", type=int, default=20)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for row in asyncio.run(main(arguments)):
        print(json.dumps(row) if arguments.json else "  ".join(f"{k} {v}" for k, v in row.items()))
