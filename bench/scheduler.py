"""The pod scheduler alone: pure placement on many hollow nodes, queue and spread score included.

No API, no offer master: pods as Deployments make them, nodes in zones, an offer for each node.
Times are the best of several rounds, so that a busy machine does not spoil them.
"""

import time
from collections.abc import Callable

import numpy as np

from bench import report
from bench.report import Row
from offers.messages import Offer
from scheduler import preemption, views
from scheduler.placement import Placer
from scheduler.queue import Queue
from scheduler.snapshot import Snapshot

NODES = 5000
PODS = 10_000
ROUND = 500
"""As the service takes them."""
REPEATS = 3
TEMPLATES = 20


def node(number: int) -> views.NodeInfo:
    name = f"node-{number}"
    amounts = {"cpu": "32", "memory": "128Gi", "pods": "110", "ephemeral-storage": "500Gi"}
    return views.node_info(
        {
            "metadata": {
                "name": name,
                "labels": {
                    "kubernetes.io/hostname": name,
                    "topology.kubernetes.io/zone": f"zone-{number % 3}",
                    "disk": "ssd" if number % 4 else "hdd",
                },
            },
            "status": {
                "allocatable": amounts,
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }
    )


def pod(number: int, template: int, **spec: object) -> views.PodInfo:
    container = {"name": "c", "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}}}
    name = f"rs-{template}"
    return views.pod_info(
        {
            "metadata": {
                "name": f"{name}-{number}",
                "namespace": f"team-{template % 4}",
                "uid": f"uid-{template}-{number}",
                "labels": {"app": name},
                "creationTimestamp": f"2026-01-01T00:00:{number % 60:02}Z",
                "ownerReferences": [
                    {"uid": name, "controller": True, "kind": "ReplicaSet", "name": name}
                ],
            },
            "spec": {"containers": [container], **spec},
        }
    )


def cluster(nodes: int = NODES) -> tuple[Snapshot, list[Offer]]:
    """Empty nodes, and everything on offer."""
    snapshot = Snapshot()
    offers = []
    for number in range(nodes):
        each = node(number)
        snapshot.set_node(each)
        offers.append(Offer(f"o{number}", "f", "kubernetes", each.name, each.allocatable))
    return snapshot, offers


def place_all(snapshot: Snapshot, offers: list[Offer], pods: list[views.PodInfo]) -> float:
    """Seconds to queue and place all pods in rounds."""
    placer, queue = Placer(snapshot), Queue()
    began = time.perf_counter()
    for each in pods:
        queue.put(each)
    placed = 0
    while queue.has_active:
        turn = queue.take(ROUND, "kubernetes/{}".format, {}, lambda _: 0.001)
        for offer in remaining(snapshot, offers):
            placer.allowance.drop(offer.id)
            placer.allowance.add(offer)
        result = placer.place(turn, placed)
        assert len(result.assignments) == len(turn), "there is room for all"
        for assignment in result.assignments:
            queue.hold(assignment.pod.uid)
            queue.remove(assignment.pod.uid)
        placed += len(turn)
    return time.perf_counter() - began


def remaining(snapshot: Snapshot, offers: list[Offer]) -> list[Offer]:
    """The same offers with what is free now, as a lone framework gets them each round."""
    free = snapshot.allocatable - snapshot.requested
    names = list(snapshot.columns)
    return [
        Offer(o.id, o.framework_id, o.role, o.node, dict(zip(names, free[i].tolist(), strict=True)))
        for o, i in zip(offers, (snapshot.rows[o.node] for o in offers), strict=True)
    ]


def rate(make: Callable[[int], views.PodInfo], count: int = PODS) -> float:
    """Pods a second."""
    best = float("inf")
    for _ in range(REPEATS):
        snapshot, offers = cluster()
        best = min(best, place_all(snapshot, offers, [make(n) for n in range(count)]))
    return count / best


def single(make: Callable[[int], views.PodInfo]) -> float:
    """Milliseconds for a pod of a shape not seen before, offers in hand."""
    snapshot, offers = cluster()
    placer = Placer(snapshot)
    for offer in offers[:: NODES // 100]:
        placer.allowance.add(offer)
    times = []
    for number in range(30):
        one = make(number)
        began = time.perf_counter()
        placer.place([one], number)
        times.append(time.perf_counter() - began)
    return float(np.median(times)) * 1000


def preempting(**spec: object) -> float:
    """Milliseconds to find whom to evict where every node is full of less important pods."""
    snapshot, _ = cluster()
    for number in range(NODES):
        for index in range(4):
            asked = {"requests": {"cpu": "8"}}
            snapshot.put(running(number * 4 + index, asked, priority=index), f"node-{number}")
    placer = Placer(snapshot)
    times = []
    for number in range(20):
        one = pod(number, 0, priority=1000, **spec)
        began = time.perf_counter()
        found = preemption.plan(one, placer, (), number)
        times.append(time.perf_counter() - began)
        assert isinstance(found, preemption.Plan)
        snapshot.nominations.put(one, found.node, until=1.0)
    return float(np.median(times)) * 1000


def running(number: int, resources: object, priority: int) -> views.PodInfo:
    container = {"name": "c", "resources": resources}
    return views.pod_info(
        {
            "metadata": {"name": f"low-{number}", "namespace": "low", "uid": f"low-{number}"},
            "spec": {"containers": [container], "priority": priority, "nodeName": "x"},
        }
    )


SPREAD = [
    {
        "maxSkew": 5,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "rs-0"}},
    }
]
APART = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {
                "labelSelector": {"matchLabels": {"app": "rs-0"}},
                "topologyKey": "kubernetes.io/hostname",
            }
        ]
    }
}


def measure() -> list[Row]:
    alone = single(lambda n: pod(n, n))
    found = {
        "one template": rate(lambda n: pod(n, 0)),
        f"{TEMPLATES} templates in turns": rate(lambda n: pod(n, n % TEMPLATES)),
        "every pod another template": rate(lambda n: pod(n, n), 2000),
        "spread over zones": rate(lambda n: pod(n, 0, topologySpreadConstraints=SPREAD)),
        "one a node (anti-affinity)": rate(lambda n: pod(n, 0, affinity=APART), NODES),
    }
    rows = [
        Row("scheduler", f"one pod on {NODES} nodes, new shape", alone, "ms", goal=2.0),
        Row("scheduler", f"whom to evict on {NODES} full nodes", preempting(), "ms", goal=50.0),
        Row(
            "scheduler",
            "the same with anti-affinity",
            preempting(affinity=APART),
            "ms",
            goal=50.0,
        ),
    ]
    for what, pods_a_second in found.items():
        rows.append(Row("scheduler", f"{what}: a pod", 1000 / pods_a_second, "ms", goal=1.0))
    return rows


if __name__ == "__main__":
    report.main(measure, __doc__)
