"""Control groups, version 1 (also hybrid) and 2: pod groups, counters, removal.

The OCI runtime makes a container's own group and its limits; the pod's group above it, and what
remains of both afterwards, is ours. A path such as `/bireme/pod<uid>` is below each controller's
root. Reads the file system only; `detect` finds out which version it is. Blocking, microseconds.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kubelet.runtime.config import Resources

# What v2 calls the range of v1's cpu.shares (2..262144).
_WEIGHT_RANGE = (1, 10_000)
DEFAULT_PERIOD = 100_000
# Removal races with the kernel: a process that dies still counts for a moment.
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Usage:
    """What a group has used."""

    cpu_ns: int = 0
    memory_bytes: int = 0
    working_set_bytes: int = 0
    pids: int = 0
    oom_kills: int = 0


class Cgroups(Protocol):
    """One machine's control groups."""

    # Whether memory and swap can be limited together.
    limits_swap: bool

    def prepare_pod(self, path: str, resources: Resources | None) -> None: ...

    def update(self, path: str, resources: Resources) -> None: ...

    def usage(self, path: str) -> Usage: ...

    def oom_kills(self, path: str) -> int: ...

    def pids(self, path: str) -> set[int]: ...

    def remove(self, path: str) -> None:
        """Remove the group with all below it.

        Parents stay, empty or not: a runtime may be about to make another group in one.
        """

    def unified(self) -> Mapping[str, str]:
        """Extra settings of version 2 for a container's group."""


def detect(
    root: Path = Path("/sys/fs/cgroup"), self_file: Path = Path("/proc/self/cgroup")
) -> Cgroups:
    """Version 2 alone, or version 1 (perhaps with an unused version 2 beside it)."""
    if (root / "cgroup.controllers").exists():
        return CgroupsV2(root)
    controllers = [line.split(":")[1] for line in self_file.read_text().splitlines()]
    mounts = {}
    for entry in controllers:
        for name in entry.split(","):
            if name and not name.startswith("name=") and (root / entry).is_dir():
                mounts[name] = root / entry
            elif name and (root / name).is_dir():
                mounts[name] = root / name
    extra = [root / name for name in ("systemd", "unified") if (root / name).is_dir()]
    return CgroupsV1(mounts, extra)


class CgroupsV1:
    """One tree per controller; `cpu` and `cpuacct` may be one or two of them."""

    def __init__(self, mounts: Mapping[str, Path], extra: list[Path]) -> None:
        self._mounts = mounts
        self._trees = sorted({*mounts.values(), *extra})
        memory = mounts.get("memory", Path("/nonexistent"))
        self.limits_swap = (memory / "memory.memsw.usage_in_bytes").exists()

    def prepare_pod(self, path: str, resources: Resources | None) -> None:
        for controller in ("cpu", "memory", "pids"):
            if controller in self._mounts:
                _join(self._mounts[controller], path).mkdir(parents=True, exist_ok=True)
        if resources is not None:
            self.update(path, resources)

    def update(self, path: str, resources: Resources) -> None:
        if resources.cpu_shares:
            self._write("cpu", path, "cpu.shares", resources.cpu_shares)
        if resources.cpu_quota:
            period = resources.cpu_period or DEFAULT_PERIOD
            self._write("cpu", path, "cpu.cfs_period_us", period)
            self._write("cpu", path, "cpu.cfs_quota_us", resources.cpu_quota)
        if resources.memory_limit_bytes:
            self._set_memory(path, resources.memory_limit_bytes)
        if resources.pids_limit:
            self._write("pids", path, "pids.max", resources.pids_limit)

    def _set_memory(self, path: str, limit: int) -> None:
        # Memory may never exceed memory+swap, so the order depends on the direction.
        files = ["memory.limit_in_bytes"]
        if self.limits_swap:
            files.append("memory.memsw.limit_in_bytes")
        current = self._read_int("memory", path, "memory.limit_in_bytes")
        for name in reversed(files) if limit > current else files:
            self._write("memory", path, name, limit)

    def usage(self, path: str) -> Usage:
        stat = _flat(self._text("memory", path, "memory.stat"))
        used = self._read_int("memory", path, "memory.usage_in_bytes")
        return Usage(
            cpu_ns=self._read_int("cpuacct", path, "cpuacct.usage"),
            memory_bytes=used,
            working_set_bytes=max(0, used - stat.get("total_inactive_file", 0)),
            pids=self._read_int("pids", path, "pids.current"),
            oom_kills=self.oom_kills(path),
        )

    def oom_kills(self, path: str) -> int:
        return _flat(self._text("memory", path, "memory.oom_control")).get("oom_kill", 0)

    def pids(self, path: str) -> set[int]:
        for controller in ("pids", "memory", "cpu"):
            if controller in self._mounts:
                return _pids(_join(self._mounts[controller], path))
        return set()

    def remove(self, path: str) -> None:
        for tree in self._trees:
            _remove_tree(tree, path)

    def unified(self) -> Mapping[str, str]:
        return {}

    def _text(self, controller: str, path: str, name: str) -> str:
        if controller not in self._mounts:
            return ""
        return _read(_join(self._mounts[controller], path) / name)

    def _read_int(self, controller: str, path: str, name: str) -> int:
        text = self._text(controller, path, name).strip()
        return int(text) if text.lstrip("-").isdigit() else 0

    def _write(self, controller: str, path: str, name: str, value: int) -> None:
        if controller in self._mounts:
            (_join(self._mounts[controller], path) / name).write_text(str(value))


