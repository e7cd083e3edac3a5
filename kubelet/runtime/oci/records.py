"""What the driver keeps on disk, and where: one JSON file per sandbox and per container.

    sandboxes/ID/   sandbox.json, ns/{net,uts,ipc,pid} (pinned), etc/{hosts,hostname,resolv.conf}, shm/
    containers/ID/  container.json, upper/ work/ (overlay), termination-log, pid, conmon.pid, log,
                    bundle/ (config.json, rootfs/, conmon's attach socket)
    exits/ID        the exit code, written by conmon
    runc/           the OCI runtime's own state

A record is written whole or not at all and last of all: a directory without one is a creation that
did not finish. Every record carries the boot id of the machine: processes, mounts and namespaces
of an earlier boot are gone, whatever the file says. Blocking, microseconds.
"""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from kubelet.runtime.config import PortMapping
from kubelet.runtime.interface import (
    ContainerState,
    ContainerStatus,
    ProcessUser,
    SandboxState,
    SandboxStatus,
)
from kubelet.runtime.podnetwork import PodAttachment

FORMAT_VERSION = 1


@dataclass(slots=True)
class SandboxRecord:
    """A sandbox on disk."""

    id: str
    uid: str
    name: str
    namespace: str
    attempt: int
    boot_id: str
    created_at: float
    cgroup: str
    hostname: str
    # False while it is being made: what an agent that died then left is cleaned.
    complete: bool = False
    stopped: bool = False
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    shared_pid: bool = False
    log_directory: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    attachment: PodAttachment | None = None
    version: int = FORMAT_VERSION

    def status(self) -> SandboxStatus:
        return SandboxStatus(
            id=self.id,
            uid=self.uid,
            name=self.name,
            namespace=self.namespace,
            attempt=self.attempt,
            state=SandboxState.NOT_READY if self.stopped else SandboxState.READY,
            created_at=self.created_at,
            ip=self.attachment.ip if self.attachment else "",
            host_network=self.host_network,
            log_directory=self.log_directory,
            labels=self.labels,
            annotations=self.annotations,
        )


@dataclass(slots=True)
class ContainerRecord:
    """A container on disk."""

    id: str
    sandbox_id: str
    pod_uid: str
    name: str
    attempt: int
    boot_id: str
    image: str
    image_id: str
    created_at: float
    cgroup: str
    log_path: str
    state: ContainerState = ContainerState.CREATED
    started_at: float = 0.0
    finished_at: float = 0.0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    termination_message: str = ""
    pid: int = 0
    # [uid, gid, other groups …] of its first process.
    user: list[int] = field(default_factory=list)
    tty: bool = False
    stdin: bool = False
    stdin_once: bool = False
    stop_signal: str = ""
    # Whether the first process is PID 1 of a namespace of its own: its death ends all others.
    own_pid_namespace: bool = True
    # Ours, not the pod's: never listed.
    internal: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    version: int = FORMAT_VERSION

    def status(self) -> ContainerStatus:
        return ContainerStatus(
            id=self.id,
            sandbox_id=self.sandbox_id,
            pod_uid=self.pod_uid,
            name=self.name,
            attempt=self.attempt,
            state=self.state,
            image=self.image,
            image_id=self.image_id,
            created_at=self.created_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
            exit_code=self.exit_code,
            reason=self.reason,
            message=self.message,
            termination_message=self.termination_message,
            log_path=self.log_path,
            pid=self.pid if self.state is ContainerState.RUNNING else 0,
            user=_process_user(self.user),
            labels=self.labels,
            annotations=self.annotations,
        )


def _process_user(numbers: list[int]) -> ProcessUser | None:
    if len(numbers) < 2:
        return None
    return ProcessUser(numbers[0], numbers[1], tuple(numbers[2:]))


class Layout:
    """Where things are under the driver's directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sandboxes = root / "sandboxes"
        self.containers = root / "containers"
        self.exits = root / "exits"
        self.runtime_state = root / "runc"

    def prepare(self) -> None:
        for directory in (self.sandboxes, self.containers, self.exits, self.runtime_state):
            directory.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)

    def sandbox(self, sandbox_id: str) -> Path:
        return self.sandboxes / sandbox_id

    def namespace(self, sandbox_id: str, kind: str) -> Path:
        return self.sandboxes / sandbox_id / "ns" / kind

    def container(self, container_id: str) -> Path:
        return self.containers / container_id

    def bundle(self, container_id: str) -> Path:
        return self.containers / container_id / "bundle"

    def rootfs(self, container_id: str) -> Path:
        return self.containers / container_id / "bundle" / "rootfs"

    def exit_file(self, container_id: str) -> Path:
        return self.exits / container_id

    def save_sandbox(self, record: SandboxRecord) -> None:
        _write(self.sandbox(record.id) / "sandbox.json", asdict(record))

    def save_container(self, record: ContainerRecord) -> None:
        _write(self.container(record.id) / "container.json", asdict(record))

    def load_sandboxes(self) -> Iterator[tuple[str, SandboxRecord | None]]:
        """Every directory, with its record if it has a readable one."""
        for directory in sorted(self.sandboxes.iterdir()):
            document = _read(directory / "sandbox.json")
            yield directory.name, _sandbox(document) if document else None

    def load_containers(self) -> Iterator[tuple[str, ContainerRecord | None]]:
        for directory in sorted(self.containers.iterdir()):
            document = _read(directory / "container.json")
            yield directory.name, _container(document) if document else None


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _write(path: Path, document: dict[str, Any]) -> None:
    # No fsync: after a power cut the boot id differs and the record is void anyway.
    temporary = path.with_suffix(".new")
    temporary.write_bytes(orjson.dumps(document))
    temporary.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    if not isinstance(document, dict) or document.get("version") != FORMAT_VERSION:
        return None
    return document


def _sandbox(document: dict[str, Any]) -> SandboxRecord:
    attachment = document.pop("attachment")
    record = SandboxRecord(**document)
    if attachment is not None:
        ports = tuple(PortMapping(**port) for port in attachment.pop("port_mappings"))
        record.attachment = PodAttachment(**attachment, port_mappings=ports)
    return record


def _container(document: dict[str, Any]) -> ContainerRecord:
    document["state"] = ContainerState(document["state"])
    return ContainerRecord(**document)


def open_process(pid: int, container_id: str, witness: str) -> int | None:
    """A pidfd for a process of that container, or None if it is gone.

    Pids are reused, so `/proc/PID/<witness>` (cgroup, cmdline) must name the container. Zombies
    count as gone: an idle PID 1 may leave them for long.
    """
    if pid <= 0:
        return None
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        named = container_id.encode() in Path(f"/proc/{pid}/{witness}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        state, named = "X", False
    if state in "ZX" or not named:
        os.close(descriptor)
        return None
    return descriptor


def read_pid(path: Path) -> int:
    """0 if the file is absent or not complete."""
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return 0
    return int(text) if text.isdigit() else 0
