"""From method and URL to what is meant: verb, resource, namespace, name, subresource.

Pure string work, no I/O. Neighbours: `apiserver.server` dispatches on the result; non-resource
paths (discovery, health, version …) are looked up in `PATHS`, whose modules under
`apiserver.handlers` each offer `async def handle(core: Core, request: Request) -> Response`.
Authorization and execution happen elsewhere.
"""

from dataclasses import dataclass

from apimachinery import scheme as schemes
from apimachinery import wire

PATHS: dict[str, str] = {
    "/": "discovery",
    "/api": "discovery",
    "/api/v1": "discovery",
    "/apis": "discovery",
    "/version": "version",
    "/healthz": "health",
    "/livez": "health",
    "/readyz": "health",
    "/metrics": "metrics",
    "/openapi/v2": "openapi",
    "/openapi/v3": "openapi",
    "/.well-known/openid-configuration": "openid",
    "/openid/v1/jwks": "openid",
}
"""Exact path (a trailing slash is ignored) → module under apiserver.handlers."""

PREFIXES: tuple[tuple[str, str], ...] = (
    ("/openapi/v3/", "openapi"),
    ("/healthz/", "health"),
    ("/livez/", "health"),
    ("/readyz/", "health"),
)

_NAMED_VERBS = {"GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_COLLECTION_VERBS = {"GET": "list", "HEAD": "list", "POST": "create", "DELETE": "deletecollection"}
OPTIONS = "options"
"""Passed on by proxies, and known to nobody else: no discovery names it, only a rule for all verbs
allows it."""
_CONNECT = frozenset({"exec", "attach", "portforward", "proxy"})
"""Subresources that answer any method; authorized as get or create."""


@dataclass(frozen=True, slots=True)
class Route:
    """What a request means. `resource` is None for a path outside the resource API."""

    verb: str
    path: str
    resource: schemes.Resource | None = None
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    handler: str = ""
    """For paths: the module under apiserver.handlers."""
    tail: str = ""
    """What follows a proxy subresource: empty, or a path."""


def resolve(request: wire.Request, scheme: schemes.Scheme) -> Route | None:
    """The route of a request, or None where nothing lives (404)."""
    path = request.path
    if path.startswith(("/api/", "/apis/")):
        parts = path.strip("/").split("/")
        start = 2 if parts[0] == "api" else 3
        if len(parts) > start and "" not in parts[: start + 1]:
            group = "" if start == 2 else parts[1]
            return _resource_route(request, scheme, group, parts[start - 1], parts[start:])
        return Route(request.method.lower(), path, handler="discovery")
    return _path_route(request)


def group_of(path: str) -> str | None:
    """The group that a path is in, if it is in one."""
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        return ""
    return parts[1] if parts[0] == "apis" and len(parts) > 1 else None


def _path_route(request: wire.Request) -> Route | None:
    path = request.path.rstrip("/") or "/"
    handler = PATHS.get(path, "")
    if not handler:
        handler = next((module for prefix, module in PREFIXES if path.startswith(prefix)), "")
    return Route(request.method.lower(), request.path, handler=handler) if handler else None


def _resource_route(
    request: wire.Request, scheme: schemes.Scheme, group: str, version: str, parts: list[str]
) -> Route | None:
    """`parts` is what follows the version: [watch] [namespaces NS] PLURAL [NAME [SUB …]]."""
    watching = parts[0] == "watch" and len(parts) > 1
    if watching:
        parts = parts[1:]
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2 and not _namespace_subresource(scheme, parts):
        namespace, parts = parts[1], parts[2:]
    resource = scheme.by_plural(group, version, parts[0])
    if resource is None or (namespace and not resource.namespaced):
        return None
    name = parts[1] if len(parts) > 1 else ""
    if name and resource.namespaced and not namespace:
        return None
    subresource = parts[2] if len(parts) > 2 else ""
    if len(parts) > 3 and subresource != "proxy":
        return None
    if subresource and resource.subresource(subresource) is None:
        return None
    verb = _verb(request, name, subresource, watching=watching)
    return Route(
        verb=verb,
        path=request.path,
        resource=resource,
        namespace=namespace,
        name=name,
        subresource=subresource,
        tail=_tail(request.path, parts[3:]) if subresource == "proxy" else "",
    )


def _tail(path: str, parts: list[str]) -> str:
    """The path behind `proxy`; for those who answer, a slash at its end makes a difference."""
    tail = "".join(f"/{part}" for part in parts)
    return f"{tail}/" if path.endswith("/") else tail


def _namespace_subresource(scheme: schemes.Scheme, parts: list[str]) -> bool:
    """Whether namespaces/NS/X is a subresource of the namespace, not a resource inside it."""
    namespaces = scheme.by_plural("", "v1", "namespaces")
    return (
        len(parts) == 3 and namespaces is not None and namespaces.subresource(parts[2]) is not None
    )


def _verb(request: wire.Request, name: str, subresource: str, *, watching: bool) -> str:
    method = request.method
    if not name:
        verb = _COLLECTION_VERBS.get(method, "")
        if verb == "list" and (watching or is_true(request, "watch")):
            return "watch"
        return verb
    if watching and method == "GET":
        return "watch"
    if method == "POST" and subresource:
        return "create"
    if subresource in _CONNECT and method == "GET":
        return "get"
    if subresource == "proxy" and method == "OPTIONS":
        return OPTIONS
    return _NAMED_VERBS.get(method, "")


def is_true(request: wire.Request, name: str) -> bool:
    """A boolean query parameter as Kubernetes reads it: present and neither 0 nor false."""
    for key, value in request.query:
        if key == name:
            return value != "0" and value.lower() != "false"
    return False
