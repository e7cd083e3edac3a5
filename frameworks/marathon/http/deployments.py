"""`/v2/deployments`: what is under way, and breaking it off."""

from aiohttp import web

from frameworks.marathon import views
from frameworks.marathon.http import context

routes = web.RouteTableDef()


@routes.get("/v2/deployments")
@routes.get("/v2/deployments/")
async def list_all(request: web.Request) -> web.Response:
    here = context.of(request)
    state = here.engine.state
    found = [
        views.deployment(one, here.checks.answers, state.instances.values())
        for one in state.deployments.values()
    ]
    return context.answer(found)


@routes.delete("/v2/deployments/{id}")
async def delete(request: web.Request) -> web.Response:
    """Lead back to what was; with `force`, stop where it is."""
    here, force = context.of(request), context.flag(request, "force")
    made = here.commands.cancel(request.match_info["id"], force=force)
    if made is not None:
        return await context.deployed(request, made)
    await here.engine.journal.written()
    return web.Response(status=202)
