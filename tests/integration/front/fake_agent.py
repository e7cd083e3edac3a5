"""A node's agent as `apiserver.streaming.kubelet` describes it, with this machine as its only pod.

It runs commands locally and forwards ports to the loopback: enough for real clients to go the
whole way through the API server. It isolates nothing and is for tests only.
"""

import asyncio
import json
import ssl
from typing import Any

import aiohttp
from aiohttp import web

from apiserver.identity.pki import Pki
from apiserver.streaming import kubelet

LOG = [f"line {number}" for number in range(5)]


class FakeAgent:
    """Serves on a free port of the loopback; `requests` tells what was asked."""

    def __init__(self, keys: Pki, node: str) -> None:
        self._keys = keys
        self._node = node
        self.requests: list[str] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/containerLogs/{ns}/{pod}/{container}", self._logs)
        app.router.add_get("/exec/{ns}/{pod}/{container}", self._exec)
        app.router.add_get("/attach/{ns}/{pod}/{container}", self._attach)
        app.router.add_get("/portForward/{ns}/{pod}", self._forward)
        app.router.add_get("/stats/summary", self._summary)
        app.router.add_delete("/localVolumes/{name}", self._remove)
        pair = self._keys.kubelet_server(self._node, ["127.0.0.1"])
        context = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cafile=str(self._keys.ca.cert)
        )
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(pair.cert, pair.key)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def node(self) -> dict[str, Any]:
        """The Node object that this agent would register."""
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self._node},
            "status": {
                "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": self.port}},
            },
        }

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path_qs)
        if request.match_info["container"] == "waiting":
            return web.Response(
                status=400,
                text='container "waiting" in pod "web" is waiting to start: ContainerCreating',
            )
        lines = LOG[-int(request.query.get("tailLines", len(LOG))) :]
        return web.Response(text="".join(f"{line}\n" for line in lines))

    async def _remove(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        return web.Response(text="removed")

    async def _summary(self, request: web.Request) -> web.Response:
        """The pod `web` uses a quarter of a core and 64 MiB, and is all that runs."""
        self.requests.append(request.path_qs)
        used = {
            "cpu": {
                "time": "2026-01-02T03:04:05Z",
                "usageNanoCores": 250_000_000,
                "usageCoreNanoSeconds": 1,
                "windowSeconds": 10.0,
            },
            "memory": {"usageBytes": 70 << 20, "workingSetBytes": 64 << 20},
        }
        pod = {
            "podRef": {"name": "web", "namespace": "default", "uid": "u"},
            "containers": [{"name": "app", **used}],
            **used,
        }
        return web.json_response({"node": {"nodeName": self._node, **used}, "pods": [pod]})

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        return await self._run(request, ["cat"])

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        return await self._run(request, request.query.getall("command"))

    async def _run(self, request: web.Request, argv: list[str]) -> web.StreamResponse:
        self.requests.append(request.path_qs)
        if argv[0] == "missing":
            text = 'exec: "missing": executable file not found in $PATH'
            return web.Response(status=500, text=text, headers={kubelet.ERROR_HEADER: text})
        socket = web.WebSocketResponse(protocols=(kubelet.CHANNEL_PROTOCOL,))
        await socket.prepare(request)
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE if "input" in request.query else None,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        outputs = [
            asyncio.create_task(_pump(process.stdout, socket, 1)),
            asyncio.create_task(_pump(process.stderr, socket, 2)),
        ]
        feeding = asyncio.create_task(_feed(socket, process))
        await asyncio.gather(*outputs)
        code = await process.wait()
        await socket.send_bytes(b"\x03" + json.dumps(_ending(code)).encode())
        await socket.close()
        feeding.cancel()
        return socket

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path_qs)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(request.query["port"]))
        except OSError as problem:
            text = str(problem)
            return web.Response(status=502, text=text, headers={kubelet.ERROR_HEADER: text})
        socket = web.WebSocketResponse()
        await socket.prepare(request)

        half_closed = asyncio.Event()

        async def up() -> None:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY and message.data:
                    writer.write(message.data)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    writer.write_eof()
                    half_closed.set()

        async def down() -> None:
            while data := await reader.read(65536):
                await socket.send_bytes(data)
            await socket.send_bytes(b"")
            await half_closed.wait()

        tasks = [asyncio.create_task(up()), asyncio.create_task(down())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            writer.close()
        await socket.close()
        return socket


async def _pump(
    reader: asyncio.StreamReader | None, socket: web.WebSocketResponse, channel: int
) -> None:
    assert reader is not None
    while data := await reader.read(65536):
        await socket.send_bytes(bytes((channel,)) + data)


async def _feed(socket: web.WebSocketResponse, process: asyncio.subprocess.Process) -> None:
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.BINARY or process.stdin is None:
            continue
        if message.data[0] == 0:
            process.stdin.write(message.data[1:])
            await process.stdin.drain()
        elif message.data == b"\xff\x00":
            process.stdin.close()
    if process.returncode is None:
        process.kill()


def _ending(code: int) -> dict[str, Any]:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
