"""A cluster of a benchmark's own: `bireme up` in a temporary directory, taken down afterwards.

Also reads what its processes cost, from /proc. Neighbours: the benchmarks that need a server.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

BIREME = (sys.executable, "-P", "-m", "bireme")
MEGABYTE = 1024 * 1024


class Cluster:
    """`with Cluster(nodes=3) as cluster:`; see the module."""

    def __init__(self, nodes: int = 0, runtime: str = "oci", store: str = "") -> None:
        self.nodes = nodes
        self.store = store
        """sqlite, etcd (one of its own) or memory; empty: what `up` takes by itself."""
        self.runtime = runtime
        self.directory = Path(tempfile.mkdtemp(prefix="bireme-bench-"))
        self._offers_port = free_port()
        self.start_seconds = 0.0
        """From the command to its return: ready, with all nodes."""

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    @property
    def offers(self) -> str:
        """The address of the offer API."""
        return f"http://127.0.0.1:{self._offers_port}"

    def __enter__(self) -> Self:
        where = ("--data-dir", str(self.directory), "--port", str(free_port()))
        what = ["--nodes", str(self.nodes), "--runtime", self.runtime, "--detach"]
        what += ("--offers-port", str(self._offers_port))
        if self.store:
            what += ("--store", self.store)
        began = time.perf_counter()
        done = subprocess.run(
            [*BIREME, "up", *where, *what], capture_output=True, text=True, check=False
        )
        self.start_seconds = time.perf_counter() - began
        if done.returncode:
            self._remove()
            raise SystemExit(f"bireme up failed: {done.stderr.strip()}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        down = [*BIREME, "down", "--data-dir", str(self.directory), "--purge"]
        subprocess.run(down, capture_output=True, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def pid(self, name: str = "server") -> int:
        """Of a child of the supervisor."""
        processes = json.loads((self.directory / "run" / "processes.json").read_text())
        return int(processes[name]["pid"])

    def pids(self) -> list[int]:
        """Of all children of the supervisor."""
        processes = json.loads((self.directory / "run" / "processes.json").read_text())
        return [int(each["pid"]) for each in processes.values()]

    def cpu_seconds(self) -> float:
        """Of them all."""
        return sum(cpu_seconds(pid) for pid in self.pids())

    def resident_mb(self) -> float:
        """Of them all."""
        return sum(resident_mb(pid) for pid in self.pids())

    def supervisor(self) -> int:
        """The parent of them all."""
        fields = Path(f"/proc/{self.pid()}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[1])


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all threads, to 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Megabytes of memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def free_port() -> int:
    """A port of the loopback that nobody has, for now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
