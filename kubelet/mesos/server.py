"""The agent's Mesos endpoints: executors subscribe here, tools read state and sandboxes.

Plain HTTP on the node's own address, as Mesos' agents have it. Executors and `/state` are open to
what runs on this node; files only to the node itself and to the machine of the API server.
Neighbours: `executors` (what executors hear and say), `facts`, `sandbox`. Not here: exec and logs of
pods, which come through the API server (`kubelet.server`). `calls` has the sessions in containers.
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Collection

from aiohttp import web

from apimachinery.mesos import bodies, marks, stream
from apimachinery.mesos.schema import Malformed
from apimachinery.mesos.stream import JSON, PROTOBUF, EventStream, ascii_json
from apimachinery.wire import JsonObject
from kubelet.mesos import listing
from kubelet.mesos.calls import ContainerCalls
from kubelet.mesos.executor import Executor, TooManyError
from kubelet.mesos.executors import Executors
from kubelet.mesos.facts import Facts
from kubelet.mesos.operator import AgentOperator
from kubelet.mesos.sandbox import Files, Missing

BODY_MAX = 32 << 20
HEARTBEAT_S = 1800.0
"""Mesos' own for executors."""
KEEPALIVE_S = 86400.0
"""Executors keep their connection and die when it is dropped while idle."""
SHUTDOWN_S = 1.0
PREFIX = "/slave(1)"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class MesosServer:
    """One listener; `run` serves until cancelled."""

    def __init__(
        self,
        executors: Executors,
        facts: Facts,
        calls: ContainerCalls,
        *,
        pod_cidr: str,
        trusted: Collection[str],
    ) -> None:
        """`trusted` are addresses that may read files, beside the node's own."""
        self._executors, self._facts = executors, facts
        self._network = ipaddress.ip_network(pod_cidr) if pod_cidr else None
        self._trusted = {facts.address, "127.0.0.1", *trusted}
        self._calls = calls
        self._operator = AgentOperator(facts, calls)
        self._open: set[EventStream] = set()

    async def run(self) -> None:
        """Serve until cancelled. OSError when the port is taken: the caller tries again."""
        runner = web.AppRunner(
            self.application(),
            access_log=None,
            keepalive_timeout=KEEPALIVE_S,
            handler_cancellation=True,
            shutdown_timeout=SHUTDOWN_S,
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._facts.address, self._facts.port, reuse_address=True)
            await site.start()
            await asyncio.Event().wait()
        finally:
            self.close()
            await self._calls.sessions.close()
            await runner.cleanup()

    def close(self) -> None:
        """End the streams: executors come back to the next agent."""
        for each in tuple(self._open):
            each.end()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=BODY_MAX)
        near: dict[str, Handler] = {
            "/api/v1/executor": self.executor,
            "/state": self._state,
            "/version": _version,
            "/health": _health,
        }
        inner: dict[str, Handler] = {
            "/api/v1": self._operator.handle,
            "/api/v1/operator": self._operator.handle,
            "/containers": self._containers,
            "/monitor/statistics": self._statistics,
            "/metrics/snapshot": self._metrics,
            "/flags": self._flags,
            "/files/browse": self._browse,
            "/files/read": self._read,
            "/files/download": self._download,
            "/files/debug": self._debug,
        }
        for routes, guard in ((near, self._near), (inner, self._inner)):
            for path, handler in routes.items():
                guarded = guard(handler)
                for each in (path, f"{path}/", f"{PREFIX}{path}", f"{path}.json"):
                    app.router.add_route("*", each, guarded)
        return app

    # --- who may ask

    def _near(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not self._is_near(request.remote or ""):
                return _text(403, "only what runs on this node may ask this")
            return await handler(request)

        return guarded

    def _inner(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if request.remote not in self._trusted:
                return _text(403, "only this node and its API server's machine may ask this")
            return await handler(request)

        return guarded

    def _is_near(self, remote: str) -> bool:
        if remote in self._trusted:
            return True
        try:
            return self._network is not None and ipaddress.ip_address(remote) in self._network
        except ValueError:
            return False

    # --- executors

    async def executor(self, request: web.Request) -> web.StreamResponse:
        if not self._executors.recovered:
            return _text(503, "Agent has not finished recovery")
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        given = request.headers.get("Content-Type", "")
        try:
            call = bodies.loads(given, await request.read(), "ExecutorCall")
            kind = _kind(call)
        except Malformed as error:
            return _text(error.status, str(error))
        executor = self._executors.find(call["framework_id"]["value"], call["executor_id"]["value"])
        if executor is None:
            return _text(400, "Framework or executor cannot be found")
        if kind == "SUBSCRIBE":
            return await self._subscribe(request, executor, call["subscribe"])
        if kind == "HEARTBEAT":
            return web.Response(status=202)
        if not executor.connected:
            return _text(403, "Executor is not subscribed")
        return await self._say(executor, kind, call)

    async def _say(self, executor: Executor, kind: str, call: JsonObject) -> web.Response:
        try:
            if kind == "UPDATE":
                executor.update(call["update"]["status"])
            else:
                executor.message(call["message"]["data"])
        except TooManyError as error:
            return _text(503, str(error))
        await self._executors.save(executor)
        return web.Response(status=202)

    async def _subscribe(
        self, request: web.Request, executor: Executor, call: JsonObject
    ) -> web.StreamResponse:
        accepted = stream.accepted(request.headers.get("Accept", ""))
        if not accepted:
            return _text(406, f"Expecting 'Accept' to allow {JSON} or {PROTOBUF}")
        opened = EventStream(
            "", accepted, message="ExecutorEvent", heartbeat=HEARTBEAT_S, flushes=False
        )
        response = web.StreamResponse(headers={"Content-Type": accepted})
        response.enable_chunked_encoding()
        await response.prepare(request)
        self._open.add(opened)
        self._executors.connect(executor, opened, self._subscribed(executor), call)
        try:
            if not await opened.pour(response) and request.transport is not None:
                request.transport.abort()
        finally:
            self._open.discard(opened)
            opened.end()
            self._executors.disconnect(executor, opened)
        return response

    def _subscribed(self, executor: Executor) -> JsonObject:
        return {
            "type": "SUBSCRIBED",
            "subscribed": {
                "executor_info": executor.spec["info"],
                "framework_info": executor.spec["framework"],
                "agent_info": self._facts.agent_info(),
                "container_id": {"value": str(executor.spec["pod"])},
            },
        }

    # --- those who look on

    async def _state(self, request: web.Request) -> web.Response:
        del request
        return _json(self._facts.state())

    async def _containers(self, request: web.Request) -> web.Response:
        del request
        return _json(self._facts.containers())

    async def _statistics(self, request: web.Request) -> web.Response:
        del request
        return _json(self._facts.containers())

    async def _metrics(self, request: web.Request) -> web.Response:
        del request
        return _json(listing.metrics(self._facts))

    async def _flags(self, request: web.Request) -> web.Response:
        del request
        return _json({"flags": self._facts.flags()})

    async def _browse(self, request: web.Request) -> web.Response:
        files, path = self._files(), request.query.get("path", "")
        if not path:
            return _text(400, "Expecting 'path=value' in query.")
        try:
            return _json(await asyncio.to_thread(files.listing, path))
        except (Missing, OSError):
            return _text(404, "")

    async def _read(self, request: web.Request) -> web.Response:
        files, query = self._files(), request.query
        if not query.get("path"):
            return _text(400, "Expecting 'path=value' in query.")
        try:
            offset, length = int(query.get("offset", 0)), int(query.get("length", -1))
        except ValueError:
            return _text(400, "Failed to parse offset or length")
        try:
            data, size = await asyncio.to_thread(files.part, query["path"], offset, length)
        except (Missing, OSError):
            return _text(404, "")
        shown = data.decode("utf-8", "replace")
        return _json({"data": shown, "offset": size if offset < 0 else offset})

    async def _download(self, request: web.Request) -> web.Response:
        files, path = self._files(), request.query.get("path", "")
        if not path:
            return _text(400, "Expecting 'path=value' in query.")
        try:
            body = await asyncio.to_thread(files.content, path)
        except (Missing, OSError):
            return _text(404, "")
        return web.Response(body=body, content_type="application/octet-stream")

    async def _debug(self, request: web.Request) -> web.Response:
        del request
        paths = {}
        for virtual, sandbox in self._facts.sandboxes().items():
            paths[virtual] = str(sandbox.directory)
        return _json(paths)

    def _files(self) -> Files:
        return Files(self._facts.sandboxes())


def _kind(call: JsonObject) -> str:
    kind = str(call.get("type") or "")
    start = "Failed to validate executor::Call:"
    if not kind:
        raise Malformed(f"{start} Expecting 'type' to be present")
    if kind in ("SUBSCRIBE", "UPDATE", "MESSAGE") and kind.lower() not in call:
        raise Malformed(f"{start} Expecting '{kind.lower()}' to be present")
    if kind == "UPDATE":
        status = call["update"]["status"]
        if not stream.is_uuid(status.get("uuid", "")):
            raise Malformed(f"{start} Not a valid UUID")
        if status.get("source") != "SOURCE_EXECUTOR":
            raise Malformed(f"{start} Received Call from executor with invalid source, expecting "
                            "'SOURCE_EXECUTOR'")  # fmt: skip
        named = (status.get("executor_id") or call["executor_id"])["value"]
        if named != call["executor_id"]["value"]:
            raise Malformed(f"{start} ExecutorID in Call: {call['executor_id']['value']} does not "
                            f"match ExecutorID in TaskStatus: {named}")  # fmt: skip
        if status["state"] == "TASK_STAGING":
            raise Malformed(f"{start} Received TASK_STAGING from executor, which is not allowed")
    return kind


async def _version(request: web.Request) -> web.Response:
    del request
    return _json({"version": marks.VERSION, "build_user": "bireme", "build_time": 0.0})


async def _health(request: web.Request) -> web.Response:
    del request
    return web.Response()


def _json(obj: object) -> web.Response:
    return web.Response(body=ascii_json(obj), content_type=JSON)


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text)
