"""Takes the streaming requests off the front: route, authorize, find the pod, ask admission, hand on.

Neighbours: `apiserver.front.app` asks `takes` for every request, so that must cost nothing;
`apiserver.server` authorizes, and answers proxied requests (without a seat of `fairness`: they
last as long as whoever answers them likes). What a stream does stands in `commands`, `forwards`,
`logs`, `messages`, `proxy`.
"""

from dataclasses import replace

from aiohttp import web

from apimachinery import scheme, status, wire
from apiserver import errors, passing, routes, warning_headers
from apiserver.attributes import Attributes
from apiserver.handlers import connect
from apiserver.identity import authn
from apiserver.identity.pki import Pki
from apiserver.server import ApiServer
from apiserver.streaming import commands, forwards, logs, messages, proxy, upgrade
from apiserver.streaming.kubelet import Kubelets

_UPGRADES = ("exec", "attach", "portforward")
_STREAMS = (*_UPGRADES, "log")
_ENDINGS = tuple(f"/{name}" for name in (*_STREAMS, "proxy"))


class Streaming:
    """All streams of one API server."""

    def __init__(self, server: ApiServer, keys: Pki) -> None:
        self._server = server
        self._core = server.core
        self.kubelets = Kubelets(server.core.cache, keys)
        self._proxies = proxy.Proxies(server.core.cache, self.kubelets)

    async def close(self) -> None:
        """Drop the connections to the nodes."""
        await self.kubelets.close()
        await self._proxies.close()

    def renew(self) -> None:
        """Show the nodes a certificate that is not due for renewal."""
        self.kubelets.renew()

    def takes(self, request: wire.Request) -> bool:
        """Whether this might be one of ours; `serve` looks closer."""
        path = request.path
        return path.endswith(_ENDINGS) or "/proxy/" in path or "upgrade" in request.headers

    async def serve(
        self, raw: web.BaseRequest, request: wire.Request
    ) -> web.StreamResponse | wire.Response:
        """Answer a request that `takes` said yes to; one that is none of ours goes to the core."""
        route = routes.resolve(request, self._core.scheme)
        if route is None or route.resource is None:
            return await self._handled(raw, request)
        kind = route.subresource
        if route.resource.gr == "nodes" and kind == "proxy" and passing.upgrade_of(request.headers):
            # The agent's own exec stands behind it.
            self._must_create(self._server.authorize(request, route))
        if route.resource.gr != "pods" or kind not in _STREAMS:
            return await self._handled(raw, request, watch=route.verb == "watch")
        attributes = self._server.authorize(request, route)
        if kind in _UPGRADES and attributes.verb == "get":
            # A GET that runs commands is no read: it takes the right to create, too.
            self._must_create(attributes)
        answer: web.StreamResponse | wire.Response
        try:
            answer = await self._serve(raw, request, route)
        except status.ApiError as problem:
            answer = warning_headers.put(errors.answer(problem), request.warnings)
        self._note(attributes, request, answer.status)
        return answer

    async def _handled(
        self, raw: web.BaseRequest, request: wire.Request, *, watch: bool = False
    ) -> web.StreamResponse | wire.Response:
        """The core's answer, in the form that the client asked for."""
        response = await self._server.handle(request)
        if isinstance(response.body, passing.Tunnel):
            return await upgrade.tunnel(raw, response, response.body)
        if watch and messages.wanted(request):
            return await messages.events(raw, response)
        return response

    async def _serve(
        self, raw: web.BaseRequest, request: wire.Request, route: routes.Route
    ) -> web.StreamResponse | wire.Response:
        if route.subresource == "log":
            log = await logs.read(self.kubelets, await self._pod(route), request)
            return await messages.content(raw, log) if messages.wanted(request) else log
        options = await connect.admit(self._core, request, route)
        request = replace(request, query=connect.query_of(options))
        pod = await self._pod(route)
        match route.subresource:
            case "portforward":
                return await forwards.run(self.kubelets, raw, request, pod)
            case verb:
                return await commands.run(self.kubelets, raw, request, pod, verb)

    async def proxy(self, request: wire.Request, route: routes.Route) -> wire.Response:
        """Pass an authorized request on to a node, pod or service."""
        return await self._proxies.serve(request, route)

    async def _pod(self, route: routes.Route) -> wire.JsonObject:
        await self._core.cache.fresh()
        entry = self._core.cache.get(scheme.PODS, route.namespace, route.name)
        if entry is None:
            raise status.not_found("pods", route.name)
        return entry.parse()

    def _must_create(self, attributes: Attributes) -> None:
        wanted = replace(attributes, verb="create")
        decision = self._core.authorizer.authorize(wanted)
        if not decision.allowed:
            raise authn.forbidden(wanted, decision)

    def _note(self, attributes: Attributes, request: wire.Request, code: int) -> None:
        if self._core.auditor is not None:
            self._core.auditor.record(attributes, request, code)
