"""Numbers about the node and its pods: Prometheus text and the `/stats/summary` document. Pure.

Containers are read from their cgroups when somebody asks, never polled. Neighbour: `kubelet.server`.
"""

from collections.abc import Iterable, Sequence

from apimachinery import meta
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet.kit import Kit
from kubelet.runtime.interface import ContainerStats
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


def summary(kit: Kit, workers: Iterable[PodWorker], stats: Sequence[ContainerStats]) -> JsonObject:
    """stats/v1alpha1: what metrics-server and `kubectl top` read."""
    by_id = {one.container_id: one for one in stats}
    pods = [entry for worker in workers if (entry := _pod(worker, by_id)) is not None]
    now = meta.format_time(kit.clock.now())
    return {
        "node": {
            "nodeName": kit.options.node_name,
            "startTime": now,
            "cpu": {"time": now, "usageCoreNanoSeconds": sum(s.cpu_usage_ns for s in stats)},
            "memory": {
                "time": now,
                "availableBytes": kit.capacity.memory_bytes
                - sum(s.memory_working_set_bytes for s in stats),
                "usageBytes": sum(s.memory_usage_bytes for s in stats),
                "workingSetBytes": sum(s.memory_working_set_bytes for s in stats),
            },
        },
        "pods": pods,
    }


def _pod(worker: PodWorker, by_id: dict[str, ContainerStats]) -> JsonObject | None:
    running = [(a.name, by_id[a.id]) for a in worker.ledger.running() if a.id in by_id]
    if not running:
        return None
    containers = [
        {
            "name": name,
            "cpu": {
                "time": meta.format_time(one.timestamp),
                "usageCoreNanoSeconds": one.cpu_usage_ns,
            },
            "memory": {
                "time": meta.format_time(one.timestamp),
                "usageBytes": one.memory_usage_bytes,
                "workingSetBytes": one.memory_working_set_bytes,
            },
        }
        for name, one in running
    ]
    return {
        "podRef": {
            "name": reading.name(worker.pod),
            "namespace": reading.namespace(worker.pod),
            "uid": worker.uid,
        },
        "startTime": (worker.pod.get("status") or {}).get("startTime"),
        "containers": containers,
        "cpu": {"usageCoreNanoSeconds": sum(one.cpu_usage_ns for _, one in running)},
        "memory": {
            "workingSetBytes": sum(one.memory_working_set_bytes for _, one in running),
            "usageBytes": sum(one.memory_usage_bytes for _, one in running),
        },
    }
