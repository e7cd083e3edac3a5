"""`/v2/apps`: apps, their versions and restarts.

Neighbours: `commands` does what is asked, `views` shows what there is; `tasks` has what is below
`/v2/apps/…/tasks`.
"""

from collections.abc import Collection

from aiohttp import web

from frameworks.marathon import paths, selectors, views
from frameworks.marathon.errors import NotFound
from frameworks.marathon.http import context
from frameworks.marathon.spec import App

routes = web.RouteTableDef()

LISTED = (views.COUNTS, views.DEPLOYMENTS)
"""Embedded in a list of apps where nobody says what."""
SINGLE = (views.TASKS, views.COUNTS, views.DEPLOYMENTS, views.FAILURE)
"""Embedded in an app, always."""


def _embed(request: web.Request, default: Collection[str]) -> set[str]:
    asked = {one.removeprefix("apps.") for one in request.query.getall("embed", [])}
    named = {one if one.startswith("app.") else f"app.{one}" for one in asked}
    return named | {views.COUNTS, views.DEPLOYMENTS} if named else set(default)


@routes.get("/v2/apps")
@routes.get("/v2/apps/")
async def list_apps(request: web.Request) -> web.Response:
    return _listed(request, paths.ROOT)


def _listed(request: web.Request, group: str) -> web.Response:
    state, embed = context.of(request).engine.state, _embed(request, LISTED)
    now = context.of(request).engine.now()
    wanted = selectors.parse(request.query.get("label", ""))
    command, part = request.query.get("cmd", ""), request.query.get("id", "")
    found = [
        views.app(state, app, embed, now)
        for app in state.apps.values()
        if app.pod is None
        and paths.under(app.id, group)
        and command in (app.cmd or "")
        and part in app.id
        and wanted(app.labels)
    ]
    return context.answer({"apps": found})


@routes.post("/v2/apps")
@routes.post("/v2/apps/")
async def create(request: web.Request) -> web.Response:
    here, body = context.of(request), await context.body(request)
    made = here.commands.create(body)
    (app,) = made.target.values()
    context.posted(request, views.bare(app))
    await here.engine.journal.written()
    found = views.bare(app) | views.counts(app, [], "tasks")
    return context.answer({**found, "tasks": [], "deployments": [{"id": made.id}]}, 201, made)


@routes.put("/v2/apps")
@routes.put("/v2/apps/")
@routes.patch("/v2/apps")
@routes.patch("/v2/apps/")
async def put_all(request: web.Request) -> web.Response:
    body = await context.body(request)
    partial = context.flag(request, "partialUpdate", default=True)
    force = context.flag(request, "force")
    made = context.of(request).commands.put_all(body, force=force, partial=partial)
    for app in made.target.values():
        context.posted(request, views.bare(app))
    return await context.deployed(request, made)


@routes.post("/v2/apps/{id:.+}/restart")
async def restart(request: web.Request) -> web.Response:
    force = context.flag(request, "force")
    made = context.of(request).commands.restart(context.path_id(request), force=force)
    return await context.deployed(request, made)


def _versions(request: web.Request) -> dict[str, App]:
    state, app_id = context.of(request).engine.state, context.path_id(request)
    state.app(app_id)
    return state.history.apps(app_id)


@routes.get("/v2/apps/{id:.+}/versions")
async def versions(request: web.Request) -> web.Response:
    return context.answer({"versions": list(_versions(request))})


@routes.get("/v2/apps/{id:.+}/versions/{version}")
async def version(request: web.Request) -> web.Response:
    named = request.match_info["version"]
    found = _versions(request).get(named)
    if found is None:
        app_id = context.path_id(request)
        raise NotFound(f"App '{app_id}' does not have the version '{named}'")
    return context.answer(views.bare(found))


@routes.get("/v2/apps/{id:.+}")
async def get(request: web.Request) -> web.Response:
    """One app; all below a group, where the id ends with `*`."""
    engine, group = context.of(request).engine, context.group(request)
    if group:
        return _listed(request, group)
    app = engine.state.app(context.path_id(request))
    embed = _embed(request, ()) | set(SINGLE)
    return context.answer({"app": views.app(engine.state, app, embed, engine.now())})


@routes.put("/v2/apps/{id:.+}")
@routes.patch("/v2/apps/{id:.+}")
async def put(request: web.Request) -> web.Response:
    here, app_id, body = context.of(request), context.path_id(request), await context.body(request)
    force = context.flag(request, "force")
    partial = context.flag(request, "partialUpdate", default=True)
    fresh = app_id not in here.engine.state.apps
    made = here.commands.put(app_id, body, force=force, partial=partial)
    context.posted(request, views.bare(made.target[app_id]))
    return await context.deployed(request, made, 201 if fresh else 200)


@routes.delete("/v2/apps/{id:.+}")
async def delete(request: web.Request) -> web.Response:
    force = context.flag(request, "force")
    made = context.of(request).commands.delete(context.path_id(request), force=force)
    return await context.deployed(request, made)
