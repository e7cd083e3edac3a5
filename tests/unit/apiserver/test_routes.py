"""What a URL means."""

import pytest

from apimachinery import scheme, wire
from apiserver import routes


def route(method, path, **query):
    return routes.resolve(wire.Request(method, path, list(query.items())), scheme.BUILTIN)


@pytest.mark.parametrize(
    ("method", "path", "query", "verb", "plural", "namespace", "name", "sub"),
    [
        ("GET", "/api/v1/pods", {}, "list", "pods", "", "", ""),
        ("GET", "/api/v1/pods", {"watch": "true"}, "watch", "pods", "", "", ""),
        ("GET", "/api/v1/pods", {"watch": ""}, "watch", "pods", "", "", ""),
        ("GET", "/api/v1/pods", {"watch": "0"}, "list", "pods", "", "", ""),
        ("GET", "/api/v1/watch/pods", {}, "watch", "pods", "", "", ""),
        ("GET", "/api/v1/namespaces/n/pods/a", {}, "get", "pods", "n", "a", ""),
        ("GET", "/api/v1/watch/namespaces/n/pods/a", {}, "watch", "pods", "n", "a", ""),
        ("HEAD", "/api/v1/namespaces/n/pods/a", {}, "get", "pods", "n", "a", ""),
        ("PUT", "/api/v1/namespaces/n/pods/a/status", {}, "update", "pods", "n", "a", "status"),
        ("POST", "/api/v1/namespaces/n/pods", {}, "create", "pods", "n", "", ""),
        ("POST", "/api/v1/namespaces/n/pods/a/binding", {}, "create", "pods", "n", "a", "binding"),
        ("POST", "/api/v1/namespaces/n/pods/a/exec", {}, "create", "pods", "n", "a", "exec"),
        ("GET", "/api/v1/namespaces/n/pods/a/exec", {}, "get", "pods", "n", "a", "exec"),
        ("PATCH", "/api/v1/nodes/a", {}, "patch", "nodes", "", "a", ""),
        ("DELETE", "/api/v1/namespaces/n/pods", {}, "deletecollection", "pods", "n", "", ""),
        ("GET", "/api/v1/namespaces", {}, "list", "namespaces", "", "", ""),
        ("GET", "/api/v1/namespaces/n", {}, "get", "namespaces", "", "n", ""),
        ("PUT", "/api/v1/namespaces/n/finalize", {}, "update", "namespaces", "", "n", "finalize"),
        ("GET", "/api/v1/namespaces/status/pods", {}, "list", "pods", "status", "", ""),
        ("GET", "/apis/apps/v1/deployments", {}, "list", "deployments", "", "", ""),
        (
            "GET",
            "/apis/apps/v1/namespaces/n/deployments/d/scale",
            {},
            "get",
            "deployments",
            "n",
            "d",
            "scale",
        ),
        ("BREW", "/api/v1/pods", {}, "", "pods", "", "", ""),
        ("OPTIONS", "/api/v1/nodes/a", {}, "", "nodes", "", "a", ""),
        ("OPTIONS", "/api/v1/nodes/a/proxy/x", {}, "options", "nodes", "", "a", "proxy"),
    ],
)
def test_resources(method, path, query, verb, plural, namespace, name, sub):
    found = route(method, path, **query)
    assert found is not None
    assert found.resource is not None
    assert found.resource.plural == plural
    assert (found.verb, found.namespace, found.name, found.subresource) == (
        verb,
        namespace,
        name,
        sub,
    )


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nonsense",
        "/api/v9/pods",
        "/apis/nope/v1/pods",
        "/api/v1/namespaces/n/nodes",
        "/api/v1/namespaces/n/pods/a/nonsense",
        "/api/v1/namespaces/n/pods/a/status/more",
        "/api/v1/pods/a",
        "/api/v1//pods",
        "//api/v1/pods",
        "/elsewhere",
        "",
    ],
)
def test_nothing_lives_there(path):
    found = route("GET", path)
    assert found is None or found.resource is None


@pytest.mark.parametrize(
    ("path", "handler"),
    [
        ("/", "discovery"),
        ("/api", "discovery"),
        ("/api/v1", "discovery"),
        ("/apis/apps", "discovery"),
        ("/apis/apps/v1/", "discovery"),
        ("/version", "version"),
        ("/version/", "version"),
        ("/readyz/etcd", "health"),
        ("/openapi/v3/api/v1", "openapi"),
    ],
)
def test_paths(path, handler):
    found = route("GET", path)
    assert found is not None
    assert (found.verb, found.handler) == ("get", handler)


def test_a_proxy_has_a_tail():
    found = route("GET", "/api/v1/namespaces/n/pods/a/proxy/x/y")
    assert found is not None
    assert (found.subresource, found.tail) == ("proxy", "/x/y")
