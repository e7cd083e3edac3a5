"""`bireme down`: stops the cluster and leaves no process, namespace, mount, rule or cgroup.

Works on what is found, not on what is remembered: a cluster whose supervisor was killed, or
whose machine went down, is cleaned in the same way. Neighbours: `bireme.cli.up`.
"""

import os
import selectors
import shutil
import signal
from pathlib import Path

from bireme.cli import cluster, paths, processes
from bireme.cli.cluster import ClusterOptions
from bireme.cli.errors import CommandError
from bireme.cli.paths import DataDir
from kubelet.network import topology

STOP_TIMEOUT_S = 20.0
"""The supervisor gives its children 10 s; twice that means it hangs."""


def run(data_dir: Path | None, *, purge: bool) -> None:
    """Stop everything of one data directory, and with `purge` remove the data as well."""
    dirs = paths.data_dir(data_dir)
    if not dirs.root.exists():
        raise CommandError(f"there is no cluster in {dirs.root}: name it with --data-dir")
    stop(dirs)
    if purge:
        shutil.rmtree(dirs.root)


def stop(dirs: DataDir) -> None:
    """Stop the processes, then the containers, then remove the network."""
    _end(processes.supervisor(dirs))
    for pid in processes.of_directory(dirs.root):
        _end(pid, signal.SIGKILL)
    options = cluster.load(dirs.cluster)
    if options is None:
        return
    if options.networked:
        from kubelet.network import proxy  # `up` imports this module and rarely needs that one

        remove_pods(options, dirs)
        proxy.remove_rules(options.topology.table)
        topology.remove(options.topology)


def _end(pid: int | None, number: signal.Signals = signal.SIGTERM) -> None:
    """Send the signal and wait for the end, which the kernel tells through a pidfd."""
    if pid is None:
        return
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with selectors.DefaultSelector() as selector:
        selector.register(pidfd, selectors.EVENT_READ)
        signal.pidfd_send_signal(pidfd, number)
        if not selector.select(STOP_TIMEOUT_S):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    os.close(pidfd)


def remove_pods(options: ClusterOptions, dirs: DataDir) -> None:
    """Kill and unmount what the nodes ran: containers outlive their agents on purpose."""
    from kubelet import mounts  # as above
    from kubelet.runtime.oci import cleanup
    from kubelet.runtime.oci.node import OciOptions

    for home in sorted((dirs.root / "nodes").glob("*")):
        cgroup_root = cluster.cgroup_root(options, home.name)
        cleanup.remove_all(OciOptions(home / "runtime", cgroup_root=cgroup_root))
        mounts.remove_below(home)
        cleanup.remove_cgroups(cgroup_root)
