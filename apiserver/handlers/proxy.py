"""`proxy` of nodes, pods and services: admission is asked, then the request is passed on.

Neighbours: `connect` asks, `apiserver.streaming.proxy` passes on, where nodes can be reached.
"""

from dataclasses import replace

from apimachinery import status, wire
from apiserver.core import Core
from apiserver.handlers import connect
from apiserver.routes import Route


async def handle(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """The answer of whom the route names. A server that reaches no node has no proxy."""
    if core.proxy is None:
        raise status.service_unavailable("this API server reaches no nodes")
    options = await connect.admit(core, request, route)
    return await core.proxy(request, replace(route, tail=options.get("path", "")))
