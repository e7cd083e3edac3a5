"""How one node agent is set up: the values that its command line gives and tests choose.

`bireme node` builds it, every module of `kubelet` reads it. Plain data; nothing is looked up here
except the machine's own size, which `machine_capacity` reads for whoever gives no numbers.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apimachinery import ports
from kubelet.eviction import THRESHOLDS, Threshold
from kubelet.slack import Rule

VERSION = "v1.36.0+bireme.0.1.0"
"""`status.nodeInfo.kubeletVersion`: the API level and our own version."""

MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Taint:
    """A taint that the node registers itself with."""

    key: str
    effect: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the node has to give. `pods` is Kubernetes' default per node."""

    cpu_milli: int
    memory_bytes: int
    ephemeral_bytes: int
    pods: int = 110


@dataclass(frozen=True, slots=True)
class Serving:
    """The agent's own HTTPS server. Without a certificate there is none (hollow nodes)."""

    certificate: Path
    key: Path
    client_ca: Path
    """Who signed the API server's client certificate."""
    address: str = "0.0.0.0"  # noqa: S104  every address of the node's own namespace
    port: int = ports.KUBELET


@dataclass(frozen=True, slots=True)
class MesosServing:
    """The agent's Mesos endpoints. Without them there are no custom executors (hollow nodes)."""

    port: int
    trusted: tuple[str, ...] = ()
    """Addresses that may read sandboxes, beside the node's own."""


@dataclass(frozen=True, slots=True)
class Options:
    """Everything the agent must be told. Directories are made when missing, mode 0700."""

    node_name: str
    data_dir: Path
    address: str = "127.0.0.1"
    """The node's InternalIP, and the address of pods on the host network."""
    capacity: Capacity | None = None
    """None: the whole machine."""
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    pod_cidr: str = ""
    cluster_dns: tuple[str, ...] = ("10.96.0.10",)
    cluster_domain: str = "cluster.local"
    serving: Serving | None = None
    mesos: MesosServing | None = None
    resolv_conf: Path = Path("/etc/resolv.conf")
    cgroup_root: str = "/bireme"
    lease_seconds: int = 40
    """How long the node counts as alive after its last renewal."""
    lease_renew_seconds: float = 10.0
    status_seconds: float = 300.0
    """An unchanged node status is sent again this often."""
    log_max_bytes: int = 10 << 20
    log_max_files: int = 5
    relist_seconds: float = 600.0
    """The slow safety net: the runtime is listed this often, although its events tell all."""
    eviction_hard: tuple[Threshold, ...] = THRESHOLDS
    """When the node is under pressure, and ends pods."""
    oversubscribe: Rule | None = None
    """What is lent of that which is booked; None: nothing."""

    @property
    def pods_dir(self) -> Path:
        return self.data_dir / "pods"

    @property
    def local_volumes_dir(self) -> Path:
        return self.data_dir / "local-volumes"

    @property
    def logs_dir(self) -> Path:
        return self.data_dir / "logs"


def machine_capacity(data_dir: Path) -> Capacity:
    """The machine's processors, memory and the size of the file system under `data_dir`."""
    existing = data_dir
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    disk = os.statvfs(existing)
    return Capacity(
        cpu_milli=len(os.sched_getaffinity(0)) * 1000,
        memory_bytes=_memory_total(MEMINFO.read_text(encoding="ascii")),
        ephemeral_bytes=disk.f_blocks * disk.f_frsize,
    )


def _memory_total(meminfo: str) -> int:
    for line in meminfo.splitlines():
        name, _, rest = line.partition(":")
        if name == "MemTotal":
            return int(rest.split()[0]) * 1024
    raise ValueError(f"no MemTotal line in {MEMINFO}")
