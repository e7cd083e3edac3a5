"""Which schema takes a request, and what a request is about."""

import pytest

from apimachinery.wire import Request, UserInfo
from apiserver.fairness import defaults, gate, schemas
from apiserver.fairness.schemas import Asked

ALL = schemas.in_order(map(schemas.read, defaults.SCHEMAS))
EVERYBODY = ("system:authenticated",)


def chosen(user: UserInfo, asked: Asked) -> str:
    found = schemas.choose([(one, one.rules_for(user)) for one in ALL], asked)
    return found.name if found is not None else ""


PODS = Asked("list", "", "pods", "default")


@pytest.mark.parametrize(
    ("name", "groups", "asked", "schema"),
    [
        ("admin", ("system:masters",), PODS, "exempt"),
        ("jane", EVERYBODY, PODS, "global-default"),
        ("jane", EVERYBODY, Asked("get", path="/livez"), "probes"),
        ("jane", EVERYBODY, Asked("get", path="/version"), "global-default"),
        ("system:serviceaccount:a:b", ("system:serviceaccounts",), PODS, "service-accounts"),
        (
            "system:serviceaccount:kube-system:b",
            ("system:serviceaccounts",),
            PODS,
            "kube-system-service-accounts",
        ),
        ("system:node:n1", ("system:nodes",), PODS, "system-nodes"),
        (
            "system:node:n1",
            ("system:nodes",),
            Asked("patch", "", "nodes/status"),
            "system-node-high",
        ),
        (
            "system:kube-scheduler",
            EVERYBODY,
            Asked("update", "coordination.k8s.io", "leases", "kube-system"),
            "system-leader-election",
        ),
        ("nobody", (), PODS, ""),
    ],
)
def test_the_default_schemas(name: str, groups: tuple[str, ...], asked: Asked, schema: str) -> None:
    assert chosen(UserInfo(name, groups=groups), asked) == schema


def test_cluster_scope_must_be_said() -> None:
    rule = schemas.Rule(
        (), ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["a"]},), ()
    )
    assert rule.covers(Asked("get", "", "pods", "a"))
    assert not rule.covers(Asked("get", "", "pods", "b"))
    assert not rule.covers(Asked("get", "", "nodes"))


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("GET", "/api/v1/namespaces/a/pods", Asked("list", "", "pods", "a")),
        ("POST", "/api/v1/namespaces/a/pods", Asked("create", "", "pods", "a")),
        ("PUT", "/api/v1/namespaces/a/pods/b/status", Asked("update", "", "pods/status", "a")),
        ("GET", "/apis/apps/v1/deployments", Asked("list", "apps", "deployments")),
        ("GET", "/api/v1/namespaces/a", Asked("get", "", "namespaces")),
        ("GET", "/apis", Asked("get", path="/apis")),
    ],
)
def test_what_a_request_is_about(method: str, path: str, asked: Asked) -> None:
    assert gate.asked_of(Request(method, path)) == asked


def test_a_watch() -> None:
    asked = gate.asked_of(Request("GET", "/api/v1/pods", [("watch", "true")]))
    assert asked == Asked("watch", "", "pods")
