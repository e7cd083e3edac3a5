"""Pod sandboxes of the oci driver: namespaces, address, /etc files, shared memory, cgroup.

A sandbox has no process. Its record is saved twice: before anything is made (so that an agent
killed half way knows what to clean) and complete. Containers in it are `containers.py`'s business.
"""

import asyncio
import contextlib
import secrets
import shutil
import time
from pathlib import Path

from kubelet import kernel
from kubelet.runtime.config import SandboxConfig
from kubelet.runtime.errors import NotFoundError, SandboxError
from kubelet.runtime.oci import etcfiles, namespaces, spec
from kubelet.runtime.oci.node import Node
from kubelet.runtime.oci.records import SandboxRecord
from kubelet.runtime.podnetwork import NetworkError

_SHM_FLAGS = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
_MAX_HOSTNAME = 63


class Sandbox:
    """One sandbox of this driver."""

    def __init__(self, record: SandboxRecord) -> None:
        self.record = record
        self.lock = asyncio.Lock()


class Sandboxes:
    """All sandboxes of the node, by id."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._all: dict[str, Sandbox] = {}
        self._creating: dict[tuple[str, int], asyncio.Lock] = {}

    def get(self, sandbox_id: str) -> Sandbox:
        try:
            return self._all[sandbox_id]
        except KeyError:
            raise NotFoundError(f"no pod sandbox {sandbox_id}") from None

    def all(self) -> list[Sandbox]:
        return list(self._all.values())

    def __contains__(self, sandbox_id: str) -> bool:
        return sandbox_id in self._all

    # Creating

    async def create(self, config: SandboxConfig) -> str:
        key = (config.uid, config.attempt)
        lock = self._creating.setdefault(key, asyncio.Lock())
        async with lock:
            for sandbox in self._all.values():
                if (sandbox.record.uid, sandbox.record.attempt) == key:
                    return sandbox.record.id
            try:
                return await self._create(config)
            finally:
                self._creating.pop(key, None)

    async def _create(self, config: SandboxConfig) -> str:
        record = self._new_record(config)
        try:
            await kernel.in_thread(lambda: self._make(record, config))
            if not config.host_network:
                record.attachment = await self._node.network.setup(
                    record.id,
                    record.uid,
                    str(self._node.layout.namespace(record.id, "net")),
                    config.port_mappings,
                )
            await asyncio.to_thread(self._complete, record, config)
        except BaseException as error:
            await self._release(record)
            await asyncio.to_thread(self._remove_files, record)
            if isinstance(error, OSError | NetworkError):
                raise SandboxError(
                    f'cannot make the sandbox of pod "{config.namespace}/{config.name}": {error}'
                ) from error
            raise
        self._all[record.id] = Sandbox(record)
        return record.id

    def _new_record(self, config: SandboxConfig) -> SandboxRecord:
        parent = config.cgroup_parent or f"{self._node.options.cgroup_root}/pod{config.uid}"
        return SandboxRecord(
            id=secrets.token_hex(8),
            uid=config.uid,
            name=config.name,
            namespace=config.namespace,
            attempt=config.attempt,
            boot_id=self._node.boot_id,
            created_at=time.time(),
            cgroup=_safe_cgroup(parent),
            hostname=(config.hostname or config.name)[:_MAX_HOSTNAME],
            host_network=config.host_network,
            host_pid=config.host_pid,
            host_ipc=config.host_ipc,
            shared_pid=config.share_process_namespace,
            log_directory=config.log_directory,
            labels=dict(config.labels),
            annotations=dict(config.annotations),
        )

    def _make(self, record: SandboxRecord, config: SandboxConfig) -> None:
        """Directories and namespaces; the calling thread ends up in the namespaces."""
        layout = self._node.layout
        directory = layout.sandbox(record.id)
        for name in ("ns", "etc", "shm"):
            (directory / name).mkdir(parents=True)
        layout.save_sandbox(record)
        if config.log_directory:
            Path(config.log_directory).mkdir(parents=True, exist_ok=True)
        self._node.groups.prepare_pod(record.cgroup, config.resources)
        if not config.host_ipc:
            options = f"mode=1777,size={config.shm_bytes}"
            kernel.mount("shm", str(directory / "shm"), "tmpfs", _SHM_FLAGS, options)
        kinds = ["uts"]
        if not config.host_network:
            kinds.append("net")
        if not config.host_ipc:
            kinds.append("ipc")
        namespaces.create(directory / "ns", kinds, record.hostname, config.sysctls)

    def _complete(self, record: SandboxRecord, config: SandboxConfig) -> None:
        """The files of /etc, for which the address must be known, and the final record."""
        etc = self._node.layout.sandbox(record.id) / "etc"
        (etc / "hostname").write_text(record.hostname + "\n")
        if config.dns is None:
            (etc / "resolv.conf").write_text(_text_or_empty(Path("/etc/resolv.conf")))
        else:
            (etc / "resolv.conf").write_text(etcfiles.resolv_conf(config.dns))
        if config.host_network:
            node = _text_or_empty(Path("/etc/hosts"))
            (etc / "hosts").write_text(etcfiles.node_hosts(node, config))
        else:
            ip = record.attachment.ip if record.attachment else ""
            (etc / "hosts").write_text(etcfiles.hosts(config, record.hostname, ip))
        record.complete = True
        self._node.layout.save_sandbox(record)

    def surroundings(self, record: SandboxRecord, init_pid: int = 0) -> spec.Surroundings:
        """What every container in it gets; `init_pid` is the first process of a shared namespace."""
        layout = self._node.layout
        directory = layout.sandbox(record.id)
        kinds: dict[str, str | None] = {"mount": None, "cgroup": None}
        kinds["uts"] = str(layout.namespace(record.id, "uts"))
        if not record.host_network:
            kinds["network"] = str(layout.namespace(record.id, "net"))
        if not record.host_ipc:
            kinds["ipc"] = str(layout.namespace(record.id, "ipc"))
        if not record.host_pid:
            kinds["pid"] = f"/proc/{init_pid}/ns/pid" if init_pid else None
        names = ("hosts", "hostname", "resolv.conf")
        return spec.Surroundings(
            namespaces=kinds,
            cgroup=record.cgroup,
            hostname=record.hostname,
            files=tuple((f"/etc/{name}", str(directory / "etc" / name)) for name in names),
            shm_path=spec.SHM if record.host_ipc else str(directory / "shm"),
        )

    # Stopping and removing

    async def stop(self, sandbox: Sandbox) -> None:
        """Its containers have been stopped before."""
        record = sandbox.record
        if record.stopped:
            return
        await self._release(record)
        record.stopped = True
        record.attachment = None
        self._node.layout.save_sandbox(record)

    async def remove(self, sandbox: Sandbox) -> None:
        """It has been stopped and is empty."""
        await asyncio.to_thread(self._remove_files, sandbox.record)
        self._all.pop(sandbox.record.id, None)

    async def _release(self, record: SandboxRecord) -> None:
        if record.attachment is not None:
            await self._node.network.teardown(record.attachment)
        await asyncio.to_thread(namespaces.release, self._node.layout.sandbox(record.id) / "ns")

    def _remove_files(self, record: SandboxRecord) -> None:
        directory = self._node.layout.sandbox(record.id)
        namespaces.release(directory / "ns")
        kernel.unmount(str(directory / "shm"))
        self._node.groups.remove(record.cgroup)
        shutil.rmtree(directory, ignore_errors=True)

    # Adopting

    async def adopt(self) -> None:
        """Take over what an earlier agent left; remove what belongs to an earlier boot."""
        found = await asyncio.to_thread(lambda: list(self._node.layout.load_sandboxes()))
        for sandbox_id, record in found:
            if record is None or record.boot_id != self._node.boot_id:
                await asyncio.to_thread(self._forget, sandbox_id)
            elif not record.complete:
                await asyncio.to_thread(self._remove_files, record)
            else:
                if not record.stopped and not self._is_pinned(record):
                    record.stopped = True
                self._all[sandbox_id] = Sandbox(record)
        attachments = [
            sandbox.record.attachment
            for sandbox in self._all.values()
            if sandbox.record.attachment is not None and not sandbox.record.stopped
        ]
        await self._node.network.restore(attachments)

    def _forget(self, sandbox_id: str) -> None:
        directory = self._node.layout.sandbox(sandbox_id)
        namespaces.release(directory / "ns")
        kernel.unmount(str(directory / "shm"))
        shutil.rmtree(directory, ignore_errors=True)

    def _is_pinned(self, record: SandboxRecord) -> bool:
        """Whether the namespace files are still mounts."""
        path = self._node.layout.namespace(record.id, "uts")
        with contextlib.suppress(FileNotFoundError):
            return path.stat().st_dev != path.parent.stat().st_dev
        return False


def _safe_cgroup(path: str) -> str:
    parts = [part for part in path.split("/") if part]
    if not parts or any(part in {".", ".."} for part in parts):
        raise SandboxError(f'"{path}" is no path for a cgroup')
    return "/" + "/".join(parts)


def _text_or_empty(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
