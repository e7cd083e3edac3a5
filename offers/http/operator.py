"""`POST /api/v1`: what operators ask of the master and have it do, in the v1 shapes.

The facts are those of `legacy`, the deeds those of `actions`. What this master has no notion of is
answered 501, by name. Neighbours: `views` (messages), `watchers` (SUBSCRIBE), `access` (who asks).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from apimachinery.mesos import lenient, marks, stream
from apimachinery.mesos.schema import Malformed
from apimachinery.mesos.stream import JSON, ascii_json
from apimachinery.wire import JsonObject
from offers import shapes
from offers.agents import Agents
from offers.framework import Framework
from offers.frameworks import Frameworks
from offers.http import views
from offers.http.access import CHALLENGE, Access, Caller
from offers.http.actions import ActionError, Actions
from offers.http.legacy import Legacy
from offers.http.sight import EVERYTHING, Sight
from offers.http.watchers import Watchers
from offers.maintenance import Maintenance
from offers.master import OfferMaster
from offers.rights import Right
from offers.tasks.service import TaskService

VERBOSE_LEVEL = 1
"""Of SET_LOGGING_LEVEL: at this and beyond everything is logged."""

RESOURCE_CALLS = {
    "RESERVE_RESOURCES": ("RESERVE", "resources", "source"),
    "UNRESERVE_RESOURCES": ("UNRESERVE", "resources"),
    "CREATE_VOLUMES": ("CREATE", "volumes"),
    "DESTROY_VOLUMES": ("DESTROY", "volumes"),
    "GROW_VOLUME": ("GROW_VOLUME", "volume", "addition"),
    "SHRINK_VOLUME": ("SHRINK_VOLUME", "volume", "subtract"),
}
"""Call → operation, and what of the call's body is the operation's."""

Answer = Callable[[Sight], JsonObject]
Deed = Callable[[Caller, JsonObject], Awaitable[None]]


class Operator:
    """Answers operator calls."""

    def __init__(
        self,
        master: OfferMaster,
        frameworks: Frameworks,
        tasks: TaskService,
        agents: Agents,
        facts: Legacy,
        actions: Actions,
        maintenance: Maintenance,
        watchers: Watchers,
        access: Access,
        sight: Callable[[Caller], Awaitable[Sight]],
    ) -> None:
        """`sight` tells what a caller may look at."""
        self._sight = sight
        self._master, self._frameworks = master, frameworks
        self._tasks, self._agents, self._facts = tasks, agents, facts
        self._actions, self._access, self._watchers = actions, access, watchers
        self._answers: dict[str, Answer] = {
            "GET_HEALTH": lambda _: {"healthy": True},
            "GET_FLAGS": lambda _: {"flags": []},
            "GET_VERSION": lambda _: {"version_info": {"version": marks.VERSION}},
            "GET_METRICS": self._metrics,
            "GET_LOGGING_LEVEL": lambda _: {"level": _logging_level()},
            "GET_AGENTS": self._get_agents,
            "GET_FRAMEWORKS": self._get_frameworks,
            "GET_EXECUTORS": self._get_executors,
            "GET_OPERATIONS": lambda _: {"operations": []},
            "GET_TASKS": self._get_tasks,
            "GET_ROLES": self._get_roles,
            "GET_WEIGHTS": self._get_weights,
            "GET_QUOTA": self._get_quota,
            "GET_MASTER": self._get_master,
            "GET_STATE": self.state,
            "GET_MAINTENANCE_SCHEDULE": lambda _: {"schedule": maintenance.schedule()},
            "GET_MAINTENANCE_STATUS": lambda _: {"status": maintenance.state()},
            # The master has no sandboxes.
            "LIST_FILES": lambda _: {"file_infos": []},
        }
        self._deeds: dict[str, Deed] = {
            "TEARDOWN": lambda who, b: actions.teardown(who, _value(b, "framework_id")),
            "UPDATE_WEIGHTS": lambda who, b: actions.weights(who, _list(b, "weight_infos")),
            "UPDATE_QUOTA": lambda who, b: actions.quota(
                who, _list(b, "quota_configs"), force=bool(b.get("force"))
            ),
            "SET_QUOTA": lambda who, b: actions.set_quota(who, _object(b, "quota_request")),
            "REMOVE_QUOTA": lambda who, b: actions.remove_quota(who, str(b.get("role", ""))),
            "UPDATE_MAINTENANCE_SCHEDULE": lambda who, b: actions.schedule(
                who, _object(b, "schedule")
            ),
            "START_MAINTENANCE": lambda who, b: actions.down(who, _list(b, "machines")),
            "STOP_MAINTENANCE": lambda who, b: actions.up(who, _list(b, "machines")),
            **{kind: self._operation(*how) for kind, how in RESOURCE_CALLS.items()},
            "DRAIN_AGENT": actions.drain,
            "DEACTIVATE_AGENT": actions.deactivate,
            "REACTIVATE_AGENT": actions.reactivate,
            "MARK_AGENT_GONE": actions.gone,
            "SET_LOGGING_LEVEL": self._set_logging_level,
        }

    def _operation(self, kind: str, *names: str) -> Deed:
        """A call about an agent's resources as an operation on them."""

        def deed(who: Caller, body: JsonObject) -> Awaitable[None]:
            inner = {name: body[name] for name in names if name in body}
            operation = {"type": kind, kind.lower(): inner}
            return self._actions.operate(who, _value(body, "agent_id"), operation)

        return deed

    def routes(self, app: web.Application) -> None:
        for path in ("/api/v1", "/api/v1/operator", "/master/api/v1"):
            app.router.add_route("*", path, self.handle)
            app.router.add_route("*", f"{path}/", self.handle)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        caller = self._access.identify(request)
        if caller is None:
            return web.Response(status=401, headers=CHALLENGE)
        if "Content-Type" not in request.headers:
            return web.Response(status=400, text="Expecting 'Content-Type' to be present")
        if request.content_type != JSON:
            return web.Response(status=415, text=f"Expecting 'Content-Type' of {JSON}")
        try:
            call = lenient.parse(await request.read())
        except Malformed as error:
            return web.Response(status=400, text=str(error))
        kind = call.get("type")
        if not isinstance(kind, str):
            return web.Response(status=400, text="Expecting 'type' to be present")
        if kind == "SUBSCRIBE":
            return await self._subscribe(request, caller)
        if kind in self._deeds:
            return await self._do(kind, caller, call)
        answer = self._answers.get(kind)
        if answer is None:
            return web.Response(status=501, text=f"{kind} is not implemented")
        try:
            if kind.startswith("GET_MAINTENANCE"):
                await self._actions.may_see_maintenance(caller)
        except ActionError as error:
            return web.Response(status=error.code, text=error.text)
        body = ascii_json({"type": kind, kind.lower(): answer(await self._sight(caller))})
        return web.Response(body=body, content_type=JSON)

    async def _do(self, kind: str, caller: Caller, call: JsonObject) -> web.Response:
        body = call.get(kind.lower())
        if not isinstance(body, dict):
            text = f"Failed to validate master::Call: Expecting '{kind.lower()}' to be present"
            return web.Response(status=400, text=text)
        try:
            await self._deeds[kind](caller, body)
        except ActionError as error:
            return web.Response(status=error.code, text=error.text)
        return web.Response(status=200)

    async def _subscribe(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        if stream.accepted(request.headers.get("Accept", "")) != JSON:
            return web.Response(status=406, text=f"Expecting 'Accept' to allow {JSON}")
        if self._watchers.full:
            return web.Response(status=503, text="Too many subscribers")
        try:
            await self._actions.may_watch(caller)
        except ActionError as error:
            return web.Response(status=error.code, text=error.text)
        return await self._watchers.serve(request, JSON, self.state(EVERYTHING))

    async def _set_logging_level(self, caller: Caller, body: JsonObject) -> None:
        """Everything is logged for a while."""
        await self._actions.allow(caller, Right("update", "logging"))
        level, duration = body.get("level"), _object(body, "duration").get("nanoseconds", 0)
        if not isinstance(level, int) or not isinstance(duration, int) or duration < 0:
            raise ActionError(400, "Expecting a 'level' and a 'duration'")
        root = logging.getLogger()
        before = root.level
        root.setLevel(logging.DEBUG if level >= VERBOSE_LEVEL else logging.INFO)
        if duration:
            asyncio.get_running_loop().call_later(duration / 1e9, root.setLevel, before)

    # --- facts

    def _metrics(self, sight: Sight) -> JsonObject:
        del sight
        found = self._facts.all_metrics()
        return {"metrics": [{"name": name, "value": value} for name, value in found.items()]}

    def agent(self, name: str) -> JsonObject | None:
        """One agent, if it is known by now."""
        slave = self._facts.slave(name)
        account = self._master.ledger.accounts.get(name)
        return None if slave is None or account is None else views.agent(slave, account)

    def _get_agents(self, sight: Sight) -> JsonObject:
        accounts = self._master.ledger.accounts
        found = [views.agent(one, accounts[one["id"]]) for one in self._facts.all_slaves(sight)]
        return {"agents": found, "recovered_agents": []}

    def _get_frameworks(self, sight: Sight) -> JsonObject:
        known = self._facts.seen(sight)
        return {
            "frameworks": [self._framework(f) for f in known if not f.removed],
            "completed_frameworks": [views.framework(f) for f in known if f.removed],
            "recovered_frameworks": [],
        }

    def _framework(self, framework: Framework) -> JsonObject:
        offers = self._master.offers_of(framework.id)
        return views.framework(framework, [views.offer(one) for one in offers])

    def _get_executors(self, sight: Sight) -> JsonObject:
        found = self._tasks.executors.all.values()
        return {
            "executors": [
                views.executor(one)
                for one in found
                if not one.ended and sight.sees_tasks_of(one.framework_id)
            ],
            "orphan_executors": [],
        }

    def _get_tasks(self, sight: Sight) -> JsonObject:
        every = self._facts.all_tasks(sight)
        known = [task for task in every if (task.framework_id, task.task_id) in self._tasks.tasks]
        return {
            "tasks": [views.task(t) for t in known if not t.over and t.unreachable_since is None],
            "completed_tasks": [views.task(t) for t in every if t.over],
            "unreachable_tasks": [views.task(t) for t in known if t.unreachable_since is not None],
            "pending_tasks": [],
            "orphan_tasks": [],
        }

    def _get_roles(self, sight: Sight) -> JsonObject:
        found = [
            {
                "name": one["name"],
                "weight": one["weight"],
                "frameworks": [{"value": each} for each in one["frameworks"]],
                "resources": shapes.to_mesos(self._master.ledger.roles.role(one["name"]).allocated),
            }
            for one in self._facts.all_roles(sight)
        ]
        return {"roles": found}

    def _get_weights(self, sight: Sight) -> JsonObject:
        return {"weight_infos": self._facts.all_weights(sight)}

    def _get_quota(self, sight: Sight) -> JsonObject:
        return {"status": self._facts.all_quota(sight)}

    def _get_master(self, sight: Sight) -> JsonObject:
        del sight
        host, port = self._facts.address
        info = {
            "id": self._master.id,
            "ip": 0,
            "port": port,
            "hostname": host,
            "pid": f"master@{host}:{port}",
            "version": marks.VERSION,
            "address": shapes.address(host, port),
        }
        return {"master_info": info}

    def state(self, sight: Sight) -> JsonObject:
        """GET_STATE, and the first event of a subscription."""
        return {
            "get_tasks": self._get_tasks(sight),
            "get_executors": self._get_executors(sight),
            "get_frameworks": self._get_frameworks(sight),
            "get_agents": self._get_agents(sight),
        }


def _logging_level() -> int:
    return VERBOSE_LEVEL if logging.getLogger().isEnabledFor(logging.DEBUG) else 0


def _value(body: JsonObject, name: str) -> str:
    found = body.get(name)
    return str(found.get("value", "")) if isinstance(found, dict) else ""


def _object(body: JsonObject, name: str) -> JsonObject:
    found: Any = body.get(name)
    if not isinstance(found, dict):
        raise ActionError(400, f"Expecting '{name}' to be present")
    return found


def _list(body: JsonObject, name: str) -> list[JsonObject]:
    found: Any = body.get(name)
    found = [found] if isinstance(found, dict) else found
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ActionError(400, f"Expecting '{name}' to be a list of objects")
    return found
