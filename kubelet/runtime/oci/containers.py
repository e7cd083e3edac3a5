"""Containers of the oci driver: create, start, stop, remove, adopt, and notice how they end.

Creating prepares files only; the process exists from `start` on. A container's end is noticed by
its supervisor's pidfd (no polling): the exit file is there by then. Should the supervisor have
been killed, the container's own pidfd is watched instead and the exit code stays unknown.
Sandboxes are `sandboxes.py`'s business; callers hold no locks, this module has one per container.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kubelet import kernel
from kubelet.images.interface import Image
from kubelet.runtime import interface
from kubelet.runtime.config import ContainerConfig
from kubelet.runtime.errors import (
    CreateContainerError,
    NotFoundError,
    RuntimeDriverError,
    StartContainerError,
    StateError,
)
from kubelet.runtime.interface import ContainerState
from kubelet.runtime.oci import bundles, hostfs, pause, records, strays
from kubelet.runtime.oci.node import Node
from kubelet.runtime.oci.records import ContainerRecord, SandboxRecord
from kubelet.runtime.oci.spec import Surroundings
from kubelet.runtime.oci.supervisor import Launch

_log = logging.getLogger(__name__)

# KILL cannot be refused; what still lives then hangs in the kernel (a dead NFS server).
KILL_SECONDS = 20.0
UNKNOWN_EXIT_CODE = 255
START_ERROR_CODE = 128
KILLED_CODE = 137


class Container:
    """One container of this driver and what is open for it."""

    def __init__(self, record: ContainerRecord) -> None:
        self.record = record
        self.lock = asyncio.Lock()
        self.ended = asyncio.Event()
        # pidfd of its first process while it runs.
        self.process: int | None = None
        # pidfd that the event loop watches.
        self.watched: int | None = None


class Containers:
    """All containers of the node, by id."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._all: dict[str, Container] = {}

    # Reading

    def get(self, container_id: str) -> Container:
        try:
            return self._all[container_id]
        except KeyError:
            raise NotFoundError(f"no container {container_id}") from None

    def running(self, container_id: str) -> Container:
        container = self.get(container_id)
        if container.record.state is not ContainerState.RUNNING:
            raise StateError(f'container "{container.record.name}" ({container_id}) is not running')
        return container

    def named(self, sandbox_id: str, name: str) -> Container:
        """The running container of this name."""
        for container in self.of_sandbox(sandbox_id):
            record = container.record
            if record.name == name and record.state is ContainerState.RUNNING:
                return container
        raise StateError(f'no container "{name}" is running in sandbox {sandbox_id}')

    def of_sandbox(self, sandbox_id: str) -> list[Container]:
        """All of a sandbox, ours included."""
        return [c for c in self._all.values() if c.record.sandbox_id == sandbox_id]

    def all(self) -> list[Container]:
        """Those of pods, not ours."""
        return [c for c in self._all.values() if not c.record.internal]

    def init_of(self, sandbox_id: str) -> Container | None:
        """What holds the sandbox's shared PID namespace, if it runs."""
        for container in self.of_sandbox(sandbox_id):
            if container.record.internal and _lives(container):
                return container
        return None

    def stats(self, container: Container) -> interface.ContainerStats:
        usage = self._node.groups.usage(container.record.cgroup)
        return interface.ContainerStats(
            container_id=container.record.id,
            timestamp=time.time(),
            cpu_usage_ns=usage.cpu_ns,
            memory_usage_bytes=usage.memory_bytes,
            memory_working_set_bytes=usage.working_set_bytes,
            pids=usage.pids,
            oom_kills=usage.oom_kills,
        )

    # Creating

    async def create(
        self, sandbox: SandboxRecord, around: Surroundings, config: ContainerConfig
    ) -> str:
        image = self._node.images.find(config.image)
        if image is None:
            raise CreateContainerError(
                f'image "{config.image}" is not in the local store: '
                "pull it first, or import it with `bireme image import FILE`"
            )
        container_id = secrets.token_hex(16)
        directory = self._node.layout.container(container_id)
        record = _new_record(container_id, sandbox, config, image, self._node.boot_id)
        record.cgroup = f"{sandbox.cgroup}/{container_id}"
        record.log_path = record.log_path or str(directory / "log")
        placed = replace(around, cgroup=record.cgroup)
        layers = bundles.Layers(
            self._node.images.layers_directory, tuple(self._node.images.layer_paths(image))
        )
        try:
            if hostfs.is_host(image):
                config = await asyncio.to_thread(hostfs.with_host, directory, config)
            await kernel.in_thread(lambda: bundles.mount_rootfs(directory, layers))
            await asyncio.to_thread(self._write_bundle, record, config, image, placed)
        except BaseException as error:
            await asyncio.to_thread(bundles.remove, directory)
            if isinstance(error, OSError):
                raise CreateContainerError(
                    f'cannot prepare container "{config.name}": {error}'
                ) from error
            raise
        self._all[container_id] = Container(record)
        return container_id

    def _write_bundle(
        self, record: ContainerRecord, config: ContainerConfig, image: Image, around: Surroundings
    ) -> None:
        layout = self._node.layout
        directory = layout.container(record.id)
        user = bundles.write_config(directory, config, image, around, self._node.limits)
        record.user = [user.uid, user.gid, *user.groups]
        Path(record.log_path).parent.mkdir(parents=True, exist_ok=True)
        layout.save_container(record)

    async def run_init(self, sandbox: SandboxRecord, around: Surroundings) -> None:
        """Start the first process of a shared PID namespace."""
        container_id = secrets.token_hex(16)
        directory = self._node.layout.container(container_id)
        record = ContainerRecord(
            id=container_id,
            sandbox_id=sandbox.id,
            pod_uid=sandbox.uid,
            name=pause.NAME,
            attempt=sandbox.attempt,
            boot_id=self._node.boot_id,
            image="",
            image_id="",
            created_at=time.time(),
            cgroup=f"{sandbox.cgroup}/{container_id}",
            log_path=str(directory / "log"),
            internal=True,
        )
        placed = replace(around, cgroup=record.cgroup, files=())
        await asyncio.to_thread(pause.write_bundle, directory, placed, self._node.limits)
        self._node.layout.save_container(record)
        self._all[container_id] = Container(record)
        await self.start(self._all[container_id])

    # Starting

    async def start(self, container: Container) -> None:
        async with container.lock:
            record = container.record
            if record.state is not ContainerState.CREATED:
                raise StateError(f'container "{record.name}" ({record.id}) was started already')
            try:
                await self._launch(container)
            except StartContainerError as error:
                await self._start_failed(container, str(error))
                raise StartContainerError(
                    f'cannot start container "{record.name}": {error}'
                ) from None

    async def _launch(self, container: Container) -> None:
        record, layout = container.record, self._node.layout
        launched = await self._node.supervisor.launch(
            Launch(
                container_id=record.id,
                name=record.name,
                directory=layout.container(record.id),
                exits=layout.exits,
                log_path=record.log_path,
                tty=record.tty,
                stdin=record.stdin,
                stdin_once=record.stdin_once,
            )
        )
        record.pid = launched.pid
        container.process = records.open_process(launched.pid, record.id, "cgroup")
        await self._node.runtime.start(record.id)
        record.started_at = time.time()
        record.state = ContainerState.RUNNING
        layout.save_container(record)
        self._watch(container)

    async def _start_failed(self, container: Container, message: str) -> None:
        record = container.record
        _close(container)
        with contextlib.suppress(RuntimeDriverError):
            await self._node.runtime.delete(record.id)
        self._finished(container, START_ERROR_CODE, "StartError", message, time.time())

    # Ending

    def _watch(self, container: Container) -> None:
        """Be told when the supervisor ends; at once if it has."""
        record = container.record
        if container.process is None:
            container.process = records.open_process(record.pid, record.id, "cgroup")
        pid = records.read_pid(self._node.layout.container(record.id) / "conmon.pid")
        supervisor = records.open_process(pid, record.id, "cmdline")
        if supervisor is None:
            self._supervisor_gone(container)
            return
        self._when_readable(container, supervisor, self._supervisor_gone)

    def _when_readable(
        self, container: Container, descriptor: int, call: Callable[[Container], None]
    ) -> None:
        container.watched = descriptor
        loop = asyncio.get_running_loop()

        def ready() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            container.watched = None
            call(container)

        loop.add_reader(descriptor, ready)

    def _supervisor_gone(self, container: Container) -> None:
        exit_file = self._node.layout.exit_file(container.record.id)
        code, finished_at = _read_exit(exit_file)
        if code is not None:
            self._settle(container, code, finished_at)
            return
        if container.process is not None:
            # The supervisor was killed; its container lives on, unsupervised.
            _log.warning("supervisor of container %s was killed", container.record.id)
            self._when_readable(container, os.dup(container.process), self._process_gone)
            return
        self._process_gone(container)

    def _process_gone(self, container: Container) -> None:
        self._settle(container, None, time.time())

    def _settle(self, container: Container, code: int | None, finished_at: float) -> None:
        """The container has ended; what its cgroup counted must be read before it is deleted."""
        killed_by_oom = self._node.groups.oom_kills(container.record.cgroup) > 0
        if code is None:
            message = "the container's supervisor was killed, so its exit code is unknown"
            self._finished(
                container, UNKNOWN_EXIT_CODE, interface.STATUS_UNKNOWN, message, finished_at
            )
        elif code != 0 and killed_by_oom:
            self._finished(container, code, interface.OOM_KILLED, "", finished_at)
        else:
            reason = interface.COMPLETED if code == 0 else interface.ERROR
            self._finished(container, code, reason, "", finished_at)

    def _finished(
        self, container: Container, code: int, reason: str, message: str, finished_at: float
    ) -> None:
        _close(container)
        record, layout = container.record, self._node.layout
        record.state = ContainerState.EXITED
        record.exit_code, record.reason, record.message = code, reason, message
        record.finished_at = finished_at
        record.termination_message = bundles.read_termination_message(layout.container(record.id))
        layout.save_container(record)
        container.ended.set()
        if not record.internal:
            self._node.exits.publish(
                interface.ContainerExited(
                    record.id, record.sandbox_id, record.pod_uid, record.name, code, reason
                )
            )

    # Stopping and removing

    async def stop(self, container: Container, timeout: float) -> None:
        record = container.record
        async with container.lock:
            if record.state is ContainerState.CREATED:
                message = "stopped before it was started"
                self._finished(container, KILLED_CODE, interface.ERROR, message, time.time())
            if record.state is ContainerState.EXITED:
                return
            if timeout > 0:
                _signal(container, signal_number(record.stop_signal))
        # Not under the lock: someone who wants it dead sooner shall not wait for this timeout.
        if timeout > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await container.ended.wait()
        await self.kill(container)

    async def kill(self, container: Container) -> None:
        """End it now, and wait until it has."""
        if container.ended.is_set():
            return
        if container.record.own_pid_namespace and container.process is not None:
            _signal(container, signal.SIGKILL)
        else:
            await self._node.runtime.kill_all(container.record.id, "KILL")
        try:
            async with asyncio.timeout(KILL_SECONDS):
                await container.ended.wait()
        except TimeoutError:
            raise RuntimeDriverError(
                f'container "{container.record.name}" ({container.record.id}) did not end within '
                f"{KILL_SECONDS:g} s after KILL: its processes hang in the kernel"
            ) from None

    async def remove(self, container: Container) -> None:
        record = container.record
        async with container.lock:
            if record.id not in self._all:
                return
            if record.state is ContainerState.RUNNING:
                await self.kill(container)
            await self._node.runtime.delete(record.id)
            await asyncio.to_thread(self._remove_files, record.id)
            _close(container)
            container.ended.set()
            del self._all[record.id]

    def _remove_files(self, container_id: str) -> None:
        layout = self._node.layout
        # The directory goes last: while it is there, a successor knows what else there may be.
        layout.exit_file(container_id).unlink(missing_ok=True)
        bundles.remove(layout.container(container_id))

    # Adopting

    async def adopt(self, sandboxes: Sequence[str]) -> None:
        """Take over what an earlier agent left, and clean what it left half done."""
        layout = self._node.layout
        await asyncio.to_thread(strays.end_helpers, layout.runtime_state)
        for container_id, record in await asyncio.to_thread(lambda: [*layout.load_containers()]):
            if record is not None and record.boot_id != self._node.boot_id:
                await asyncio.to_thread(self._remove_files, container_id)
            elif record is None or record.sandbox_id not in sandboxes:
                await self._undo_launch(container_id, record.cgroup if record else "")
                await asyncio.to_thread(self._remove_files, container_id)
            else:
                await self._adopt_one(record)

    async def _undo_launch(self, container_id: str, cgroup: str) -> None:
        """Whatever may run for a container that is not to run."""
        groups = self._node.groups
        await asyncio.to_thread(
            strays.end_launch, container_id, lambda: groups.pids(cgroup) if cgroup else set()
        )
        await self._node.runtime.delete(container_id)

    async def _adopt_one(self, record: ContainerRecord) -> None:
        container = Container(record)
        self._all[record.id] = container
        match record.state:
            case ContainerState.EXITED:
                container.ended.set()
            case ContainerState.RUNNING:
                self._watch(container)
            case ContainerState.CREATED:
                await self._adopt_created(container)

    async def _adopt_created(self, container: Container) -> None:
        """The earlier agent may have been killed in the middle of `start`."""
        record, layout = container.record, self._node.layout
        directory = layout.container(record.id)
        state = layout.runtime_state / record.id
        pid_file = directory / "pid"
        started = state.exists() and not (state / "exec.fifo").exists() and pid_file.exists()
        if started:
            record.pid = records.read_pid(pid_file)
            record.started_at = pid_file.stat().st_mtime
            record.state = ContainerState.RUNNING
            layout.save_container(record)
            self._watch(container)
            return
        await self._undo_launch(record.id, record.cgroup)
        layout.exit_file(record.id).unlink(missing_ok=True)
        await asyncio.to_thread(bundles.reset, directory)

    def close(self) -> None:
        """Stop watching; the containers run on."""
        for container in self._all.values():
            _close(container)


