"""`interface.RuntimeDriver` on runc and conmon: puts sandboxes, containers and execs together.

One driver per node and directory. Runs on plain asyncio. What must not stop half way (create,
start, stop, remove) runs to its end even when the caller is cancelled.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

from kubelet import files, kernel
from kubelet.images.store import ImageStore
from kubelet.runtime import interface
from kubelet.runtime.config import ContainerConfig, Resources, SandboxConfig
from kubelet.runtime.errors import RuntimeDriverError, StateError, UnavailableError
from kubelet.runtime.interface import ContainerState, ContainerStatus, SandboxState, SandboxStatus
from kubelet.runtime.oci import streams
from kubelet.runtime.oci.containers import Container, Containers
from kubelet.runtime.oci.execs import Execs
from kubelet.runtime.oci.node import Node, OciOptions, make_node
from kubelet.runtime.oci.sandboxes import Sandbox, Sandboxes
from kubelet.runtime.podnetwork import NetworkError, PodNetwork

PORT_CONNECT_SECONDS = 5.0


class OciDriver:
    """See `interface.RuntimeDriver`."""

    def __init__(self, options: OciOptions, images: ImageStore, network: PodNetwork) -> None:
        self._options = options
        self._images = images
        self._network = network
        self._parts: _Parts | None = None

    async def start(self) -> None:
        if os.geteuid() != 0:
            raise UnavailableError(
                "the oci runtime driver needs root: run as root, or choose another driver "
                "with --runtime process"
            )
        node = make_node(self._options, self._images, self._network)
        parts = _Parts(node)
        try:
            await asyncio.to_thread(node.layout.prepare)
            await asyncio.to_thread(node.images.prepare)
            await node.network.start()
            await parts.sandboxes.adopt()
        except (OSError, NetworkError) as error:
            raise UnavailableError(f"the runtime driver cannot start: {error}") from error
        await parts.containers.adopt([sandbox.record.id for sandbox in parts.sandboxes.all()])
        self._parts = parts

    async def close(self) -> None:
        if self._parts is not None:
            await self._parts.node.drain()
            self._parts.containers.close()

    async def version(self) -> interface.VersionInfo:
        runtime = self._on.node.runtime
        return interface.VersionInfo(Path(runtime.binary).name, await runtime.version())

    @property
    def _on(self) -> "_Parts":
        if self._parts is None:
            raise UnavailableError("the runtime driver was not started")
        return self._parts

    # Sandboxes

    async def run_pod_sandbox(self, config: SandboxConfig) -> str:
        return await self._on.node.finish(self._run_sandbox(config))

    async def _run_sandbox(self, config: SandboxConfig) -> str:
        parts = self._on
        sandbox_id = await parts.sandboxes.create(config)
        if config.share_process_namespace:
            sandbox = parts.sandboxes.get(sandbox_id)
            async with sandbox.lock:
                if parts.containers.init_of(sandbox_id) is None:
                    around = parts.sandboxes.surroundings(sandbox.record)
                    await parts.containers.run_init(sandbox.record, around)
        return sandbox_id

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        if sandbox_id in self._on.sandboxes:
            sandbox = self._on.sandboxes.get(sandbox_id)
            await self._on.node.finish(self._stop_sandbox(sandbox))

    async def _stop_sandbox(self, sandbox: Sandbox) -> None:
        async with sandbox.lock:
            await self._stop_locked(sandbox)

    async def _stop_locked(self, sandbox: Sandbox) -> None:
        parts = self._on
        inside = parts.containers.of_sandbox(sandbox.record.id)
        await asyncio.gather(*(parts.containers.stop(container, 0) for container in inside))
        try:
            await parts.sandboxes.stop(sandbox)
        except NetworkError as error:
            raise RuntimeDriverError(str(error)) from error

    async def remove_pod_sandbox(self, sandbox_id: str) -> None:
        if sandbox_id in self._on.sandboxes:
            sandbox = self._on.sandboxes.get(sandbox_id)
            await self._on.node.finish(self._remove_sandbox(sandbox))

    async def _remove_sandbox(self, sandbox: Sandbox) -> None:
        parts = self._on
        async with sandbox.lock:
            await self._stop_locked(sandbox)
            inside = parts.containers.of_sandbox(sandbox.record.id)
            await asyncio.gather(*(parts.containers.remove(container) for container in inside))
            await parts.sandboxes.remove(sandbox)

    async def sandbox_status(self, sandbox_id: str) -> SandboxStatus:
        return self._status(self._on.sandboxes.get(sandbox_id))

    async def list_pod_sandboxes(self) -> list[SandboxStatus]:
        return [self._status(sandbox) for sandbox in self._on.sandboxes.all()]

    def _status(self, sandbox: Sandbox) -> SandboxStatus:
        status = sandbox.record.status()
        if sandbox.record.shared_pid and self._on.containers.init_of(status.id) is None:
            # Its PID namespace went with the first process: no container can enter it.
            return replace(status, state=SandboxState.NOT_READY)
        return status

    # Containers

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        sandbox = self._on.sandboxes.get(sandbox_id)
        return await self._on.node.finish(self._create(sandbox, config))

    async def _create(self, sandbox: Sandbox, config: ContainerConfig) -> str:
        parts = self._on
        async with sandbox.lock:
            record = sandbox.record
            for container in parts.containers.of_sandbox(record.id):
                if (container.record.name, container.record.attempt) == (
                    config.name,
                    config.attempt,
                ):
                    return container.record.id
            if record.stopped:
                raise StateError(f"sandbox {record.id} is stopped: no container can be made in it")
            first = parts.containers.init_of(record.id) if record.shared_pid else None
            if first is None and config.target:
                first = parts.containers.named(record.id, config.target)
            around = parts.sandboxes.surroundings(record, first.record.pid if first else 0)
            return await parts.containers.create(record, around, config)

    async def start_container(self, container_id: str) -> None:
        container = self._on.containers.get(container_id)
        await self._on.node.finish(self._on.containers.start(container))

    async def stop_container(self, container_id: str, timeout: float) -> None:
        container = self._find(container_id)
        if container is not None:
            await self._on.node.finish(self._on.containers.stop(container, timeout))

    async def remove_container(self, container_id: str) -> None:
        container = self._find(container_id)
        if container is not None:
            await self._on.node.finish(self._on.containers.remove(container))

    def _find(self, container_id: str) -> Container | None:
        for container in self._on.containers.all():
            if container.record.id == container_id:
                return container
        return None

    async def container_status(self, container_id: str) -> ContainerStatus:
        return self._on.containers.get(container_id).record.status()

    async def list_containers(self) -> list[ContainerStatus]:
        return [container.record.status() for container in self._on.containers.all()]

    async def update_container_resources(self, container_id: str, resources: Resources) -> None:
        container = self._on.containers.running(container_id)
        try:
            await asyncio.to_thread(self._on.node.groups.update, container.record.cgroup, resources)
        except OSError as error:
            raise RuntimeDriverError(
                f'cannot change the limits of container "{container.record.name}": {error}'
            ) from error

    async def update_sandbox_resources(self, sandbox_id: str, resources: Resources) -> None:
        record = self._on.sandboxes.get(sandbox_id).record
        try:
            await asyncio.to_thread(self._on.node.groups.update, record.cgroup, resources)
        except OSError as error:
            raise RuntimeDriverError(
                f'cannot change the limits of pod "{record.namespace}/{record.name}": {error}'
            ) from error

    async def container_stats(self, container_id: str) -> interface.ContainerStats:
        return self._on.containers.stats(self._on.containers.running(container_id))

    async def writable_bytes(self, container_id: str) -> int:
        directory = self._on.node.layout.container(self._on.containers.get(container_id).record.id)
        return await asyncio.to_thread(files.size, directory / "upper")

    async def list_container_stats(self) -> list[interface.ContainerStats]:
        return [
            self._on.containers.stats(container)
            for container in self._on.containers.all()
            if container.record.state is ContainerState.RUNNING
        ]

    # Streams

    async def exec_sync(
        self, container_id: str, argv: Sequence[str], timeout: float
    ) -> interface.ExecResult:
        record = self._on.containers.running(container_id).record
        return await self._on.execs.run(record, argv, timeout)

    async def exec(
        self, container_id: str, argv: Sequence[str], *, tty: bool = False, stdin: bool = False
    ) -> interface.ProcessStream:
        record = self._on.containers.running(container_id).record
        return await self._on.execs.open(record, argv, tty=tty, stdin=stdin)

    async def attach(self, container_id: str, *, stdin: bool = False) -> interface.ProcessStream:
        container = self._on.containers.running(container_id)
        node = self._on.node
        connection = streams.connect_attach(node.layout.bundle(container_id))
        directory = node.layout.container(container_id)

        def resize(columns: int, rows: int) -> None:
            node.supervisor.resize(directory, columns, rows)

        async def wait() -> int:
            await container.ended.wait()
            return container.record.exit_code

        return streams.AttachStream(connection, resize, wait, stdin=stdin)

    async def open_port(self, sandbox_id: str, port: int) -> socket.socket:
        record = self._on.sandboxes.get(sandbox_id).record
        if record.stopped:
            raise StateError(f"sandbox {sandbox_id} is stopped")
        netns = self._on.node.layout.namespace(sandbox_id, "net")

        def connect() -> socket.socket:
            if not record.host_network:
                kernel.setns(str(netns), kernel.CLONE_NEWNET)
            try:
                return socket.create_connection(("127.0.0.1", port), PORT_CONNECT_SECONDS)
            except ConnectionRefusedError:
                return socket.create_connection(("::1", port), PORT_CONNECT_SECONDS)

        try:
            connection = await kernel.in_thread(connect)
        except OSError as error:
            raise RuntimeDriverError(
                f'cannot connect to port {port} of pod "{record.namespace}/{record.name}": {error}'
            ) from error
        connection.setblocking(False)
        return connection

    async def reopen_container_log(self, container_id: str) -> None:
        self._on.containers.running(container_id)
        node = self._on.node
        node.supervisor.reopen_log(node.layout.container(container_id))

    def events(self) -> AsyncIterator[interface.ContainerExited]:
        return self._on.node.exits.subscribe()


class _Parts:
    """What exists once the driver has started."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.sandboxes = Sandboxes(node)
        self.containers = Containers(node)
        self.execs = Execs(node)
