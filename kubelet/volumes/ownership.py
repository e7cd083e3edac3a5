"""Files of a lasting volume given to the pod's `fsGroup`, as `fsGroupChangePolicy` says. Blocking.

Neighbour: `volumes.manager` asks for volumes of the node's own disk; what the API fills bears its
group from the start, and a hostPath is the machine's, so it is left alone.
"""

import os
import stat
from pathlib import Path

_FILE_BITS = 0o660
_DIRECTORY_BITS = 0o770 | stat.S_ISGID
"""New files in it are the group's, too."""


def give(root: Path, group: int, *, only_on_mismatch: bool) -> None:
    """All below `root` and itself; nothing if the root fits already and that is to be enough."""
    if only_on_mismatch and _fits(root, group):
        return
    # The root comes last: until then a cut-short walk shows as a mismatch.
    for directory, _, files in os.walk(root, topdown=False):
        for name in files:
            _give_one(Path(directory, name), group, _FILE_BITS)
        _give_one(Path(directory), group, _DIRECTORY_BITS)


def _fits(root: Path, group: int) -> bool:
    info = root.stat()
    return info.st_gid == group and info.st_mode & _DIRECTORY_BITS == _DIRECTORY_BITS


def _give_one(path: Path, group: int, bits: int) -> None:
    info = path.lstat()
    if info.st_gid != group:
        os.lchown(path, -1, group)
    if not stat.S_ISLNK(info.st_mode):
        # Read again what chown may have cleared (setuid, setgid), and leave it cleared.
        path.chmod(stat.S_IMODE(path.lstat().st_mode) | bits)
