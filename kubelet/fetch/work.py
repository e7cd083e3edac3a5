"""`python -m kubelet.fetch.work`: fetches and unpacks files into one directory, as one user.

A program of its own, so that it has its user's rights and no more, and can be ended at any moment.
The job is JSON on stdin; what went wrong is a sentence on stdout. It goes into the directory first,
gives up its rights next, and then knows only relative paths. Standard library only. Neighbour:
`fetcher` starts it, and has the bounds on time.
"""

import bz2  # noqa: F401  (tarfile needs it later, when modules may be out of reach)
import encodings.idna  # noqa: F401  (as bz2, for host names)
import gzip
import json
import lzma  # noqa: F401  (as bz2)
import os
import resource
import stat
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol

FILE_MAX = 8 << 30
"""Bytes of one file, fetched or unpacked."""
UNPACKED_MAX = 16 << 30
"""Bytes that one archive may become."""
ENTRIES_MAX = 200_000
"""Files in one archive."""
STALL_S = 60.0
"""A server that sends nothing for so long is given up."""
CHUNK = 1 << 20
FILES_MODE, PROGRAMS_MODE = 0o644, 0o755


class Refused(Exception):  # noqa: N818  (read as "raise Refused")
    """It is not done; the text says why."""


def main() -> int:
    job = json.load(sys.stdin)
    os.chdir(job["directory"])
    os.umask(0o022)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_MAX, FILE_MAX))
    if os.geteuid() == 0:
        uid, gid, groups = job["user"]
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(uid)
    for step in job["steps"]:
        if problem := _attempt(step):
            sys.stdout.write(f"Failed to fetch '{step['uri']}': {problem}")
            return 1
    return 0


def _attempt(step: dict[str, Any]) -> str:
    """One file; what went wrong, if anything."""
    try:
        _fetch(step)
    except urllib.error.HTTPError as error:
        error.close()
        return f"the server answered {error.code} {error.reason}"
    except urllib.error.URLError as error:
        return str(error.reason)
    except TimeoutError:
        return f"nothing came for {STALL_S:g} s"
    except (Refused, tarfile.TarError, zipfile.BadZipFile) as error:
        return str(error)
    except (OSError, EOFError, ValueError, RuntimeError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def _fetch(step: dict[str, Any]) -> None:
    name = _inside(step["name"])
    name.parent.mkdir(parents=True, exist_ok=True)
    if step["descriptor"] is not None and step["unpack"]:
        with os.fdopen(step["descriptor"], "rb") as archive:
            _unpack(archive, step["unpack"], name)  # out of the cache, without a copy
        return
    with _source(step) as source, name.open("wb") as target:
        _copy(source, target, FILE_MAX)
        _complete(source)
    name.chmod(PROGRAMS_MODE if step["executable"] else FILES_MODE)
    if step["unpack"]:
        with name.open("rb") as archive:
            _unpack(archive, step["unpack"], name)


def _source(step: dict[str, Any]) -> IO[bytes]:
    if step["descriptor"] is not None:
        return os.fdopen(step["descriptor"], "rb")
    if step["path"]:
        path = Path(step["path"])
        if not path.is_file():
            raise Refused("there is no such file on the agent")
        return path.open("rb")
    # No handlers for other schemes: a redirection leads to the web or nowhere.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(), urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(), urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(), urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):  # fmt: skip
        opener.add_handler(handler)
    opened: IO[bytes] = opener.open(step["uri"], timeout=STALL_S)
    return opened


def _complete(source: IO[bytes]) -> None:
    """A connection that breaks off looks like an end."""
    if getattr(source, "length", None):
        raise Refused("the connection ended before the file did")


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _copy(source: _Readable, target: IO[bytes], most: int) -> int:
    """Bytes that were copied; Refused beyond `most`."""
    done = 0
    while chunk := source.read(CHUNK):
        done += len(chunk)
        if done > most:
            raise Refused(f"it is larger than {most} bytes")
        target.write(chunk)
    return done


def _inside(name: str) -> Path:
    """A path below this directory, whatever links an archive has brought."""
    path = Path(name)
    if path.is_absolute() or not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(".")):
        raise Refused(f"'{name}' leads out of the sandbox")
    return path


def _unpack(archive: IO[bytes], kind: str, name: Path) -> None:
    """Into the directory in which the archive lies."""
    where = name.parent
    if kind == "tar":
        with tarfile.open(fileobj=archive, mode="r:*") as tar:
            tar.extractall(where, members=_bounded(tar), filter="data")
    elif kind == "zip":
        _unzip(archive, where)
    else:
        with gzip.open(archive) as source, _inside(str(name.with_suffix(""))).open("wb") as target:
            _copy(source, target, UNPACKED_MAX)


def _bounded(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    size = 0
    for count, member in enumerate(tar):
        size += member.size
        if size > UNPACKED_MAX or count >= ENTRIES_MAX:
            raise Refused("the archive holds too much")
        yield member


def _unzip(archive: IO[bytes], where: Path) -> None:
    left = UNPACKED_MAX
    with zipfile.ZipFile(archive) as packed:
        entries = packed.infolist()
        if len(entries) > ENTRIES_MAX:
            raise Refused("the archive holds too much")
        for entry in entries:
            mode = entry.external_attr >> 16
            if stat.S_ISLNK(mode) or ".." in entry.filename.split("/"):
                raise Refused(f"the archive's '{entry.filename}' may lead out of the sandbox")
            path = _inside(str(where / entry.filename))
            if entry.is_dir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(entry) as source, path.open("wb") as target:
                left -= _copy(source, target, left)
            path.chmod(PROGRAMS_MODE if mode & stat.S_IXUSR else FILES_MODE)


if __name__ == "__main__":
    sys.exit(main())
