"""`POST /api/v1` on an agent: what operators ask of one node, in the v1 shapes.

The facts are those of `facts`, worded by `listing`; calls on containers go on to `calls`. What this agent has no notion
of is answered 501, by name.
"""

import asyncio
import base64
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from apimachinery.mesos import lenient, marks
from apimachinery.mesos.schema import Malformed
from apimachinery.mesos.stream import JSON, ascii_json
from apimachinery.wire import JsonObject
from kubelet.mesos import listing
from kubelet.mesos.calls import RECORDIO, ContainerCalls
from kubelet.mesos.containers import Path, message_of
from kubelet.mesos.facts import Facts
from kubelet.mesos.sandbox import Files, Missing


class AgentOperator:
    """Answers operator calls."""

    def __init__(self, facts: Facts, calls: ContainerCalls) -> None:
        self._facts, self._calls = facts, calls
        self._answers: dict[str, Callable[[], JsonObject]] = {
            "GET_HEALTH": lambda: {"healthy": True},
            "GET_FLAGS": lambda: {"flags": _pairs(facts.flags())},
            "GET_VERSION": lambda: {"version_info": {"version": marks.VERSION}},
            "GET_METRICS": lambda: {"metrics": _pairs(listing.metrics(facts))},
            "GET_LOGGING_LEVEL": lambda: {"level": 0},
            "GET_STATE": lambda: listing.state(facts),
            "GET_TASKS": lambda: listing.tasks(facts),
            "GET_EXECUTORS": lambda: listing.executors(facts),
            "GET_FRAMEWORKS": lambda: listing.frameworks(facts),
            "GET_AGENT": lambda: {"agent_info": facts.agent_info()},
            "GET_CONTAINERS": lambda: {"containers": self._containers()},
            # It has no resource providers, so there are no operations on theirs either.
            "GET_OPERATIONS": lambda: {"operations": []},
            "GET_RESOURCE_PROVIDERS": lambda: {"resource_providers": []},
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        if request.content_type == RECORDIO:
            return await self._calls.input(request)
        if request.content_type != JSON or "Content-Type" not in request.headers:
            return web.Response(status=415, text=f"Expecting 'Content-Type' of {JSON}")
        try:
            call = lenient.parse(await request.read())
        except Malformed as error:
            return web.Response(status=400, text=str(error))
        kind = call.get("type")
        if not isinstance(kind, str):
            return web.Response(status=400, text="Expecting 'type' to be present")
        if kind in ("LIST_FILES", "READ_FILE"):
            return await self._file(kind, call.get(kind.lower()))
        if kind in self._calls.kinds:
            return await self._calls.handle(request, call)
        answer = self._answers.get(kind)
        if answer is None:
            return web.Response(status=501, text=f"{kind} is not implemented")
        return _answer(kind, answer())

    def _containers(self) -> list[JsonObject]:
        """Those of tasks and executors, and below each the sessions in it."""
        found = []
        for one in self._facts.containers():
            ids = {name: {"value": one[name]} for name in ("executor_id", "framework_id")}
            paths: list[Path] = [(one["container_id"],)]
            paths += [each.path for each in self._calls.sessions.below(paths[0])]
            for path in paths:
                container = {"executor_name": "", "container_id": message_of(path)}
                status = {"container_id": message_of(path)}
                found.append({**ids, **container, "container_status": status})
        return found

    async def _file(self, kind: str, body: Any) -> web.Response:
        if not isinstance(body, dict) or not isinstance(body.get("path"), str):
            return web.Response(status=400, text=f"Expecting '{kind.lower()}.path' to be present")
        files = Files(self._facts.sandboxes())
        try:
            if kind == "LIST_FILES":
                listed = await asyncio.to_thread(files.listing, body["path"])
                return _answer(kind, {"file_infos": [_file_info(one) for one in listed]})
            offset, length = int(body.get("offset") or 0), int(body.get("length", -1))
            data, size = await asyncio.to_thread(files.part, body["path"], offset, length)
        except (Missing, OSError):
            return web.Response(status=404, text=f"No such file: {body['path']}")
        except (TypeError, ValueError):
            return web.Response(status=400, text="Expecting numbers for 'offset' and 'length'")
        return _answer(kind, {"size": size, "data": base64.b64encode(data).decode()})


def _answer(kind: str, body: JsonObject) -> web.Response:
    return web.Response(body=ascii_json({"type": kind, kind.lower(): body}), content_type=JSON)


def _pairs(values: Mapping[str, Any]) -> list[JsonObject]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _file_info(one: JsonObject) -> JsonObject:
    return {
        "path": one["path"],
        "nlink": one["nlink"],
        "size": one["size"],
        "mtime": {"nanoseconds": int(one["mtime"] * 1e9)},
        "uid": one["uid"],
        "gid": one["gid"],
    }
