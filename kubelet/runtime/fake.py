"""The `fake` driver: keeps the whole contract, runs nothing. For unit tests and hollow nodes.

`FakeMachine` is what survives an agent (the "disk and kernel"); a `FakeDriver` on it is one life
of the agent. What a container does is a `Behaviour`, chosen from its configuration by a function:
by default `sleep N`, `true`, `false` and `sh -c "exit N"` are understood and all else runs until
it is stopped. Time passes on the event loop only, so virtual clocks work.
"""

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kubelet.runtime import interface
from kubelet.runtime.config import ContainerConfig, Resources, SandboxConfig
from kubelet.runtime.errors import (
    CreateContainerError,
    ExecTimeoutError,
    NotFoundError,
    StartContainerError,
    StateError,
)
from kubelet.runtime.events import ExitEvents
from kubelet.runtime.interface import ContainerState, ContainerStatus, SandboxState, SandboxStatus
from kubelet.runtime.podnetwork import PodAttachment, PodNetwork


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a fake container does."""

    # Seconds until it ends by itself; None runs until stopped.
    run_for: float | None = None
    exit_code: int = 0
    reason: str = ""
    termination_message: str = ""
    create_error: str = ""
    start_error: str = ""
    # Written to the container's log at its start, when it has a log path.
    stdout: str = ""
    # A container that does not heed TERM is killed when the grace period is over.
    heeds_stop: bool = True
    stop_exit_code: int = 143
    # Called with the argv of an exec; None answers exit code 0 and nothing else.
    run: Callable[[Sequence[str]], interface.ExecResult] | None = None
    exec_seconds: float = 0.0


def behaviour_of_command(config: ContainerConfig) -> Behaviour:
    """The default: a few commands end by themselves, all others run for ever."""
    match (*config.command, *config.args):
        case ["true"]:
            return Behaviour(run_for=0.0)
        case ["false"]:
            return Behaviour(run_for=0.0, exit_code=1)
        case ["sleep", seconds] if seconds.replace(".", "", 1).isdigit():
            return Behaviour(run_for=float(seconds))
        case ["sh", "-c", script] if script.startswith("exit ") and script[5:].isdigit():
            return Behaviour(run_for=0.0, exit_code=int(script[5:]))
        case _:
            return Behaviour()


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds that each step takes."""

    sandbox: float = 0.0
    create: float = 0.0
    start: float = 0.0


@dataclass(slots=True)
class _Sandbox:
    status: SandboxStatus
    attachment: PodAttachment | None = None
    resources: Resources | None = None


@dataclass(slots=True)
class _Container:
    config: ContainerConfig
    behaviour: Behaviour
    status: ContainerStatus
    timer: asyncio.TimerHandle | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


_IDS = itertools.count(1)
"""Of all machines of this process: an id is never that of another machine or of an earlier boot."""


class FakeMachine:
    """Sandboxes and containers of one fake machine, and the time at which they end."""

    def __init__(
        self,
        behaviour: Callable[[ContainerConfig], Behaviour] = behaviour_of_command,
        latency: Latency = Latency(),
        now: Callable[[], float] = time.time,
    ) -> None:
        self.behaviour = behaviour
        self.latency = latency
        self.now = now
        self.sandboxes: dict[str, _Sandbox] = {}
        self.containers: dict[str, _Container] = {}
        self.exits = ExitEvents()
        # Every call that changed something, in order: tests read it.
        self.calls: list[tuple[str, str]] = []

    def next_id(self, kind: str) -> str:
        return f"{kind}{next(_IDS):08d}"

    def end(self, container: _Container, exit_code: int, reason: str = "") -> None:
        """The container's process is gone; also for tests that kill one behind the agent's back."""
        if container.status.state is ContainerState.EXITED:
            return
        if container.timer is not None:
            container.timer.cancel()
        default = interface.COMPLETED if exit_code == 0 else interface.ERROR
        container.status = replace(
            container.status,
            state=ContainerState.EXITED,
            exit_code=exit_code,
            reason=reason or default,
            finished_at=self.now(),
            termination_message=container.behaviour.termination_message,
            pid=0,
        )
        container.ended.set()
        status = container.status
        self.exits.publish(
            interface.ContainerExited(
                status.id,
                status.sandbox_id,
                status.pod_uid,
                status.name,
                status.exit_code,
                status.reason,
            )
        )

    def kill(self, container_id: str, exit_code: int = 137, reason: str = "") -> None:
        """What `kill -9` on the node would do."""
        self.end(self.containers[container_id], exit_code, reason)

    def close(self) -> None:
        """Cancel what would still happen."""
        for container in self.containers.values():
            if container.timer is not None:
                container.timer.cancel()


