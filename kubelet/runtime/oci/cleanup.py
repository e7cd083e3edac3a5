"""Remove everything that a driver's directory stands for, without a driver: for `bireme down`.

Containers outlive their agent on purpose, so taking a node away is a deed of its own. Works on
what is found on disk, after any crash; needs no event loop. Blocking. The images stay.
"""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from kubelet import kernel
from kubelet.runtime.oci import bundles, cgroups, namespaces, records, strays
from kubelet.runtime.oci.node import OciOptions

# Removing a container is mostly waiting for runc and the kernel.
PARALLEL = 8
RUNC_TIMEOUT_SECONDS = 60
_Found = tuple[str, records.ContainerRecord | None]


async def remove_pods(options: OciOptions) -> None:
    """Kill the containers of the driver with these options, and remove its sandboxes and files."""
    await asyncio.to_thread(remove_all, options)


def remove_all(options: OciOptions) -> None:
    """The same without an event loop."""
    layout = records.Layout(options.root)
    if not layout.containers.is_dir():
        return
    groups = cgroups.detect()
    strays.end_helpers(layout.runtime_state)
    _in_parallel(
        lambda item: _remove_container(layout, groups, item, options.runtime),
        layout.load_containers(),
    )
    # The pod's cgroup is named by the record.
    for sandbox_id, record in list(layout.load_sandboxes()):
        directory = layout.sandbox(sandbox_id)
        namespaces.release(directory / "ns")
        kernel.unmount(str(directory / "shm"))
        if record is not None:
            groups.remove(record.cgroup)
        shutil.rmtree(directory, ignore_errors=True)
    shutil.rmtree(options.root, ignore_errors=True)


def remove_cgroups(cgroup_root: str) -> None:
    """Remove a node's cgroup with all that is empty below it."""
    cgroups.detect().remove(cgroup_root)


def _in_parallel(call: Callable[[_Found], None], items: Iterable[_Found]) -> None:
    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(call, items))


def _remove_container(
    layout: records.Layout, groups: cgroups.Cgroups, found: _Found, runtime: str
) -> None:
    container_id, record = found
    directory = layout.container(container_id)
    process = records.open_process(records.read_pid(directory / "pid"), container_id, "cgroup")
    supervisor = records.open_process(
        records.read_pid(directory / "conmon.pid"), container_id, "cmdline"
    )
    if process is not None:
        strays.kill(process)
    if supervisor is not None:
        strays.wait(supervisor)
    strays.end_launch(container_id, lambda: groups.pids(record.cgroup) if record else set())
    if (layout.runtime_state / container_id).exists():
        # Without runc nothing can have run; what else it says, the files are to go.
        with contextlib.suppress(FileNotFoundError, subprocess.TimeoutExpired):
            subprocess.run(
                [runtime, "--root", str(layout.runtime_state), "delete", "--force", container_id],
                capture_output=True,
                check=False,
                timeout=RUNC_TIMEOUT_SECONDS,
            )
    layout.exit_file(container_id).unlink(missing_ok=True)
    bundles.remove(directory)
