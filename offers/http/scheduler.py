"""`POST /api/v1/scheduler`: the checks in Mesos' order, then SUBSCRIBE's stream or a 202.

Neighbours: `bodies` are read, `calls` does what they say, `stream` carries
events. Not here: what calls mean.
"""

import contextlib
import ipaddress

from aiohttp import web

from apimachinery.mesos import bodies, stream
from apimachinery.mesos.schema import Malformed
from apimachinery.mesos.stream import JSON, PROTOBUF, EventStream
from apimachinery.wire import JsonObject
from offers import rights, shapes
from offers.framework import Framework, SubscribeError, UnauthorizedError, check, roles_of
from offers.frameworks import Frameworks, new_stream_id
from offers.http.access import CHALLENGE, Access, Caller
from offers.http.calls import Calls
from offers.http.legacy import VERSION
from offers.http.limits import Limits
from offers.identity import USER_PREFIX
from offers.maintenance import Maintenance
from offers.reservations import Reservations
from offers.rights import Right
from offers.tasks.service import TaskService

STREAM_ID = "Mesos-Stream-Id"
NEEDS_BODY = {
    "SUBSCRIBE", "ACCEPT", "DECLINE", "ACCEPT_INVERSE_OFFERS", "DECLINE_INVERSE_OFFERS", "KILL",
    "SHUTDOWN", "ACKNOWLEDGE", "ACKNOWLEDGE_OPERATION_STATUS", "RECONCILE",
    "RECONCILE_OPERATIONS", "MESSAGE", "REQUEST", "UPDATE_FRAMEWORK",
}  # fmt: skip
"""Calls that are nothing without the part that bears their name."""


