"""What is read of APIServices, and how requests are described and told."""

from apimachinery.wire import Request, UserInfo
from apiserver import passing
from apiserver.aggregation import requests, services

USER = UserInfo("jane", "7", ("dev",), {"scopes.example.com/a b": ("x", "y")})


def test_subresources_lie_under_their_resources() -> None:
    listed = {
        "resources": [
            {"name": "a", "kind": "A", "namespaced": True, "verbs": ["get"], "shortNames": ["aa"]},
            {"name": "a/scale", "kind": "Scale", "group": "autoscaling", "version": "v1"},
        ]
    }
    (row,) = services.discovered(listed, "g", "v1")
    assert (row["resource"], row["scope"], row["shortNames"]) == ("a", "Namespaced", ["aa"])
    (sub,) = row["subresources"]
    assert sub["responseKind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}


def test_what_is_answered_here() -> None:
    assert services.read({"metadata": {"name": "v1.g"}, "spec": {"group": "g"}}) is None


def test_what_a_path_asks_for() -> None:
    found = requests.attributes(Request("PATCH", "/apis/g/v1/namespaces/n/things/x/status"), USER)
    assert (found.verb, found.group, found.resource) == ("patch", "g", "things")
    assert (found.namespace, found.name, found.subresource) == ("n", "x", "status")
    found = requests.attributes(Request("GET", "/apis/g/v1/things", [("watch", "1")]), USER)
    assert (found.verb, found.namespace) == ("watch", "")
    found = requests.attributes(Request("GET", "/apis/g/v1"), USER)
    assert (found.is_resource, found.path) == (False, "/apis/g/v1")


def test_who_asks_is_what_we_say() -> None:
    given = {"x-remote-user": "admin", "authorization": "Bearer x", "accept": "a/b"}
    passed = passing.headers_of(Request("GET", "/", headers=given))
    assert requests.headers(passed, USER) == [
        ("accept", "a/b"),
        ("X-Remote-User", "jane"),
        ("X-Remote-Uid", "7"),
        ("X-Remote-Group", "dev"),
        ("X-Remote-Extra-scopes.example.com%2Fa%20b", "x"),
        ("X-Remote-Extra-scopes.example.com%2Fa%20b", "y"),
    ]


def test_a_target_is_escaped() -> None:
    asked = Request("GET", "/apis/g/v1/a b", [("labelSelector", "a=b,c")])
    assert requests.target(asked) == "/apis/g/v1/a%20b?labelSelector=a%3Db%2Cc"
