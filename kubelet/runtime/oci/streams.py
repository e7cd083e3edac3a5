"""Standard streams as `interface.ProcessStream`: exec over pipes, exec with a terminal, attach.

Output is pulled through a short queue, so a client that does not read slows the process down
instead of filling memory. Everything here belongs to one event loop (plain asyncio).
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import signal
import socket
import struct
import termios
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO

from kubelet.runtime.errors import ExecError, StateError
from kubelet.runtime.interface import Output, StdStream
from kubelet.runtime.oci import processes

CHUNK_BYTES = 32 << 10
# Chunks that wait for the client: a megabyte at most.
QUEUE_CHUNKS = 32
# After the process has ended, what it wrote is still in the pipe. Its children may hold the
# pipe open for ever; nobody waits for them longer than this.
DRAIN_SECONDS = 0.5
KILL_SECONDS = 5.0
# What conmon takes in one packet.
ATTACH_PACKET_BYTES = 8 << 10
_ATTACH_STREAMS = {2: StdStream.STDOUT, 3: StdStream.STDERR}
_END_OF_TRANSMISSION = b"\x04"


class ExecStream:
    """A foreground `runc exec`: its exit code is the command's, its death kills the command."""

    def __init__(self, process: asyncio.subprocess.Process, pid_file: Path, log: Path) -> None:
        self._process = process
        self._pid_file = pid_file
        self._log = log
        self._queue: asyncio.Queue[Output | None] = asyncio.Queue(QUEUE_CHUNKS)
        self._pumps: list[asyncio.Task[None]] = []
        self._finisher: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = process.stdin
        self._code: int | None = None
        self._ended = False

    def pump(self, reader: asyncio.StreamReader, stream: StdStream) -> None:
        """Take output from there; before `run`."""
        self._pumps.append(asyncio.create_task(self._copy(reader, stream)))

    def run(self) -> None:
        self._finisher = asyncio.create_task(self._finish())

    async def _copy(self, reader: asyncio.StreamReader, stream: StdStream) -> None:
        while True:
            try:
                data = await reader.read(CHUNK_BYTES)
            except OSError as error:
                if error.errno != errno.EIO:  # A terminal whose other side is closed.
                    raise
                return
            if not data:
                return
            await self._queue.put(Output(stream, data))

    async def _finish(self) -> None:
        """Ends the output: when the process has ended and its streams are read or given up."""
        await self._process.wait()
        _, slow = await asyncio.wait(self._pumps, timeout=DRAIN_SECONDS)
        while slow and self._queue.full():
            # The client is slow, not the process: its output is not to be lost.
            await asyncio.sleep(DRAIN_SECONDS)
            _, slow = await asyncio.wait(slow, timeout=DRAIN_SECONDS)
        for pump in slow:
            pump.cancel()
        await self._queue.put(None)

    async def read(self) -> Output | None:
        if self._ended:
            return None
        output = await self._queue.get()
        self._ended = output is None
        return output

    async def write_stdin(self, data: bytes) -> None:
        if self._writer is None or self._writer.is_closing():
            return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._writer.write(data)
            await self._writer.drain()

    async def close_stdin(self) -> None:
        if self._writer is not None:
            self._writer.close()

    async def resize(self, columns: int, rows: int) -> None:
        """Without a terminal there is no size."""

    async def wait(self) -> int:
        code = await self._process.wait()
        if code != 0:
            reason = processes.cause(_read_text(self._log))
            if reason:
                raise ExecError(f"cannot run the command in the container: {reason}")
        # Ended by a signal: as shells say it.
        return 128 - code if code < 0 else code

    async def close(self) -> None:
        await self._kill()
        if self._finisher is not None:
            self._finisher.cancel()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()
        for path in (self._pid_file, self._log):
            path.unlink(missing_ok=True)

    async def _kill(self) -> None:
        if self._process.returncode is not None:
            return
        text = _read_text(self._pid_file).strip()
        with contextlib.suppress(ProcessLookupError):
            # While runc has not been waited for, the pid is still its child's.
            if text.isdigit():
                os.kill(int(text), signal.SIGKILL)
            else:
                self._process.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(KILL_SECONDS):
                await self._process.wait()
                return
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


class TerminalStream(ExecStream):
    """The same with a terminal between."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        pid_file: Path,
        log: Path,
        master: int,
        writer: asyncio.StreamWriter,
        close_master: Callable[[], None],
    ) -> None:
        super().__init__(process, pid_file, log)
        self._master = master
        self._writer = writer
        self._close_master = close_master

    async def close_stdin(self) -> None:
        """A terminal has no end of input; the key for it has."""
        await self.write_stdin(_END_OF_TRANSMISSION)

    async def resize(self, columns: int, rows: int) -> None:
        with contextlib.suppress(OSError, ProcessLookupError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            self._process.send_signal(signal.SIGWINCH)

    async def close(self) -> None:
        await super().close()
        self._close_master()


async def open_terminal_streams(
    master: int,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Callable[[], None]]:
    """Both directions of a terminal's master as asyncio streams, and how to close them."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=CHUNK_BYTES)
    reading, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), _file(os.dup(master), "rb")
    )
    writing, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, _file(os.dup(master), "wb")
    )
    writer = asyncio.StreamWriter(writing, protocol, None, loop)

    def close() -> None:
        reading.close()
        writing.close()
        os.close(master)

    return reader, writer, close


def _file(descriptor: int, mode: str) -> IO[bytes]:
    return os.fdopen(descriptor, mode, 0)


class AttachStream:
    """The container's own streams through conmon's socket (SEQPACKET, a byte says which)."""

    def __init__(
        self,
        connection: socket.socket,
        resize: Callable[[int, int], None],
        wait: Callable[[], Awaitable[int]],
        *,
        stdin: bool,
    ) -> None:
        self._socket = connection
        self._resize = resize
        self._wait = wait
        self._stdin = stdin
        self._closed = False

    async def read(self) -> Output | None:
        loop = asyncio.get_running_loop()
        while not self._closed:
            try:
                packet = await loop.sock_recv(self._socket, CHUNK_BYTES)
            except ConnectionResetError:
                return None
            if not packet:
                return None
            stream = _ATTACH_STREAMS.get(packet[0])
            if stream is not None and len(packet) > 1:
                return Output(stream, packet[1:])
        return None

    async def write_stdin(self, data: bytes) -> None:
        if not self._stdin:
            return
        loop = asyncio.get_running_loop()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for start in range(0, len(data), ATTACH_PACKET_BYTES):
                packet = data[start : start + ATTACH_PACKET_BYTES]
                await loop.sock_sendall(self._socket, packet)

    async def close_stdin(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    async def resize(self, columns: int, rows: int) -> None:
        self._resize(columns, rows)

    async def wait(self) -> int:
        return await self._wait()

    async def close(self) -> None:
        self._closed = True
        self._socket.close()


def connect_attach(bundle: Path) -> socket.socket:
    """Connect to conmon's socket, whatever the length of the path."""
    descriptor = os.open(bundle, os.O_PATH | os.O_DIRECTORY)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(f"/proc/self/fd/{descriptor}/attach")
    except OSError as error:
        connection.close()
        raise StateError(f"cannot attach to the container: {error}") from error
    finally:
        os.close(descriptor)
    connection.setblocking(False)
    return connection


def _read_text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""
