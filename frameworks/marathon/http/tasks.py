"""`/v2/tasks` and `/v2/apps/…/tasks`: what runs, and having it end.

Neighbours: `commands` kills and scales; `views` shows tasks.
"""

from collections.abc import Iterable

from aiohttp import web

from frameworks.marathon import paths, views
from frameworks.marathon.errors import BadRequest, Invalid, NotFound
from frameworks.marathon.http import context
from frameworks.marathon.instance import STAGED, Instance
from frameworks.marathon.spec import App

routes = web.RouteTableDef()


def _shown(request: web.Request, tasks: Iterable[Instance]) -> list[dict[str, object]]:
    state = context.of(request).engine.state
    return [views.task(state.spec(one.app_id), one) for one in tasks]


async def _end(request: web.Request, tasks: list[Instance], *, single: bool) -> web.Response:
    """Kill, or kill and scale down."""
    here, wipe = context.of(request), context.flag(request, "wipe")
    if context.flag(request, "scale"):
        if wipe:
            raise BadRequest("You cannot use scale and wipe at the same time.")
        force = context.flag(request, "force")
        made = here.commands.kill_and_scale(tasks, force=force)
        return await context.deployed(request, made)
    here.commands.kill(tasks, wipe=wipe)
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
    return _answer(request, found, state.apps.values())


def _answer(request: web.Request, tasks: list[Instance], apps: Iterable[App]) -> web.StreamResponse:
    """As JSON, or as lines for load balancers."""
    if "text/plain" in request.headers.get("Accept", ""):
        return web.Response(text=_endpoints(tasks, apps))
    return context.answer({"tasks": _shown(request, tasks)})


def _endpoints(tasks: Iterable[Instance], apps: Iterable[App]) -> str:
    """A line for each service port of each app: where it is reached."""
    lines = []
    running = [one for one in tasks if one.running]
    for app in apps:
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
async def list_of_app(request: web.Request) -> web.StreamResponse:
    """Of one app; of all below a group, where the id ends with `*`."""
    state, group = context.of(request).engine.state, context.group(request)
    if not group:
        return _answer(request, _mine(request), [state.app(context.path_id(request))])
    apps = [one for one in state.apps.values() if one.pod is None and paths.under(one.id, group)]
    return _answer(request, [task for app in apps for task in state.instances.of(app.id)], apps)


@routes.delete("/v2/apps/{id:.+}/tasks")
async def delete_of_app(request: web.Request) -> web.Response:
    return await _end(request, _mine(request), single=False)


@routes.delete("/v2/apps/{id:.+}/tasks/{task}")
async def delete_one(request: web.Request) -> web.Response:
    named = request.match_info["task"]
    found = [one for one in _mine(request) if named in (one.task_id, one.id)]
    if not found:
        raise NotFound(f"Task '{named}' does not exist")
    return await _end(request, found, single=True)
