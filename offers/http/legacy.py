"""The endpoints for people and tools that look on: `/state`, `/slaves`, `/tasks` and friends.

Each answers at `/x`, `/master/x` and `/x.json`, as old tools ask. Everything is made from what is
in memory when it is asked for. Neighbours: `operator` answers the same facts in the v1 shapes.
"""

from collections.abc import Callable, Iterable

from aiohttp import web

from apimachinery.aio.clock import Clock
from apimachinery.mesos import marks
from apimachinery.mesos.stream import ascii_json
from apimachinery.wire import JsonObject
from offers import parts, resources, shapes
from offers.agents import Agents
from offers.framework import Framework
from offers.frameworks import Frameworks
from offers.http.limits import Limits
from offers.http.sight import EVERYTHING, OF_REQUEST, Sight
from offers.ledger import Account
from offers.master import OfferMaster
from offers.resources import Vector
from offers.rolekeeper import RoleView
from offers.roles import DEFAULT_WEIGHT, Role
from offers.tasks import states
from offers.tasks.record import Task
from offers.tasks.service import TaskService

VERSION = marks.VERSION
TASKS_LIMIT = 100
"""What `/tasks` shows unless told otherwise: Mesos' own."""


class Legacy:
    """Answers from one master's memory."""

    def __init__(
        self,
        master: OfferMaster,
        frameworks: Frameworks,
        tasks: TaskService,
        agents: Agents,
        clock: Clock,
        roles: Callable[[], Iterable[RoleView]],
    ) -> None:
        """`roles` tells the roles that have weights or quotas of their own."""
        self._roles = roles
        self._master, self._frameworks = master, frameworks
        self._tasks, self._agents, self._clock = tasks, agents, clock
        self._started = clock.now()
        self.address: tuple[str, int] = ("127.0.0.1", 5050)
        self.limits: Callable[[], Limits] = lambda: Limits({})

    def routes(self, app: web.Application) -> None:
        made = {
            "version": self.version,
            "health": _health,
            "redirect": self.redirect,
            "state": self.state,
            "slaves": self.slaves,
            "frameworks": self.frameworks,
            "tasks": self.tasks,
            "roles": self.roles,
            "metrics/snapshot": self.metrics,
            "flags": self.flags,
            "state-summary": self.summary,
            "files/debug": _no_files,
        }
        for name, handler in made.items():
            for path in (f"/{name}", f"/master/{name}", f"/{name}.json", f"/master/{name}.json"):
                app.router.add_route("*", path, handler)
            for path in (f"/{name}/", f"/master/{name}/"):
                app.router.add_route("*", path, handler)

    # --- answers

    async def version(self, request: web.Request) -> web.Response:
        del request
        return _json({"version": VERSION, "build_user": "bireme", "build_time": 0.0})

    async def redirect(self, request: web.Request) -> web.Response:
        del request
        host, port = self.address
        return web.Response(status=307, headers={"Location": f"//{host}:{port}"})

    async def flags(self, request: web.Request) -> web.Response:
        del request
        return _json({"flags": {}})

    async def slaves(self, request: web.Request) -> web.Response:
        wanted = request.query.get("slave_id")
        found = [one for one in self.all_slaves(_sight(request)) if wanted in (None, one["id"])]
        return _json({"slaves": found, "recovered_slaves": []})

    async def frameworks(self, request: web.Request) -> web.Response:
        wanted = request.query.get("framework_id")
        return _json(self._all_frameworks(_sight(request), wanted))

    def _all_frameworks(self, sight: Sight, wanted: str | None = None) -> JsonObject:
        known = [f for f in self.seen(sight) if wanted in (None, f.id)]
        return {
            "frameworks": [self.framework(f, sight) for f in known if not f.removed],
            "completed_frameworks": [self.framework(f, sight) for f in known if f.removed],
            "unregistered_frameworks": [],
        }

    def seen(self, sight: Sight) -> list[Framework]:
        """Frameworks, removed ones among them."""
        return [each for each in self._frameworks.known.values() if sight.sees(each)]

    async def tasks(self, request: web.Request) -> web.Response:
        query = request.query
        found = [
            task_view(task)
            for task in self.all_tasks(_sight(request))
            if query.get("framework_id") in (None, task.framework_id)
            and query.get("task_id") in (None, task.task_id)
        ]
        if query.get("order", "des") != "asc":
            found.reverse()
        try:
            limit, offset = int(query.get("limit", TASKS_LIMIT)), int(query.get("offset", 0))
        except ValueError:
            return web.Response(status=400, text="limit and offset are numbers")
        found = found[max(0, offset) :]
        return _json({"tasks": found if limit < 0 else found[:limit]})

    async def roles(self, request: web.Request) -> web.Response:
        return _json({"roles": self.all_roles(_sight(request))})

    async def metrics(self, request: web.Request) -> web.Response:
        del request
        return _json(self.all_metrics())

    async def state(self, request: web.Request) -> web.Response:
        sight = _sight(request)
        host, port = self.address
        slaves = self.all_slaves(sight)
        leader = {
            "id": self._master.id,
            "pid": f"master@{host}:{port}",
            "port": port,
            "hostname": host,
        }
        return _json(
            {
                "version": VERSION,
                "build_time": 0.0,
                "build_user": "bireme",
                "start_time": self._started,
                "elected_time": self._started,
                "id": self._master.id,
                "pid": leader["pid"],
                "hostname": host,
                "activated_slaves": float(sum(s["active"] for s in slaves)),
                "deactivated_slaves": float(sum(not s["active"] for s in slaves)),
                "unreachable_slaves": 0.0,
                "leader": leader["pid"],
                "leader_info": leader,
                "cluster": "bireme",
                "flags": {},
                "slaves": slaves,
                "recovered_slaves": [],
                "orphan_tasks": [],
                **self._all_frameworks(sight),
            }
        )

    async def summary(self, request: web.Request) -> web.Response:
        """Counts in place of lists."""
        sight = _sight(request)
        host, port = self.address
        tasks = self.all_tasks(sight)
        return _json(
            {
                "hostname": host,
                "cluster": "bireme",
                "leader": f"master@{host}:{port}",
                "slaves": [
                    {**one, **_counts(t for t in tasks if t.node == one["id"])}
                    for one in self.all_slaves(sight)
                ],
                "frameworks": [
                    {
                        "id": one.id,
                        "name": one.info["name"],
                        "active": one.stream is not None,
                        "connected": one.stream is not None,
                        "slave_ids": sorted({t.node for t in tasks if t.framework_id == one.id}),
                        **_counts(t for t in tasks if t.framework_id == one.id),
                    }
                    for one in self.seen(sight)
                    if not one.removed
                ],
            }
        )

    # --- facts

    def all_tasks(self, sight: Sight = EVERYTHING) -> list[Task]:
        """Those that are over first."""
        known = (*self._tasks.completed, *self._tasks.tasks.values())
        return [task for task in known if sight.sees_tasks_of(task.framework_id)]

    def slave(self, name: str) -> JsonObject | None:
        account = self._master.ledger.accounts.get(name)
        known = name in self._agents.views and account is not None
        return self._slave(name, account, EVERYTHING) if known and account is not None else None

    def all_weights(self, sight: Sight) -> list[JsonObject]:
        """Those that are not as by default."""
        return [
            {"role": role.path, "weight": role.weight}
            for role in self._roles()
            if role.weight != DEFAULT_WEIGHT and sight.sees_role(role.path)
        ]

    def all_quota(self, sight: Sight) -> JsonObject:
        """Roles with guarantees or limits."""
        infos, configs = [], []
        for role in self._roles():
            if (role.guarantee or role.limit) and sight.sees_role(role.path):
                infos.append({"role": role.path, "guarantee": shapes.to_mesos(role.guarantee)})
                configs.append(
                    {
                        "role": role.path,
                        "guarantees": _values(role.guarantee),
                        "limits": _values(role.limit),
                    }
                )
        return {"infos": infos, "configs": configs}

    def all_slaves(self, sight: Sight = EVERYTHING) -> list[JsonObject]:
        accounts = self._master.ledger.accounts
        return [
            self._slave(name, accounts[name], sight)
            for name in sorted(self._agents.views)
            if name in accounts
        ]

    def _slave(self, name: str, account: Account, sight: Sight) -> JsonObject:
        host = self._agents.hostname(name)
        whole = shapes.brief(account.capacity, account.ports)
        return {
            "id": name,
            "hostname": host,
            "port": shapes.AGENT_PORT,
            "pid": f"slave(1)@{host}:{shapes.AGENT_PORT}",
            "attributes": dict(account.attributes),
            "registered_time": self._started,
            "resources": whole,
            "used_resources": shapes.brief(account.used),
            "offered_resources": shapes.brief(account.offered),
            "reserved_resources": {
                role: shapes.brief(amount)
                for role, amount in parts.reserved(account.capacity).items()
                if sight.sees_role(role)
            },
            "unreserved_resources": shapes.brief(parts.plain(account.capacity), account.ports),
            "active": account.open and self._agents.state(name) == "ready",
            "deactivated": not account.open,
            "version": VERSION,
            "capabilities": ["MULTI_ROLE", "HIERARCHICAL_ROLE"],
        }

    def framework(self, framework: Framework, sight: Sight) -> JsonObject:
        offers = self._master.offers_of(framework.id)
        mine = [t for t in self.all_tasks(sight) if t.framework_id == framework.id]
        running, over = [t for t in mine if not t.over], [t for t in mine if t.over]
        used, offered = _sum(t.amounts[0] for t in running), _sum(o.resources for o in offers)
        roles: JsonObject = {"role": framework.roles[0] if framework.roles else "*"}
        if "MULTI_ROLE" in framework.capabilities:
            roles = {"roles": list(framework.roles)}
        return {
            "id": framework.id,
            "name": framework.info["name"],
            "user": framework.info["user"],
            "failover_timeout": framework.failover_timeout,
            "checkpoint": bool(framework.info.get("checkpoint")),
            "registered_time": framework.registered,
            "reregistered_time": framework.reregistered,
            "unregistered_time": framework.disconnected or 0.0,
            **roles,
            "hostname": framework.info.get("hostname", ""),
            "webui_url": framework.info.get("webui_url", ""),
            "principal": framework.principal,
            "capabilities": sorted(framework.capabilities),
            "active": framework.stream is not None,
            "connected": framework.stream is not None,
            "recovered": framework.stream is None and not framework.reregistered,
            "used_resources": shapes.brief(used),
            "offered_resources": shapes.brief(offered),
            "resources": shapes.brief(_sum([used, offered])),
            "tasks": [task_view(t) for t in running if t.unreachable_since is None],
            "unreachable_tasks": [task_view(t) for t in running if t.unreachable_since is not None],
            "completed_tasks": [task_view(task) for task in over],
            "offers": [{"id": offer.id, "slave_id": offer.node} for offer in offers],
            "executors": [
                {
                    "executor_id": one.executor_id,
                    "slave_id": one.node,
                    "name": one.info.get("name", ""),
                }
                for one in self._tasks.executors.all.values()
                if one.framework_id == framework.id
                and not one.ended
                and sight.sees_tasks_of(framework.id)
            ],
            "labels": (framework.info.get("labels") or {}).get("labels") or [],
        }

    def all_roles(self, sight: Sight = EVERYTHING) -> list[JsonObject]:
        """Those with frameworks, with settings, and those that hold or have reserved something."""
        ledger = self._master.ledger
        ids: dict[str, list[str]] = {path: [] for path in self._master.framework_counts()}
        for framework in self._frameworks.living():
            for path in framework.roles:
                if path in ids:
                    ids[path].append(framework.id)
        offered = ledger.offered_by_role()
        known = [ledger.roles.role(path) for path in {*ledger.roles.paths(), *ids}]
        return [
            _role(role, ids.get(role.path, []), offered.get(role.path, {}))
            for role in sorted(known, key=lambda role: role.path)
            if (role.path in ids or role.is_known) and sight.sees_role(role.path)
        ]

    def all_metrics(self) -> dict[str, float]:
        ledger = self._master.ledger
        live = list(self._frameworks.living())
        active = [s for s in self.all_slaves() if s["active"]]
        found: dict[str, float] = {
            "master/elected": 1,
            "master/uptime_secs": self._clock.now() - self._started,
            "master/slaves_active": len(active),
            "master/slaves_inactive": len(self._agents.views) - len(active),
            "master/slaves_connected": len(active),
            "master/frameworks_active": sum(f.stream is not None for f in live),
            "master/frameworks_connected": sum(f.stream is not None for f in live),
            "master/frameworks_disconnected": sum(f.stream is None for f in live),
            "master/outstanding_offers": len(ledger.offers),
        }
        for state in (*states.ORDER, *sorted(states.TERMINAL)):
            found[f"master/tasks_{state.removeprefix('TASK_').lower()}"] = sum(
                task.state == state for task in self.all_tasks()
            )
        for word, counts in (
            ("received", self.limits().received),
            ("processed", self.limits().processed),
        ):
            for principal in {one.principal for one in live if one.principal}:
                found[f"frameworks/{principal}/messages_{word}"] = counts[principal]
        total, used = shapes.brief(ledger.total), shapes.brief(ledger.roles.root.allocated)
        for name in ("cpus", "mem", "disk", "gpus"):
            found[f"master/{name}_total"] = total[name]
            found[f"master/{name}_used"] = used[name]
            found[f"master/{name}_percent"] = used[name] / total[name] if total[name] else 0.0
        return found | self._master.metrics.snapshot()


