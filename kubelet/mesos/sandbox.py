"""Tasks' sandboxes as files: what may be listed and read of a node, and where it lies.

A sandbox is a volume of the task's pod. Its virtual path names agent, framework and executor (and, of a
group, the task); beside
the task's own files it shows `stdout` and `stderr`, taken from the container's log.
Everything outside of sandboxes does not exist here, links that lead out of one included. Blocking.
Neighbours: `server` asks; the pods' workers know their logs.
"""

import grp
import pwd
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from apimachinery.wire import JsonObject
from kubelet import logs

LISTED_MAX = 10_000
"""Entries of one directory that are shown."""
READ_MAX = 4 << 20
"""Bytes of one answer of `/files/read`; a reader asks again."""
LOG_MAX = 64 << 20
"""Bytes of a log that are shown as a file."""
STREAMS = ("stdout", "stderr")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One task's sandbox."""

    directory: Path
    log: Path | None
    """The log of its first container."""


class Missing(Exception):  # noqa: N818  (read as "raise Missing")
    """No such file among those that are shown."""


class Files:
    """The files of some sandboxes, as of now."""

    def __init__(self, sandboxes: Mapping[str, Sandbox]) -> None:
        """Keys are virtual paths."""
        self._sandboxes = sandboxes

    def listing(self, path: str) -> list[JsonObject]:
        """A directory; Missing."""
        sandbox, inner = self._locate(path)
        real = _inside(sandbox.directory, inner)
        if not real.is_dir():
            raise Missing(path)
        found = [
            _entry(f"{path.rstrip('/')}/{child.name}", child)
            for child, _ in zip(sorted(real.iterdir()), range(LISTED_MAX), strict=False)
        ]
        if not inner and sandbox.log is not None and sandbox.log.exists():
            shown = {Path(one["path"]).name for one in found}
            for name in STREAMS:
                if name not in shown:
                    size = len(_stream(sandbox.log, name))
                    entry = _entry(f"{path.rstrip('/')}/{name}", sandbox.log)
                    found.append({**entry, "size": size})
        return found

    def content(self, path: str) -> bytes:
        """A whole file; Missing."""
        sandbox, inner = self._locate(path)
        real = _inside(sandbox.directory, inner)
        if real.is_file():
            return real.read_bytes()
        if inner in STREAMS and sandbox.log is not None:
            return _stream(sandbox.log, inner)
        raise Missing(path)

    def part(self, path: str, offset: int, length: int) -> tuple[bytes, int]:
        """Some bytes of a file, and its size; Missing."""
        sandbox, inner = self._locate(path)
        real = _inside(sandbox.directory, inner)
        length = min(length, READ_MAX) if length >= 0 else READ_MAX
        if real.is_file():
            with real.open("rb") as file:
                file.seek(max(0, offset))
                return file.read(length if offset >= 0 else 0), real.stat().st_size
        whole = self.content(path)
        return whole[offset : offset + length] if offset >= 0 else b"", len(whole)

    def _locate(self, path: str) -> tuple[Sandbox, str]:
        # Tasks of a group lie below what they run in: the longest that fits.
        for virtual, sandbox in sorted(self._sandboxes.items(), key=lambda pair: -len(pair[0])):
            if path.rstrip("/") == virtual:
                return sandbox, ""
            if path.startswith(f"{virtual}/"):
                return sandbox, path[len(virtual) + 1 :].strip("/")
        raise Missing(path)


def _inside(directory: Path, inner: str) -> Path:
    real = (directory / inner).resolve()
    if not real.is_relative_to(directory.resolve()):
        raise Missing(inner)
    return real


def _entry(path: str, real: Path) -> JsonObject:
    info = real.lstat()
    return {
        "path": path,
        "size": info.st_size,
        "mtime": info.st_mtime,
        "mode": stat.filemode(info.st_mode),
        "nlink": info.st_nlink,
        "uid": _user(info.st_uid),
        "gid": _group(info.st_gid),
    }


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _stream(log: Path, name: str) -> bytes:
    """One of the two streams of a container's log, at most its end."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_MAX))
            lines = file.read().split(b"\n")
    except OSError:
        return b""
    renderer = logs.Renderer(logs.Options(stream=name))
    return b"".join(renderer.render(raw) for raw in lines)
