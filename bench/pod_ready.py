"""How long a pod takes from its creation in the API to Ready, on a running cluster.

    python -m bench.pod_ready [--kubeconfig FILE] [--pods 20] [--parallel 1] [--json]

Without --kubeconfig a cluster of three nodes is started for it, which needs root. The image (busybox) is present. "plain" pods have no probe; "probed" ones answer HTTP and have a
readiness probe. The goal is 250 ms; Kubernetes with containerd took about 450 ms on the same machine.
"""

import argparse
import asyncio
import statistics
import time
from pathlib import Path

from apimachinery import meta, scheme, status
from apimachinery.client import kubeconfig
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.client.transport import HttpTransport
from apimachinery.wire import JsonObject
from bench import report
from bench.cluster import Cluster
from bench.report import Row

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


async def measure_kind(
    client: Client, ready: Ready, kind: str, pods: int, parallel: int
) -> list[Row]:
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
    return [
        Row(
            "pod_ready",
            f"{kind} pod Ready, p50 of {pods}",
            statistics.median(times) * 1e3,
            "ms",
            250,
        ),
        Row("pod_ready", f"{kind} pod Ready, slowest", times[-1] * 1e3, "ms"),
        Row("pod_ready", f"{kind} pods, {parallel} at a time", pods / wall, "/s"),
    ]


async def run(file: Path, pods: int, parallel: int) -> list[Row]:
    client = Client(HttpTransport(kubeconfig.load(file)))
    ready = Ready(client)
    following = asyncio.create_task(ready.informer.run())
    await ready.informer.synced()
    try:
        plain = await measure_kind(client, ready, "plain", pods, parallel)
        return plain + await measure_kind(client, ready, "probed", pods, parallel)
    except status.ApiError as error:
        raise SystemExit(f"the cluster refused: {error.message}") from error
    finally:
        following.cancel()
        await client.close()


def measure(pods: int = 20, parallel: int = 1) -> list[Row]:
    with Cluster(nodes=3) as cluster:
        return asyncio.run(run(cluster.kubeconfig, pods, parallel))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kubeconfig", type=Path)
    parser.add_argument("--pods", type=int, default=20)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.kubeconfig is None:
        rows = measure(arguments.pods, arguments.parallel)
    else:
        rows = asyncio.run(run(arguments.kubeconfig, arguments.pods, arguments.parallel))
    report.show(rows, as_json=arguments.json)
