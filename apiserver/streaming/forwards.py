"""`pods/x/portforward`: TCP connections from a client's machine to a pod's ports.

kubectl opens two SPDY streams for each connection (errors, data), inside a WebSocket or on the
raw connection; other clients (Python's, JavaScript's) use plain WebSocket channels, two for each
port, one connection a port. Either way each connection becomes one WebSocket to the node's agent.
Neighbours: `sessions` (SPDY), `upgrade`, `kubelet` (the agent's side).
"""

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from apimachinery import status, wire
from apiserver import warning_headers
from apiserver.streaming import channels, kubelet, pods, sessions, upgrade

TUNNEL = "SPDY/3.1+portforward.k8s.io"
SPDY_PROTOCOL = "portforward.k8s.io"

PAIR_SECONDS = 30.0
"""How long the second stream of a connection may be missing, as in Kubernetes."""

MAX_PORTS = 64
"""Ports of one channel-style request; each is two channels of a byte-sized number space."""

Open = Callable[[int], Awaitable[aiohttp.ClientWebSocketResponse]]
"""Connects to a port of the pod; raises ApiError."""


async def run(
    kubelets: kubelet.Kubelets, raw: web.BaseRequest, request: wire.Request, pod: wire.JsonObject
) -> web.StreamResponse:
    """Serve a port-forward until the client has gone."""
    pods.refuse_finished(pod)
    address = kubelets.of_pod(pod)
    path = kubelet.container_path("portForward", pod)

    async def connect(port: int) -> aiohttp.ClientWebSocketResponse:
        return await kubelets.websocket(address, path, [("port", str(port))])

    wanted = request.headers.get("upgrade", "").lower()
    warned = warning_headers.of(request.warnings)
    if wanted == "spdy/3.1":
        answer, duplex = await upgrade.to_spdy(raw, SPDY_PROTOCOL, warned)
        await Forwarder(sessions.Session(duplex), connect).run()
        return answer
    if wanted != "websocket":
        raise status.bad_request("Upgrade request required")
    if TUNNEL in raw.headers.get("Sec-WebSocket-Protocol", ""):
        socket = channels.socket((TUNNEL,), warned)
        await socket.prepare(raw)
        await Forwarder(sessions.Session(sessions.WebSocketDuplex(socket)), connect).run()
        await socket.close()
        return socket
    ports = ports_of(request)
    socket = channels.socket(channels.PROTOCOLS, warned)
    await socket.prepare(raw)
    return await _channels(socket, ports, connect)


def ports_of(request: wire.Request) -> list[int]:
    """The ports of a channel-style request (`ports=80,443` or repeated).

    Raises:
        ApiError: 400, none, too many, or no port numbers.
    """
    texts = [part for key, value in request.query if key == "ports" for part in value.split(",")]
    if not texts or len(texts) > MAX_PORTS:
        raise status.bad_request(f"between 1 and {MAX_PORTS} ports must be specified")
    return [port_number(text) for text in texts]


def port_number(text: str) -> int:
    """A TCP port; raises 400."""
    if text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536:
        return int(text)
    raise status.bad_request(f'"{text}" is not a valid port')


@dataclass(slots=True)
class _Pair:
    """The two streams of one connection, as far as they have arrived."""

    streams: dict[str, sessions.Stream] = field(default_factory=dict)
    timer: asyncio.TimerHandle | None = None


