"""What the parts of the oci driver share: options, tools of this node, work that must finish."""

import asyncio
import platform
import shutil
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from kubelet.images.store import ImageStore
from kubelet.runtime.errors import UnavailableError
from kubelet.runtime.events import ExitEvents
from kubelet.runtime.oci import bundles, cgroups, records
from kubelet.runtime.oci.runc import OciRuntime
from kubelet.runtime.oci.spec import NodeLimits
from kubelet.runtime.oci.supervisor import Conmon, Supervisor
from kubelet.runtime.podnetwork import PodNetwork

_T = TypeVar("_T")

DEFAULT_CGROUP_ROOT = "/bireme"


@dataclass(frozen=True, slots=True)
class OciOptions:
    """Where the driver works. `root` is this node's alone; the image store may be shared."""

    root: Path
    # Above all pods of this node; several nodes of a machine take one each, or share it.
    cgroup_root: str = DEFAULT_CGROUP_ROOT
    runtime: str = "runc"
    conmon: str = "conmon"


@dataclass(slots=True)
class Node:
    """The tools of one driver."""

    options: OciOptions
    layout: records.Layout
    images: ImageStore
    network: PodNetwork
    runtime: OciRuntime
    supervisor: Supervisor
    groups: cgroups.Cgroups
    limits: NodeLimits
    boot_id: str
    exits: ExitEvents = field(default_factory=ExitEvents)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    async def finish(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run to the end even if the caller is cancelled: half a container is a leftover."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def drain(self) -> None:
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)


def make_node(options: OciOptions, images: ImageStore, network: PodNetwork) -> Node:
    """Look for everything that is needed; UnavailableError names what is missing."""
    runtime = OciRuntime(_program(options.runtime, "runc"), options.root / "runc")
    conmon = _program(options.conmon, "conmon")
    groups = cgroups.detect()
    return Node(
        options=options,
        layout=records.Layout(options.root),
        images=images,
        network=network,
        runtime=runtime,
        supervisor=Conmon(conmon, runtime),
        groups=groups,
        limits=bundles.node_limits(groups, platform.machine()),
        boot_id=records.boot_id(),
    )


def _program(name: str, package: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")
    if found is None:
        raise UnavailableError(
            f'"{name}" is not installed, so containers cannot run: apt install {package}'
        )
    return found