class FakeDriver:
    """`interface.RuntimeDriver` on a FakeMachine; addresses come from `network`, if given."""

    def __init__(
        self, machine: FakeMachine | None = None, network: PodNetwork | None = None
    ) -> None:
        self.machine = machine or FakeMachine()
        self._network = network

    async def start(self) -> None:
        if self._network is not None:
            await self._network.start()
            kept = [s.attachment for s in self.machine.sandboxes.values() if s.attachment]
            await self._network.restore(kept)

    async def close(self) -> None:
        return

    async def version(self) -> interface.VersionInfo:
        return interface.VersionInfo("fake", "1.0.0")

    async def run_pod_sandbox(self, config: SandboxConfig) -> str:
        await asyncio.sleep(self.machine.latency.sandbox)
        for sandbox_id, sandbox in self.machine.sandboxes.items():
            if (sandbox.status.uid, sandbox.status.attempt) == (config.uid, config.attempt):
                return sandbox_id
        sandbox_id = self.machine.next_id("sandbox")
        attachment = None
        if self._network is not None and not config.host_network:
            attachment = await self._network.setup(
                sandbox_id, config.uid, f"/fake/{sandbox_id}/net", config.port_mappings
            )
        self.machine.calls.append(("run_pod_sandbox", config.name))
        self.machine.sandboxes[sandbox_id] = _Sandbox(
            SandboxStatus(
                id=sandbox_id,
                uid=config.uid,
                name=config.name,
                namespace=config.namespace,
                attempt=config.attempt,
                state=SandboxState.READY,
                created_at=self.machine.now(),
                ip=attachment.ip if attachment else "",
                host_network=config.host_network,
                log_directory=config.log_directory,
                labels=dict(config.labels),
                annotations=dict(config.annotations),
            ),
            attachment,
            config.resources,
        )
        return sandbox_id

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        sandbox = self.machine.sandboxes.get(sandbox_id)
        if sandbox is None or sandbox.status.state is SandboxState.NOT_READY:
            return
        for container in self._of_sandbox(sandbox_id):
            self.machine.end(container, 137)
        if sandbox.attachment is not None and self._network is not None:
            await self._network.teardown(sandbox.attachment)
            sandbox.attachment = None
        sandbox.status = replace(sandbox.status, state=SandboxState.NOT_READY, ip="")
        self.machine.calls.append(("stop_pod_sandbox", sandbox.status.name))

    async def remove_pod_sandbox(self, sandbox_id: str) -> None:
        if sandbox_id not in self.machine.sandboxes:
            return
        await self.stop_pod_sandbox(sandbox_id)
        for container in self._of_sandbox(sandbox_id):
            await self.remove_container(container.status.id)
        sandbox = self.machine.sandboxes.pop(sandbox_id)
        self.machine.calls.append(("remove_pod_sandbox", sandbox.status.name))

    async def sandbox_status(self, sandbox_id: str) -> SandboxStatus:
        return self._sandbox(sandbox_id).status

    async def list_pod_sandboxes(self) -> list[SandboxStatus]:
        return [sandbox.status for sandbox in self.machine.sandboxes.values()]

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        await asyncio.sleep(self.machine.latency.create)
        sandbox = self._sandbox(sandbox_id)
        for container in self._of_sandbox(sandbox_id):
            if (container.status.name, container.status.attempt) == (config.name, config.attempt):
                return container.status.id
        if sandbox.status.state is not SandboxState.READY:
            raise StateError(f"sandbox {sandbox_id} is stopped: no container can be created in it")
        behaviour = self.machine.behaviour(config)
        if behaviour.create_error:
            raise CreateContainerError(behaviour.create_error)
        container_id = self.machine.next_id("container")
        log_directory = sandbox.status.log_directory
        log_path = str(Path(log_directory, config.log_path)) if config.log_path else ""
        self.machine.calls.append(("create_container", config.name))
        self.machine.containers[container_id] = _Container(
            config,
            behaviour,
            ContainerStatus(
                id=container_id,
                sandbox_id=sandbox_id,
                pod_uid=sandbox.status.uid,
                name=config.name,
                attempt=config.attempt,
                state=ContainerState.CREATED,
                image=config.image,
                image_id=config.image,
                created_at=self.machine.now(),
                log_path=log_path,
                labels=dict(config.labels),
                annotations=dict(config.annotations),
            ),
        )
        return container_id

    async def start_container(self, container_id: str) -> None:
        await asyncio.sleep(self.machine.latency.start)
        container = self._container(container_id)
        if container.status.state is not ContainerState.CREATED:
            raise StateError(f"container {container_id} was started already")
        behaviour = container.behaviour
        if behaviour.start_error:
            self.machine.end(container, 128, "StartError")
            raise StartContainerError(behaviour.start_error)
        container.status = replace(
            container.status,
            state=ContainerState.RUNNING,
            started_at=self.machine.now(),
            pid=100_000 + len(self.machine.calls),
        )
        self.machine.calls.append(("start_container", container.status.name))
        _write_log(container, self.machine.now())
        if behaviour.run_for is not None:
            container.timer = asyncio.get_running_loop().call_later(
                behaviour.run_for,
                self.machine.end,
                container,
                behaviour.exit_code,
                behaviour.reason,
            )

    async def stop_container(self, container_id: str, timeout: float) -> None:
        container = self.machine.containers.get(container_id)
        if container is None or container.status.state is ContainerState.EXITED:
            return
        self.machine.calls.append(("stop_container", container.status.name))
        created = container.status.state is ContainerState.CREATED
        if created or timeout <= 0:
            self.machine.end(container, 137)
        elif container.behaviour.heeds_stop:
            self.machine.end(container, container.behaviour.stop_exit_code)
        else:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await container.ended.wait()
            self.machine.end(container, 137)

    async def remove_container(self, container_id: str) -> None:
        container = self.machine.containers.get(container_id)
        if container is None:
            return
        self.machine.end(container, 137)
        del self.machine.containers[container_id]
        self.machine.calls.append(("remove_container", container.status.name))

    async def container_status(self, container_id: str) -> ContainerStatus:
        return self._container(container_id).status

    async def list_containers(self) -> list[ContainerStatus]:
        return [container.status for container in self.machine.containers.values()]

    async def update_sandbox_resources(self, sandbox_id: str, resources: Resources) -> None:
        self._sandbox(sandbox_id)
        self.machine.sandboxes[sandbox_id].resources = resources

    async def update_container_resources(self, container_id: str, resources: Resources) -> None:
        container = self._running(container_id)
        container.config = replace(container.config, resources=resources)

    async def container_stats(self, container_id: str) -> interface.ContainerStats:
        self._running(container_id)
        return interface.ContainerStats(
            container_id=container_id,
            timestamp=self.machine.now(),
            cpu_usage_ns=1_000_000,
            memory_usage_bytes=1 << 20,
            memory_working_set_bytes=1 << 20,
            pids=1,
        )

    async def writable_bytes(self, container_id: str) -> int:
        self._running(container_id)
        return 0

    async def list_container_stats(self) -> list[interface.ContainerStats]:
        running = [
            container_id
            for container_id, container in self.machine.containers.items()
            if container.status.state is ContainerState.RUNNING
        ]
        return [await self.container_stats(container_id) for container_id in running]

    async def exec_sync(
        self, container_id: str, argv: Sequence[str], timeout: float
    ) -> interface.ExecResult:
        behaviour = self._running(container_id).behaviour
        if timeout and behaviour.exec_seconds > timeout:
            await asyncio.sleep(timeout)
            raise ExecTimeoutError(f"command {argv[0]!r} timed out after {timeout:g} s")
        await asyncio.sleep(behaviour.exec_seconds)
        if behaviour.run is None:
            return interface.ExecResult(0, b"", b"")
        return behaviour.run(argv)

    async def exec(
        self, container_id: str, argv: Sequence[str], *, tty: bool = False, stdin: bool = False
    ) -> "FakeStream":
        del tty
        result = await self.exec_sync(container_id, argv, 0)
        return FakeStream(result, echo=stdin)

    async def attach(self, container_id: str, *, stdin: bool = False) -> "FakeStream":
        container = self._running(container_id)
        return FakeStream(None, echo=stdin, container=container)

    async def open_port(self, sandbox_id: str, port: int) -> socket.socket:
        del port
        self._sandbox(sandbox_id)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.close()
        return ours

    async def reopen_container_log(self, container_id: str) -> None:
        container = self._running(container_id)
        _touch(container.status.log_path)

    def events(self) -> AsyncIterator[interface.ContainerExited]:
        return self.machine.exits.subscribe()

    def _sandbox(self, sandbox_id: str) -> _Sandbox:
        try:
            return self.machine.sandboxes[sandbox_id]
        except KeyError:
            raise NotFoundError(f"no pod sandbox {sandbox_id}") from None

    def _container(self, container_id: str) -> _Container:
        try:
            return self.machine.containers[container_id]
        except KeyError:
            raise NotFoundError(f"no container {container_id}") from None

    def _running(self, container_id: str) -> _Container:
        container = self._container(container_id)
        if container.status.state is not ContainerState.RUNNING:
            raise StateError(f"container {container_id} is not running")
        return container

    def _of_sandbox(self, sandbox_id: str) -> list[_Container]:
        return [c for c in self.machine.containers.values() if c.status.sandbox_id == sandbox_id]


