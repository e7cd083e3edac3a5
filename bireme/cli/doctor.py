"""`bireme doctor`: what this machine lacks for running nodes, and how to get it.

Pure facts in a table; `bireme.cli.up` asks the same questions before it starts anything.
"""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a node or a store needs."""

    name: str
    needed_for: str
    remedy: str
    present: Callable[[], bool]
    required: bool = True
    """Whether `up` with nodes refuses to start without it."""


def _binary(name: str, *places: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None or any(Path(place).exists() for place in places)


def _controllers() -> bool:
    root = Path("/sys/fs/cgroup")
    return (root / "memory").is_dir() or (root / "cgroup.controllers").exists()


def _overlay() -> bool:
    return (
        "overlay" in Path("/proc/filesystems").read_text() or Path("/sys/module/overlay").exists()
    )


CHECKS = (
    Check("root", "namespaces, mounts, cgroups", "run as root", lambda: os.geteuid() == 0),
    Check("runc", "containers", "apt-get install runc", _binary("runc")),
    Check("conmon", "containers that outlive the agent", "apt-get install conmon",
          _binary("conmon")),
    Check("nft", "services", "apt-get install nftables libnftables1",
          _binary("nft", "/usr/sbin/nft")),
    Check("ip", "the network of nodes", "apt-get install iproute2", _binary("ip", "/usr/sbin/ip")),
    Check("busybox", "the image that samples use", "apt-get install busybox-static",
          _binary("busybox"), required=False),
    Check("etcd", "--store etcd", "apt-get install etcd-server", _binary("etcd"), required=False),
    Check("cgroups", "limits", "mount the cgroup file system", _controllers),
    Check("overlayfs", "images", "modprobe overlay", _overlay),
)  # fmt: skip


def missing(*, required_only: bool) -> list[Check]:
    """The checks that fail here."""
    return [c for c in CHECKS if not c.present() and (c.required or not required_only)]


def run() -> None:
    """Print one line per check; exit 1 if something required is missing."""
    absent = missing(required_only=False)
    for check in CHECKS:
        if check in absent:
            print(f"missing  {check.name:10} needed for {check.needed_for}: {check.remedy}")
        else:
            print(f"ok       {check.name:10} {check.needed_for}")
    sys.exit(1 if any(check.required for check in absent) else 0)
