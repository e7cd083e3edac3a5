"""Who may do what: tokens, impersonation, roles and refusals; and what the API says of itself."""

from typing import Any

import pytest

from .clients import Api, eventually, status_of

RBAC = "rbac.authorization.k8s.io"
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def as_user(api: Api, user: str, path: str, method: str = "GET", body: Any = None) -> Any:
    return api.send(method, path, body, headers={"Impersonate-User": user})


def test_strangers(api: Api) -> None:
    stranger = api.anonymous()
    assert stranger.get("/version").code == 200
    assert stranger.get("/readyz").code == 200
    assert status_of(stranger.get(api.path("pods"))) in ((401, "Unauthorized"), (403, "Forbidden"))
    wrong = api.with_token("nonsense").get(api.path("pods"))
    assert status_of(wrong) == (401, "Unauthorized")


@pytest.mark.parametrize(
    ("plural", "rest", "verb", "what"),
    [
        ("pods", (), "list", 'pods is forbidden: User "jane" cannot list resource "pods"'),
        ("pods", ("p",), "get", 'pods "p" is forbidden: User "jane" cannot get resource "pods"'),
        ("pods", ("p", "log"), "get", 'cannot get resource "pods/log" in API group ""'),
        ("deployments", (), "list", 'cannot list resource "deployments" in API group "apps"'),
    ],
)
def test_refusals_name_all_that_matters(
    api: Api, plural: str, rest: tuple[str, ...], verb: str, what: str
) -> None:
    answer = as_user(api, "jane", api.path(plural, *rest))
    assert status_of(answer) == (403, "Forbidden")
    assert what in answer.message
    assert f'in the namespace "{api.namespace}"' in answer.message


def test_a_role_gives_and_takes(api: Api) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"],
              "resourceNames": ["mine"]}]  # fmt: skip
    api.make("roles", "r", rules=rules)
    api.make("configmaps", "mine")
    subject = {"kind": "User", "apiGroup": RBAC, "name": "jane"}
    role = {"kind": "Role", "apiGroup": RBAC, "name": "r"}
    api.make("rolebindings", "b", subjects=[subject], roleRef=role)
    path = api.path("configmaps", "mine")
    eventually(lambda: as_user(api, "jane", path).code == 200)
    assert as_user(api, "jane", api.path("configmaps", "other")).code == 403
    assert as_user(api, "jane", path, "DELETE").code == 403
    assert as_user(api, "joe", path).code == 403
    api.delete(api.path("rolebindings", "b"))
    eventually(lambda: as_user(api, "jane", path).code == 403)


def test_nobody_gives_more_than_he_has(api: Api) -> None:
    manage = [{"apiGroups": [RBAC], "resources": ["roles"], "verbs": ["create"]}]
    api.make("roles", "manager", rules=manage)
    subject = {"kind": "User", "apiGroup": RBAC, "name": "jane"}
    role = {"kind": "Role", "apiGroup": RBAC, "name": "manager"}
    api.make("rolebindings", "b", subjects=[subject], roleRef=role)
    wanted = {"metadata": {"name": "x"}, "rules": [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}  # fmt: skip
    path = api.path("roles")
    eventually(
        lambda: (
            as_user(api, "jane", path, "POST", {"metadata": {"name": "y"}, "rules": []}).code == 201
        )
    )
    answer = as_user(api, "jane", path, "POST", wanted)
    assert status_of(answer) == (403, "Forbidden")
    assert "attempting to grant RBAC permissions not currently held" in answer.message


def test_impersonation_needs_the_right(api: Api) -> None:
    account = api.make("serviceaccounts", "robot")["metadata"]["name"]
    body = {"spec": {"expirationSeconds": 600}}
    made = api.post(api.path("serviceaccounts", account, "token"), body, expect=201).json
    robot = api.with_token(made["status"]["token"])
    who = robot.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, expect=201).json
    found = who["status"]["userInfo"]
    assert found["username"] == f"system:serviceaccount:{api.namespace}:robot"
    assert "system:serviceaccounts" in found["groups"]
    answer = as_user(robot, "admin", api.path("pods"))
    assert status_of(answer) == (403, "Forbidden")
    # Which right is named first differs between versions.
    assert "cannot impersonate" in answer.message


def test_a_token_ends_with_its_account(api: Api) -> None:
    api.make("serviceaccounts", "robot")
    path = api.path("serviceaccounts", "robot", "token")
    made = api.post(path, {"spec": {"expirationSeconds": 600}}, expect=201)
    token = made.json["status"]["token"]
    review = {"spec": {"token": token}}
    reviews = "/apis/authentication.k8s.io/v1/tokenreviews"
    assert api.post(reviews, review, expect=201).json["status"]["authenticated"] is True
    api.delete(api.path("serviceaccounts", "robot"))
    robot = api.with_token(token)
    eventually(lambda: robot.get("/api/v1/namespaces").code == 401)
    assert not api.post(reviews, review, expect=201).json["status"].get("authenticated")


def test_access_reviews(api: Api) -> None:
    where = {"namespace": api.namespace, "verb": "get", "resource": "pods"}
    body = {"spec": {"user": "jane", "resourceAttributes": where}}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    assert api.post(path, body, expect=201).json["status"]["allowed"] is False
    body["spec"] = {"resourceAttributes": where}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert api.post(path, body, expect=201).json["status"]["allowed"] is True


def test_discovery(api: Api) -> None:
    assert "v1" in api.get("/api").json["versions"]
    groups = api.get("/apis").json
    assert groups["kind"] == "APIGroupList"
    assert {"apps", "batch", RBAC} <= {one["name"] for one in groups["groups"]}
    resources = {one["name"]: one for one in api.get("/api/v1").json["resources"]}
    assert resources["pods"]["shortNames"] == ["po"]
    assert {"pods/status", "pods/log", "pods/eviction", "pods/binding"} <= set(resources)
    assert resources["namespaces"]["namespaced"] is False
    assert api.get("/apis/apps").json["preferredVersion"]["version"] == "v1"


@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_aggregated_discovery(api: Api, path: str) -> None:
    answer = api.get(path, DISCOVERY)
    assert answer.json["kind"] == "APIGroupDiscoveryList"
    assert "as=APIGroupDiscoveryList" in answer.headers["content-type"]
    again = api.send("GET", path, headers={
        "Accept": DISCOVERY, "If-None-Match": answer.headers["etag"]})  # fmt: skip
    assert again.code == 304


def test_openapi(api: Api) -> None:
    paths = api.get("/openapi/v3").json["paths"]
    url = paths["apis/apps/v1"]["serverRelativeURL"]
    assert "?hash=" in url
    document = api.get(url).json
    schema = document["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"]
    assert schema["x-kubernetes-group-version-kind"] == [
        {"group": "apps", "kind": "Deployment", "version": "v1"}
    ]
    assert "/apis/apps/v1/namespaces/{namespace}/deployments/{name}" in document["paths"]
    known = document["components"]["schemas"]
    references = {word for word in str(document).split("'") if word.startswith("#/components/")}
    assert {one.rsplit("/", 1)[1] for one in references} <= set(known)


def test_version(api: Api) -> None:
    version = api.get("/version").json
    assert version["major"] == "1"
    assert version["minor"].rstrip("+").isdigit()
    assert version["gitVersion"].startswith("v1.")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/readyz?verbose"])
def test_health(api: Api, path: str) -> None:
    assert api.get(path, "*/*").code == 200


def test_metrics(api: Api) -> None:
    text = api.get("/metrics", "*/*").raw.decode()
    assert "# TYPE apiserver_request_total counter" in text
