"""The API's HTTP server: routes, who may ask, and how errors leave it.

Neighbours: a module for each thing beside this has its handlers; `service` starts the server.
"""

import base64
import binascii
import hmac
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from frameworks.marathon.errors import ApiError
from frameworks.marathon.http import apps, deployments, events, groups, info, pods, queue, tasks
from frameworks.marathon.http.context import CONTEXT, Context

LOG = logging.getLogger(__name__)

BODY_MAX = 8 << 20
"""A group of a thousand apps is about 1 MB."""
SHUTDOWN_S = 2.0
OPEN = frozenset(("/ping", "/livez", "/readyz"))
"""For those who watch over the process: no credentials needed."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Serves one context."""

    def __init__(self, context: Context, credentials: str = "") -> None:
        self._credentials = credentials.encode()
        self._app = web.Application(
            client_max_size=BODY_MAX, middlewares=[self._guard, self._errors]
        )
        self._app[CONTEXT] = context
        # In this order: the first that fits answers, and ids have slashes.
        for part in (info, events, queue, deployments, tasks, apps, groups, pods):
            self._app.add_routes(part.routes)
        self._runner = web.AppRunner(
            self._app,
            handle_signals=False,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=SHUTDOWN_S,
        )
        self._context = context

    async def start(self, listening: socket.socket) -> None:
        """Serve those who connect to the socket."""
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()

    async def stop(self) -> None:
        """End the event streams and stop listening."""
        self._context.engine.bus.close()
        await self._runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._foreign(request):
            return _json(403, {"message": "Requests from other web sites are refused."})
        if self._credentials and request.path not in OPEN and not self._known(request):
            headers = {"WWW-Authenticate": 'Basic realm="Marathon"'}
            return _json(401, {"message": "Invalid username or password."}, headers)
        return await handler(request)

    def _foreign(self, request: web.Request) -> bool:
        """Whether a browser sends it for a page of somebody else's: this API runs commands.

        Such a page's origin is not ours, or it bears a name of its own that was made to lead here.
        """
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            return True
        return not self._credentials and not _is_own_name(urlsplit(f"//{request.host}").hostname)

    def _known(self, request: web.Request) -> bool:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            return hmac.compare_digest(base64.b64decode(given, validate=True), self._credentials)
        except (binascii.Error, ValueError):
            return False

    @web.middleware
    async def _errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as error:
            return _json(error.status, error.body)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
            return _json(error.status, {"message": _sentence(error, request)}, headers)
        except Exception:
            LOG.exception("%s %s", request.method, request.path)
            return _json(500, {"message": "Internal error: the log says more."})


def _is_own_name(host: str | None) -> bool:
    """Names that nobody can make lead here: addresses, and this machine's own."""
    if host is None or host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _sentence(error: web.HTTPException, request: web.Request) -> str:
    if error.status == 404:
        return f"Nothing is at {request.path}"
    if error.status == 405:
        return f"{request.method} is not possible at {request.path}"
    return error.reason or "The request can't be answered"


def _json(status: int, body: object, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, body=orjson.dumps(body), content_type="application/json", headers=headers
    )
