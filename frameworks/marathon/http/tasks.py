"""`/v2/tasks` and `/v2/apps/…/tasks`: what runs, and having it end.

Neighbours: `commands` kills and scales; `views` shows tasks.
"""

from collections.abc import Iterable

from aiohttp import web

from frameworks.marathon import views
from frameworks.marathon.errors import Invalid, NotFound
from frameworks.marathon.http import context
from frameworks.marathon.instance import STAGED, Instance

routes = web.RouteTableDef()


def _shown(request: web.Request, tasks: Iterable[Instance]) -> list[dict[str, object]]:
    state = context.of(request).engine.state
    return [views.task(state.spec(one.app_id), one) for one in tasks]


async def _end(request: web.Request, tasks: list[Instance], *, single: bool) -> web.Response:
    """Kill, or kill and scale down."""
    here = context.of(request)
    if context.flag(request, "scale"):
        force = context.flag(request, "force")
        made = here.commands.kill_and_scale(tasks, force=force)
        return await context.deployed(request, made)
    here.commands.kill(tasks, wipe=context.flag(request, "wipe"))
    await here.engine.journal.written()
    shown = _shown(request, tasks)
    return context.answer({"task": shown[0]} if single else {"tasks": shown})


@routes.get("/v2/tasks")
@routes.get("/v2/tasks/")
async def list_all(request: web.Request) -> web.StreamResponse:
    state = context.of(request).engine.state
    asked = {*request.query.getall("status", []), *request.query.getall("status[]", [])}
    found = [
        one
        for one in state.instances.values()
        if not one.parts
        if not asked or ("staging" if one.state in STAGED else "running") in asked
    ]
    if "text/plain" in request.headers.get("Accept", ""):
        return web.Response(text=_endpoints(request, found))
    return context.answer({"tasks": _shown(request, found)})


def _endpoints(request: web.Request, tasks: Iterable[Instance]) -> str:
    """A line for each service port of each app: where it is reached."""
    state, lines = context.of(request).engine.state, []
    running = [one for one in tasks if one.running]
    for app in state.apps.values():
        mine = [one for one in running if one.app_id == app.id]
        for i, port in enumerate(app.service_ports):
            where = [f"{one.host}:{one.ports[i]}" for one in mine if i < len(one.ports)]
            lines.append("\t".join([app.id.strip("/").replace("/", "_"), str(port), *where, ""]))
    return "".join(f"{line}\n" for line in lines)


@routes.post("/v2/tasks/delete")
async def delete_many(request: web.Request) -> web.Response:
    body = await context.body(request)
    ids = body.get("ids") if isinstance(body, dict) else None
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise Invalid({"/ids": ["must be a list of task ids"]})
    instances = context.of(request).engine.state.instances
    found = [instances[one] for one in dict.fromkeys(ids) if one in instances]
    return await _end(request, found, single=False)


def _mine(request: web.Request) -> list[Instance]:
    """The app's, on one host if the request names it."""
    state, app_id = context.of(request).engine.state, context.path_id(request)
    state.app(app_id)
    host = request.query.get("host", "*")
    return [one for one in state.instances.of(app_id) if host in ("*", one.host)]


@routes.get("/v2/apps/{id:.+}/tasks")
async def list_of_app(request: web.Request) -> web.Response:
    return context.answer({"tasks": _shown(request, _mine(request))})


@routes.delete("/v2/apps/{id:.+}/tasks")
async def delete_of_app(request: web.Request) -> web.Response:
    return await _end(request, _mine(request), single=False)


@routes.delete("/v2/apps/{id:.+}/tasks/{task}")
async def delete_one(request: web.Request) -> web.Response:
    named = request.match_info["task"]
    found = [one for one in _mine(request) if named in (one.task_id, one.id)]
    if not found:
        raise NotFound(f"No task found with id [{named}]")
    return await _end(request, found, single=True)
