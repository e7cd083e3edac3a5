"""The endpoints of before v1 by which operators act: forms and JSON bodies.

`/teardown`, `/weights`, `/quota`, `/maintenance/schedule`, `/machine/down|up` and the like, each also
under `/master`. Neighbours: `actions` does it; `legacy` has what is only looked at.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from aiohttp import web

from apimachinery.mesos.stream import JSON, ascii_json
from offers.http.access import CHALLENGE, Access, Caller
from offers.http.actions import ActionError, Actions
from offers.http.legacy import Legacy
from offers.http.sight import Sight
from offers.maintenance import Maintenance

Handler = Callable[[Caller, web.Request], Awaitable[object]]


class LegacyActions:
    """See the module's docstring."""

    def __init__(
        self,
        facts: Legacy,
        actions: Actions,
        maintenance: Maintenance,
        access: Access,
        sight: Callable[[Caller], Awaitable[Sight]],
    ) -> None:
        """`sight` tells what a caller may look at."""
        self._sight = sight
        self._facts, self._actions = facts, actions
        self._maintenance, self._access = maintenance, access

    def routes(self, app: web.Application) -> None:
        made: dict[str, dict[str, Handler]] = {
            "/teardown": {"POST": self._teardown},
            "/weights": {"GET": self._weights, "PUT": self._put_weights},
            "/quota": {"GET": self._quota, "POST": self._set_quota},
            "/quota/{role:.+}": {"DELETE": self._remove_quota},
            "/maintenance/schedule": {"GET": self._schedule, "POST": self._reschedule},
            "/maintenance/status": {"GET": self._status},
            "/reserve": {"POST": self._operation("RESERVE", "resources")},
            "/unreserve": {"POST": self._operation("UNRESERVE", "resources")},
            "/create-volumes": {"POST": self._operation("CREATE", "volumes")},
            "/destroy-volumes": {"POST": self._operation("DESTROY", "volumes")},
            "/machine/down": {"POST": self._down},
            "/machine/up": {"POST": self._up},
        }
        for path, methods in made.items():
            handler = self._answering(methods)
            for each in (path, f"/master{path}"):
                app.router.add_route("*", each, handler)

    def _answering(
        self, methods: dict[str, Handler]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            method = methods.get(request.method)
            if method is None:
                return web.Response(status=405, headers={"Allow": ", ".join(methods)})
            caller = self._access.identify(request)
            if caller is None:
                return web.Response(status=401, headers=CHALLENGE)
            try:
                found = await method(caller, request)
            except ActionError as error:
                return web.Response(status=error.code, text=error.text)
            if found is None:
                return web.Response()
            return web.Response(body=ascii_json(found), content_type=JSON)

        return answer

    async def _teardown(self, caller: Caller, request: web.Request) -> None:
        form = parse_qs((await request.read()).decode("utf-8", "replace"))
        found = form.get("frameworkId")
        if not found:
            raise ActionError(400, "Missing 'frameworkId' query parameter in the request body")
        await self._actions.teardown(caller, unquote(found[0]))

    def _operation(self, kind: str, name: str) -> Handler:
        """A form of `slaveId` and a JSON list."""

        async def handler(caller: Caller, request: web.Request) -> None:
            form = parse_qs((await request.read()).decode("utf-8", "replace"))
            if not form.get("slaveId") or not form.get(name):
                raise ActionError(400, f"Missing 'slaveId' or '{name}' in the request body")
            try:
                listed = json.loads(form[name][0])
            except ValueError as error:
                raise ActionError(400, f"Error in parsing '{name}': {error}") from error
            operation = {"type": kind, kind.lower(): {name: listed}}
            await self._actions.operate(caller, form["slaveId"][0], operation)

        return handler

    async def _weights(self, caller: Caller, request: web.Request) -> object:
        del request
        return self._facts.all_weights(await self._sight(caller))

    async def _put_weights(self, caller: Caller, request: web.Request) -> None:
        await self._actions.weights(caller, await _list(request))

    async def _quota(self, caller: Caller, request: web.Request) -> object:
        del request
        return self._facts.all_quota(await self._sight(caller))

    async def _set_quota(self, caller: Caller, request: web.Request) -> None:
        body = await _json(request)
        if not isinstance(body, dict):
            raise ActionError(400, "Expecting a JSON object")
        await self._actions.set_quota(caller, body)

    async def _remove_quota(self, caller: Caller, request: web.Request) -> None:
        await self._actions.remove_quota(caller, request.match_info["role"])

    async def _schedule(self, caller: Caller, request: web.Request) -> object:
        del request
        await self._actions.may_see_maintenance(caller)
        return self._maintenance.schedule()

    async def _reschedule(self, caller: Caller, request: web.Request) -> None:
        body = await _json(request)
        if not isinstance(body, dict):
            raise ActionError(400, "Expecting a JSON object")
        await self._actions.schedule(caller, body)

    async def _status(self, caller: Caller, request: web.Request) -> object:
        del request
        await self._actions.may_see_maintenance(caller)
        return self._maintenance.state()

    async def _down(self, caller: Caller, request: web.Request) -> None:
        await self._actions.down(caller, await _list(request))

    async def _up(self, caller: Caller, request: web.Request) -> None:
        await self._actions.up(caller, await _list(request))


async def _json(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError as error:
        raise ActionError(400, f"Failed to parse JSON: {error}") from error


async def _list(request: web.Request) -> list[Any]:
    found = await _json(request)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ActionError(400, "Expecting a JSON array of objects")
    return found
