"""Which running processes belong to a data directory.

The supervisor is known by the lock that it holds for as long as it lives; what a killed one left
behind is found by command line: only processes that Bireme itself starts (`… -m bireme …` and
its private etcd) count, and only with the directory among their arguments. Neighbours: `up`,
`down`, `status`.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from bireme.cli.paths import DataDir


def supervisor(dirs: DataDir) -> int | None:
    """The pid of the running supervisor; None if the lock on its pid file is free."""
    try:
        with (dirs.run / "supervisor.pid").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())
    except (FileNotFoundError, ValueError):
        pass
    return None


def of_directory(root: Path) -> list[int]:
    """The pids of the cluster's processes, zombies and this one excluded."""
    mine = os.getpid()
    return [pid for pid, argv in _commands() if pid != mine and _belongs(argv, str(root))]


def _belongs(argv: list[str], root: str) -> bool:
    ours = ("-m" in argv and any(a.split(".")[0] == "bireme" for a in argv)) or "etcd" in argv[0]
    return ours and any(a == root or a.startswith(f"{root}/") for a in argv[1:])


def _commands() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            raw = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        argv = [part.decode(errors="replace") for part in raw.split(b"\0") if part]
        if argv:
            yield int(entry.name), argv
