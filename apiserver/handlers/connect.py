"""CONNECT: what admission is asked before a request becomes a stream, or goes on to somebody else.

exec, attach, port-forward and proxy have no body; their options stand in the query. Admission sees
them as an object (PodExecOptions …) and may change it. Neighbours: `proxy` beside it,
`apiserver.streaming` above.
"""

from apimachinery import wire
from apimachinery.wire import JsonObject
from apiserver.admission import chain
from apiserver.core import Core
from apiserver.handlers import writing
from apiserver.routes import Route, is_true

_FLAGS = ("stdin", "stdout", "stderr", "tty")


async def admit(core: Core, request: wire.Request, route: Route) -> JsonObject:
    """The options as admission leaves them; raises what it refuses with."""
    found = options(request, route)
    return await writing.admit_unstored(core, request, route, chain.CONNECT, found)


def options(request: wire.Request, route: Route) -> JsonObject:
    """The parameters of the query, as an object of the route's kind."""
    assert route.resource is not None, "the dispatcher resolved it"
    group, version, kind = route.resource.gvk_of(route.subresource)
    found: JsonObject = {"kind": kind, "apiVersion": f"{group}/{version}" if group else version}
    wanted: JsonObject
    match route.subresource:
        case "proxy":
            wanted = {"path": route.tail}
        case "portforward":
            wanted = {"ports": _ports(request)}
        case verb:
            wanted = {name: is_true(request, name) for name in _FLAGS}
            wanted["container"] = request.param("container")
            if verb == "exec":
                wanted["command"] = [value for key, value in request.query if key == "command"]
    return found | {name: value for name, value in wanted.items() if value}


def _ports(request: wire.Request) -> list[int | str]:
    """One parameter may name several; what is no number is refused by who forwards."""
    texts = [part for key, value in request.query if key == "ports" for part in value.split(",")]
    return [int(text) if text.isdecimal() else text for text in texts]


def query_of(found: JsonObject) -> list[tuple[str, str]]:
    """Options as the parameters that a client would have sent."""
    query: list[tuple[str, str]] = []
    for name, value in found.items():
        if name in ("kind", "apiVersion"):
            continue
        values = value if isinstance(value, list) else [value]
        query += [(name, "true" if one is True else str(one)) for one in values]
    return query
