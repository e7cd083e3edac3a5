"""WebSocket sides of exec, attach and port-forward: the protocol of `apiserver.streaming`.

`serve_process` joins a `ProcessStream` of the runtime to channels 0–4 and 255; `serve_socket` joins a
TCP connection to binary messages. Each direction waits for the other side to take what it got, so
memory stays bounded. Neighbour: `kubelet.server`, which has checked who asks and for what.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from aiohttp import WSMsgType, web

from kubelet.runtime.errors import RuntimeDriverError
from kubelet.runtime.interface import ProcessStream, StdStream

LOG = logging.getLogger(__name__)

PROTOCOL = "v5.channel.k8s.io"
STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
CHUNK = 64 << 10
MAX_MESSAGE = 4 << 20
"""Bytes of one message; kubectl sends 32 KiB pieces."""
HEARTBEAT_SECONDS = 30.0
GONE_SECONDS = 30.0
"""What a command has, when its client has gone, to make something of the input that it got: clients
that copy files into a container hang up after the last byte."""
SIZE_MAX = 0xFFFF
"""The kernel keeps a terminal's columns and rows in 16 bits."""


@dataclass(frozen=True, slots=True)
class Wants:
    """Which streams the client asked for."""

    stdin: bool = False
    stdout: bool = True
    stderr: bool = True
    tty: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wants":
        """Both spellings: the API's (stdin) and the kubelet's (input)."""

        def flag(*names: str) -> bool:
            return any(query.get(name) in ("1", "true") for name in names)

        return cls(
            stdin=flag("input", "stdin"),
            stdout=flag("output", "stdout"),
            stderr=flag("error", "stderr"),
            tty=flag("tty"),
        )


async def serve_process(
    request: web.Request, stream: ProcessStream, wants: Wants, *, report_exit: bool
) -> web.WebSocketResponse:
    """Until the process has ended or the client has gone; the stream is closed in any case."""
    socket_ = web.WebSocketResponse(
        protocols=(PROTOCOL,), heartbeat=HEARTBEAT_SECONDS, max_msg_size=MAX_MESSAGE, compress=False
    )
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []
    try:
        await socket_.prepare(request)
        out = loop.create_task(_outputs(socket_, stream, wants, report_exit=report_exit))
        in_ = loop.create_task(_inputs(socket_, stream, wants))
        tasks = [out, in_]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not out.done() and report_exit and wants.stdin and not wants.tty:
            out.cancel()
            await _leave(stream)
    except (ConnectionError, RuntimeError) as error:
        LOG.debug("stream: %s", error)
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, ConnectionError):
                LOG.info("stream: %r", result)
        await stream.close()
        if socket_.prepared:
            with contextlib.suppress(ConnectionError):
                await socket_.close()
    return socket_


async def _leave(stream: ProcessStream) -> None:
    """Nobody listens any more: the command's input ends, and it has a while to end itself."""
    with contextlib.suppress(TimeoutError, RuntimeDriverError):
        async with asyncio.timeout(GONE_SECONDS):
            await stream.close_stdin()
            while await stream.read() is not None:
                pass
            await stream.wait()


async def _outputs(
    socket_: web.WebSocketResponse, stream: ProcessStream, wants: Wants, *, report_exit: bool
) -> None:
    """Everything the process writes, then how it ended."""
    while (output := await stream.read()) is not None:
        is_error = output.stream is StdStream.STDERR
        if is_error and wants.stderr and not wants.tty:
            await socket_.send_bytes(bytes((STDERR,)) + output.data)
        elif not is_error and wants.stdout:
            await socket_.send_bytes(bytes((STDOUT,)) + output.data)
    try:
        ended = exit_status(await stream.wait() if report_exit else 0)
    except RuntimeDriverError as error:
        ended = start_failure(str(error))
    await socket_.send_bytes(bytes((STATUS,)) + orjson.dumps(ended))


async def _inputs(socket_: web.WebSocketResponse, stream: ProcessStream, wants: Wants) -> None:
    """Until the client closes: then the process is let go, left alone or ended."""
    async for message in socket_:
        if message.type is not WSMsgType.BINARY or not message.data:
            continue
        channel, data = message.data[0], message.data[1:]
        try:
            if channel == STDIN and wants.stdin and data:
                await stream.write_stdin(data)
            elif channel == RESIZE and wants.tty:
                await _resize(stream, data)
            elif channel == CLOSE and data[:1] == bytes((STDIN,)):
                await stream.close_stdin()
        except RuntimeDriverError as error:
            LOG.debug("input: %s", error)


async def _resize(stream: ProcessStream, data: bytes) -> None:
    try:
        size = orjson.loads(data)
        columns, rows = int(size.get("Width") or 0), int(size.get("Height") or 0)
    except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError):
        return
    if 0 < columns <= SIZE_MAX and 0 < rows <= SIZE_MAX:
        await stream.resize(columns, rows)


def exit_status(code: int) -> dict[str, object]:
    """What channel 3 says."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with exit code {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def start_failure(message: str) -> dict[str, object]:
    """What channel 3 says of a command that could not be started."""
    message = f"error executing command in container: {message}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {message}",
        "reason": "InternalError",
        "details": {"causes": [{"message": message}]},
        "code": 500,
    }


async def serve_socket(request: web.Request, sock: socket.socket) -> web.WebSocketResponse:
    """Join a connected socket and the WebSocket until both directions have ended."""
    reader, writer = await asyncio.open_connection(sock=sock)
    socket_ = web.WebSocketResponse(
        heartbeat=HEARTBEAT_SECONDS, max_msg_size=MAX_MESSAGE, compress=False
    )
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []
    try:
        await socket_.prepare(request)
        half_closed = asyncio.Event()
        tasks = [
            loop.create_task(_both_ended(reader, socket_, half_closed)),
            loop.create_task(_to_pod(socket_, writer, half_closed)),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                LOG.debug("port-forward: %r", result)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        if socket_.prepared:
            with contextlib.suppress(ConnectionError):
                await socket_.close()
    return socket_


async def _both_ended(
    reader: asyncio.StreamReader, socket_: web.WebSocketResponse, half_closed: asyncio.Event
) -> None:
    """Everything that the pod sends; over when the client has nothing more to send either."""
    while data := await reader.read(CHUNK):
        await socket_.send_bytes(data)
    await socket_.send_bytes(b"")
    await half_closed.wait()


async def _to_pod(
    socket_: web.WebSocketResponse, writer: asyncio.StreamWriter, half_closed: asyncio.Event
) -> None:
    """The client's bytes; an empty message half-closes, the end of the WebSocket ends all."""
    async for message in socket_:
        if message.type is not WSMsgType.BINARY:
            continue
        if message.data:
            writer.write(message.data)
            await writer.drain()
        elif not half_closed.is_set():
            half_closed.set()
            if writer.can_write_eof():
                writer.write_eof()