class FakeStream:
    """`interface.ProcessStream`: a scripted result, or input that comes back."""

    def __init__(
        self,
        result: interface.ExecResult | None,
        *,
        echo: bool,
        container: _Container | None = None,
    ) -> None:
        self._result = result
        self._container = container
        self._input_open = echo
        self.size: tuple[int, int] | None = None
        # A client that writes more than the reader takes waits, as it would on a pipe.
        self._queue: asyncio.Queue[interface.Output | None] = asyncio.Queue(maxsize=16)
        if result is not None and result.stdout:
            self._queue.put_nowait(interface.Output(interface.StdStream.STDOUT, result.stdout))
        if result is not None and result.stderr:
            self._queue.put_nowait(interface.Output(interface.StdStream.STDERR, result.stderr))
        if not echo and container is None:
            self._queue.put_nowait(None)

    async def read(self) -> interface.Output | None:
        return await self._queue.get()

    async def write_stdin(self, data: bytes) -> None:
        if self._input_open:
            await self._queue.put(interface.Output(interface.StdStream.STDOUT, data))

    async def close_stdin(self) -> None:
        if self._input_open:
            self._input_open = False
            await self._queue.put(None)

    async def resize(self, columns: int, rows: int) -> None:
        self.size = (columns, rows)

    async def wait(self) -> int:
        if self._container is not None:
            await self._container.ended.wait()
            return self._container.status.exit_code
        return self._result.exit_code if self._result is not None else 0

    async def close(self) -> None:
        self._input_open = False


def _write_log(container: _Container, now: float) -> None:
    if not container.status.log_path or not container.behaviour.stdout:
        return
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000000000+00:00", time.gmtime(now))
    path = Path(container.status.log_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as log:
        for line in container.behaviour.stdout.splitlines():
            log.write(f"{stamp} stdout F {line}\n")


def _touch(path: str) -> None:
    if path:
        Path(path).touch()
