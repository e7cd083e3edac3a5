"""What is mounted on this machine, as the kernel tells it, and taking it down again. Blocking.

Neighbours: `kubelet.kernel` has the system calls; volumes, images and the OCI driver's cleaning up
ask here. Nothing is mounted here.
"""

import errno
import re
from pathlib import Path

from kubelet import kernel

TABLE = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")


def table() -> str:
    """As it is, options of the file systems included."""
    return TABLE.read_text(encoding="utf-8", errors="surrogateescape")


def points() -> list[str]:
    """Where something is mounted, in the order of mounting; a place as often as it is one."""
    # The kernel writes spaces, tabs, newlines and backslashes as octal.
    return [
        _OCTAL.sub(lambda match: chr(int(match[1], 8)), line.split(" ")[4])
        for line in table().splitlines()
    ]


def remove_at(place: Path) -> None:
    """Every mount on this very place. (`is_mount` does not see binds within a file system.)"""
    real = str(place.resolve())
    for _ in range(points().count(real)):
        kernel.unmount(real)


def remove_below(directory: Path) -> None:
    """Every mount inside, deepest first, so that removing files cannot reach what was mounted.

    OSError if one stays: then nothing below may be removed. Names are compared as the kernel
    spells them, links resolved: a data directory behind a link must not hide its mounts.
    """
    prefix = f"{directory.resolve()}/"
    for point in sorted((p for p in points() if p.startswith(prefix)), reverse=True):
        kernel.unmount(point)
    left = [p for p in points() if p.startswith(prefix)]
    if left:
        raise OSError(errno.EBUSY, f"{left[0]} is still mounted")