def _new_record(
    container_id: str,
    sandbox: SandboxRecord,
    config: ContainerConfig,
    image: Image,
    boot_id: str,
) -> ContainerRecord:
    log_path = ""
    if config.log_path:
        log_path = str(Path(sandbox.log_directory, config.log_path))
    return ContainerRecord(
        id=container_id,
        sandbox_id=sandbox.id,
        pod_uid=sandbox.uid,
        name=config.name,
        attempt=config.attempt,
        boot_id=boot_id,
        image=config.image,
        image_id=image.digests[0] if image.digests else image.id,
        created_at=time.time(),
        cgroup="",
        log_path=log_path,
        tty=config.tty,
        stdin=config.stdin,
        stdin_once=config.stdin_once,
        stop_signal=config.stop_signal or image.config.stop_signal,
        own_pid_namespace=not (sandbox.host_pid or sandbox.shared_pid),
        labels=dict(config.labels),
        annotations=dict(config.annotations),
    )


def _read_exit(path: Path) -> tuple[int | None, float]:
    try:
        text = path.read_text().strip()
        finished_at = path.stat().st_mtime
    except FileNotFoundError:
        return None, 0.0
    return (int(text) if text.lstrip("-").isdigit() else UNKNOWN_EXIT_CODE), finished_at


def _signal(container: Container, number: int) -> None:
    if container.process is not None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(container.process, number)


def signal_number(name: str) -> int:
    """`SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`; TERM for anything else."""
    text = name.upper().removeprefix("SIG")
    if text.isascii() and text.isdigit() and 0 < int(text) < signal.NSIG:
        return int(text)
    base, plus, offset = text.partition("+")
    known = signal.Signals.__members__.get(f"SIG{base}")
    if known is None:
        return signal.SIGTERM
    number = int(known) + (int(offset) if plus and offset.isdigit() else 0)
    return number if number < signal.NSIG else signal.SIGTERM


def _lives(container: Container) -> bool:
    """Asked of the kernel: the news of its end may still be on the way to us."""
    if container.process is None:
        return False
    poll = select.poll()
    poll.register(container.process, select.POLLIN)
    return not poll.poll(0)


def _close(container: Container) -> None:
    if container.watched is not None:
        asyncio.get_running_loop().remove_reader(container.watched)
        os.close(container.watched)
        container.watched = None
    if container.process is not None:
        os.close(container.process)
        container.process = None
