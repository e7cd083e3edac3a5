"""`/v2/pods`: there are none; who asks gets an empty list, who sends one is told.

Marathon's pods are several containers with one life, which Kubernetes' own pods are here too.
"""

from aiohttp import web

from frameworks.marathon.errors import NotFound
from frameworks.marathon.http import context

routes = web.RouteTableDef()


@routes.get("/v2/pods")
@routes.get("/v2/pods/")
@routes.get("/v2/pods/::status")
async def list_all(_: web.Request) -> web.Response:
    return context.answer([])


@routes.get("/v2/pods/{id:.+}")
async def get(request: web.Request) -> web.Response:
    raise NotFound(f"Pod '{context.path_id(request)}' does not exist")


@routes.post("/v2/pods")
@routes.post("/v2/pods/")
async def create(_: web.Request) -> web.Response:
    return context.answer(
        {"message": "Pods are not supported: send an app, or a Pod to the API."}, 501
    )
