"""What handlers need, and how they read requests and write answers.

Neighbours: every handler; `server` puts the context into the application.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from frameworks.marathon import paths
from frameworks.marathon.checks import Checks
from frameworks.marathon.commands import Commands
from frameworks.marathon.deployment import Deployment
from frameworks.marathon.engine import Engine
from frameworks.marathon.errors import BadRequest, UnsupportedType
from frameworks.marathon.options import Options
from frameworks.marathon.session import Session


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that there is."""

    engine: Engine
    commands: Commands
    checks: Checks
    session: Session
    options: Options


CONTEXT = web.AppKey("context", Context)


def of(request: web.Request) -> Context:
    return request.app[CONTEXT]


def flag(request: web.Request, name: str, *, default: bool = False) -> bool:
    """A parameter that is true or false."""
    text = request.query.get(name)
    if text is None:
        return default
    if text.lower() not in ("true", "false"):
        raise BadRequest(f"The parameter {name} must be true or false, not '{text}'")
    return text.lower() == "true"


def path_id(request: web.Request) -> str:
    """The id in the address; clients write it with and without the first slash."""
    return paths.absolute(request.match_info["id"])


def group(request: web.Request) -> str:
    """The group whose apps are all meant, by an id that ends with `*`; empty if it is one app's."""
    raw = request.match_info["id"]
    return paths.absolute(raw.removesuffix("*")) if f"/{raw}".endswith("/*") else ""


async def body(request: web.Request) -> Any:
    """The body as JSON, which it must say that it is: web pages can't, unless they are let."""
    if request.content_type != "application/json":
        raise UnsupportedType(
            f"The Content-Type must be application/json, not {request.content_type}"
        )
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise BadRequest("Invalid JSON", details=[{"path": "", "errors": [str(error)]}]) from error


def answer(found: object, status: int = 200, deployment: Deployment | None = None) -> web.Response:
    headers = {} if deployment is None else {"Marathon-Deployment-Id": deployment.id}
    return web.Response(
        status=status, body=orjson.dumps(found), content_type="application/json", headers=headers
    )


async def deployed(request: web.Request, made: Deployment, status: int = 200) -> web.Response:
    """Answer a change, once it is on disk."""
    await of(request).engine.journal.written()
    found = {"version": made.version, "deploymentId": made.id}
    return answer(found, status, made)


def posted(request: web.Request, definition: object) -> None:
    """Tell listeners that an app was sent."""
    of(request).engine.bus.publish(
        "api_post_event",
        clientIp=request.remote or "",
        uri=request.path,
        appDefinition=definition,
    )
