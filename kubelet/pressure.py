"""Keeps a node from running full: measures, gives up images, ends pods, one at a time.

A look every `LOOK_S` seconds, as often as Kubernetes': two file systems, the machine's memory, and
the files of those pods only that set a limit to them. What all pods use is counted when the node is
under pressure. What to do is decided by `kubelet.eviction` and `kubelet.images.collecting` (pure).
Neighbours: `kubelet.node` sends the conditions, `kubelet.pods` refuses what comes under pressure.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from apimachinery.wire import JsonObject
from kubelet import configs, eviction, files
from kubelet.eviction import Signal, Usage, Want
from kubelet.images import collecting
from kubelet.kit import Kit
from kubelet.node_status import Health
from kubelet.observed import Attempt
from kubelet.pods import Pods
from kubelet.runtime.errors import NotFoundError, RuntimeDriverError
from kubelet.worker import PodWorker

LOG = logging.getLogger(__name__)

LOOK_S = 10.0
SHARE = 0.05
"""Of the time that counting files may take at most: large trees are looked at less often."""
EVERYTHING = 1 << 62
"""More bytes than any images have."""
GRACE_S = 1.0
"""What an evicted pod has to end in: the node is in need."""


class PressureKeeper:
    """See the module's docstring."""

    def __init__(self, kit: Kit, pods: Pods, own_memory: bool, changed: Callable[[], None]) -> None:
        self._kit = kit
        self._pods = pods
        self._own_memory = own_memory
        """The machine's memory is all this node's, and no other's."""
        self._changed = changed
        self._met_at: dict[str, float] = {}
        self._image_used_at: dict[str, float] = {}
        self._not_ready = ""
        self._count_after = 0.0

    def health(self) -> Health:
        """For the node's conditions."""
        pressed = eviction.lasting(self._met_at, self._kit.clock.now())
        return Health(pressed, self._not_ready)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            before = self.health()
            try:
                await self.look()
                self._not_ready = ""
            except OSError as error:
                self._not_ready = f"the node's own state cannot be read: {error}"
            except RuntimeDriverError as error:
                LOG.warning("what containers use cannot be read: %s", error)
            after = self.health()
            self._pods.pressed = after.pressed
            if after != before:
                self._changed()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """One look at everything, and at most one pod ended."""
        wants = await self._wants()
        full = any(want.threshold.condition == eviction.DISK for want in wants)
        # Everything that can be fetched again goes before any pod does.
        if full and await self._collect_images(Signal(0, EVERYTHING)):
            wants = await self._wants()
        now = self._kit.clock.now()
        self._met_at |= {want.threshold.condition: now for want in wants}
        if any(worker.evicted for worker in self._pods.workers()):
            return
        if wants:
            await self._relieve(wants[0])
        else:
            await self._end_who_is_over()

    # --- measuring

    async def _wants(self) -> list[Want]:
        signals = await asyncio.to_thread(_read_signals, self._kit.options.data_dir)
        signals["memory.available"] = await self._memory(signals["memory.available"])
        disk = signals["imagefs.available"]
        if collecting.to_free(disk.capacity - disk.available, disk.capacity):
            await self._collect_images(disk)
        return eviction.wants(signals, self._kit.options.eviction_hard)

    async def _memory(self, machine: Signal) -> Signal:
        """A node that claims a part of a machine has what its own pods leave of that part."""
        if self._own_memory:
            return machine
        capacity = self._kit.capacity.memory_bytes
        stats = await self._kit.driver.list_container_stats()
        used = sum(one.memory_working_set_bytes for one in stats)
        return Signal(max(capacity - used, 0), capacity)

    async def _usage(self, worker: PodWorker, *, with_files: bool) -> Usage:
        running = worker.ledger.running()
        memory = {attempt.name: await self._working_set(attempt) for attempt in running}
        if not with_files:
            return Usage(worker.pod, memory)
        writable = {attempt.name: await self._writable(attempt) for attempt in running}
        logs = self._kit.options.logs_dir / configs.log_directory_name(worker.pod)
        empty = self._kit.options.pods_dir / worker.uid / "volumes" / "empty"
        logged, volumes = await asyncio.to_thread(
            lambda: (
                files.below(logs, [attempt.name for attempt in running]),
                files.below(empty, _on_disk(worker.pod)),
            )
        )
        for name, amount in logged.items():
            writable[name] = writable.get(name, 0) + amount
        return Usage(worker.pod, memory, writable, volumes)

    async def _working_set(self, attempt: Attempt) -> int:
        try:
            return (await self._kit.driver.container_stats(attempt.id)).memory_working_set_bytes
        except (NotFoundError, RuntimeDriverError):
            return 0  # it has just ended

    async def _writable(self, attempt: Attempt) -> int:
        try:
            return await self._kit.driver.writable_bytes(attempt.id)
        except (NotFoundError, RuntimeDriverError):
            return 0

    # --- acting

    async def _relieve(self, want: Want) -> None:
        if want.threshold.condition == eviction.PIDS:
            return  # no pod is known to be the cause; new ones are kept away by the taint
        with_files = want.threshold.condition == eviction.DISK
        usages = [
            await self._usage(worker, with_files=with_files)
            for worker in self._pods.workers()
            if worker.active and worker.ledger.running()
        ]
        self._end(eviction.choose(want, usages))

    async def _end_who_is_over(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        if began < self._count_after:
            return
        for worker in self._pods.workers():
            if worker.active and worker.ledger.running() and eviction.is_bounded(worker.pod):
                self._end(eviction.over_limits(await self._usage(worker, with_files=True)))
        self._count_after = loop.time() + (loop.time() - began) / SHARE

    def _end(self, verdict: eviction.Verdict | None) -> None:
        for worker in self._pods.workers():
            if verdict is not None and worker.uid == verdict.uid:
                self._kit.warn(worker.pod, eviction.EVICTED, verdict.message)
                worker.evict(eviction.EVICTED, verdict.message, grace=GRACE_S)

    async def _collect_images(self, disk: Signal) -> int:
        """Remove what nobody uses; how many images went."""
        images = await self._kit.images.list_images()
        in_use = await self._kit.images.in_use()
        now = self._kit.clock.now()
        known = {image.id for image in images}
        self._image_used_at = {
            key: now if key in in_use else self._image_used_at.get(key, now) for key in known
        }
        wanted = collecting.to_free(disk.capacity - disk.available, disk.capacity)
        chosen = collecting.choose(images, in_use, self._image_used_at, now, wanted)
        for image in chosen:
            LOG.info("image %s is removed: the disk is full and nobody uses it", image.tags)
            await self._kit.images.remove(image.id)
        return len(chosen)


def _on_disk(pod: JsonObject) -> list[str]:
    """The emptyDir volumes that are not in memory."""
    return [
        volume["name"]
        for volume in pod["spec"].get("volumes") or ()
        if "emptyDir" in volume and (volume["emptyDir"] or {}).get("medium") != "Memory"
    ]


def _read_signals(data_dir: Path) -> dict[str, Signal]:
    """Of the machine; the file system of the data directory is both the node's and the images'."""
    disk = os.statvfs(data_dir)
    blocks = Signal(disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize)
    # Some file systems have no bound on files, and say 0.
    inodes = Signal(disk.f_favail, disk.f_files) if disk.f_files else Signal(1, 1)
    return {
        "memory.available": _memory(),
        "nodefs.available": blocks,
        "nodefs.inodesFree": inodes,
        "imagefs.available": blocks,
        "imagefs.inodesFree": inodes,
        "pid.available": _pids(),
    }


def _memory() -> Signal:
    found: Mapping[str, int] = {
        name: int(rest.split()[0]) * 1024
        for name, _, rest in (line.partition(":") for line in _lines("/proc/meminfo"))
        if name in ("MemAvailable", "MemTotal")
    }
    return Signal(found["MemAvailable"], found["MemTotal"])


def _pids() -> Signal:
    """Loadavg's fourth field counts what there is."""
    there = int(_lines("/proc/loadavg")[0].split()[3].partition("/")[2])
    most = int(_lines("/proc/sys/kernel/pid_max")[0])
    return Signal(most - there, most)


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="ascii").splitlines()
