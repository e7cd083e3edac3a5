"""The kernel's numbers for what a pod asks: cgroup values, and whom it kills first. Pure.

Neighbours: `apimachinery.requests` has the sums, `kubelet.configs` puts these values into what the
runtime is told.
"""

from apimachinery import qos, requests
from apimachinery.requests import CPU, MEMORY
from apimachinery.wire import JsonObject
from kubelet import desired
from kubelet.desired import Role
from kubelet.runtime.config import Resources

SHARES_PER_CPU = 1024
SHARES_MIN = 2
SHARES_MAX = 262_144
"""The kernel's own bounds of cpu.shares."""
QUOTA_PERIOD_US = 100_000
QUOTA_MIN_US = 1_000
"""The kernel refuses a smaller quota."""
OOM_GUARANTEED = -997
OOM_BEST_EFFORT = 1000


def qos_class(pod: JsonObject) -> str:
    """Guaranteed, Burstable or BestEffort, as the API server has put into the status."""
    known = (pod.get("status") or {}).get("qosClass")
    if known:
        return str(known)
    return qos.qos_class(pod["spec"])


def cpu_shares(cpu_milli: int) -> int:
    return min(max(cpu_milli * SHARES_PER_CPU // 1000, SHARES_MIN), SHARES_MAX)


def cpu_quota(limit_milli: int) -> int:
    return max(limit_milli * QUOTA_PERIOD_US // 1000, QUOTA_MIN_US) if limit_milli else 0


def oom_score_adj(pod: JsonObject, container: JsonObject, node_memory: int) -> int:
    """Whom the kernel kills first: the less of its memory a container asked for, the earlier."""
    level = qos_class(pod)
    if level == qos.GUARANTEED or pod["spec"].get("priority", 0) >= 2_000_000_000:
        return OOM_GUARANTEED
    if level == qos.BEST_EFFORT or not node_memory:
        return OOM_BEST_EFFORT
    asked = requests.of_container(container).get(MEMORY, 0)
    return min(max(1000 - 1000 * asked // node_memory, 1000 + OOM_GUARANTEED), OOM_BEST_EFFORT - 1)


def container_resources(pod: JsonObject, container: JsonObject, node_memory: int) -> Resources:
    """The cgroup values of one container."""
    limits = _limits(container)
    cpu = limits.get(CPU, 0)
    return Resources(
        cpu_shares=cpu_shares(requests.of_container(container).get(CPU, 0)),
        cpu_quota=cpu_quota(cpu),
        cpu_period=QUOTA_PERIOD_US if cpu else 0,
        memory_limit_bytes=limits.get(MEMORY, 0),
        oom_score_adj=oom_score_adj(pod, container, node_memory),
    )


def sandbox_resources(pod: JsonObject) -> Resources:
    """The pod's cgroup: shares of all requests, limits only where every container has one."""
    cpu, memory = _pod_limit(pod, CPU), _pod_limit(pod, MEMORY)
    return Resources(
        cpu_shares=cpu_shares(requests.of_pod(pod["spec"]).get(CPU, 0)),
        cpu_quota=cpu_quota(cpu),
        cpu_period=QUOTA_PERIOD_US if cpu else 0,
        memory_limit_bytes=memory,
    )


def _limits(container: JsonObject) -> dict[str, int]:
    """Of a container, or of a pod's spec."""
    return requests.amounts((container.get("resources") or {}).get("limits"))


def _pod_limit(pod: JsonObject, name: str) -> int:
    """What all of a pod's containers may take together; 0 where one of them is without a limit.

    The pod's own limit, where it has one, says it for all.
    """
    if own := _limits(pod["spec"]).get(name, 0):
        return own
    together, largest_step = 0, 0
    for container, role in desired.containers(pod):
        limit = _limits(container).get(name, 0)
        if role is Role.EPHEMERAL:
            continue
        if not limit:
            return 0
        if role is Role.INIT:
            # An init container may be larger than all that follow.
            largest_step = max(largest_step, limit)
        else:
            together += limit
    return max(together, largest_step)


def cgroup_parent(pod: JsonObject, root: str) -> str:
    """Where the pod's cgroup stands: one level per quality of service, as in Kubernetes."""
    level = qos_class(pod)
    folder = "" if level == qos.GUARANTEED else f"/{level.lower()}"
    return f"{root}{folder}/pod{desired.uid(pod)}"