class CgroupsV2:
    """One tree for all controllers."""

    limits_swap = True
    _CONTROLLERS = ("cpu", "memory", "pids", "cpuset", "io")

    def __init__(self, root: Path) -> None:
        self._root = root

    def prepare_pod(self, path: str, resources: Resources | None) -> None:
        here = self._root
        for part in (part for part in path.split("/") if part):
            self._delegate(here)
            here /= part
            here.mkdir(exist_ok=True)
        self._delegate(here)
        if resources is not None:
            self.update(path, resources)

    def _delegate(self, directory: Path) -> None:
        """Let the children have controllers of their own."""
        available = _read(directory / "cgroup.controllers").split()
        enabled = _read(directory / "cgroup.subtree_control").split()
        for controller in self._CONTROLLERS:
            if controller in available and controller not in enabled:
                # Refused where processes sit in the group itself; the limit is then not enforced.
                with contextlib.suppress(OSError):
                    (directory / "cgroup.subtree_control").write_text(f"+{controller}")

    def update(self, path: str, resources: Resources) -> None:
        directory = _join(self._root, path)
        settings = {}
        if resources.cpu_shares:
            settings["cpu.weight"] = str(weight_of_shares(resources.cpu_shares))
        if resources.cpu_quota:
            period = resources.cpu_period or DEFAULT_PERIOD
            quota = "max" if resources.cpu_quota < 0 else str(resources.cpu_quota)
            settings["cpu.max"] = f"{quota} {period}"
        if resources.memory_limit_bytes:
            settings["memory.max"] = str(resources.memory_limit_bytes)
        if resources.pids_limit:
            settings["pids.max"] = str(resources.pids_limit)
        for name, value in settings.items():
            if (directory / name).exists():
                (directory / name).write_text(value)

    def usage(self, path: str) -> Usage:
        directory = _join(self._root, path)
        used = _int(_read(directory / "memory.current"))
        stat = _flat(_read(directory / "memory.stat"))
        return Usage(
            cpu_ns=_flat(_read(directory / "cpu.stat")).get("usage_usec", 0) * 1000,
            memory_bytes=used,
            working_set_bytes=max(0, used - stat.get("inactive_file", 0)),
            pids=_int(_read(directory / "pids.current")),
            oom_kills=self.oom_kills(path),
        )

    def oom_kills(self, path: str) -> int:
        return _flat(_read(_join(self._root, path) / "memory.events")).get("oom_kill", 0)

    def pids(self, path: str) -> set[int]:
        return _pids(_join(self._root, path))

    def remove(self, path: str) -> None:
        _remove_tree(self._root, path)

    def unified(self) -> Mapping[str, str]:
        if "memory" not in _read(self._root / "cgroup.controllers").split():
            # Some machines start without it: a runtime would refuse every container.
            return {}
        # One process of a container over its limit ends the container, as on version 1 clusters.
        return {"memory.oom.group": "1"}


def weight_of_shares(shares: int) -> int:
    """cpu.shares 2..262144 as cpu.weight 1..10000, the mapping that OCI runtimes use."""
    low, high = _WEIGHT_RANGE
    return max(low, min(high, 1 + (max(shares, 2) - 2) * 9999 // 262142))


def _join(tree: Path, path: str) -> Path:
    return tree / path.lstrip("/")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        # The group may go at any moment (ENOENT, ENODEV).
        return ""


def _int(text: str) -> int:
    stripped = text.strip()
    return int(stripped) if stripped.isdigit() else 0


def _flat(text: str) -> dict[str, int]:
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _pids(directory: Path) -> set[int]:
    found: set[int] = set()
    for here in _walk(directory):
        found.update(int(pid) for pid in _read(here / "cgroup.procs").split())
    return found


def _walk(directory: Path) -> Iterator[Path]:
    """The groups below and the group itself, deepest first."""
    for here, _, _ in os.walk(directory, topdown=False):
        yield Path(here)


def _remove_tree(tree: Path, path: str) -> None:
    for _ in range(_ATTEMPTS):
        for directory in _walk(_join(tree, path)):
            with contextlib.suppress(OSError):
                directory.rmdir()
        if not _join(tree, path).exists():
            return