class Forwarder:
    """Pairs the streams of a SPDY session and serves each pair."""

    def __init__(self, session: sessions.Session, connect: Open) -> None:
        self._session = session
        self._connect = connect
        self._pairs: dict[str, _Pair] = {}
        self._serving: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until the client has gone or breaks the protocol."""
        running = asyncio.create_task(self._session.run(), name="portforward")
        try:
            while (stream := await self._session.accept()) is not None:
                self._pair(stream)
        finally:
            running.cancel()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(running, *self._serving, return_exceptions=True)
            for pair in self._pairs.values():
                if pair.timer is not None:
                    pair.timer.cancel()

    def _pair(self, stream: sessions.Stream) -> None:
        key = stream.headers.get("requestid") or f"port {stream.headers.get('port', '')}"
        pair = self._pairs.setdefault(key, _Pair())
        pair.streams[stream.headers.get("streamtype", "")] = stream
        if {"data", "error"} <= set(pair.streams):
            self._pairs.pop(key)
            if pair.timer is not None:
                pair.timer.cancel()
            self._start(self._serve(pair.streams["data"], pair.streams["error"]))
        elif pair.timer is None:
            loop = asyncio.get_running_loop()
            pair.timer = loop.call_later(PAIR_SECONDS, self._give_up, key)

    def _give_up(self, key: str) -> None:
        pair = self._pairs.pop(key, None)
        for stream in pair.streams.values() if pair else ():
            self._start(stream.reset())

    def _start(self, work: Awaitable[None]) -> None:
        async def guarded() -> None:
            # A client that went away meanwhile ends its connection, nothing else.
            with contextlib.suppress(*channels.BROKEN):
                await work

        task = asyncio.create_task(guarded(), name="portforward-connection")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, data: sessions.Stream, errors: sessions.Stream) -> None:
        """One TCP connection, from its two streams to the agent."""
        try:
            port = port_number(data.headers.get("port", ""))
            agent = await self._connect(port)
        except status.ApiError as problem:
            await errors.write(problem.message.encode())
            await errors.finish()
            await data.reset()
            return
        async with agent:
            try:
                await _join(agent, data)
            finally:
                await errors.finish()
                await data.reset()


async def _join(agent: aiohttp.ClientWebSocketResponse, data: sessions.Stream) -> None:
    """Copy both ways until both have ended, or one side has gone altogether."""

    async def up() -> None:
        while chunk := await data.read():
            await agent.send_bytes(chunk)
        if data.broken:
            # Nobody is there any more; a half-close would leave the pod talking to no one.
            await agent.close()
        else:
            await agent.send_bytes(b"")

    sending = asyncio.create_task(up(), name="portforward-up")
    try:
        # The agent closes when it has seen both ends.
        async for message in agent:
            if message.type is not aiohttp.WSMsgType.BINARY:
                continue
            if message.data:
                await data.write(bytes(message.data))
            else:
                await data.finish()
        await data.finish()
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _channels(
    socket: web.WebSocketResponse, ports: list[int], connect: Open
) -> web.WebSocketResponse:
    """The channel style: channel 2i is the data of port i, 2i+1 its errors."""
    text = socket.ws_protocol in channels.BASE64

    async def send(channel: int, data: bytes) -> None:
        message = bytes((channel,)) + data
        if text:
            await socket.send_str(channels.encoded(message))
        else:
            await socket.send_bytes(message)

    agents: dict[int, aiohttp.ClientWebSocketResponse] = {}
    tasks: list[asyncio.Task[None]] = []
    try:
        for index, port in enumerate(ports):
            # Each channel begins with its port, so that the client can tell them apart.
            await send(2 * index, struct.pack("<H", port))
            await send(2 * index + 1, struct.pack("<H", port))
        for index, port in enumerate(ports):
            try:
                agents[2 * index] = agent = await connect(port)
            except status.ApiError as problem:
                await send(2 * index + 1, problem.message.encode())
                continue
            tasks.append(asyncio.create_task(_channel_down(agent, 2 * index, send)))
        tasks.append(asyncio.create_task(_channels_up(socket, agents, text=text)))
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    except channels.BROKEN:
        pass  # the client has gone: so does everything else
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for agent in agents.values():
            await agent.close()
    await socket.close()
    return socket


async def _channel_down(
    agent: aiohttp.ClientWebSocketResponse,
    channel: int,
    send: Callable[[int, bytes], Awaitable[None]],
) -> None:
    async for message in agent:
        if message.type is aiohttp.WSMsgType.BINARY:
            if not message.data:
                return
            await send(channel, bytes(message.data))


async def _channels_up(
    socket: web.WebSocketResponse,
    agents: dict[int, aiohttp.ClientWebSocketResponse],
    *,
    text: bool,
) -> None:
    async for message in socket:
        data = channels.decoded(message, text=text)
        agent = agents.get(data[0]) if data else None
        if agent is not None and len(data) > 1:
            await agent.send_bytes(data[1:])
