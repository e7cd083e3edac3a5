"""One service's endpoints change among 1,000 services: rules planned and loaded into the kernel.

Runs in a network namespace of its own, so it needs root and touches nobody's rules.
"""

import ctypes
import os
import statistics
import time

from bench import report
from bench.report import Row
from kubelet.network import rules
from kubelet.network.nftables import Nftables
from kubelet.network.rules import Frontend, NodeNetwork, Target

SERVICES = 1000
PODS = 3
ROUNDS = 300
NETWORK = NodeNetwork("bench", "10.96.0.0/16", "10.71.0.0/16", "10.71.1.0/24")
_CLONE_NEWNET = 0x40000000


def _own_network() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        number = ctypes.get_errno()
        raise SystemExit(f"no network namespace: {os.strerror(number)} (this needs root)")


def _service(number: int, pods: int = PODS, shift: int = 0) -> dict[Frontend, Target]:
    """A service with a ClusterIP and some pods."""
    address = f"10.96.{number // 250}.{number % 250 + 1}"
    backends = [
        (f"10.71.{number % 3 + 1}.{(number + shift + pod) % 250 + 1}", 8080) for pod in range(pods)
    ]
    return {Frontend(address, "tcp", 80): Target(tuple(backends))}


def measure() -> list[Row]:
    _own_network()
    kernel = Nftables()
    everything = {f: t for number in range(SERVICES) for f, t in _service(number).items()}
    began = time.perf_counter()
    kernel.run(rules.skeleton(NETWORK) + rules.change(NETWORK.table, {}, everything, chains=()))
    whole = time.perf_counter() - began
    chains = rules.shared_chains(everything)
    times, planned = [], []
    for number in range(ROUNDS):
        old, new = _service(number), _service(number, shift=7)
        began = time.perf_counter()
        script = rules.change(NETWORK.table, old, new, chains=chains)
        planned.append(time.perf_counter() - began)
        kernel.run(script)
        times.append(time.perf_counter() - began)
    kernel.close()
    return [
        Row("services", f"one update among {SERVICES}", statistics.median(times) * 1e3, "ms", 1.0),
        Row("services", "of that in Python", statistics.median(planned) * 1e3, "ms"),
        Row("services", f"all {SERVICES} at once", whole * 1e3, "ms"),
    ]


if __name__ == "__main__":
    report.main(measure, __doc__)