def _role(role: Role, ids: list[str], offered: Vector) -> JsonObject:
    """What stands in /roles about one."""
    quota = {"consumed": role.consumed, "guarantee": role.guarantee, "limit": role.limit}
    return {
        "name": role.path,
        "weight": role.weight,
        "frameworks": ids,
        "resources": shapes.brief(role.allocated),
        "allocated": shapes.brief(resources.subtract(role.allocated, offered)),
        "offered": shapes.brief(offered),
        "reserved": shapes.brief(role.reserved),
        "quota": {
            "role": role.path,
            **{word: shapes.scalars(amount) for word, amount in quota.items()},
        },
    }


def _sight(request: web.Request) -> Sight:
    found: Sight = request.get(OF_REQUEST, EVERYTHING)
    return found


def _counts(tasks: Iterable[Task]) -> dict[str, int]:
    found = dict.fromkeys((*states.ORDER, *sorted(states.TERMINAL)), 0)
    for task in tasks:
        found[task.state] = found.get(task.state, 0) + 1
    return found


async def _no_files(request: web.Request) -> web.Response:
    """The master has no sandboxes: agents have."""
    del request
    return _json({})


def _values(vector: Vector) -> JsonObject:
    return {name: {"value": value} for name, value in shapes.scalars(vector).items()}


def task_view(task: Task) -> JsonObject:
    """One task in the shape of `/tasks`."""
    vector, ports = task.amounts
    found: JsonObject = {
        "id": task.task_id,
        "name": task.info["name"],
        "framework_id": task.framework_id,
        "executor_id": task.executor_id,
        "slave_id": task.node,
        "state": task.state,
        "resources": shapes.brief(vector, ports),
        "role": task.role,
        "statuses": [
            {
                key: status[key]
                for key in ("state", "timestamp", "container_status", "healthy", "labels")
                if key in status
            }
            for status in task.history
        ],
        "labels": (task.info.get("labels") or {}).get("labels") or [],
    }
    for key in ("discovery", "container", "health_check"):
        if key in task.info:
            found[key] = task.info[key]
    return found


def _sum(vectors: Iterable[Vector]) -> Vector:
    total: Vector = {}
    for vector in vectors:
        total = resources.add(total, vector)
    return total


async def _health(request: web.Request) -> web.Response:
    del request
    return web.Response()


def _json(obj: object) -> web.Response:
    return web.Response(body=ascii_json(obj), content_type="application/json")
