"""Commands in running containers: a foreground `runc exec` each, over pipes or a terminal.

The exit code of runc is the command's. runc's own errors go to a log file, so that they are not
taken for output of the command. No `preexec_fn` anywhere: under uvloop it runs too early.
"""

import asyncio
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

from kubelet.runtime.errors import ExecError, ExecTimeoutError
from kubelet.runtime.interface import ExecResult, StdStream
from kubelet.runtime.oci.node import Node
from kubelet.runtime.oci.records import ContainerRecord
from kubelet.runtime.oci.streams import (
    CHUNK_BYTES,
    ExecStream,
    TerminalStream,
    open_terminal_streams,
)

# Of each stream of `exec_sync`: probes and hooks say little, and none is worth more memory.
MAX_SYNC_OUTPUT_BYTES = 1 << 20


class Execs:
    """Starts commands; each stream cleans up after itself."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._numbers = itertools.count(1)

    async def open(
        self, record: ContainerRecord, argv: Sequence[str], *, tty: bool, stdin: bool
    ) -> ExecStream:
        if not argv:
            raise ExecError("no command was given to run in the container")
        directory = self._node.layout.container(record.id)
        # The pid in the name: execs of an earlier agent may still run.
        stem = f"exec-{os.getpid()}-{next(self._numbers)}"
        pid_file, log = directory / f"{stem}.pid", directory / f"{stem}.log"
        command = [*self._node.runtime.arguments, "--log", str(log), "--log-format", "json"]
        command += ["exec", "--pid-file", str(pid_file)]
        if tty:
            command += ["--tty", "--env", "TERM=xterm", record.id, *argv]
            return await _with_terminal(command, pid_file, log)
        return await _with_pipes([*command, record.id, *argv], pid_file, log, stdin=stdin)

    async def run(self, record: ContainerRecord, argv: Sequence[str], timeout: float) -> ExecResult:
        stream = await self.open(record, argv, tty=False, stdin=False)
        outputs = {StdStream.STDOUT: bytearray(), StdStream.STDERR: bytearray()}
        try:
            async with asyncio.timeout(timeout or None):
                while (output := await stream.read()) is not None:
                    kept = outputs[output.stream]
                    kept += output.data[: MAX_SYNC_OUTPUT_BYTES - len(kept)]
                code = await stream.wait()
        except TimeoutError:
            raise ExecTimeoutError(
                f'command "{argv[0]}" timed out after {timeout:g} s and was killed'
            ) from None
        finally:
            await asyncio.shield(stream.close())
        return ExecResult(code, bytes(outputs[StdStream.STDOUT]), bytes(outputs[StdStream.STDERR]))


async def _with_pipes(
    command: Sequence[str], pid_file: Path, log: Path, *, stdin: bool
) -> ExecStream:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        limit=CHUNK_BYTES,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    stream = ExecStream(process, pid_file, log)
    stream.pump(process.stdout, StdStream.STDOUT)
    stream.pump(process.stderr, StdStream.STDERR)
    stream.run()
    return stream


async def _with_terminal(command: Sequence[str], pid_file: Path, log: Path) -> TerminalStream:
    master, slave = os.openpty()
    try:
        reader, writer, close_master = await open_terminal_streams(master)
    except BaseException:
        os.close(master)
        os.close(slave)
        raise
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
    except BaseException:
        close_master()
        raise
    finally:
        os.close(slave)
    stream = TerminalStream(process, pid_file, log, master, writer, close_master)
    stream.pump(reader, StdStream.STDOUT)
    stream.run()
    return stream
