"""Keeps container logs below their bound: rotate at a size, keep a few files.

A log is looked at when inotify says that something in its directory was written, at most once per
`CHECK_SECONDS`, so an idle container costs nothing and a busy one a stat every few seconds.
Neighbours: `kubelet.worker` starts a follower per running container, `kubelet.logs` renames, the
driver reopens.
"""

import asyncio
import logging
from pathlib import Path

from kubelet import logs
from kubelet.inotify import Hub
from kubelet.options import Options
from kubelet.runtime.errors import RuntimeDriverError
from kubelet.runtime.interface import RuntimeDriver

LOG = logging.getLogger(__name__)

CHECK_SECONDS = 10.0
"""A container that writes 100 MB/s overshoots the bound by this long; Kubernetes' interval."""


class LogKeeper:
    """Rotates the logs of one node."""

    def __init__(self, driver: RuntimeDriver, options: Options, hub: Hub) -> None:
        self._driver = driver
        self._options = options
        self._hub = hub

    async def follow(self, container_id: str, path: Path) -> None:
        """Until cancelled, which is when the container has ended."""
        try:
            watch = self._hub.watch(path.parent)
        except OSError:
            # A driver that writes no logs has no directory.
            return
        try:
            while True:
                await self._check(container_id, path)
                await watch.changed()
                await asyncio.sleep(CHECK_SECONDS)
        finally:
            watch.close()

    async def _check(self, container_id: str, path: Path) -> None:
        try:
            if not await asyncio.to_thread(self._rotate, path):
                return
            await self._driver.reopen_container_log(container_id)
        except (OSError, RuntimeDriverError) as error:
            LOG.warning("rotation of %s: %s", path, error)

    def _rotate(self, path: Path) -> bool:
        if path.stat().st_size < self._options.log_max_bytes:
            return False
        logs.rotate(path, self._options.log_max_files)
        return True
