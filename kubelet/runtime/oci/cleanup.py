"""Removes everything that a node's driver left on the machine, when the node is to be gone.

Containers outlive their agent on purpose; `bireme down` is the end of that. Works without the
agent, from the state on disk. Neighbours: `driver` (does the work), `bireme.cli.down`.
"""

import asyncio
import contextlib
from pathlib import Path

from kubelet import kernel
from kubelet.images.store import ImageStore
from kubelet.network.fake import FakeNetwork
from kubelet.runtime.oci.driver import OciDriver
from kubelet.runtime.oci.node import OciOptions

MOUNTS = Path("/proc/self/mounts")


async def remove_pods(options: OciOptions, images: ImageStore) -> int:
    """Stop and remove all sandboxes; how many there were.

    The pods' interfaces are left to die with their namespaces, so no network is needed.
    """
    driver = OciDriver(options, images, FakeNetwork())
    await driver.start()
    try:
        sandboxes = await driver.list_pod_sandboxes()
        await asyncio.gather(*(driver.remove_pod_sandbox(sandbox.id) for sandbox in sandboxes))
        return len(sandboxes)
    finally:
        await driver.close()


def unmount_below(directory: Path) -> None:
    """Unmount what is mounted under a directory (volumes in memory), the deepest first."""
    prefix = f"{directory}/"
    lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
    points = [line.split(" ")[1].encode().decode("unicode_escape") for line in lines]
    for point in sorted((p for p in points if p.startswith(prefix)), reverse=True):
        with contextlib.suppress(OSError):
            kernel.unmount(point)
