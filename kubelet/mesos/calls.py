"""The agent's calls on containers: sessions in them, their input and output, their end.

What is launched here is a process in the container of a task that runs (an image, volumes or
resources of its own it cannot have: a pod has those). Streams are RecordIO of `ProcessIO` messages in
JSON. Neighbours: `operator` brings the calls, `containers` and `sessions` know the processes,
`gate` who may.
"""

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

from aiohttp import web

from apimachinery.mesos import lenient, recordio
from apimachinery.mesos.schema import Malformed
from apimachinery.mesos.stream import JSON, ascii_json
from apimachinery.wire import JsonObject
from kubelet.mesos.containers import Containers, Path, Target, path_of
from kubelet.mesos.gate import Gate
from kubelet.mesos.sessions import Session, Sessions, TooManyError, wait_status
from kubelet.runtime.errors import RuntimeDriverError
from kubelet.runtime.interface import Output, ProcessStream, RuntimeDriver

RECORDIO = "application/recordio"
MESSAGE_TYPE = "Message-Content-Type"
HEARTBEAT_S = 30.0
"""Mesos' own: proxies cut connections on which nothing is said."""
RECORD_MAX = 1 << 20
"""Bytes of one message of input: clients send a few kilobytes."""
SIZE_MAX = 0xFFFF
"""The kernel keeps a terminal's columns and rows in 16 bits."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HEARTBEAT: JsonObject = {
    "type": "CONTROL",
    "control": {
        "type": "HEARTBEAT",
        "heartbeat": {"interval": {"nanoseconds": int(HEARTBEAT_S * 1e9)}},
    },
}


class Problem(Exception):  # noqa: N818  (read as "raise Problem")
    """An answer with a code and one sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


Handler = Callable[[web.Request, str, JsonObject], Awaitable[web.StreamResponse]]


