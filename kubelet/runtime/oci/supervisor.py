"""Who stands beside a container when the agent is gone: the seam, and conmon behind it.

A supervisor is a process of its own per container. It holds the container's standard streams,
writes the log in CRI format, offers an attach socket in the bundle, and leaves the exit code in a
file *before* it ends itself: so waiting for the supervisor's pidfd is waiting for the exit code.
"""

import asyncio
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson

from kubelet.runtime.errors import StartContainerError
from kubelet.runtime.oci import processes
from kubelet.runtime.oci.runc import OciRuntime

LAUNCH_TIMEOUT_SECONDS = 60.0
# Orders that conmon takes on its control pipe.
_RESIZE, _REOPEN_LOG = 1, 2


@dataclass(frozen=True, slots=True)
class Launch:
    """A container whose bundle is ready."""

    container_id: str
    name: str
    # Holds bundle/, pid and conmon.pid.
    directory: Path
    exits: Path
    log_path: str
    tty: bool
    stdin: bool
    stdin_once: bool


@dataclass(frozen=True, slots=True)
class Launched:
    """The container's first process and its supervisor. It waits for the runtime's `start`."""

    pid: int
    supervisor_pid: int


class Supervisor(Protocol):
    """How containers are created and their streams reached."""

    async def launch(self, launch: Launch) -> Launched:
        """Create the container; StartContainerError with the runtime's reason."""

    def resize(self, directory: Path, columns: int, rows: int) -> None: ...

    def reopen_log(self, directory: Path) -> None: ...


class Conmon:
    """The supervisor that Debian, Fedora and others package: 0.4 MB a container."""

    def __init__(self, binary: str, runtime: OciRuntime) -> None:
        self._binary = binary
        self._runtime = runtime

    async def launch(self, launch: Launch) -> Launched:
        ours, theirs = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._arguments(launch),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs,),
                start_new_session=True,
                # It leaves a file `oom` where it runs when the kernel kills the container.
                cwd=launch.directory,
                env={
                    "PATH": os.environ.get("PATH", os.defpath),
                    "_OCI_SYNCPIPE": str(theirs),
                },
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        line = await self._first_line(ours)
        await process.wait()
        pid = _pid_of(line)
        supervisor_pid = int((launch.directory / "conmon.pid").read_text())
        return Launched(pid, supervisor_pid)

    def _arguments(self, launch: Launch) -> list[str]:
        argv = [self._binary, "--api-version", "1"]
        argv += ["-c", launch.container_id, "-u", launch.container_id, "-n", launch.name]
        argv += ["-r", self._runtime.binary, "-b", str(launch.directory / "bundle")]
        argv += ["-p", str(launch.directory / "pid"), "-P", str(launch.directory / "conmon.pid")]
        argv += ["--exit-dir", str(launch.exits), "--full-attach", "--no-sync-log"]
        argv += ["-l", f"k8s-file:{launch.log_path}", "--log-level", "error"]
        argv += ["--runtime-arg", "--root", "--runtime-arg", str(self._runtime.state)]
        if launch.tty:
            argv.append("-t")
        if launch.stdin:
            argv.append("-i")
            if not launch.stdin_once:
                argv.append("--leave-stdin-open")
        return argv

    async def _first_line(self, descriptor: int) -> bytes:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=processes.MAX_OUTPUT_BYTES)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
        )
        try:
            async with asyncio.timeout(LAUNCH_TIMEOUT_SECONDS):
                return await reader.readline()
        except TimeoutError:
            raise StartContainerError(
                f"the container was not created within {LAUNCH_TIMEOUT_SECONDS:g} s"
            ) from None
        finally:
            transport.close()

    def resize(self, directory: Path, columns: int, rows: int) -> None:
        self._order(directory, f"{_RESIZE} {rows} {columns}\n")

    def reopen_log(self, directory: Path) -> None:
        self._order(directory, f"{_REOPEN_LOG} 0 0\n")

    def _order(self, directory: Path, text: str) -> None:
        # Non-blocking: without a reader (conmon is gone) there is nobody to tell.
        with contextlib.suppress(OSError):
            descriptor = os.open(directory / "bundle" / "ctl", os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)


def _pid_of(line: bytes) -> int:
    """Conmon's answer: `{"pid": N}` or `{"data": N}`; negative with the reason beside it."""
    try:
        answer = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise StartContainerError("conmon ended without creating the container") from None
    pid = answer.get("pid", answer.get("data", -1))
    if not isinstance(pid, int) or pid <= 0:
        reason = processes.cause(str(answer.get("message", ""))) or "unknown reason"
        raise StartContainerError(reason)
    return pid
