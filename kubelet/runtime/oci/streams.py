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
KILL_SECONDS = 2.0
# runc may have been about to start its child.
KILL_AGAIN_SECONDS = 0.1
# What conmon takes in one packet.
ATTACH_PACKET_BYTES = 8 << 10
_ATTACH_STREAMS = {2: StdStream.STDOUT, 3: StdStream.STDERR}
_END_OF_TRANSMISSION = b"\x04"

NOT_STARTED = "OCI runtime exec failed: exec failed: unable to start container process"
"""How it begins with every runtime: clients tell by it that there is no such command."""


class ExecStream:
    """A foreground `runc exec`: its exit code is the command's, its death kills the command."""

    def __init__(self, process: processes.Child, log: Path) -> None:
        self._process = process
        self._log = log
        self._queue: asyncio.Queue[Output | None] = asyncio.Queue(QUEUE_CHUNKS)
        self._pumps: list[asyncio.Task[None]] = []
        self._finisher: asyncio.Task[None] | None = None
        self._readers: list[asyncio.ReadTransport] = []
        self._ended = False
        # The command's input, if it has one.
        self.writer: asyncio.StreamWriter | None = None

    def pump(self, source: "Reading", stream: StdStream) -> None:
        """Take output from there; before `run`."""
        reader, transport = source
        self._readers.append(transport)
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
        # runc ends when all output is through, so nothing is cut and nothing held open.
        await asyncio.gather(*self._pumps)
        await self._queue.put(None)

    async def read(self) -> Output | None:
        if self._ended:
            return None
        output = await self._queue.get()
        self._ended = output is None
        return output

    async def write_stdin(self, data: bytes) -> None:
        if self.writer is None or self.writer.is_closing():
            return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.writer.write(data)
            await self.writer.drain()

    async def close_stdin(self) -> None:
        if self.writer is not None:
            self.writer.close()

    async def resize(self, columns: int, rows: int) -> None:
        """Without a terminal there is no size."""

    async def wait(self) -> int:
        code = await self._process.wait()
        if code != 0:
            reason = processes.cause(_read_text(self._log))
            if reason:
                raise ExecError(f"{NOT_STARTED}: {reason}")
        # Ended by a signal: as shells say it.
        return 128 - code if code < 0 else code

    async def close(self) -> None:
        await self._kill()
        if self._finisher is not None:
            self._finisher.cancel()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        for transport in self._readers:
            transport.close()
        if self.writer is not None:
            self.writer.close()
        self._log.unlink(missing_ok=True)

    async def _kill(self) -> None:
        """The command is runc's child and dies first: runc alone would leave it running."""
        deadline = asyncio.get_running_loop().time() + KILL_SECONDS
        while self._process.returncode is None:
            self._process.kill_children()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KILL_AGAIN_SECONDS):
                    await self._process.wait()
            if asyncio.get_running_loop().time() > deadline:
                # What the command left behind holds runc's pipes.
                self._process.kill()


class TerminalStream(ExecStream):
    """The same with a terminal between."""

    def __init__(self, process: processes.Child, log: Path, master: int) -> None:
        super().__init__(process, log)
        self._master = master

    async def close_stdin(self) -> None:
        """A terminal has no end of input; the key for it has."""
        await self.write_stdin(_END_OF_TRANSMISSION)

    async def resize(self, columns: int, rows: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            self._process.signal(signal.SIGWINCH)

    async def close(self) -> None:
        await super().close()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1


Reading = tuple[asyncio.StreamReader, asyncio.ReadTransport]


async def open_reader(pipe: IO[bytes]) -> Reading:
    """A pipe or terminal as an asyncio stream."""
    reader = asyncio.StreamReader(limit=CHUNK_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    return reader, transport


async def open_writer(pipe: IO[bytes]) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)
    return asyncio.StreamWriter(transport, protocol, None, loop)


def duplicate(descriptor: int, mode: str) -> IO[bytes]:
    """A descriptor of one's own: each direction of a terminal is closed by itself."""
    return os.fdopen(os.dup(descriptor), mode, 0)


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
