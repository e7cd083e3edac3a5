"""`/v2/queue`: what waits for offers, and why."""

from aiohttp import web

from frameworks.marathon import delays, paths, views
from frameworks.marathon.errors import NotFound
from frameworks.marathon.http import context

routes = web.RouteTableDef()


@routes.get("/v2/queue")
@routes.get("/v2/queue/")
async def list_all(request: web.Request) -> web.Response:
    engine = context.of(request).engine
    apps, now = engine.state.apps, engine.now()
    offers = "lastUnusedOffers" in request.query.getall("embed", [])
    found = [
        views.queued(
            apps[app_id], entry, delays.of(engine.queue.delays, apps[app_id], now), offers=offers
        )
        for app_id, entry in engine.queue.waiting.items()
        if app_id in apps and entry.count > 0
    ]
    return context.answer({"queue": found})


@routes.delete("/v2/queue/{id:.+}/delay")
async def forgive(request: web.Request) -> web.Response:
    """Let an app launch at once that waits because it failed."""
    engine, app_id = context.of(request).engine, paths.absolute(request.match_info["id"])
    if app_id not in engine.queue.waiting:
        raise NotFound(f"Application {app_id} not found in tasks queue.")
    engine.queue.forgive(app_id)
    engine.poke()
    return web.Response(status=204)
