"""Those who subscribed to the operator API: told of agents, frameworks and tasks as they change.

The first event is the whole state. One that reads too slowly is cut off, as everywhere.
Neighbours: `operator` answers SUBSCRIBE with it; `views` has the messages; tasks, frameworks and
agents call it when they change.
"""

from aiohttp import web

from apimachinery.mesos import stream
from apimachinery.mesos.stream import EventStream
from apimachinery.wire import JsonObject
from offers.framework import Framework
from offers.http import views
from offers.tasks.record import Task

WATCHERS_MAX = 1000
"""Mesos' own."""


class Watchers:
    """The open streams."""

    def __init__(self) -> None:
        self._open: set[EventStream] = set()

    @property
    def full(self) -> bool:
        return len(self._open) >= WATCHERS_MAX

    def close(self) -> None:
        for each in tuple(self._open):
            each.end()

    async def serve(
        self, request: web.Request, content_type: str, state: JsonObject
    ) -> web.StreamResponse:
        """Answer SUBSCRIBE until the reader goes or is cut off."""
        opened = EventStream("", content_type)
        response = web.StreamResponse(
            headers={"Content-Type": content_type, "Cache-Control": "no-cache"}
        )
        response.enable_chunked_encoding()
        await response.prepare(request)
        subscribed = {"get_state": state, "heartbeat_interval_seconds": stream.HEARTBEAT_S}
        opened.send({"type": "SUBSCRIBED", "subscribed": subscribed})
        opened.send(stream.HEARTBEAT)
        self._open.add(opened)
        try:
            if not await opened.pour(response) and request.transport is not None:
                request.transport.abort()
        finally:
            self._open.discard(opened)
            opened.end()
        return response

    def _tell(self, kind: str, body: JsonObject) -> None:
        for each in tuple(self._open):
            each.send({"type": kind, kind.lower(): body})

    # --- what changed

    def task_added(self, task: Task) -> None:
        if self._open:
            self._tell("TASK_ADDED", {"task": views.task(task)})

    def task_updated(self, task: Task) -> None:
        if self._open and task.history:
            body = {
                "framework_id": {"value": task.framework_id},
                "status": task.history[-1],
                "state": task.state,
            }
            self._tell("TASK_UPDATED", body)

    def framework_changed(self, kind: str, framework: Framework) -> None:
        """`kind` is ADDED, UPDATED or REMOVED."""
        if not self._open:
            return
        if kind == "REMOVED":
            self._tell("FRAMEWORK_REMOVED", {"framework_info": framework.info})
        else:
            self._tell(f"FRAMEWORK_{kind}", {"framework": views.framework(framework)})

    def agent_added(self, agent: JsonObject) -> None:
        self._tell("AGENT_ADDED", {"agent": agent})

    def agent_removed(self, node: str) -> None:
        self._tell("AGENT_REMOVED", {"agent_id": {"value": node}})