class SchedulerEndpoint:
    """See the module's docstring."""

    def __init__(
        self,
        frameworks: Frameworks,
        tasks: TaskService,
        calls: Calls,
        access: Access,
        maintenance: Maintenance,
        reservations: Reservations,
        *,
        master_id: str,
    ) -> None:
        self._frameworks, self._tasks, self._calls = frameworks, tasks, calls
        self._access = access
        self._maintenance, self._reservations = maintenance, reservations
        self._master_id = master_id
        self.ready = False
        """False while what was before is read back: then the answer is 503."""
        self.limits = Limits({})
        """How fast calls of each principal are carried out."""
        self._open: set[EventStream] = set()

    def close(self) -> None:
        """End every stream; the frameworks may come back to the next master."""
        for each in tuple(self._open):
            each.end()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if not self.ready:
            return _text(503, "Master has not finished recovery")
        if request.method != "POST":
            return web.Response(
                status=405,
                headers={"Allow": "POST"},
                text=f"Expecting one of {{ 'POST' }}, but received '{request.method}'",
            )
        caller = self._access.identify(request)
        if caller is None:
            return web.Response(status=401, headers=CHALLENGE)
        given = request.headers.get("Content-Type", "")
        try:
            call = bodies.loads(given, await request.read(), "Call")
            kind = _kind(call)
        except Malformed as error:
            return _text(error.status, str(error))
        if kind == "SUBSCRIBE":
            return await self._subscribe(request, call, caller)
        return await self._call(request, call, kind, caller)

    # --- all calls but SUBSCRIBE

    async def _call(
        self, request: web.Request, call: JsonObject, kind: str, caller: Caller
    ) -> web.Response:
        framework_id = (call.get("framework_id") or {}).get("value", "")
        if not framework_id:
            return _text(
                400, "Failed to validate scheduler::Call: Expecting 'framework_id' to be present"
            )
        framework = self._frameworks.get(framework_id)
        if framework is None or framework.removed:
            return _text(400, "Framework cannot be found")
        if caller.account not in ("", framework.account) or (
            framework.account and not caller.account
        ):
            return _text(400, "Framework's principal is not the authenticated one")
        if problem := await self.limits.turn(framework.principal):
            if framework.stream is not None:
                framework.stream.fail(f"Message {kind} dropped: {problem}")
            return _text(429, f"Message {kind} dropped: {problem}")
        async with framework.turn:
            return await self._take(request, call, kind, framework)

    async def _take(
        self, request: web.Request, call: JsonObject, kind: str, framework: Framework
    ) -> web.Response:
        """In its turn. Whether the stream is still the framework's is looked at last."""
        denied: frozenset[Right] = frozenset()
        if kind == "ACCEPT" and framework.account:
            asked = rights.of_accept(call["accept"], framework.info["user"])
            denied = await self._access.denied(framework.account, asked)
        if framework.stream is None:
            return _text(403, "Framework is not subscribed")
        stream_id = request.headers.get(STREAM_ID)
        if stream_id is None:
            return _text(400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header")
        if stream_id != framework.stream.id:
            return _text(
                400,
                f"The stream ID '{stream_id[:128]}' included in this request didn't match the "
                "stream ID currently associated with framework ID "
                f"'{framework.id}'",
            )
        if kind == "UPDATE_FRAMEWORK":
            return await self._update(framework, call[kind.lower()])
        if not self._calls.knows(kind):
            return _text(501, f"Unknown call {kind}")
        self._calls.handle(framework, call, denied)
        return web.Response(status=202)

    async def _update(self, framework: Framework, body: JsonObject) -> web.Response:
        info = body["framework_info"]
        if (info.get("id") or {}).get("value", framework.id) != framework.id:
            return _text(400, "'framework_id' differs from 'framework_info.id'")
        try:
            await self._authorize(info, framework.account)
            await self._frameworks.update(
                framework,
                info,
                body.get("suppressed_roles") or (),
                constraints=body.get("offer_constraints"),
            )
        except UnauthorizedError as error:
            return _text(403, str(error))
        except SubscribeError as error:
            return _text(400, f"'UpdateFramework.framework_info' is not valid: {error}")
        return web.Response(status=200)

    async def _authorize(self, info: JsonObject, account: str) -> None:
        """Its roles must be granted to who proved to be somebody."""
        check(info)
        asked = rights.registers(roles_of(info))
        denied = await self._access.denied(account, asked)
        if problem := rights.refused(asked, denied, account.removeprefix(USER_PREFIX)):
            raise UnauthorizedError(problem)

    # --- SUBSCRIBE

    async def _subscribe(
        self, request: web.Request, call: JsonObject, caller: Caller
    ) -> web.StreamResponse:
        accepted = stream.accepted(request.headers.get("Accept", ""))
        if not accepted:
            return _text(406, f"Expecting 'Accept' to allow {JSON} or {PROTOBUF}")
        if STREAM_ID in request.headers:
            return _text(400, "Subscribe calls should not include the 'Mesos-Stream-Id' header")
        info = call["subscribe"]["framework_info"]
        inner = (info.get("id") or {}).get("value", "")
        if not inner:
            info.pop("id", None)
        outer = (call.get("framework_id") or {}).get("value", "")
        if outer != inner:
            return _text(
                400,
                "Failed to validate scheduler::Call: 'framework_id' differs from "
                "'subscribe.framework_info.id'",
            )
        if problem := _principal(info, caller):
            return _text(400, problem)
        uses_host = await self._access.may(caller, Right("use", "hosttasks"))
        opened = EventStream(new_stream_id(), accepted)
        response = web.StreamResponse(
            headers={"Content-Type": accepted, STREAM_ID: opened.id, "Cache-Control": "no-cache"}
        )
        response.enable_chunked_encoding()
        await response.prepare(request)
        self._open.add(opened)
        framework: Framework | None = None
        try:
            framework = await self._begin(
                request, call["subscribe"], opened, caller.account, uses_host=uses_host
            )
            if not await opened.pour(response) and request.transport is not None:
                request.transport.abort()
        finally:
            self._open.discard(opened)
            opened.end()
            if framework is not None:
                self._frameworks.closed(framework, opened)
        return response

    async def _begin(
        self,
        request: web.Request,
        body: JsonObject,
        opened: EventStream,
        account: str,
        *,
        uses_host: bool,
    ) -> Framework | None:
        """Subscribe; a refusal is an event of the stream."""
        info = body["framework_info"]
        principal = str(info.get("principal") or "")
        try:
            await self._authorize(info, account)
            framework = await self._frameworks.subscribe(
                info,
                body.get("suppressed_roles") or (),
                principal,
                opened,
                account=account,
                constraints=body.get("offer_constraints"),
                uses_host=uses_host,
            )
        except SubscribeError as error:
            opened.fail(str(error))
            return None
        opened.send(
            {
                "type": "SUBSCRIBED",
                "subscribed": {
                    "framework_id": {"value": framework.id},
                    "heartbeat_interval_seconds": stream.HEARTBEAT_S,
                    "master_info": self.master_info(request),
                },
            }
        )
        opened.send(stream.HEARTBEAT)
        self._frameworks.activate(framework)
        self._tasks.connected(framework)
        self._maintenance.connected(framework)
        self._reservations.connected(framework)
        return framework

    def master_info(self, request: web.Request) -> JsonObject:
        """This master as its framework reached it."""
        name = (request.transport.get_extra_info("sockname") if request.transport else None) or (
            "127.0.0.1", 5050,
        )  # fmt: skip
        host, port = str(name[0]), int(name[1])
        packed = 0
        with contextlib.suppress(ValueError):
            # In network byte order, read as a number of the machine.
            packed = int.from_bytes(ipaddress.IPv4Address(host).packed, "little")
        return {
            "id": self._master_id,
            "ip": packed,
            "port": port,
            "pid": f"master@{host}:{port}",
            "hostname": host,
            "version": VERSION,
            "address": shapes.address(host, port),
        }


def _principal(info: JsonObject, caller: Caller) -> str:
    """Take the proven principal over; what is wrong, if another one was named."""
    named = info.get("principal") or caller.principal
    if caller.principal and named != caller.principal:
        return (
            f"Authenticated principal '{caller.principal}' does not match principal "
            f"'{named}' set in FrameworkInfo"
        )
    if named:
        info["principal"] = named
    return ""


def _kind(call: JsonObject) -> str:
    kind = call.get("type")
    if kind is None:
        raise Malformed("Failed to validate scheduler::Call: Expecting 'type' to be present")
    if kind in NEEDS_BODY and kind.lower() not in call:
        raise Malformed(
            f"Failed to validate scheduler::Call: Expecting '{kind.lower()}' to be present"
        )
    for acknowledged in ("acknowledge", "acknowledge_operation_status"):
        if kind == acknowledged.upper() and not stream.is_uuid(call[acknowledged]["uuid"]):
            raise Malformed("Failed to validate scheduler::Call: Not a valid UUID")
    return str(kind)


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text)
