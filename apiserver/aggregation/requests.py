"""What a request to another server's group asks for, and what that server is told about the sender.

Pure. The scheme knows nothing of such groups: verbs and names come from method and path. Neighbour:
`aggregator`.
"""

from collections.abc import Iterable
from urllib.parse import quote, urlencode

from apimachinery import wire
from apimachinery.wire import Request, UserInfo
from apiserver.attributes import Attributes

_COLLECTION = {"GET": "list", "HEAD": "list", "POST": "create", "DELETE": "deletecollection"}
_SINGLE = {"GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

_REMOTE = "x-remote-"
"""Who asks, as this server says it; what the sender says there is dropped."""
_SAFE = "!#$&'*+-.^_`|~"


def attributes(request: Request, user: UserInfo) -> Attributes:
    """What is authorized, for a path below /apis/GROUP/VERSION."""
    parts = [part for part in request.path.split("/") if part]
    group, version, rest = parts[1], parts[2], parts[3:]
    if not rest:
        return Attributes(user, request.method.lower(), is_resource=False, path=request.path)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    return Attributes(
        user,
        _verb(request, name, subresource),
        is_resource=True,
        path=request.path,
        group=group,
        version=version,
        resource=rest[0],
        subresource=subresource,
        namespace=namespace,
        name=name,
    )


def _verb(request: Request, name: str, subresource: str) -> str:
    if not name:
        verb = _COLLECTION.get(request.method, request.method.lower())
        watching = verb == "list" and request.param("watch") in ("1", "true")
        return "watch" if watching else verb
    if request.method == "POST" and subresource:
        return "create"
    return _SINGLE.get(request.method, request.method.lower())


def headers(given: Iterable[tuple[str, str]], user: UserInfo) -> list[tuple[str, str]]:
    """What is sent on: the headers that may be passed on, and who the sender is."""
    sent = [(key, value) for key, value in given if not key.lower().startswith(_REMOTE)]
    sent.append(("X-Remote-User", user.name))
    if user.uid:
        sent.append(("X-Remote-Uid", user.uid))
    sent += [("X-Remote-Group", group) for group in user.groups]
    for key, values in user.extra.items():
        name = f"X-Remote-Extra-{quote(key, safe=_SAFE)}"
        sent += [(name, value) for value in values]
    return sent


def target(request: wire.Request) -> str:
    """Path and query as they are sent."""
    path = quote(request.path, safe="/:@!$&'()*+,;=~")
    return f"{path}?{urlencode(request.query)}" if request.query else path
