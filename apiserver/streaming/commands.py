"""`pods/x/exec` and `pods/x/attach`: a client's streams joined to a process on a node.

WebSocket clients are relayed message by message; SPDY clients (kubectl with WebSockets switched
off, old libraries) are translated. Neighbours: `channels` (WebSocket relay), `sessions` (SPDY),
`kubelet` (the agent). The caller was authorized before.
"""

import asyncio
from collections.abc import Mapping

import aiohttp
import orjson
from aiohttp import web

from apimachinery import status, wire
from apiserver import warning_headers
from apiserver.routes import is_true
from apiserver.streaming import channels, kubelet, pods, sessions, spdy, upgrade

SPDY_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io")
"""Newest first. v3 has no JSON status; its clients show the message."""

STREAMS_SECONDS = 30.0
"""How long the client may take to open its streams, as in Kubernetes."""

_OPTIONS = (("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty"))
"""The API's names of options and the agent's."""


async def run(
    kubelets: kubelet.Kubelets,
    raw: web.BaseRequest,
    request: wire.Request,
    pod: wire.JsonObject,
    verb: str,
) -> web.StreamResponse:
    """Serve `exec` or `attach` until the process or the client has ended."""
    pods.refuse_finished(pod)
    container = pods.container_of(pod, request.param("container"))
    query = options(request, verb)
    over_spdy = _is_spdy(request)
    agent = await kubelets.websocket(
        kubelets.of_pod(pod),
        kubelet.container_path(verb, pod, container),
        query,
        kubelet.CHANNEL_PROTOCOL,
    )
    async with agent:
        if over_spdy:
            return await _spdy(raw, request, agent, {name for name, _ in query})
        return await channels.relay(raw, agent, warning_headers.of(request.warnings))


def options(request: wire.Request, verb: str) -> kubelet.Query:
    """PodExecOptions as the agent takes them.

    Raises:
        ApiError: 400, there is nothing to run or nothing to see.
    """
    wanted = [(name, "1") for option, name in _OPTIONS if is_true(request, option)]
    names = {name for name, _ in wanted}
    if not names & {"input", "output", "error"}:
        raise status.bad_request("you must specify at least 1 of stdin, stdout, stderr")
    if {"tty", "error"} <= names:
        # A terminal has one output; Kubernetes' clients ask for both and mean this.
        wanted.remove(("error", "1"))
    commands = [("command", value) for key, value in request.query if key == "command"]
    if verb == "exec" and not commands:
        raise status.bad_request("you must specify at least one command for the container")
    return [*commands, *wanted] if verb == "exec" else wanted


def _is_spdy(request: wire.Request) -> bool:
    """Whether the client wants SPDY; else it must want a WebSocket."""
    wanted = request.headers.get("upgrade", "").lower()
    if wanted == "spdy/3.1":
        return True
    if wanted != "websocket":
        raise status.bad_request("Upgrade request required")
    return False


async def _spdy(
    raw: web.BaseRequest,
    request: wire.Request,
    agent: aiohttp.ClientWebSocketResponse,
    wanted: set[str],
) -> web.StreamResponse:
    protocol = negotiated(request.headers.get("x-stream-protocol-version", ""), raw)
    warned = warning_headers.of(request.warnings)
    answer, duplex = await upgrade.to_spdy(raw, protocol, warned)
    session = sessions.Session(duplex)
    running = asyncio.create_task(session.run(), name="exec-spdy")
    try:
        async with asyncio.timeout(STREAMS_SECONDS):
            streams = await _streams(session, wanted)
        if streams is not None:
            await _translate(running, agent, streams)
    except (*channels.BROKEN, spdy.SpdyError):
        pass  # the client has gone, or speaks something else: there is nobody to tell
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return answer


def negotiated(header: str, raw: web.BaseRequest) -> str:
    """The newest protocol that the client offers and we speak.

    Raises:
        ApiError: 403 as Kubernetes, there is none.
    """
    offered = [part.strip() for one in raw.headers.getall("X-Stream-Protocol-Version", [header])
               for part in one.split(",")]  # fmt: skip
    for protocol in SPDY_PROTOCOLS:
        if protocol in offered:
            return protocol
    raise status.Forbidden(
        f"unable to upgrade: unable to negotiate protocol: client supports {offered}, "
        f"server accepts {list(SPDY_PROTOCOLS)}"
    )


async def _streams(
    session: sessions.Session, wanted: set[str]
) -> Mapping[str, sessions.Stream] | None:
    """The streams by type once all that was asked for are open; None if the client left."""
    expected = {"error"} | {
        kind for kind, name in (("stdin", "input"), ("stdout", "output"), ("stderr", "error"))
        if name in wanted
    }  # fmt: skip
    if "tty" in wanted:
        expected |= {"resize"}
    found: dict[str, sessions.Stream] = {}
    while expected - set(found):
        stream = await session.accept()
        if stream is None:
            return None
        found[stream.headers.get("streamtype", "")] = stream
    return found


async def _translate(
    running: asyncio.Task[None],
    agent: aiohttp.ClientWebSocketResponse,
    streams: Mapping[str, sessions.Stream],
) -> None:
    down = asyncio.create_task(_down(agent, streams), name="exec-spdy-down")
    ups = [
        asyncio.create_task(_up(agent, streams[kind], channel), name=f"exec-spdy-{kind}")
        for kind, channel in (("stdin", channels.STDIN), ("resize", channels.RESIZE))
        if kind in streams
    ]
    try:
        # Not the ups: stdin ends long before the process does.
        await asyncio.wait((running, down), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (down, *ups):
            task.cancel()
        await asyncio.gather(down, *ups, return_exceptions=True)


async def _down(
    agent: aiohttp.ClientWebSocketResponse, streams: Mapping[str, sessions.Stream]
) -> None:
    """What the process says, then how it ended, then the end of every stream."""
    targets = {channels.STDOUT: "stdout", channels.STDERR: "stderr", channels.STATUS: "error"}
    ending = orjson.dumps(status.internal_error("the kubelet hung up").to_status())
    async for message in agent:
        if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
            continue
        channel, data = message.data[0], bytes(message.data[1:])
        if channel == channels.STATUS:
            ending = data
        elif (kind := targets.get(channel, "")) in streams and data:
            await streams[kind].write(data)
    if b'"Success"' not in ending:
        await streams["error"].write(ending)
    for stream in streams.values():
        await stream.finish()


async def _up(
    agent: aiohttp.ClientWebSocketResponse, stream: sessions.Stream, channel: int
) -> None:
    while data := await stream.read():
        await agent.send_bytes(bytes((channel,)) + data)
    if channel == channels.STDIN:
        await agent.send_bytes(channels.END_OF_STDIN)
