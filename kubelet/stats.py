"""Numbers about the node and its pods: Prometheus text and the `/stats/summary` document. Pure.

Containers are read from their cgroups when somebody asks, never polled. Neighbours: `kubelet.usage`
has the rates, `kubelet.server` asks.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from apimachinery import meta
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet.kit import Kit
from kubelet.runtime.interface import ContainerStats
from kubelet.usage import Rate
from kubelet.worker import PodWorker


def prometheus(*, running_pods: int, running_containers: int, version: str, node: str) -> str:
    return (
        "# HELP kubelet_running_pods Number of pods that have a running pod sandbox\n"
        "# TYPE kubelet_running_pods gauge\n"
        f"kubelet_running_pods {running_pods}\n"
        "# HELP kubelet_running_containers Number of containers currently running\n"
        "# TYPE kubelet_running_containers gauge\n"
        f'kubelet_running_containers{{container_state="running"}} {running_containers}\n'
        "# HELP kubernetes_build_info What is running\n"
        "# TYPE kubernetes_build_info gauge\n"
        f'kubernetes_build_info{{git_version="{version}"}} 1\n'
        "# HELP kubelet_node_name The node's name. The count is always 1.\n"
        "# TYPE kubelet_node_name gauge\n"
        f'kubelet_node_name{{node="{node}"}} 1\n'
    )


@dataclass(frozen=True, slots=True)
class Used:
    """What one running container uses, and to whom it belongs."""

    worker: PodWorker
    name: str
    stats: ContainerStats
    rate: Rate


def used(
    workers: Iterable[PodWorker], stats: Iterable[ContainerStats], rates: Mapping[str, Rate]
) -> list[Used]:
    """The containers that run and were measured, pod by pod."""
    by_id = {one.container_id: one for one in stats}
    return [
        Used(worker, attempt.name, by_id[attempt.id], rates[attempt.id])
        for worker in workers
        for attempt in worker.ledger.running()
        if attempt.id in by_id and attempt.id in rates
    ]


def summary(kit: Kit, measured: Iterable[Used], since: float) -> JsonObject:
    """stats/v1alpha1: what the API server's metrics and many monitors read.

    `since` is when this agent started, epoch seconds.
    """
    measured = list(measured)
    return {
        "node": {
            "nodeName": kit.options.node_name,
            "startTime": meta.format_time(since),
            **_sum(measured, kit.clock.now()),
        },
        "pods": [_pod(of_pod) for of_pod in _by_pod(measured)],
    }


def _by_pod(measured: Iterable[Used]) -> Iterable[list[Used]]:
    pods: dict[str, list[Used]] = {}
    for one in measured:
        pods.setdefault(one.worker.uid, []).append(one)
    return pods.values()


def _pod(measured: list[Used]) -> JsonObject:
    worker = measured[0].worker
    return {
        "podRef": {
            "name": reading.name(worker.pod),
            "namespace": reading.namespace(worker.pod),
            "uid": worker.uid,
        },
        "startTime": (worker.pod.get("status") or {}).get("startTime"),
        "containers": [_container(one) for one in measured],
        **_sum(measured, measured[0].stats.timestamp),
    }


def _container(one: Used) -> JsonObject:
    return {"name": one.name, **_sum([one], one.stats.timestamp)}


def _sum(measured: list[Used], at: float) -> JsonObject:
    """`cpu` and `memory` of these together. `windowSeconds` is ours: what the rate spans."""
    time = meta.format_time(at)
    return {
        "cpu": {
            "time": time,
            "usageNanoCores": sum(one.rate.nanocores for one in measured),
            "usageCoreNanoSeconds": sum(one.stats.cpu_usage_ns for one in measured),
            "windowSeconds": max((one.rate.window for one in measured), default=0.0),
        },
        "memory": {
            "time": time,
            "usageBytes": sum(one.stats.memory_usage_bytes for one in measured),
            "workingSetBytes": sum(one.stats.memory_working_set_bytes for one in measured),
        },
    }


def resource_metrics(measured: Iterable[Used], now: float) -> str:
    """`/metrics/resource`: what metrics-server scrapes, in Prometheus' text form."""
    measured = list(measured)
    rows = {name: [f"# HELP {name} {text}", f"# TYPE {name} {kind}"] for name, kind, text in _HELP}
    for scope, labels, part in _scopes(measured):
        cpu = sum(one.stats.cpu_usage_ns for one in part) / 1e9
        memory = sum(one.stats.memory_working_set_bytes for one in part)
        at = int((part[0].stats.timestamp if part else now) * 1000)
        rows[f"{scope}_cpu_usage_seconds_total"].append(
            f"{scope}_cpu_usage_seconds_total{labels} {cpu} {at}"
        )
        rows[f"{scope}_memory_working_set_bytes"].append(
            f"{scope}_memory_working_set_bytes{labels} {memory} {at}"
        )
    rows["resource_scrape_error"].append("resource_scrape_error 0")
    return "".join(line + "\n" for lines in rows.values() for line in lines)


_HELP = (
    *(
        row
        for scope in ("container", "pod", "node")
        for row in (
            (
                f"{scope}_cpu_usage_seconds_total",
                "counter",
                f"CPU time consumed by the {scope} in core-seconds",
            ),
            (
                f"{scope}_memory_working_set_bytes",
                "gauge",
                f"Current working set of the {scope} in bytes",
            ),
        )
    ),
    ("resource_scrape_error", "gauge", "1 if reading the containers failed, 0 otherwise"),
)


def _scopes(measured: list[Used]) -> Iterator[tuple[str, str, list[Used]]]:
    """Each series' scope, labels, and what it sums. Names of the API need no escape."""
    for one in measured:
        pod = one.worker.pod
        where = f'namespace="{reading.namespace(pod)}",pod="{reading.name(pod)}"'
        yield "container", f'{{container="{one.name}",{where}}}', [one]
    for part in _by_pod(measured):
        pod = part[0].worker.pod
        where = f'namespace="{reading.namespace(pod)}",pod="{reading.name(pod)}"'
        yield "pod", f"{{{where}}}", part
    yield "node", "", measured
