"""How long `bireme up` takes until everything is ready, and what the idle control plane weighs.

The time is that of the whole command, the Python that runs it included; median of several rounds.
"""

import statistics
import time

from bench import report
from bench.cluster import Cluster, cpu_seconds, resident_mb
from bench.report import Row

ROUNDS = 5
NODES = 3
SETTLE_S = 2.0
IDLE_S = 20.0
"""The kernel counts hundredths of a second: 0.05 % of a core."""


def idle_percent(cluster: Cluster, *names: str) -> list[float]:
    """What each of these processes takes of a core while nobody asks for anything."""
    pids = [cluster.pid(name) for name in names]
    before = [cpu_seconds(pid) for pid in pids]
    time.sleep(IDLE_S)
    return [
        (cpu_seconds(pid) - earlier) / IDLE_S * 100
        for pid, earlier in zip(pids, before, strict=True)
    ]


def measure() -> list[Row]:
    times: list[float] = []
    for _ in range(ROUNDS):
        with Cluster() as cluster:
            times.append(cluster.start_seconds)
    with Cluster() as cluster:
        time.sleep(SETTLE_S)
        server, supervisor = resident_mb(cluster.pid()), resident_mb(cluster.supervisor())
        (idle,) = idle_percent(cluster, "server")
    with Cluster(nodes=NODES) as cluster:
        ready = cluster.start_seconds
        time.sleep(SETTLE_S)
        agent = resident_mb(cluster.pid("node-1"))
        leading, following = idle_percent(cluster, "server", "node-1")
    return [
        Row("startup", "bireme up, no nodes, to ready", statistics.median(times), "s", 0.8),
        Row("startup", f"bireme up, {NODES} nodes Ready", ready, "s", 3.0),
        Row("startup", "memory of server and supervisor", server + supervisor, "MB", 100),
        Row("startup", "memory of a node's agent", agent, "MB"),
        Row("startup", "CPU of the idle control plane", idle, "%", 0.5),
        Row("startup", f"CPU of the control plane of {NODES} idle nodes", leading, "%", 0.5),
        Row("startup", "CPU of an idle node's agent", following, "%", 0.3),
    ]


if __name__ == "__main__":
    report.main(measure, __doc__)
