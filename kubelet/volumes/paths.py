"""Paths on the node that pods may name: hostPath types, and subPaths that cannot leave a volume.

A subPath is looked up inside the volume by the pod's own processes' rules, so a container may have
put a link there that leads out. It is therefore resolved, checked, then opened component by
component without following links, and what was opened (not its name) is bound to a place of our
own. Blocking; callers use a thread. Neighbour: `kubelet.volumes.manager`.
"""

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from kubelet import kernel, mounts
from kubelet.envfiles import FILE_MAX
from kubelet.volumes.atomic import check_path
from kubelet.volumes.errors import VolumeError

DIRECTORY_MODE = 0o755
FILE_MODE = 0o644


def ensure_host_path(path: str, kind: str) -> Path:
    """Check (or make) a hostPath by its type. VolumeError in Kubernetes' words."""
    if not path.startswith("/") or ".." in Path(path).parts:
        raise VolumeError(f"hostPath {path!r} must be absolute and without '..'")
    target = Path(path)
    if kind == "DirectoryOrCreate" and not target.exists():
        target.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    if kind == "FileOrCreate" and not target.exists():
        _touch(target)
    check = _CHECKS.get(kind)
    if check is not None:
        test, what = check
        if not target.exists() or not test(target.stat().st_mode):
            raise VolumeError(f"hostPath type check failed: {path} is not {what}")
    elif not target.exists():
        # No type: nothing is checked, and what is missing becomes a directory for the bind mount.
        target.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    return target


def _touch(target: Path) -> None:
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))
    except FileExistsError:
        return
    except OSError as error:
        raise VolumeError(f"hostPath {target} cannot be made: {error.strerror}") from error


_CHECKS: dict[str, tuple[Callable[[int], bool], str]] = {
    "Directory": (stat.S_ISDIR, "a directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "a directory"),
    "File": (stat.S_ISREG, "a file"),
    "FileOrCreate": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket file"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


def bind_sub_path(volume: Path, sub_path: str, place: Path) -> Path:
    """Make `sub_path` of `volume` appear at `place`; answers what to mount into the container.

    A missing sub path is made as a directory of the volume's own mode. VolumeError if it leads out of the volume. Without
    the right to mount (no root) the checked path itself is answered.
    """
    descriptor, resolved = open_inside(volume, sub_path)
    try:
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        place.parent.mkdir(parents=True, exist_ok=True)
        # An earlier attempt of the container saw what was there then; this one looks anew.
        mounts.remove_at(place)
        if place.exists() and place.is_dir() != is_directory:
            _remove_one(place)
        if is_directory:
            place.mkdir(exist_ok=True)
        else:
            place.touch()
        try:
            kernel.mount(f"/proc/self/fd/{descriptor}", str(place), "", kernel.MS_BIND)
        except PermissionError:
            return resolved
        return place
    finally:
        os.close(descriptor)


def open_inside(volume: Path, sub_path: str) -> tuple[int, Path]:
    """An O_PATH descriptor of the place and its real path; the caller closes the descriptor."""
    root = volume.resolve()
    resolved = (root / check_path(sub_path)).resolve()
    if not resolved.is_relative_to(root):
        raise VolumeError(f"subPath {sub_path!r} leads out of the volume")
    current = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    mode = stat.S_IMODE(os.fstat(current).st_mode)
    try:
        for part in resolved.relative_to(root).parts:
            current = _step(current, part, sub_path, mode)
    except BaseException:
        os.close(current)
        raise
    return current, resolved


def _step(directory: int, part: str, sub_path: str, mode: int) -> int:
    """Open one component without following links, making it if it is missing."""
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    made = False
    try:
        found = os.open(part, flags, dir_fd=directory)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.mkdir(part, DIRECTORY_MODE, dir_fd=directory)
            made = True
        found = os.open(part, flags, dir_fd=directory)
    except NotADirectoryError:
        raise VolumeError(
            f"subPath {sub_path!r}: a file stands where a directory is meant"
        ) from None
    if stat.S_ISLNK(os.fstat(found).st_mode):
        os.close(found)
        # It was no link when it was resolved: somebody is playing.
        raise VolumeError(f"subPath {sub_path!r} changed while it was looked up")
    if made:
        # By what was opened, not by its name: that may be another's by now.
        Path(f"/proc/self/fd/{found}").chmod(mode)
    os.close(directory)
    return found


def read_inside(volume: Path, path: str) -> bytes | None:
    """The beginning of a plain file of the volume, or None; VolumeError if it leads out."""
    root = volume.resolve()
    if not (root / check_path(path)).exists():
        return None
    descriptor, _ = open_inside(volume, path)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(f"/proc/self/fd/{descriptor}", "rb") as file:  # noqa: PTH123  no path of its own
            return file.read(FILE_MAX + 1)
    finally:
        os.close(descriptor)


def _remove_one(place: Path) -> None:
    if place.is_dir():
        place.rmdir()
    else:
        place.unlink()
