"""What a node leaves on the machine beside its containers: mounts of volumes, empty cgroups.

Used by `down`, after the node's containers were removed.
"""

import contextlib
from pathlib import Path

from kubelet import kernel

MOUNTS = Path("/proc/self/mounts")
CGROUPS = Path("/sys/fs/cgroup")


def unmount_below(directory: Path) -> None:
    """Unmount what is mounted under a directory (volumes in memory), the deepest first."""
    prefix = f"{directory}/"
    lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
    points = [line.split(" ")[1].encode().decode("unicode_escape") for line in lines]
    for point in sorted((p for p in points if p.startswith(prefix)), reverse=True):
        with contextlib.suppress(OSError):
            kernel.unmount(point)


def remove_cgroups(root: str) -> None:
    """Remove a node's own cgroup with all that is empty below it, in every hierarchy."""
    name = root.lstrip("/")
    for top in (CGROUPS / name, *(hierarchy / name for hierarchy in CGROUPS.iterdir())):
        if top.is_dir():
            _remove_directories(top)


def _remove_directories(top: Path) -> None:
    for child in top.iterdir():
        if child.is_dir():
            _remove_directories(child)
    # A group that still holds a process stays, and says so by staying.
    with contextlib.suppress(OSError):
        top.rmdir()