class ContainerCalls:
    """See the module's docstring."""

    def __init__(self, driver: RuntimeDriver, containers: Containers, gate: Gate) -> None:
        self._driver, self._containers, self._gate = driver, containers, gate
        self.sessions = Sessions(driver)
        self.kinds: dict[str, Handler] = {
            "LAUNCH_NESTED_CONTAINER": self._launch,
            "LAUNCH_CONTAINER": self._launch,
            "LAUNCH_NESTED_CONTAINER_SESSION": self._session,
            "WAIT_NESTED_CONTAINER": self._wait,
            "WAIT_CONTAINER": self._wait,
            "KILL_NESTED_CONTAINER": self._kill,
            "KILL_CONTAINER": self._kill,
            "REMOVE_NESTED_CONTAINER": self._remove,
            "REMOVE_CONTAINER": self._remove,
            "ATTACH_CONTAINER_OUTPUT": self._attach,
        }

    async def handle(self, request: web.Request, call: JsonObject) -> web.StreamResponse:
        """Any call but input."""
        kind = str(call["type"])
        message = "Launch" if kind.startswith("LAUNCH") else "Container"
        try:
            body = lenient.message(_part(call, kind.lower()), f"AgentCall.{message}")
            return await self.kinds[kind](request, kind, body)
        except (Malformed, Problem, RuntimeDriverError) as error:
            return _said(error)

    # --- which

    async def _admitted(self, request: web.Request, path: Path) -> Target | None:
        """The container that a path means, or that its process lives in; None for a session's."""
        target = self._containers.find(path)
        parent = target or self._containers.find(path[:-1])
        if parent is None:
            raise Problem(404, f"Container {'.'.join(path)} cannot be found")
        refusal = await self._gate.refusal(request, parent.worker.pod)
        if refusal is not None:
            raise _Refused(refusal)
        return target

    async def _found(self, request: web.Request, path: Path) -> Target | Session:
        """A container or a session that the caller may touch."""
        target = await self._admitted(request, path)
        found = target or self.sessions.find(path)
        if found is None:
            raise Problem(404, f"Container {'.'.join(path)} cannot be found")
        return found

    # --- sessions

    async def _launch(self, request: web.Request, kind: str, body: JsonObject) -> web.Response:
        del kind
        path = _path(body)
        if isinstance(await self._known(request, path), Session):
            return web.Response(status=202)
        await self._start(path, body)
        return web.Response()

    async def _session(
        self, request: web.Request, kind: str, body: JsonObject
    ) -> web.StreamResponse:
        """Its life is the connection's."""
        del kind
        path = _path(body)
        if await self._known(request, path) is not None:
            raise Problem(400, f"Container {'.'.join(path)} exists already")
        session = await self._start(path, body)
        try:
            return await _pour(request, session.output())
        finally:
            await session.kill()

    async def _known(self, request: web.Request, path: Path) -> Target | Session | None:
        target = await self._admitted(request, path)
        if target is not None:
            raise Problem(400, "A container is launched within another one: 'parent' is missing")
        return self.sessions.find(path)

    async def _start(self, path: Path, body: JsonObject) -> Session:
        parent = self._containers.find(path[:-1])
        if parent is None or not parent.running:
            raise Problem(400, f"Container {'.'.join(path[:-1])} does not run")
        container = body.get("container") or {}
        argv = _argv(body.get("command") or {}, container)
        try:
            return await self.sessions.launch(path, parent, argv, tty="tty_info" in container)
        except TooManyError as error:
            raise Problem(503, str(error)) from error

    async def _wait(self, request: web.Request, kind: str, body: JsonObject) -> web.Response:
        found = await self._found(request, _path(body))
        if isinstance(found, Session):
            await found.ended.wait()
            status = found.status
        else:
            status = await _end_of(found)
        answer = {"exit_status": status}
        return web.Response(
            body=ascii_json({"type": kind, kind.lower(): answer}), content_type=JSON
        )

    async def _kill(self, request: web.Request, kind: str, body: JsonObject) -> web.Response:
        found = await self._found(request, _path(body))
        if not isinstance(found, Session):
            raise Problem(400, f"{kind}: tasks are killed by their framework")
        await found.kill()
        return web.Response()

    async def _remove(self, request: web.Request, kind: str, body: JsonObject) -> web.Response:
        path = _path(body)
        found = await self._found(request, path)
        if not isinstance(found, Session) or not found.ended.is_set():
            raise Problem(500, f"{kind}: the container has not ended yet")
        self.sessions.forget(path)
        return web.Response()

    # --- streams

    async def _attach(
        self, request: web.Request, kind: str, body: JsonObject
    ) -> web.StreamResponse:
        del kind
        found = await self._found(request, _path(body))
        if isinstance(found, Session):
            return await _pour(request, found.output())
        stream = await self._attached(found, stdin=False)
        try:
            return await _pour(request, _outputs(stream))
        finally:
            await stream.close()

    async def _attached(self, target: Target, *, stdin: bool) -> ProcessStream:
        attempt = target.attempt
        if attempt is None or not target.running:
            raise Problem(500, f"Container {target.name} does not run")
        return await self._driver.attach(attempt.id, stdin=stdin)

    async def input(self, request: web.Request) -> web.Response:
        """ATTACH_CONTAINER_INPUT: its first record names the container, the others are input."""
        given = request.headers.get(MESSAGE_TYPE, "").partition(";")[0].strip()
        if given != JSON:
            return _text(415, f"Expecting '{MESSAGE_TYPE}' of {JSON}")
        try:
            return await self._input(request, _records(request))
        except (Malformed, Problem, RuntimeDriverError) as error:
            return _said(error)

    async def _input(
        self, request: web.Request, records: AsyncIterator[JsonObject]
    ) -> web.Response:
        first = await anext(records, None)
        if first is None or first.get("type") != "CONTAINER_ID" or "container_id" not in first:
            raise Problem(400, "Expecting the first record to be of type 'CONTAINER_ID'")
        found = await self._found(request, _path(first))
        if isinstance(found, Session):
            if found.ended.is_set():
                raise Problem(500, "The container has ended")
            await _until(found.ended, _feed(records, found.stream))
            return web.Response()
        stream = await self._attached(found, stdin=True)
        try:
            attempt = found.attempt
            assert attempt is not None, "it was attached to"
            drained = asyncio.create_task(_drain(stream))
            await _until(found.worker.end_of(attempt.id), _feed(records, stream))
            drained.cancel()
        finally:
            await stream.close()
        return web.Response()


