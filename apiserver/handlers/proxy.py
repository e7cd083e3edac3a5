"""`proxy` of nodes, pods and services for callers inside the process, who pass no front.

Neighbour: `apiserver.streaming` does it, for these and for those who come over HTTP.
"""

from apimachinery import status, wire
from apiserver.core import Core
from apiserver.routes import Route


async def handle(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """The answer of whom the route names. A server that reaches no node has no proxy."""
    if core.proxy is None:
        raise status.service_unavailable("this API server reaches no nodes")
    return await core.proxy(request, route)
