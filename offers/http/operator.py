"""`POST /api/v1`: what operators ask of the master, in the v1 shapes.

The facts are those of `legacy`. What this master has no notion of is answered 501, by name.
"""

from collections.abc import Callable

from aiohttp import web

from apimachinery.mesos import lenient
from apimachinery.mesos.schema import Malformed
from apimachinery.mesos.stream import JSON, ascii_json
from apimachinery.wire import JsonObject
from offers import shapes
from offers.agents import Agents
from offers.frameworks import Framework, Frameworks
from offers.http.legacy import VERSION, Legacy
from offers.master import OfferMaster
from offers.tasks.record import Task
from offers.tasks.service import TaskService


class Operator:
    """Answers operator calls."""

    def __init__(
        self,
        master: OfferMaster,
        frameworks: Frameworks,
        tasks: TaskService,
        agents: Agents,
        facts: Legacy,
    ) -> None:
        self._master, self._frameworks = master, frameworks
        self._tasks, self._agents, self._facts = tasks, agents, facts
        self._answers: dict[str, Callable[[], JsonObject]] = {
            "GET_HEALTH": lambda: {"healthy": True},
            "GET_FLAGS": lambda: {"flags": []},
            "GET_VERSION": lambda: {"version_info": {"version": VERSION}},
            "GET_METRICS": self._metrics,
            "GET_AGENTS": self._get_agents,
            "GET_FRAMEWORKS": self._get_frameworks,
            "GET_EXECUTORS": lambda: {"executors": [], "orphan_executors": []},
            "GET_OPERATIONS": lambda: {"operations": []},
            "GET_TASKS": self._get_tasks,
            "GET_ROLES": self._get_roles,
            "GET_WEIGHTS": self._get_weights,
            "GET_MASTER": self._get_master,
            "GET_STATE": self._get_state,
        }

    def routes(self, app: web.Application) -> None:
        for path in ("/api/v1", "/api/v1/operator", "/master/api/v1"):
            app.router.add_route("*", path, self.handle)
            app.router.add_route("*", f"{path}/", self.handle)

    async def handle(self, request: web.Request) -> web.Response:
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        if request.content_type != JSON or "Content-Type" not in request.headers:
            return web.Response(status=415, text=f"Expecting 'Content-Type' of {JSON}")
        try:
            call = lenient.parse(await request.read())
        except Malformed as error:
            return web.Response(status=400, text=str(error))
        kind = call.get("type")
        if not isinstance(kind, str):
            return web.Response(status=400, text="Expecting 'type' to be present")
        if kind == "TEARDOWN":
            return self._teardown(call)
        answer = self._answers.get(kind)
        if answer is None:
            return web.Response(status=501, text=f"{kind} is not implemented")
        body = ascii_json({"type": kind, kind.lower(): answer()})
        return web.Response(body=body, content_type=JSON)

    def _teardown(self, call: JsonObject) -> web.Response:
        wanted = ((call.get("teardown") or {}).get("framework_id") or {}).get("value", "")
        framework = self._frameworks.get(wanted)
        if framework is None or framework.removed:
            return web.Response(status=400, text=f"No framework found with ID {wanted}")
        self._frameworks.remove(framework)
        return web.Response(status=200)

    def _metrics(self) -> JsonObject:
        found = self._facts.all_metrics()
        return {"metrics": [{"name": name, "value": value} for name, value in found.items()]}

    def _get_agents(self) -> JsonObject:
        found = []
        for one in self._facts.all_slaves():
            account = self._master.ledger.accounts[one["id"]]
            info: JsonObject = {
                "id": {"value": one["id"]},
                "hostname": one["hostname"],
                "port": one["port"],
                "resources": shapes.to_mesos(account.capacity, account.ports),
                "attributes": shapes.attributes(account.attributes),
            }
            found.append(
                {
                    "agent_info": info,
                    "active": one["active"],
                    "deactivated": one["deactivated"],
                    "version": VERSION,
                    "pid": one["pid"],
                    "registered_time": {"nanoseconds": int(one["registered_time"] * 1e9)},
                    "total_resources": info["resources"],
                    "allocated_resources": shapes.to_mesos(account.used),
                    "offered_resources": shapes.to_mesos(account.offered),
                }
            )
        return {"agents": found, "recovered_agents": []}

    def _get_frameworks(self) -> JsonObject:
        known = list(self._frameworks.known.values())
        return {
            "frameworks": [_framework(f) for f in known if not f.removed],
            "completed_frameworks": [_framework(f) for f in known if f.removed],
        }

    def _get_tasks(self) -> JsonObject:
        return {
            "tasks": [_task(task) for task in self._tasks.tasks.values() if not task.over],
            "completed_tasks": [_task(task) for task in self._facts.all_tasks() if task.over],
            "pending_tasks": [],
            "orphan_tasks": [],
        }

    def _get_roles(self) -> JsonObject:
        found = [
            {
                "name": one["name"],
                "weight": one["weight"],
                "frameworks": [{"value": each} for each in one["frameworks"]],
                "resources": shapes.to_mesos(self._master.ledger.roles.role(one["name"]).allocated),
            }
            for one in self._facts.all_roles()
        ]
        return {"roles": found}

    def _get_weights(self) -> JsonObject:
        found = [
            {"role": one["name"], "weight": one["weight"]}
            for one in self._facts.all_roles()
            if one["weight"] != 1.0
        ]
        return {"weight_infos": found}

    def _get_master(self) -> JsonObject:
        host, port = self._facts.address
        info = {
            "id": self._master.id,
            "ip": 0,
            "port": port,
            "hostname": host,
            "pid": f"master@{host}:{port}",
            "version": VERSION,
            "address": shapes.address(host, port),
        }
        return {"master_info": info}

    def _get_state(self) -> JsonObject:
        return {
            "get_tasks": self._get_tasks(),
            "get_executors": {"executors": []},
            "get_frameworks": self._get_frameworks(),
            "get_agents": self._get_agents(),
        }


def _framework(framework: Framework) -> JsonObject:
    return {
        "framework_info": framework.info,
        "active": framework.stream is not None,
        "connected": framework.stream is not None,
        "recovered": framework.stream is None and not framework.reregistered,
        "registered_time": {"nanoseconds": int(framework.registered * 1e9)},
    }


def _task(task: Task) -> JsonObject:
    found: JsonObject = {
        "name": task.info["name"],
        "task_id": {"value": task.task_id},
        "framework_id": {"value": task.framework_id},
        "agent_id": {"value": task.node},
        "state": task.state,
        "resources": task.info.get("resources") or [],
        "statuses": task.history,
    }
    for key in ("labels", "discovery", "container", "health_check"):
        if key in task.info:
            found[key] = task.info[key]
    return found
