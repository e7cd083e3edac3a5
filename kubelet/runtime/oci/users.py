"""Who a container's process is: names of the image's /etc/passwd and /etc/group made numbers.

The image is not trusted: its files are read through links that cannot lead out of it, bounded in
size, and lines that make no sense are skipped. Blocking.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from kubelet.runtime.config import Security
from kubelet.runtime.errors import ContainerConfigError
from kubelet.runtime.interface import ProcessUser

MAX_FILE_BYTES = 1 << 20
MAX_LINKS = 40
MAX_ID = (1 << 32) - 2


def resolve(root: Path, image_user: str, security: Security) -> ProcessUser:
    """The image's user, or what the pod says instead."""
    user_text, _, group_text = image_user.partition(":")
    if security.run_as_user is not None:
        user_text, group_text = str(security.run_as_user), ""
    name, uid, gid = _find_user(root, user_text or "0")
    if group_text:
        gid = _find_group(root, group_text)
    if security.run_as_group is not None:
        gid = security.run_as_group
    if security.run_as_non_root and uid == 0:
        if security.run_as_user is not None:
            raise ContainerConfigError("container's runAsUser breaks non-root policy")
        raise ContainerConfigError("container has runAsNonRoot and image will run as root")
    joined = () if security.strict_groups else _memberships(root, name)
    groups = {*security.supplemental_groups, *joined} - {gid}
    return ProcessUser(uid, gid, tuple(sorted(groups)))


def _find_user(root: Path, text: str) -> tuple[str, int, int]:
    """Name (if known), uid and primary group."""
    number = _number(text)
    for fields in _lines(root, "etc/passwd", 4):
        uid, gid = _number(fields[2]), _number(fields[3])
        if uid is not None and gid is not None and text in {fields[0], fields[2]}:
            return fields[0], uid, gid
    if number is None:
        raise ContainerConfigError(
            f'user "{text}" is not in the image\'s /etc/passwd: use a number'
        )
    return "", number, 0


def _find_group(root: Path, text: str) -> int:
    number = _number(text)
    if number is not None:
        return number
    for fields in _lines(root, "etc/group", 3):
        gid = _number(fields[2])
        if fields[0] == text and gid is not None:
            return gid
    raise ContainerConfigError(f'group "{text}" is not in the image\'s /etc/group: use a number')


def _memberships(root: Path, name: str) -> Iterator[int]:
    if not name:
        return
    for fields in _lines(root, "etc/group", 4):
        gid = _number(fields[2])
        if gid is not None and name in fields[3].split(","):
            yield gid


def _number(text: str) -> int | None:
    if not text.isascii() or not text.isdigit():
        return None
    value = int(text)
    return value if value <= MAX_ID else None


def _lines(root: Path, path: str, least: int) -> Iterator[list[str]]:
    for line in read_inside(root, path).decode("utf-8", "replace").splitlines():
        fields = line.strip().split(":")
        if len(fields) >= least:
            yield fields


def read_inside(root: Path, path: str) -> bytes:
    """A file of the image, at most MAX_FILE_BYTES of it; empty if absent or not a plain file."""
    try:
        real = resolve_inside(root, path)
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        return file.read(MAX_FILE_BYTES)


def resolve_inside(root: Path, path: str) -> Path:
    """Follow links as a process inside would: absolute ones start at `root`, `..` stops there."""
    here = root
    todo = [part for part in reversed(path.split("/")) if part not in {"", "."}]
    links = 0
    while todo:
        part = todo.pop()
        if part == "..":
            here = here if here == root else here.parent
            continue
        candidate = here / part
        if candidate.is_symlink():
            links += 1
            if links > MAX_LINKS:
                raise OSError(f"too many links in {path}")
            target = str(candidate.readlink())
            here = root if target.startswith("/") else here
            todo += [p for p in reversed(target.split("/")) if p not in {"", "."}]
        else:
            here = candidate
    return here