class _Refused(Problem):
    """The gate's own answer."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(answer.status, answer.text or "")
        self.answer = answer


def _said(error: Malformed | Problem | RuntimeDriverError) -> web.Response:
    if isinstance(error, _Refused):
        return error.answer
    code = 500 if isinstance(error, RuntimeDriverError) else error.status
    return _text(code, str(error))


# --- messages


def _part(call: JsonObject, name: str) -> JsonObject:
    body = call.get(name)
    if not isinstance(body, dict):
        raise Malformed(f"Expecting '{name}' to be present")
    return body


def _path(body: JsonObject) -> Path:
    path = path_of(body["container_id"])
    if not path:
        raise Malformed("'container_id' makes no sense")
    return path


def _argv(command: JsonObject, container: JsonObject) -> list[str]:
    """What is run. Never by way of a shell that the caller did not ask for."""
    for name in ("mesos", "docker", "volumes", "network_infos"):
        if container.get(name):
            raise Problem(400, f"A nested container shares its parent's: 'container.{name}'")
    for name in ("uris", "user"):
        if command.get(name):
            raise Problem(400, f"A nested container has its parent's: 'command.{name}'")
    value = command.get("value")
    if value is None:
        raise Problem(400, "Expecting 'command.value' to be present")
    arguments = [str(one) for one in command.get("arguments") or ()]
    argv = ["/bin/sh", "-c", value] if command.get("shell", True) else [value, *arguments[1:]]
    variables = (command.get("environment") or {}).get("variables") or ()
    if any(not VARIABLE.fullmatch(one["name"]) for one in variables):
        raise Problem(400, "'command.environment' has a name that is none")
    pairs = [f"{one['name']}={one.get('value', '')}" for one in variables]
    return ["env", *pairs, *argv] if pairs else argv


async def _end_of(target: Target) -> int:
    attempt = target.attempt
    if attempt is not None and target.running:
        await target.worker.end_of(attempt.id).wait()
        attempt = target.worker.ledger.find(attempt.id)
    if attempt is None or not attempt.over:
        raise Problem(404, f"Container {target.name} has not begun")
    return wait_status(attempt.exit_code)


# --- records


def _record(message: JsonObject) -> bytes:
    return recordio.record(ascii_json(message))


def _data(output: Output) -> JsonObject:
    data = base64.b64encode(output.data).decode()
    return {"type": "DATA", "data": {"type": output.stream.name, "data": data}}


async def _pour(request: web.Request, outputs: AsyncGenerator[Output, None]) -> web.StreamResponse:
    """A stream of output as the answer, until its end or the client's."""
    response = web.StreamResponse(headers={"Content-Type": RECORDIO, MESSAGE_TYPE: JSON})
    response.enable_chunked_encoding()
    beating = asyncio.create_task(_beat(response))
    try:
        await response.prepare(request)
        async for output in outputs:
            await response.write(_record(_data(output)))
        await response.write_eof()
    except ConnectionError:
        pass  # whoever asked has left
    finally:
        beating.cancel()
        await outputs.aclose()
    return response


async def _beat(response: web.StreamResponse) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            await response.write(_record(HEARTBEAT))


async def _outputs(stream: ProcessStream) -> AsyncGenerator[Output, None]:
    while (output := await stream.read()) is not None:
        yield output


async def _drain(stream: ProcessStream) -> None:
    """Output that is somebody else's to read."""
    while await stream.read() is not None:
        pass


async def _records(request: web.Request) -> AsyncIterator[JsonObject]:
    """The parts of ATTACH_CONTAINER_INPUT calls; Malformed."""
    async for raw in recordio.records(request.content, RECORD_MAX):
        call = lenient.parse(raw)
        if call.get("type") != "ATTACH_CONTAINER_INPUT":
            raise Malformed("Expecting only calls of type 'ATTACH_CONTAINER_INPUT'")
        yield lenient.message(_part(call, "attach_container_input"), "AgentCall.Input")


async def _feed(records: AsyncIterator[JsonObject], stream: ProcessStream) -> None:
    """Input until the client ends; an empty piece of data is the end of the process's input."""
    async for record in records:
        part = record.get("process_io") or {}
        if part.get("type") == "DATA":
            data = base64.b64decode((part.get("data") or {}).get("data") or "")
            await (stream.write_stdin(data) if data else stream.close_stdin())
        elif part.get("type") == "CONTROL":
            size = ((part.get("control") or {}).get("tty_info") or {}).get("window_size") or {}
            columns, rows = size.get("columns", 0), size.get("rows", 0)
            if 0 < columns <= SIZE_MAX and 0 < rows <= SIZE_MAX:
                await stream.resize(columns, rows)


async def _until(ended: asyncio.Event, feeding: Coroutine[Any, Any, None]) -> None:
    """Feed, but no longer than there is somebody to feed."""
    tasks = [asyncio.create_task(feeding), asyncio.create_task(ended.wait())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text)
