"""Commands in running containers: a foreground `runc exec` each, over pipes or a terminal.

The exit code of runc is the command's. runc's own errors go to a log file, so that they are not
taken for output of the command. No `preexec_fn` anywhere: under uvloop it runs too early.
"""

import asyncio
import itertools
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from kubelet.runtime.errors import ExecError, ExecTimeoutError
from kubelet.runtime.interface import ExecResult, StdStream
from kubelet.runtime.oci import processes
from kubelet.runtime.oci.node import Node
from kubelet.runtime.oci.records import ContainerRecord
from kubelet.runtime.oci.streams import (
    ExecStream,
    TerminalStream,
    duplicate,
    open_reader,
    open_writer,
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
        log = directory / f"exec-{os.getpid()}-{next(self._numbers)}.log"
        command = [*self._node.runtime.arguments, "--log", str(log), "--log-format", "json"]
        command.append("exec")
        if tty:
            command += ["--tty", "--env", "TERM=xterm", record.id, *argv]
            return await _with_terminal(command, log)
        return await _with_pipes([*command, record.id, *argv], log, stdin=stdin)

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


async def _with_pipes(command: Sequence[str], log: Path, *, stdin: bool) -> ExecStream:
    child = processes.Child(
        command,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    stream = ExecStream(child, log)
    try:
        for pipe, name in ((child.stdout, StdStream.STDOUT), (child.stderr, StdStream.STDERR)):
            assert pipe is not None
            stream.pump(await open_reader(pipe), name)
        if child.stdin is not None:
            stream.writer = await open_writer(child.stdin)
    except BaseException:
        await asyncio.shield(stream.close())
        raise
    stream.run()
    return stream


async def _with_terminal(command: Sequence[str], log: Path) -> TerminalStream:
    master, slave = os.openpty()
    try:
        child = processes.Child(command, stdin=slave, stdout=slave, stderr=slave)
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    stream = TerminalStream(child, log, master)
    try:
        stream.pump(await open_reader(duplicate(master, "rb")), StdStream.STDOUT)
        stream.writer = await open_writer(duplicate(master, "wb"))
    except BaseException:
        await asyncio.shield(stream.close())
        raise
    stream.run()
    return stream
