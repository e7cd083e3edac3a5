"""Remove everything that a driver's directory stands for, without a driver: for `bireme down`.

Containers outlive their agent on purpose, so taking a node away is a deed of its own. Works on
what is found on disk, after any crash; needs no event loop. Blocking. The images stay.
"""

import asyncio
import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kubelet import kernel
from kubelet.runtime.oci import bundles, cgroups, namespaces, records
from kubelet.runtime.oci.node import OciOptions

# Removing a container is mostly waiting for runc and the kernel.
PARALLEL = 8
RUNC_TIMEOUT_SECONDS = 60
END_TIMEOUT_SECONDS = 10.0
_MOUNTINFO = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")


async def remove_pods(options: OciOptions) -> None:
    """Kill the containers of the driver with these options, and remove its sandboxes and files."""
    await asyncio.to_thread(remove_all, options)


def remove_all(options: OciOptions) -> None:
    """The same without an event loop."""
    layout = records.Layout(options.root)
    if not layout.containers.is_dir():
        return
    groups = cgroups.detect()
    _in_parallel(
        lambda container_id: _remove_container(layout, container_id, options.runtime),
        (container_id for container_id, _ in layout.load_containers()),
    )
    # The pod's cgroup is named by the record.
    for sandbox_id, record in list(layout.load_sandboxes()):
        directory = layout.sandbox(sandbox_id)
        namespaces.release(directory / "ns")
        kernel.unmount(str(directory / "shm"))
        if record is not None:
            groups.remove(record.cgroup, options.cgroup_root)
        shutil.rmtree(directory, ignore_errors=True)
    shutil.rmtree(options.root, ignore_errors=True)


def unmount_below(directory: Path) -> None:
    """Detach every mount below a directory, the innermost first (volumes, pins, roots)."""
    prefix = f"{directory}/"
    mounts = [line.split()[4] for line in _MOUNTINFO.read_text().splitlines()]
    for target in reversed(mounts):
        # The kernel writes spaces and backslashes as octal.
        path = _OCTAL.sub(lambda match: chr(int(match[1], 8)), target)
        if path.startswith(prefix):
            kernel.unmount(path)


def remove_cgroups(cgroup_root: str) -> None:
    """Remove a node's cgroup with all that is empty below it."""
    cgroups.detect().remove(cgroup_root, cgroup_root)


def _in_parallel(call: Callable[[str], None], items: Iterable[str]) -> None:
    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(call, items))


def _remove_container(layout: records.Layout, container_id: str, runtime: str) -> None:
    directory = layout.container(container_id)
    process = records.open_process(records.read_pid(directory / "pid"), container_id, "cgroup")
    supervisor = records.open_process(
        records.read_pid(directory / "conmon.pid"), container_id, "cmdline"
    )
    if process is not None:
        _kill(process)
    if (layout.runtime_state / container_id).exists():
        # Without runc nothing can have run; what else it says, the files are to go.
        with contextlib.suppress(FileNotFoundError, subprocess.TimeoutExpired):
            subprocess.run(
                [runtime, "--root", str(layout.runtime_state), "delete", "--force", container_id],
                capture_output=True,
                check=False,
                timeout=RUNC_TIMEOUT_SECONDS,
            )
    if supervisor is not None:
        _wait(supervisor)
    bundles.remove(directory)
    layout.exit_file(container_id).unlink(missing_ok=True)


def _kill(descriptor: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    _wait(descriptor)


def _wait(descriptor: int) -> None:
    """Until the process has ended; it is killed if that takes long. Closes the pidfd."""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        if not selector.select(END_TIMEOUT_SECONDS):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    os.close(descriptor)
