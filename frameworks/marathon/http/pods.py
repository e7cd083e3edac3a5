"""`/v2/pods`: pods, their versions and instances.

What is asked of a pod stands behind two colons: `/v2/pods/shop::status`. Neighbours: `commands` does
what is asked, `podspec` and `podviews` show.
"""

from aiohttp import web

from frameworks.marathon import podspec, podviews
from frameworks.marathon.errors import Invalid, NotFound
from frameworks.marathon.http import context
from frameworks.marathon.instance import Instance
from frameworks.marathon.spec import App

routes = web.RouteTableDef()

ID = "/v2/pods/{id:.+?}"


def _pods(request: web.Request) -> list[App]:
    return [app for app in context.of(request).engine.state.apps.values() if app.pod is not None]


def _pod(request: web.Request) -> App:
    pod_id = context.path_id(request)
    app = context.of(request).engine.state.apps.get(pod_id)
    if app is None or app.pod is None:
        raise NotFound(f"Pod '{pod_id}' does not exist")
    return app


def _tell(request: web.Request, kind: str) -> None:
    here = context.of(request)
    here.engine.bus.publish(kind, clientIp=request.remote or "", uri=request.path)


@routes.get("/v2/pods")
@routes.get("/v2/pods/")
async def list_all(request: web.Request) -> web.Response:
    return context.answer([podspec.definition(app) for app in _pods(request)])


@routes.get("/v2/pods::status")
@routes.get("/v2/pods/::status")
async def all_statuses(request: web.Request) -> web.Response:
    engine = context.of(request).engine
    return context.answer(
        [podviews.status(engine.state, app, engine.now()) for app in _pods(request)]
    )


@routes.post("/v2/pods")
@routes.post("/v2/pods/")
async def create(request: web.Request) -> web.Response:
    here, body = context.of(request), await context.body(request)
    made = here.commands.create_pod(body)
    (app,) = made.target.values()
    _tell(request, "pod_created_event")
    await here.engine.journal.written()
    answer = context.answer(podspec.definition(app), 201, made)
    answer.headers["Location"] = f"/v2/pods{app.id}"
    return answer


@routes.get(f"{ID}::status")
async def status(request: web.Request) -> web.Response:
    engine = context.of(request).engine
    return context.answer(podviews.status(engine.state, _pod(request), engine.now()))


@routes.get(f"{ID}::versions")
async def versions(request: web.Request) -> web.Response:
    app = _pod(request)
    return context.answer(list(context.of(request).engine.state.history.apps(app.id)))


@routes.get(f"{ID}::versions/{{version}}")
async def version(request: web.Request) -> web.Response:
    app, named = _pod(request), request.match_info["version"]
    found = context.of(request).engine.state.history.apps(app.id).get(named)
    if found is None or found.pod is None:
        raise NotFound(f"Pod '{app.id}' does not have the version '{named}'")
    return context.answer(podspec.definition(found))


async def _end(request: web.Request, found: list[Instance]) -> list[dict[str, object]]:
    here = context.of(request)
    shown = [podviews.instance(here.engine.state, one) for one in found]
    here.commands.kill(found, wipe=context.flag(request, "wipe"))
    await here.engine.journal.written()
    return shown


@routes.delete(f"{ID}::instances/{{instance}}")
async def kill_one(request: web.Request) -> web.Response:
    named, state = request.match_info["instance"], context.of(request).engine.state
    mine = {one.task_id: one for one in state.instances.of(_pod(request).id)}
    if named not in mine:
        raise NotFound(f"Instance '{named}' does not exist")
    (shown,) = await _end(request, [mine[named]])
    return context.answer(shown)


@routes.delete(f"{ID}::instances")
async def kill_many(request: web.Request) -> web.Response:
    app, ids = _pod(request), await context.body(request)
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise Invalid({"/": ["must be a list of ids of instances"]})
    mine = {one.task_id: one for one in context.of(request).engine.state.instances.of(app.id)}
    return context.answer(await _end(request, [mine[one] for one in ids if one in mine]))


@routes.get(ID)
async def get(request: web.Request) -> web.Response:
    return context.answer(podspec.definition(_pod(request)))


@routes.put(ID)
async def put(request: web.Request) -> web.Response:
    here, body = context.of(request), await context.body(request)
    pod_id = _pod(request).id
    made = here.commands.put_pod(pod_id, body, force=context.flag(request, "force"))
    _tell(request, "pod_updated_event")
    await here.engine.journal.written()
    return context.answer(podspec.definition(made.target[pod_id]), 200, made)


@routes.delete(ID)
async def delete(request: web.Request) -> web.Response:
    here = context.of(request)
    made = here.commands.delete_pod(_pod(request).id, force=context.flag(request, "force"))
    _tell(request, "pod_deleted_event")
    await here.engine.journal.written()
    return context.answer({"version": made.version, "deploymentId": made.id}, 202, made)
