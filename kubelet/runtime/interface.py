"""The contract between the node agent and what runs containers: the shape of CRI v1.

A *sandbox* is a pod's surroundings (namespaces, address, /etc files, cgroup); *containers* live in
one. All promises below are checked by tests/conformance/runtime on every driver.

- **Identity.** (pod uid, attempt) names a sandbox and (name, attempt) a container within it; ids
  are the driver's. Creating what exists returns its id and changes nothing, so an agent that was
  killed between the call and its answer just calls again.
- **Durability.** Containers outlive the agent. A new driver on the same directory lists all
  sandboxes and containers, with exit codes of those that ended meanwhile. What an earlier boot of
  the machine left is cleaned at `start()` and not listed.
- **States.** A container goes CREATED → RUNNING → EXITED. EXITED is final, `exit_code`, `reason`
  (Completed, Error, OOMKilled, ContainerStatusUnknown), `finished_at` are then set. Status and log
  remain until `remove_container`.
- **Idempotence.** stop and remove of what is stopped or gone succeed. `remove_pod_sandbox` removes
  the containers in it, running or not.
- **Leftovers.** After removal no process, mount, namespace, cgroup or interface remains; the log
  files do (they are the agent's).
- **Events.** `events()` yields each exit once to every subscriber, after the status shows it. What
  happened before the subscription is for `list_containers`.
- **Errors.** `errors.RuntimeDriverError` and below, with sentences for `kubectl describe`. A failed
  create leaves nothing behind.
- **Cancellation.** A cancelled call either took effect or not; calling again is safe.

The image service is `kubelet.images.interface`, the pod's network `kubelet.runtime.podnetwork`.
"""

import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from kubelet.runtime.config import ContainerConfig, Resources, SandboxConfig


class SandboxState(StrEnum):
    """READY until stopped (or until its surroundings were found broken)."""

    READY = "SANDBOX_READY"
    NOT_READY = "SANDBOX_NOTREADY"


class ContainerState(StrEnum):
    """See the module's docstring."""

    CREATED = "CONTAINER_CREATED"
    RUNNING = "CONTAINER_RUNNING"
    EXITED = "CONTAINER_EXITED"


# Why a container ended, as a pod's status says it.
COMPLETED = "Completed"
ERROR = "Error"
OOM_KILLED = "OOMKilled"
STATUS_UNKNOWN = "ContainerStatusUnknown"


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    """One sandbox as it is. `ip` is empty for pods on the host's network."""

    id: str
    uid: str
    name: str
    namespace: str
    attempt: int
    state: SandboxState
    created_at: float
    ip: str = ""
    host_network: bool = False
    log_directory: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProcessUser:
    """Whom a container's first process runs as; `groups` without the first one, `gid`."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    """One container as it is. Times are seconds since the epoch, 0 where not reached."""

    id: str
    sandbox_id: str
    pod_uid: str
    name: str
    attempt: int
    state: ContainerState
    # The reference that was asked for, and the digest-like id of what runs.
    image: str
    image_id: str
    created_at: float
    started_at: float = 0.0
    finished_at: float = 0.0
    exit_code: int = 0
    reason: str = ""
    # For humans: why it could not start, or what ended it.
    message: str = ""
    # What the process left at `termination_message_path`, at most 4096 bytes.
    termination_message: str = ""
    # Absolute path on the machine.
    log_path: str = ""
    pid: int = 0
    # Of a container that was made; None where the driver cannot tell.
    user: ProcessUser | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContainerExited:
    """The event of `events()`."""

    container_id: str
    sandbox_id: str
    pod_uid: str
    name: str
    exit_code: int
    reason: str


@dataclass(frozen=True, slots=True)
class ContainerStats:
    """What a container uses now; read when asked, never polled."""

    container_id: str
    timestamp: float
    cpu_usage_ns: int
    memory_usage_bytes: int
    # Usage without the page cache that the kernel would drop first.
    memory_working_set_bytes: int
    pids: int
    oom_kills: int = 0
    rootfs_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What `exec_sync` saw. Output beyond the driver's bound is cut from the end."""

    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """For node status `containerRuntimeVersion`: `name://version`."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}://{self.version}"


class StdStream(StrEnum):
    """Where output came from; with a terminal everything is stdout."""

    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True, slots=True)
class Output:
    """One chunk of a stream's output."""

    stream: StdStream
    data: bytes


class ProcessStream(Protocol):
    """A process's standard streams: of `exec` (its process) or `attach` (the container's).

    `read` gives chunks as they come and None at the end of all output. It is pulled: who does not
    read slows the process down. `close` is always to be called; it kills an exec's process if it
    still runs, and leaves the container of an attach alone.
    """

    async def read(self) -> Output | None: ...

    async def write_stdin(self, data: bytes) -> None:
        """Give input, waiting while the process takes none; silently dropped once it is gone."""

    async def close_stdin(self) -> None: ...

    async def resize(self, columns: int, rows: int) -> None: ...

    async def wait(self) -> int:
        """The exit code of the exec'd process, or of the container that was attached to."""

    async def close(self) -> None: ...


class RuntimeDriver(Protocol):
    """See the module's docstring for what holds across all methods."""

    async def start(self) -> None:
        """Adopt what runs, clean what an earlier boot left. UnavailableError if it cannot work."""

    async def close(self) -> None:
        """Let go; containers keep running."""

    async def version(self) -> VersionInfo: ...

    async def run_pod_sandbox(self, config: SandboxConfig) -> str: ...

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        """Kill the containers in it at once, give back the address and the namespaces."""

    async def remove_pod_sandbox(self, sandbox_id: str) -> None: ...

    async def sandbox_status(self, sandbox_id: str) -> SandboxStatus: ...

    async def list_pod_sandboxes(self) -> list[SandboxStatus]: ...

    async def update_sandbox_resources(self, sandbox_id: str, resources: Resources) -> None:
        """Other limits for the pod as a whole; 0 leaves one as it is."""

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str: ...

    async def start_container(self, container_id: str) -> None: ...

    async def stop_container(self, container_id: str, timeout: float) -> None:
        """The stop signal, then KILL after `timeout` seconds; returns when it has ended."""

    async def remove_container(self, container_id: str) -> None:
        """Remove it; one that still runs is killed first."""

    async def container_status(self, container_id: str) -> ContainerStatus: ...

    async def list_containers(self) -> list[ContainerStatus]: ...

    async def update_container_resources(self, container_id: str, resources: Resources) -> None: ...

    async def container_stats(self, container_id: str) -> ContainerStats: ...

    async def list_container_stats(self) -> list[ContainerStats]:
        """Of all that run; one that ends meanwhile is left out."""

    async def writable_bytes(self, container_id: str) -> int:
        """Disk taken by what the container wrote beside its volumes. Walks its files: slow."""

    async def exec_sync(self, container_id: str, argv: Sequence[str], timeout: float) -> ExecResult:
        """Run to the end; ExecTimeoutError after `timeout` seconds (0: no limit), process killed."""

    async def exec(
        self, container_id: str, argv: Sequence[str], *, tty: bool = False, stdin: bool = False
    ) -> ProcessStream: ...

    async def attach(self, container_id: str, *, stdin: bool = False) -> ProcessStream: ...

    async def open_port(self, sandbox_id: str, port: int) -> socket.socket:
        """Connect to the pod's own localhost. The socket is non-blocking and the caller's."""

    async def reopen_container_log(self, container_id: str) -> None:
        """After the agent renamed the log file: write on into a new one at the old path."""

    def events(self) -> AsyncIterator[ContainerExited]: ...
