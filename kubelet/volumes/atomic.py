"""Files of a volume that change all at once, and never outside its directory.

As in Kubernetes a payload lies in a timestamped directory, `..data` is a link to it, and each name
at the top is a link through `..data`. Renaming a new `..data` over the old one switches every file
in one step, for readers that have the directory open too. Blocking; callers use a thread.
Neighbours: `kubelet.volumes.payload` makes the payloads, `kubelet.volumes.manager` calls `write`.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kubelet.volumes.errors import VolumeError

DATA = "..data"
PATH_MAX = 4096
"""The kernel's bound for a path."""


@dataclass(frozen=True, slots=True)
class File:
    """One file's content, mode and owner (None: the agent's)."""

    data: bytes
    mode: int = 0o644
    uid: int | None = None
    gid: int | None = None


def check_path(path: str) -> PurePosixPath:
    """A relative path that stays inside; VolumeError for anything else."""
    pure = PurePosixPath(path)
    inside = bool(path) and len(path) <= PATH_MAX and not pure.is_absolute()
    if not inside or ".." in pure.parts or path.startswith("..") or "\0" in path:
        raise VolumeError(f"path {path!r} must be relative and stay inside the volume")
    return pure


def write(directory: Path, files: Mapping[str, File]) -> bool:
    """Make the directory show exactly `files`; False if it did already."""
    checked = {str(check_path(path)): file for path, file in files.items()}
    directory.mkdir(parents=True, exist_ok=True)
    if read(directory) == {path: (file.data, file.mode) for path, file in checked.items()}:
        return False
    fresh = Path(tempfile.mkdtemp(prefix="..", dir=directory))
    fresh.chmod(0o755)
    for path, file in checked.items():
        _write_file(fresh, PurePosixPath(path), file)
    link = directory / DATA
    old = directory / link.readlink() if link.is_symlink() else None
    temporary = directory / "..data_tmp"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(fresh.name)
    temporary.replace(link)
    _link_names(directory, {PurePosixPath(path).parts[0] for path in checked})
    if old is not None and old.parent == directory:
        shutil.rmtree(old, ignore_errors=True)
    return True


def read(directory: Path) -> dict[str, tuple[bytes, int]] | None:
    """What the volume shows now; None before the first write."""
    root = directory / DATA
    if not root.is_dir():
        return None
    found: dict[str, tuple[bytes, int]] = {}
    for path in root.resolve().rglob("*"):
        if path.is_file():
            mode = path.stat().st_mode & 0o7777
            found[str(path.relative_to(root.resolve()))] = (path.read_bytes(), mode)
    return found


def _write_file(root: Path, path: PurePosixPath, file: File) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(file.data)
        if file.uid is not None or file.gid is not None:
            os.fchown(out.fileno(), _or_same(file.uid), _or_same(file.gid))
        os.fchmod(out.fileno(), file.mode)


def _or_same(number: int | None) -> int:
    return -1 if number is None else number


def _link_names(directory: Path, names: set[str]) -> None:
    """A link per name at the top; links of names that are gone go too."""
    for entry in directory.iterdir():
        if not entry.name.startswith("..") and entry.name not in names and entry.is_symlink():
            entry.unlink()
    for name in names:
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(f"{DATA}/{name}")
