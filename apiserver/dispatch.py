"""Which handler answers a route: verbs of stored resources, subresources, special kinds, paths.

Handlers are imported when first used, so a server starts without those that nobody calls.
Neighbours: `apiserver.routes` says what is meant, `apiserver.server` calls what is found here.
"""

import importlib
from collections.abc import Awaitable, Callable
from functools import cache
from typing import cast

from apimachinery import wire
from apiserver import routes
from apiserver.core import Core
from apiserver.handlers import create, delete, get, patch, update, watch
from apiserver.handlers import list as lists
from apiserver.routes import Route

Handler = Callable[[Core, wire.Request, Route], Awaitable[wire.Response]]
PathHandler = Callable[[Core, wire.Request], Awaitable[wire.Response]]

VERBS: dict[str, Handler] = {
    "get": get.handle,
    "list": lists.handle,
    "watch": watch.handle,
    "create": create.handle,
    "update": update.handle,
    "patch": patch.handle,
    "delete": delete.handle,
    "deletecollection": delete.handle_collection,
}

_SPECIAL: dict[tuple[str, str], str] = {
    # (resource or "*", subresource) → module:function under apiserver.handlers
    ("*", "scale"): "scale:handle",
    ("*", "proxy"): "proxy:handle",
    ("bindings", ""): "binding:handle",
    ("pods", "binding"): "binding:handle",
    ("pods", "eviction"): "eviction:handle",
    ("serviceaccounts", "token"): "token:handle",
    ("tokenreviews.authentication.k8s.io", ""): "reviews:handle",
    ("selfsubjectreviews.authentication.k8s.io", ""): "reviews:handle",
    ("subjectaccessreviews.authorization.k8s.io", ""): "reviews:handle",
    ("localsubjectaccessreviews.authorization.k8s.io", ""): "reviews:handle",
    ("selfsubjectaccessreviews.authorization.k8s.io", ""): "reviews:handle",
    ("selfsubjectrulesreviews.authorization.k8s.io", ""): "reviews:handle",
}

_AS_MAIN = frozenset({"", "status", "approval", "finalize", "ephemeralcontainers", "resize"})
"""Subresources that are views of the object and go the verbs' own way; strategies know them."""


def handler_of(route: Route) -> Handler | None:
    """The handler of a resource route; None where the resource does not know the verb."""
    resource = route.resource
    assert resource is not None, "paths have path_handler"
    part = resource.subresource(route.subresource) if route.subresource else None
    verbs = part.verbs if part is not None else resource.verbs
    if route.verb not in verbs and route.verb != routes.OPTIONS:
        return None
    if resource.namespaced and not route.namespace and route.verb not in ("list", "watch"):
        return None
    special = _SPECIAL.get((resource.gr, route.subresource)) or (
        _SPECIAL.get(("*", route.subresource)) if route.subresource else None
    )
    if special is not None:
        return cast(Handler, _load(special))
    return VERBS.get(route.verb) if route.subresource in _AS_MAIN else None


def path_handler(route: Route) -> PathHandler:
    """The handler of a path outside the resource API."""
    return cast(PathHandler, _load(f"{route.handler}:handle"))


@cache
def _load(where: str) -> object:
    module, _, function = where.partition(":")
    return getattr(importlib.import_module(f"apiserver.handlers.{module}"), function)
